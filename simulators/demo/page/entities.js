// A Telegram text and its entities to DOM nodes. Offsets count UTF-16 units, as JavaScript's strings do.

import { element, link } from "./dom.js";

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  blockquote: "blockquote",
};
const BLOCKS = ["pre", "blockquote", "expandable_blockquote"];

/** Nodes of a text with entities; entities inside others nest. */
export function renderEntities(text, entities) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return renderRange(text, sorted, 0, text.length);
}

function renderRange(text, entities, start, end) {
  const nodes = [];
  let at = start;
  let rest = entities;
  while (rest.length > 0) {
    const [entity, ...others] = rest;
    const stop = Math.min(entity.offset + entity.length, end);
    const inner = others.filter((other) => other.offset < stop);
    const isBlock = BLOCKS.includes(entity.type);
    if (entity.offset >= at) {
      addText(nodes, text.slice(at, entity.offset), { beforeBlock: isBlock });
      nodes.push(renderEntity(text, entity, renderRange(text, inner, entity.offset, stop)));
      at = stop;
      // A block ends its line by itself, and its margins are the blank line after it.
      if (isBlock) at += text.slice(at, end).match(/^(?:[ \t]*\n)*/)[0].length;
    }
    rest = others.filter((other) => other.offset >= stop);
  }
  addText(nodes, text.slice(at, end), {});
  return nodes;
}

function addText(nodes, text, { beforeBlock = false }) {
  const shown = beforeBlock ? text.replace(/\n+$/, "") : text;
  if (shown) nodes.push(document.createTextNode(shown));
}

function renderEntity(text, entity, children) {
  const words = text.slice(entity.offset, entity.offset + entity.length);
  switch (entity.type) {
    case "pre":
      return element("pre", { tabindex: "0", "data-language": entity.language || false }, element("code", {}, children));
    case "text_link":
      return link(entity.url, children);
    case "url":
      return link(/^[a-z]+:/i.test(words) ? words : `https://${words}`, children);
    case "email":
      return link(`mailto:${words}`, children);
    case "expandable_blockquote":
      return element("blockquote", { class: "expandable", tabindex: "0" }, children);
    case "spoiler":
      return element("span", { class: "spoiler", tabindex: "0" }, children);
    case "mention":
    case "text_mention":
    case "hashtag":
    case "bot_command":
      return element("span", { class: "token" }, children);
    default:
      return element(TAGS[entity.type] ?? "span", {}, children);
  }
}
