// What a screen reader is told: a new answer once, when it has stopped growing, and now and then how far it is.

import { t } from "./texts.js";

const LONGEST = 600;
const PAUSE_MS = 12000;
let lastTold = 0;

/** Says it, politely. */
export function say(words) {
  document.getElementById("announcer").textContent = words;
}

/** Says it unless something of the kind was said a short while ago. */
export function sayNowAndThen(words) {
  if (Date.now() - lastTold < PAUSE_MS) return;
  lastTold = Date.now();
  say(words);
}

/** Reads out an answer that is finished. */
export function readOut(name, article) {
  const text = article?.querySelector(".text")?.textContent.slice(0, LONGEST);
  if (text) say(t("says", { name, text }));
}
