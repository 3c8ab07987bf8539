// What messages of both platforms have in common: their place in the list, their small print, their growing.

import { element, patch } from "./dom.js";
import { clock, t } from "./texts.js";

/** Puts a node into a container in the order of `data-order`, a number or a timestamp of the platform. */
export function place(container, node, order) {
  node.dataset.order = order;
  if (node.parentNode === container) return; // a message never moves
  const later = [...container.children].reverse();
  const before = later.find((other) => other.dataset.order && Number(other.dataset.order) < Number(order));
  container.insertBefore(node, before ? before.nextElementSibling : container.firstElementChild);
}

/** The small print of a message: whether it grows, how many versions it had, and when it was written. */
export function createMeta() {
  const state = element("span", { class: "growth" });
  const versions = element("span", { class: "versions", title: t("versions_why"), hidden: true });
  const time = element("time", {});
  return { node: element("span", { class: "meta" }, state, versions, time), state, versions, time };
}

/** Shows the newest look of a message in its article; `nodes` is its rendered text. */
export function showMessage(article, text, meta, item, nodes) {
  Object.assign(article.dataset, {
    platform: item.platform,
    chat: item.chat,
    room: item.room,
    id: item.id,
    thread: item.thread,
    bot: String(item.bot),
    author: item.author.id,
    versions: String(item.versions),
    edited: String(item.edited),
  });
  article.classList.toggle("deleted", item.deleted);
  patch(text, item.deleted ? [document.createTextNode(t("deleted"))] : nodes);
  meta.time.textContent = clock(item.at);
  meta.time.dateTime = new Date(item.at * 1000).toISOString();
  meta.versions.hidden = !item.bot || item.deleted;
  meta.versions.textContent = item.versions === 1 ? t("version") : t("versions", { n: item.versions });
  showState(article, meta);
}

/** Marks a message as growing or as finished. */
export function setGrowing(article, meta, isGrowing) {
  article.classList.toggle("growing", isGrowing);
  showState(article, meta);
}

function showState(article, meta) {
  const grows = article.classList.contains("growing");
  meta.state.textContent = grows ? t("growing") : article.dataset.edited === "true" ? t("edited") : "";
}

/**
 * Keeps note of which message is the growing end of which answer; `find(key)` gives {article, meta}. Returns
 * {told(trace), shown(key)}, as either the trace or its message may be heard of first.
 */
export function createGrowth(find) {
  const ends = new Map();
  function mark(key) {
    const found = find(key);
    if (found) setGrowing(found.article, found.meta, [...ends.values()].includes(key));
  }
  function told(trace) {
    const before = ends.get(trace.number);
    if (trace.outcome === "running") ends.set(trace.number, trace.last);
    else ends.delete(trace.number);
    mark(before);
    mark(trace.last);
  }
  return { told, shown: mark };
}

/** A line that says that somebody is writing, until its time is over. Returns {node, show(text, until)}. */
export function createTyping() {
  const words = element("span", {});
  const dots = element("span", { class: "dots", "aria-hidden": "true" }, element("i"), element("i"), element("i"));
  const node = element("p", { class: "typing", hidden: true }, dots, words);
  let timer = 0;
  function show(text, until) {
    clearTimeout(timer);
    const left = until * 1000 - Date.now();
    node.hidden = left <= 0;
    words.textContent = text;
    if (left > 0) timer = setTimeout(() => (node.hidden = true), left);
  }
  return { node, show };
}
