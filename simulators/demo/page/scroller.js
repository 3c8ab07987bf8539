// A list of messages that stays at its end while one is there, and lets one read further up in peace.

import { element, icon } from "./dom.js";
import { t } from "./texts.js";

const NEAR = 48;

/** Returns {node, content, toEnd}: `content` is what to fill. */
export function createScroller({ label }) {
  const content = element("div", { class: "content" });
  const list = element("div", { class: "list", role: "log", "aria-live": "off", "aria-label": label, tabindex: "0" }, content);
  const jump = element("button", { class: "jump", type: "button", hidden: true, title: t("newest"), "aria-label": t("newest") });
  jump.append(icon("down"));
  let stuck = true;
  let top = 0;

  function distance() {
    return list.scrollHeight - list.scrollTop - list.clientHeight;
  }

  function toEnd() {
    stuck = true;
    list.scrollTop = list.scrollHeight;
    top = list.scrollTop;
    jump.hidden = true;
  }

  function noteScroll() {
    if (list.clientHeight === 0) return; // hidden: what the browser reports then means nothing
    // Only going up leaves the end: what grows meanwhile makes the end farther, too, but nobody went away from it.
    if (distance() < NEAR) stuck = true;
    else if (list.scrollTop < top) stuck = false;
    top = list.scrollTop;
    jump.hidden = stuck;
  }

  function noteGrowth() {
    if (list.clientHeight === 0) return;
    if (stuck) toEnd();
    else jump.hidden = distance() < NEAR;
  }

  const watcher = new ResizeObserver(noteGrowth);
  watcher.observe(content);
  watcher.observe(list);
  list.addEventListener("scroll", noteScroll, { passive: true });
  jump.addEventListener("click", toEnd);
  return { node: element("div", { class: "scroller" }, list, jump), content, toEnd };
}
