// The head of the page: what this is, how the bridge is, the language and the colours.

import { element, icon } from "./dom.js";
import { switchLanguage, t } from "./texts.js";
import { nextTheme, theme } from "./theme.js";

/** Returns {node, update(item), lose(isLost)}. */
export function createHead(coze, onLanguage) {
  const state = element("span", { class: "state", role: "status", data: { state: "starting" } }, t("starting"));
  const process = element("span", { class: "process" });
  const colours = element("button", { class: "quiet round", type: "button", on: { click: recolour } });
  const other = element("button", { class: "quiet", type: "button", on: { click: change } }, t("other_language"));
  let told = { state: "starting", reasons: [] };
  let lost = false;

  function change() {
    switchLanguage();
    onLanguage();
    document.querySelector(".head .quiet:last-child").focus();
  }

  function recolour() {
    nextTheme();
    paint();
  }

  function paint() {
    colours.replaceChildren(icon(theme()));
    colours.title = t(`theme_${theme()}`);
    colours.setAttribute("aria-label", colours.title);
  }

  function show() {
    const name = lost ? "lost" : told.state;
    state.dataset.state = name;
    state.title = lost ? t("lost_why") : told.reasons.join("\n");
    if (state.textContent !== t(name)) state.textContent = t(name);
    process.textContent = lost || !told.pid || name === "down" || name === "starting" ? "" : t("process", told);
  }

  paint();
  show();
  const bot = coze.real ? t("real", { bot: coze.bot, host: hostOf(coze.base) }) : t("simulated");
  const words = element("div", {}, element("h1", {}, t("title")), element("p", { class: "tagline" }, t("tagline")));
  const node = element("header", { class: "head" }, [
    element("div", { class: "brand" }, icon("bridge"), words),
    element("div", { class: "facts" }, state, process, element("span", { class: `bot ${coze.real ? "is-real" : ""}` }, bot)),
    element("div", { class: "actions", role: "group", "aria-label": t("settings") }, colours, other),
  ]);
  return {
    node,
    update(item) {
      told = item;
      show();
    },
    lose(isLost) {
      lost = isLost;
      show();
    },
  };
}

function hostOf(base) {
  return base.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
