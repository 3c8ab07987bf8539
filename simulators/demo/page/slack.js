// The Slack side: a channel or a direct message, with the threads below their first messages.

import { control } from "./calls.js";
import { createComposer } from "./composer.js";
import { avatar, element, icon, shownPicture } from "./dom.js";
import { renderMarkdown, renderTyped } from "./markdown.js";
import { createGrowth, createMeta, createTyping, place, showMessage } from "./message.js";
import { createPrompts } from "./prompts.js";
import { createScroller } from "./scroller.js";
import { language, t } from "./texts.js";

function nameOf(room, cast) {
  return room.kind === "channel" ? `# ${room.name}` : `${cast.name} (${room.people[0].name})`;
}

function about(room) {
  return room.kind === "channel" ? t("about_channel") : t("about_dm", { person: room.people[0].name });
}

/** One channel or direct message. Returns what a pane wants of a room, and `ask(text)`, `language`. */
export function createSlackRoom(room, cast) {
  const entries = new Map();
  const posts = new Map();
  const threads = new Map();
  const name = nameOf(room, cast);
  const scroller = createScroller({ label: t("messages_of", { room: name }) });
  const welcome = element("p", { class: "welcome" }, greeting(room));
  const messages = element("div", { class: "messages" });
  scroller.content.append(welcome, messages);

  async function send(text, person, thread) {
    const [command, ...words] = text.split(" ");
    if (command === "/coze") {
      await control("slack", "slash", { command, text: words.join(" "), channel: room.id, user: person.id });
    } else {
      await control("slack", "say", { channel: room.id, user: person.id, text, ...(thread && { thread_ts: thread }) });
    }
    if (!thread) scroller.toEnd();
  }

  const composer = createComposer({
    label: t("write_in", { room: name }),
    people: room.people,
    mention: room.kind === "channel" ? `@${cast.bot}` : "",
    placeholder: "placeholder",
    send,
  });

  const prompts = createPrompts({ language: language(), ask: composer.say, command });
  const growth = createGrowth((key) => posts.get(key));

  /** Inside a thread a command is a word with an exclamation mark; elsewhere it belongs to the app. */
  function command(word) {
    const thread = [...threads.values()].pop();
    if (word === "stop" && thread) send(`!${word}`, room.people[0], thread).catch(console.warn);
    else composer.say(`/coze ${word}`);
  }

  /** The message with this timestamp and its thread; made as soon as either is heard of. */
  function entryOf(ts) {
    if (!entries.has(ts)) entries.set(ts, createEntry(ts, room, cast, send, posts));
    const entry = entries.get(ts);
    place(messages, entry.node, ts);
    return entry;
  }

  function update(item) {
    welcome.hidden = true;
    if (item.kind === "typing") entryOf(item.thread).think(item.until);
    else if (item.thread && item.thread !== item.id) entryOf(item.thread).addReply(item);
    else entryOf(item.id).show(item);
    if (item.kind === "message") growth.shown(item.message);
  }

  function trace(item) {
    if (item.outcome === "running") threads.set(item.number, item.thread);
    else threads.delete(item.number);
    prompts.running(threads.size > 0);
    growth.told(item);
  }

  function remove(item) {
    const entry = entries.get(item.id);
    posts.get(item.message)?.article.remove();
    posts.delete(item.message);
    entries.delete(item.id);
    entry?.node.remove();
  }

  const head = element("header", { class: "room-head" }, element("b", {}, name), element("span", {}, about(room)));
  const node = element("div", { class: "room" }, head, scroller.node, prompts.node, composer.node);
  return {
    id: room.id,
    name: room.kind === "channel" ? room.name : name,
    about: about(room),
    picture: () => picture(room, cast),
    node,
    update,
    trace,
    remove,
    ask: composer.say,
    language: language(),
  };
}

function picture(room, cast) {
  if (room.kind === "channel") return element("span", { class: "avatar square hash", "aria-hidden": "true" }, "#");
  return avatar(cast.name, `square of-${room.people[0].id.toLowerCase()}`);
}

function greeting(room) {
  return room.kind === "channel" ? t("welcome_channel", { name: room.name }) : t("welcome_private", { person: room.people[0].name });
}

function createEntry(ts, room, cast, send, posts) {
  const root = createPost(cast);
  const replies = new Map();
  const list = element("div", { class: "replies" });
  const typing = createTyping();
  const writing = replyBox(ts, room, cast, send);
  const count = element("p", { class: "count", hidden: true });
  const thread = element("section", { class: "thread", "aria-label": t("thread") }, count, list, typing.node, writing);

  function addReply(item) {
    const reply = replies.get(item.id) ?? createPost(cast);
    replies.set(item.id, reply);
    posts.set(item.message, reply);
    reply.show(item);
    place(list, reply.article, item.id);
    count.hidden = false;
    count.textContent = replies.size === 1 ? t("reply") : t("replies", { n: replies.size });
  }

  return {
    node: element("div", { class: "entry" }, root.article, thread),
    show(item) {
      posts.set(item.message, root);
      root.show(item);
    },
    addReply,
    think: (until) => typing.show(t("thinking", { name: cast.name }), until),
  };
}

/** A button that becomes a text box when it is wanted, so that a long channel stays calm. */
function replyBox(ts, room, cast, send) {
  const holder = element("div", { class: "reply" });
  const open = element("button", { class: "open-reply", type: "button" }, icon("reply"), t("reply_in_thread"));
  open.addEventListener("click", () => {
    const composer = createComposer({
      label: t("reply_in_thread"),
      people: room.people,
      mention: "",
      placeholder: "placeholder_reply",
      send: (text, person) => send(text, person, ts),
    });
    holder.replaceChildren(composer.node);
    composer.input.focus();
  });
  holder.append(open);
  return holder;
}

function createPost(cast) {
  const picture = element("span", {});
  const name = element("b", { class: "author" });
  const badge = element("span", { class: "badge" }, t("app"));
  const note = element("p", { class: "note", hidden: true });
  const text = element("div", { class: "text" });
  const buttons = element("div", { class: "buttons" });
  const meta = createMeta();
  const head = element("div", { class: "post-head" }, name, badge, meta.node);
  const article = element("article", { class: "message post" }, picture, element("div", { class: "post-body" }, head, note, text, buttons));
  const nameOf = (id) => cast.users[id] ?? id;

  function show(item) {
    name.textContent = item.bot ? cast.name : nameOf(item.author.id);
    picture.replaceChildren(avatar(name.textContent, item.bot ? "bot-avatar square" : `square of-${item.author.id.toLowerCase()}`));
    badge.hidden = !item.bot;
    note.hidden = !item.only_for;
    note.textContent = t("only_you", { name: nameOf(item.only_for) });
    showMessage(article, text, meta, item, contentOf(item, { nameOf }));
    const elements = item.blocks.filter((block) => block.type.endsWith("actions")).flatMap((block) => block.elements);
    buttons.replaceChildren(...elements.flatMap((one) => pressables(one, item)));
  }
  return { article, meta, show };
}

function contentOf(item, context) {
  const sections = item.blocks.filter((block) => block.type === "section" && block.text);
  if (sections.length > 0) return sections.map((block) => element("p", { class: "plain" }, block.text.text));
  const parts = item.blocks.filter((block) => block.type === "markdown" || block.type === "context");
  if (parts.length > 0) return parts.flatMap((block) => (block.type === "markdown" ? renderMarkdown(block.text, context) : smallPrint(block, context)));
  if (item.markdown) return renderMarkdown(item.text, context);
  if (item.picture) return [...renderTyped(item.text, context), shownPicture(item)];
  return renderTyped(item.text + (item.media ? `\n[${item.media}]` : ""), context);
}

function smallPrint(block, context) {
  const words = block.elements.flatMap((one) => (one.type === "mrkdwn" ? renderTyped(one.text, context) : [one.text]));
  return [element("div", { class: "small-print" }, words)];
}

/** What can be pressed of an element: a button, or the two of a pair for feedback. */
function pressables(one, item) {
  if (one.type === "button") return [pressable(one, one.action_id, item)];
  return [one.positive_button, one.negative_button].filter(Boolean).map((button) => pressable(button, one.action_id, item));
}

function pressable(button, action, item) {
  const press = () => control("slack", "press", { channel: item.chat, ts: item.id, action_id: action, value: button.value, user: item.only_for || "UALICE" });
  return element("button", { type: "button", on: { click: () => press().catch(console.warn) } }, button.text.text);
}
