// The questions that one may press instead of typing, and the bot's commands.

import { element, icon } from "./dom.js";
import { t, worded } from "./texts.js";

export const LONG = {
  name: ["A long answer", "长回答"],
  text: { en: "Write a long story about queues", zh: "写一篇关于队列的长文章" },
};
export const PROMPTS = [
  LONG,
  { name: ["A table", "表格"], text: { en: "Compare three data stores in a table", zh: "用表格比较三种存储" } },
  {
    name: ["Code", "代码"],
    text: { en: "Write a Python function for the Fibonacci numbers", zh: "写一段 Python 代码，输出斐波那契数列" },
  },
  {
    name: ["Reasoning", "推理"],
    text: { en: "Think it through: which database fits a small team?", zh: "想一想：小团队适合用什么数据库？" },
  },
  {
    name: ["Sources", "引用来源"],
    text: { en: "What does your refund policy say?", zh: "你们的退款政策是什么？" },
  },
];
const COMMANDS = ["new", "stop", "retry", "status", "help"];

/**
 * The row above a composer: a stop button while an answer grows, the commands, the examples in the language of the
 * person who asks. `command(name)` and `ask(text)` hand them on. Returns {node, running(isRunning)}.
 */
export function createPrompts({ language, ask, command }) {
  const stop = element("button", { class: "chip stop", type: "button", title: t("stop_why"), hidden: true }, icon("stop"), t("stop"));
  stop.addEventListener("click", () => command("stop"));
  const slash = element("button", { class: "chip slash", type: "button", "aria-expanded": "false", "aria-label": t("commands"), title: t("commands") }, "/");
  const list = element("div", { class: "commands", role: "group", "aria-label": t("commands"), hidden: true });

  function open(isOpen) {
    list.hidden = !isOpen;
    slash.setAttribute("aria-expanded", String(isOpen));
  }

  list.append(
    ...COMMANDS.map((name) =>
      element("button", { type: "button", on: { click: () => run(name) } }, element("b", {}, `/${name}`), element("span", {}, t(`${name}_why`))),
    ),
  );
  function run(name) {
    open(false);
    slash.focus();
    command(name);
  }
  slash.addEventListener("click", () => open(list.hidden));
  const examples = PROMPTS.map((prompt) =>
    element("button", { class: "chip", type: "button", on: { click: () => ask(prompt.text[language]) } }, worded(prompt.name)),
  );
  const chips = element("div", { class: "chips", role: "group", "aria-label": t("examples") }, stop, slash, examples);
  const node = element("div", { class: "prompts" }, list, chips);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return;
    open(false);
    slash.focus();
  });
  return {
    node,
    running: (isRunning) => {
      // Whoever pressed Stop keeps a place to go on from.
      if (!isRunning && document.activeElement === stop) slash.focus();
      stop.hidden = !isRunning;
    },
  };
}
