// What happens behind an answer, live: which answer, the plot, the figures, and the buttons that break things.

import { say, sayNowAndThen } from "./announcer.js";
import { createBreaks } from "./breaks.js";
import { element, icon, patch } from "./dom.js";
import { createHint } from "./hint.js";
import { createPlot, sample } from "./plot.js";
import { figures } from "./story.js";
import { count, t } from "./texts.js";

const MOST = 8;
const REDRAW_MS = 200;

/** `roomName(head)` names a trace's room, `place()` the open one. Returns {node, see(trace head), dirty(), stop()}. */
export function createPanel({ coze, story, place, roomName, ask }) {
  let chosen = story.newest(1)[0]?.head.number ?? 0;
  const plot = createPlot();
  const empty = element("p", { class: "empty" }, t("empty_plot"));
  const picker = element("select", { "aria-label": t("which"), on: { change: () => choose(Number(picker.value)) } });
  const facts = element("dl", { class: "facts-list" });
  const strip = element("span", { class: "strip-text" }, t("nothing_asked"));
  const toggle = element("button", { class: "strip", type: "button", "aria-expanded": "false", "aria-controls": "panel-body" }, icon("up"), element("span", { class: "unseen" }, t("panel_open")), strip);
  const hint = createHint(ask);
  const breaks = createBreaks({ coze, place: target, onPress: () => hint.done("break") });
  const figure = element("figure", {}, plot.node, empty, element("figcaption", { class: "legend" }, legend(coze.real)));
  const head = element("div", { class: "panel-head" }, element("h2", { id: "title-panel" }, t("panel")), picker, hint.node);
  const watch = element("div", { class: "watch" }, figure, facts);
  const body = element("div", { class: "panel-body", id: "panel-body" }, head, element("div", { class: "columns" }, watch, breaks.node));
  const node = element("section", { class: "panel", "aria-labelledby": "title-panel" }, toggle, body);
  toggle.addEventListener("click", () => open(node.dataset.open !== "true"));
  body.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || node.dataset.open !== "true") return;
    open(false);
    toggle.focus();
  });

  function open(isOpen) {
    node.dataset.open = String(isOpen);
    toggle.setAttribute("aria-expanded", String(isOpen));
    draw();
  }

  /** A flood is for the chat of the answer that grows, else for the chat that is open. */
  function target() {
    const head = story.get(chosen)?.head;
    if (head?.outcome !== "running") return place();
    return { platform: head.platform, room: head.room, name: `${t(head.platform)} · ${roomName(head)}` };
  }

  function choose(number) {
    chosen = number;
    draw();
  }

  function see(head) {
    if (head.number > chosen) chosen = head.number;
    hint.done("ask");
    if (head.outcome === "whole") hint.done("watch");
    list();
    isDirty = true;
  }

  function list() {
    const options = story.newest(MOST).map(({ head }) => {
      const words = `${t(head.platform)} · ${roomName(head)} · ${head.question}`;
      return element("option", { value: head.number, selected: head.number === chosen }, words.length > 70 ? `${words.slice(0, 68)}…` : words);
    });
    patch(picker, options.length > 0 ? options : [element("option", {}, t("nothing_asked"))]);
    if (options.length > 0) picker.value = String(chosen);
    picker.disabled = options.length === 0;
  }

  function draw() {
    const now = Date.now() / 1000;
    const trace = story.get(chosen);
    breaks.draw(story, now);
    empty.hidden = Boolean(trace?.head);
    plot.node.classList.toggle("is-empty", !trace?.head);
    if (!trace?.head) return;
    plot.draw(story, trace, now, coze.real);
    tell(trace, now);
  }

  let toldEnd = 0;
  function tell(trace, now) {
    const known = figures(trace, now);
    const outcome = outcomeOf(trace, known);
    const summary = summarise(known, coze.real);
    plot.node.setAttribute("aria-label", t("summary_end", { outcome, summary }));
    patch(facts, factNodes(known, trace, outcome, coze.real));
    strip.textContent = coze.real ? `${count(known.seen)} · ${outcome}` : `${t("of_all", { seen: count(known.seen), said: count(known.said) })} · ${outcome}`;
    if (trace.head.outcome === "running") {
      sayNowAndThen(summary);
    } else if (trace.head.ended > opened && toldEnd !== trace.head.number) {
      toldEnd = trace.head.number;
      say(t("summary_end", { outcome, summary }));
    }
  }

  const opened = Date.now() / 1000;
  let isDirty = true;
  const timer = setInterval(() => {
    const isLive = story.get(chosen)?.head?.outcome === "running" || ["flood", "cut", "kill", "down"].some(story.active);
    if (isDirty || isLive) draw();
    isDirty = false;
  }, REDRAW_MS);
  list();
  return { node, see, dirty: () => (isDirty = true), stop: () => clearInterval(timer) };
}

function outcomeOf({ head }, known) {
  return t(`outcome_${head.outcome === "running" && known.seen === 0 && known.said === 0 ? "waiting" : head.outcome}`);
}

function summarise(known, real) {
  const refused = known.limited + known.refused;
  const values = { seen: count(known.seen), said: count(known.said), calls: known.calls, refused, behind: known.lag.toFixed(1) };
  return t(real ? "summary_real" : "summary", values);
}

function factNodes(known, trace, outcome, real) {
  const behind = known.said - known.seen;
  return [
    fact("outcome", outcome, real ? count(known.seen) : t("of_all", { seen: count(known.seen), said: count(known.said) }), trace.head.outcome),
    fact("first", known.first === null ? "–" : duration(known.first)),
    ...(real ? [] : [fact("behind", behind > 0 ? t("seconds", { n: known.lag.toFixed(1) }) : "0", t("now_worst", { now: count(Math.max(0, behind)), worst: count(known.worst) }))]),
    fact("calls", String(known.calls), t("call_kinds", known)),
    fact("refused", `${known.limited} · ${known.refused}`, known.wait ? t("waits", { n: known.wait }) : t("no_waits"), known.limited + known.refused ? "bad" : ""),
  ];
}

function duration(seconds) {
  return seconds < 10 ? t("ms", { n: count(seconds * 1000) }) : t("seconds", { n: seconds.toFixed(1) });
}

function fact(name, value, detail = "", state = "") {
  return element("div", { class: `fact fact-${name}`, "data-state": state }, element("dt", {}, t(`fact_${name}`)), element("dd", {}, element("b", {}, value), detail && element("small", {}, detail)));
}

function legend(real) {
  const kinds = [...(real ? [] : ["said"]), "seen", "send", "edit", "typing", "429", "refused"];
  const samples = kinds.map((kind) => element("span", {}, sample(kind), t(`plot_${kind}`)));
  return real ? [...samples, element("span", {}, t("plot_unknown"))] : samples;
}
