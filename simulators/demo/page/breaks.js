// The buttons that break things, each with what it does and what to watch for.

import { say } from "./announcer.js";
import { breakIt } from "./calls.js";
import { element, icon } from "./dom.js";
import { t } from "./texts.js";

const KINDS = { flood: "flood", cut: "cut", kill: "kill", down: "off" };
const SECONDS = { flood: 30, down: 20 };
const NEEDS_SIMULATOR = ["cut", "down"];
const NOTE_MS = 6000;

/** How long a flood or an outage lasts; the address of the page may say less. */
function secondsOf(name) {
  const asked = Number(new URLSearchParams(location.search).get(name));
  return asked > 0 ? Math.min(asked, 60) : SECONDS[name];
}

/** `place()` says which chat a flood is for: {platform, room, name}. Returns {node, draw(story, now)}. */
export function createBreaks({ coze, place, onPress }) {
  const buttons = Object.keys(KINDS).map((name) => createBreak(name, coze.real && NEEDS_SIMULATOR.includes(name), place, onPress));
  const list = element("ul", { class: "break-list" }, buttons.map((button) => button.node));
  const node = element("section", { class: "breaks", "aria-labelledby": "title-breaks" }, element("h3", { id: "title-breaks" }, t("breaks")), list);
  return { node, draw: (story, now) => buttons.forEach((button) => button.draw(story, now)) };
}

function createBreak(name, isImpossible, place, onPress) {
  const seconds = secondsOf(name);
  const label = t(`break_${name}`, { n: seconds });
  const why = element("p", { id: `why-${name}` }, isImpossible ? t("why_not_no_simulator") : t(`why_${name}`, { n: seconds }));
  const note = element("p", { class: "note", role: "status" });
  const state = element("span", { class: "break-state" });
  const target = element("span", { class: "target" });
  const words = element("span", { class: "break-name" }, label, name === "flood" && target);
  const button = element("button", { type: "button", "aria-describedby": `why-${name}`, disabled: isImpossible, on: { click: press } }, icon(KINDS[name]), words, state);
  const meter = element("i", {});
  const node = element("li", { class: `break break-${name}`, data: { name } }, button, why, note, element("span", { class: "meter", "aria-hidden": "true" }, meter));
  let isActive = false;
  let timer = 0;

  async function press() {
    if (isActive) return;
    clearTimeout(timer);
    note.textContent = "";
    try {
      await breakIt(name, { ...place(), seconds });
      onPress();
    } catch (error) {
      const known = `why_not_${error.message}`;
      note.textContent = ["active", "no_stream", "no_bridge", "no_simulator"].includes(error.message) ? t(known) : t("why_not_other", { reason: error.message });
      timer = setTimeout(() => (note.textContent = ""), NOTE_MS);
    }
  }

  function draw(story, now) {
    const active = story.active(name);
    if (Boolean(active) !== isActive) {
      isActive = Boolean(active);
      node.dataset.active = String(isActive);
      button.setAttribute("aria-disabled", String(isActive));
      say(t(isActive ? "began" : "over", { name: label }));
    }
    const left = active?.until ? Math.max(0, Math.ceil(active.until - now)) : 0;
    state.textContent = !active ? "" : active.until ? t("left", { n: left }) : t("active");
    meter.style.width = active?.until ? `${Math.max(0, Math.min(100, ((active.until - now) / (active.until - active.at)) * 100))}%` : active ? "100%" : "0";
    if (name === "flood") target.textContent = place().name;
  }
  return { node, draw };
}
