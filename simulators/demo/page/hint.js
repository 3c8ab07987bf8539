// For a first visit: three steps, ticked off as they are done, until they are closed.

import { element, icon } from "./dom.js";
import { t } from "./texts.js";

const STORE = "coze-bridge-demo-hint";

/** `ask()` does the first step. Returns {node, done(step)}; the steps are `ask`, `break` and `watch`. */
export function createHint(ask) {
  const steps = ["ask", "break", "watch"];
  const reached = new Set();
  const items = steps.map((step) => element("li", { data: { step } }));
  const close = element("button", { class: "quiet round", type: "button", "aria-label": t("hint_close"), title: t("hint_close") }, icon("close"));
  const node = element("div", { class: "hint", role: "group", "aria-label": t("hint"), hidden: localStorage.getItem(STORE) !== null }, element("ol", {}, items), close);
  close.addEventListener("click", () => {
    localStorage.setItem(STORE, "closed");
    node.hidden = true;
  });

  function draw() {
    const next = steps.find((step) => !reached.has(step));
    items.forEach((item, index) => {
      const step = steps[index];
      item.dataset.state = reached.has(step) ? "done" : step === next ? "next" : "later";
      const number = element("span", { class: "number", "aria-hidden": "true" }, reached.has(step) ? icon("check") : String(index + 1));
      const words = t(`hint_${step}`);
      const label = step === "ask" && !reached.has(step) ? element("button", { type: "button", on: { click: ask } }, words) : element("span", {}, words);
      item.replaceChildren(number, label, ...(reached.has(step) ? [element("span", { class: "unseen" }, `(${t("hint_done")})`)] : []));
    });
  }
  draw();
  return {
    node,
    done(step) {
      // What is watched is how something broken heals.
      if (reached.has(step) || (step === "watch" && !reached.has("break"))) return;
      reached.add(step);
      draw();
    },
  };
}
