// Blocks of Markdown to DOM nodes: headings, lists, quotes, fences, tables, paragraphs.

import { element } from "./dom.js";
import { decode, renderInline } from "./inline.js";

const FENCE = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})\s*([^\s`]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}>\s?/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)/;
const DELIMITERS = /^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/** Nodes of a Markdown text; for `context` see inline.js. */
export function renderMarkdown(text, context) {
  return renderLines(text.replace(/\r\n?/g, "\n").split("\n"), context);
}

function renderLines(lines, context) {
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const reader = READERS.find(({ begins }) => begins(lines, at));
    const [node, next] = reader.read(lines, at, context);
    nodes.push(node);
    at = next;
  }
  return nodes;
}

const READERS = [
  { begins: (lines, at) => FENCE.test(lines[at]), read: readFence },
  { begins: (lines, at) => HEADING.test(lines[at]), read: readHeading },
  { begins: (lines, at) => RULE.test(lines[at]), read: (_lines, at) => [element("hr"), at + 1] },
  { begins: (lines, at) => QUOTE.test(lines[at]), read: readQuote },
  { begins: (lines, at) => ITEM.test(lines[at]), read: readList },
  { begins: beginsTable, read: readTable },
  { begins: () => true, read: readParagraph },
];

function interrupts(lines, at) {
  return !lines[at].trim() || READERS.slice(0, -1).some(({ begins }) => begins(lines, at));
}

function readFence(lines, at) {
  const [, indent, fence, language] = lines[at].match(FENCE);
  const closing = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}\\s*$`);
  const body = [];
  let next = at + 1;
  while (next < lines.length && !closing.test(lines[next])) {
    body.push(lines[next].startsWith(indent) ? lines[next].slice(indent.length) : lines[next].trimStart());
    next += 1;
  }
  return [codeBlock(body.join("\n"), language), next + 1];
}

/** A block of code, which scrolls by itself where it is too wide. */
export function codeBlock(text, language = "") {
  return element("pre", { tabindex: "0", "data-language": language || false }, element("code", {}, text));
}

function readHeading(lines, at, context) {
  const [, marks, words] = lines[at].match(HEADING);
  // The page has h1 and h2 of its own: a heading of an answer stands below them.
  const level = Math.min(6, marks.length + 2);
  return [element(`h${level}`, { class: `heading-${marks.length}` }, renderInline(words, context)), at + 1];
}

function readQuote(lines, at, context) {
  const inner = [];
  let next = at;
  while (next < lines.length && lines[next].trim() && (QUOTE.test(lines[next]) || !interrupts(lines, next))) {
    inner.push(lines[next].replace(QUOTE, ""));
    next += 1;
  }
  return [element("blockquote", {}, renderLines(inner, context)), next];
}

function readList(lines, at, context) {
  const [, , mark] = lines[at].match(ITEM);
  const ordered = /\d/.test(mark);
  const list = ordered ? element("ol", { start: parseInt(mark, 10) }) : element("ul");
  let next = at;
  while (next < lines.length && beginsItem(lines[next], ordered)) {
    const [item, after] = readItem(lines, next, context);
    list.append(item);
    next = after;
  }
  return [list, next];
}

function beginsItem(line, ordered) {
  const found = line.match(ITEM);
  return found !== null && !RULE.test(line) && /\d/.test(found[2]) === ordered;
}

function readItem(lines, at, context) {
  const [whole, indent, mark] = lines[at].match(ITEM);
  const inside = indent.length + mark.length; // what is indented deeper than its mark belongs to the item
  const body = [lines[at].slice(whole.length)];
  let next = at + 1;
  while (next < lines.length && belongs(lines, next, inside, body)) {
    body.push(lines[next].slice(Math.min(whole.length, lines[next].search(/\S|$/))));
    next += 1;
  }
  while (next > at + 1 && !body[body.length - 1].trim()) {
    body.pop();
    next -= 1;
  }
  const nodes = renderLines(body, context);
  // A short item is text, not a paragraph.
  if (nodes[0]?.tagName === "P") nodes[0].replaceWith(...nodes.splice(0, 1, ...nodes[0].childNodes));
  return [element("li", {}, nodes), next];
}

function belongs(lines, at, inside, body) {
  const line = lines[at];
  if (!line.trim()) return at + 1 < lines.length && lines[at + 1].search(/\S|$/) >= inside;
  if (line.search(/\S/) >= inside) return true;
  return body[body.length - 1].trim() !== "" && !interrupts(lines, at);
}

function beginsTable(lines, at) {
  const next = lines[at + 1];
  return lines[at].includes("|") && next !== undefined && DELIMITERS.test(next) && cells(next).length === cells(lines[at]).length;
}

function readTable(lines, at, context) {
  const sides = cells(lines[at + 1]).map((cell) => (/^:.*:$/.test(cell) ? "center" : cell.endsWith(":") ? "right" : "left"));
  const row = (line, tag) => {
    const texts = cells(line);
    return element("tr", {}, sides.map((side, index) => element(tag, { class: `side-${side}` }, renderInline(texts[index] ?? "", context))));
  };
  const body = element("tbody");
  let next = at + 2;
  while (next < lines.length && lines[next].trim() && lines[next].includes("|")) {
    body.append(row(lines[next], "td"));
    next += 1;
  }
  const table = element("table", {}, element("thead", {}, row(lines[at], "th")), body);
  return [element("div", { class: "table", tabindex: "0" }, table), next];
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  // A bar inside code or after a backslash divides nothing.
  const found = inner.match(/(?:`[^`]*`|\\.|[^|`\\]|`)*(?:\||$)/g) ?? [];
  return found.slice(0, inner.endsWith("|") ? undefined : -1).concat([]).map((cell) => cell.replace(/\|$/, "").replace(/\\\|/g, "|").trim());
}

function readParagraph(lines, at, context) {
  const words = [];
  let next = at;
  while (next < lines.length && (next === at || !interrupts(lines, next))) {
    words.push(lines[next].trim().replace(/\\$/, ""));
    next += 1;
  }
  return [element("p", {}, renderInline(words.join("\n"), context)), next];
}

/** What a person typed in Slack: fences, quotes and lines, no other blocks. */
export function renderTyped(text, context) {
  return text
    .split(/(```[^]*?```)/)
    .filter((part) => part.trim())
    .map((part) =>
      part.startsWith("```") && part.length > 6
        ? codeBlock(decode(part.slice(3, -3).replace(/^\n|\n$/g, "")))
        : element("p", {}, renderInline(part.replace(/^\n|\n$/g, ""), { ...context, typed: true })),
    );
}
