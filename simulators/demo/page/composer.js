// The box in which one types as a person: Enter sends, Shift+Enter begins a new line.

import { element, icon } from "./dom.js";
import { t } from "./texts.js";

const TALLEST = 160;

/**
 * A composer. `people` may write here, `mention` is the text that calls the bot ("" where it hears everything),
 * `send(text, person)` hands the text on and rejects with a reason. Returns {node, input, say, person}.
 */
export function createComposer({ label, people, mention, placeholder, send, onPerson = () => {} }) {
  let person = people[0];
  const input = element("textarea", { rows: "1", "aria-label": label, autocomplete: "off", enterkeyhint: "send" });
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  const button = element("button", { class: "send", type: "submit", title: t("send"), "aria-label": t("send") }, icon("send"));
  const calling = mention ? mentionButton(mention) : null;
  const form = element("form", { class: "composer" }, [
    people.length > 1 && personSwitch(people, choose),
    element("div", { class: "box" }, [calling?.node, input, button]),
    problem,
  ]);

  function choose(chosen) {
    person = chosen;
    input.placeholder = t(placeholder, { person: person.name });
    onPerson(person);
  }

  function fit() {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, TALLEST)}px`;
    button.disabled = !input.value.trim();
  }

  async function say(text) {
    const words = calling?.isOn() && !text.includes(mention) && !text.startsWith("/") ? `${mention} ${text}` : text;
    problem.hidden = true;
    try {
      await send(words, person);
      return true;
    } catch (error) {
      problem.textContent = t("not_sent", { reason: error.message });
      problem.hidden = false;
      return false;
    }
  }

  async function submit(event) {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    fit();
    if (!(await say(text)) && !input.value) {
      input.value = text;
      fit();
    }
  }

  function sendOnEnter(event) {
    // While an input method composes (Chinese, Japanese …), Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  }

  form.addEventListener("submit", submit);
  input.addEventListener("keydown", sendOnEnter);
  input.addEventListener("input", fit);
  button.disabled = true;
  choose(person);
  return { node: form, input, say };
}

/** A switch in front of the text: the bot is mentioned, as it must be in a group, unless one turns that off. */
function mentionButton(mention) {
  let on = true;
  const node = element("button", { class: "mention", type: "button" }, mention);
  const show = () => {
    node.setAttribute("aria-pressed", String(on));
    node.title = t(on ? "mention_on" : "mention_off");
  };
  node.addEventListener("click", () => {
    on = !on;
    show();
  });
  show();
  return { node, isOn: () => on };
}

function personSwitch(people, choose) {
  const buttons = people.map((one) =>
    element("button", { type: "button", "aria-pressed": String(one === people[0]), on: { click: () => press(one) } }, one.name),
  );
  function press(chosen) {
    people.forEach((one, index) => buttons[index].setAttribute("aria-pressed", String(one === chosen)));
    choose(chosen);
  }
  return element("div", { class: "people", role: "group", "aria-label": t("as") }, element("span", {}, t("as")), buttons);
}
