// What the bridge says in its log.

import { element } from "./dom.js";
import { clock, t } from "./texts.js";

/** Returns {node, update(item)}. */
export function createLog() {
  const lines = element("ol", { tabindex: "0", "aria-label": t("log") }, element("li", {}, t("log_empty")));
  const node = element("details", { class: "log" }, element("summary", {}, t("log")), lines);
  let newest = [];
  function draw() {
    if (!node.open || newest.length === 0) return;
    const nodes = newest.map((line) =>
      element("li", { class: `level-${line.level}` }, element("time", {}, clock(line.at)), element("b", {}, line.level), element("span", {}, line.text)),
    );
    lines.replaceChildren(...nodes);
    lines.scrollTop = lines.scrollHeight;
  }
  node.addEventListener("toggle", draw);
  function update(item) {
    newest = item.lines;
    draw();
  }
  return { node, update };
}
