// Inline Markdown to DOM nodes: code, emphasis, links and Slack's own tokens.

import { element, link } from "./dom.js";

const INSIDE = "(?:`[^`\\n]*`|\\\\[^]|[^`\\\\])"; // a code span or an escape is never cut in two
const WORDS_END = "(?![\\p{L}\\p{N}_])";

const ESCAPE = { pattern: /\\([!-/:-@[-`{-~])/y, make: (m) => m[1] };
const LABELLED = {
  pattern:
    /!?\[((?:[^[\]\\]|\\.|\[[^[\]]*\])*)\]\(\s*((?:[^\s()\\]|\\.|\([^\s()]*\))*)(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/y,
  make: (m, context) => link(m[2].replace(/\\(.)/g, "$1"), renderInline(m[1] || m[2], context)),
};
const COMMON = [
  { pattern: /(`+)([^`](?:[^]*?[^`])?)\1(?!`)/y, make: (m, { typed }) => codeSpan(m[2], typed) },
  { pattern: /<@([UW][A-Z0-9]+)(?:\|[^>]*)?>/y, make: (m, { nameOf }) => token(`@${nameOf(m[1])}`) },
  { pattern: /<!(\w+)(?:\|[^>]*)?>/y, make: (m) => token(`@${m[1]}`) },
  { pattern: /<((?:https?|mailto):[^<>|\s]+)\|([^<>]*)>/y, make: (m) => link(decode(m[1]), decode(m[2])) },
  { pattern: /<((?:https?|mailto):[^<>|\s]+)>/y, make: (m) => link(decode(m[1]), decode(m[1])) },
  {
    pattern: /https?:\/\/[^\s<>"'`*|，。；：！？）】]*[^\s<>"'`*|.,;:!?)\]，。；：！？）】]/y,
    make: (m) => link(m[0], m[0]),
  },
];
const MARKDOWN = [
  ESCAPE,
  LABELLED,
  ...COMMON,
  marks("\\*\\*(?=\\S)", "\\*\\*(?!\\*)", "strong"),
  marks("__(?=\\S)", `__${WORDS_END}`, "strong"),
  marks("\\*(?=[^\\s*])", "\\*(?!\\*)", "em"),
  marks("_(?=[^\\s_])", `_${WORDS_END}`, "em"),
  marks("~~(?=\\S)", "~~", "s"),
];
/** What people type in Slack: one mark is enough, and the asterisk makes bold. */
const TYPED = [
  ...COMMON,
  marks("\\*(?=[^\\s*])", `\\*${WORDS_END}`, "strong"),
  marks("_(?=[^\\s_])", `_${WORDS_END}`, "em"),
  marks("~(?=[^\\s~])", `~${WORDS_END}`, "s"),
];
/** Characters at which something may begin; at all others nothing is tried. */
const STARTS = /[\\[!`<h*_~]/;

function marks(opening, closing, tag) {
  const pattern = new RegExp(`${opening}(${INSIDE}*?[^\\s\\\\])${closing}`, "uy");
  return { pattern, make: (m, context) => element(tag, {}, renderInline(m[1], context)) };
}

/** Nodes of a text. `context`: nameOf (id → name of a person), typed (written by a person, not in Markdown). */
export function renderInline(text, context) {
  const rules = context.typed ? TYPED : MARKDOWN;
  const nodes = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const found = STARTS.test(text[at]) ? match(rules, text, at) : null;
    if (found === null) {
      plain += text[at];
      at += 1;
    } else {
      nodes.push(...lines(plain), found.rule.make(found.groups, context));
      plain = "";
      at += found.groups[0].length;
    }
  }
  return [...nodes, ...lines(plain)];
}

function match(rules, text, at) {
  // An underscore inside a word marks nothing: snake_case stays as it is.
  if (text[at] === "_" && at > 0 && /[\p{L}\p{N}_]/u.test(text[at - 1])) return null;
  for (const rule of rules) {
    rule.pattern.lastIndex = at;
    const groups = rule.pattern.exec(text);
    if (groups) return { rule, groups };
  }
  return null;
}

/** Text nodes, with a break for every end of line, as chat programs show it. */
function lines(text) {
  return decode(text)
    .split("\n")
    .flatMap((line, index) => [index > 0 && element("br"), line && document.createTextNode(line)])
    .filter(Boolean);
}

function codeSpan(text, typed) {
  const flat = text.replace(/\n/g, " ");
  // In Markdown a backtick at either end needs a space, which is not shown.
  const shown = /^ .*[^ ].* $/.test(flat) ? flat.slice(1, -1) : flat;
  return element("code", {}, typed ? decode(shown) : shown);
}

function token(text) {
  return element("span", { class: "token" }, text);
}

/** The three characters that Slack encodes, as they were. */
export function decode(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}
