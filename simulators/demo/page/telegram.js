// The Telegram side: bubbles in a private chat, a group or a topic.

import { control } from "./calls.js";
import { createComposer } from "./composer.js";
import { avatar, element, shownPicture } from "./dom.js";
import { renderEntities } from "./entities.js";
import { createGrowth, createMeta, createTyping, place, showMessage } from "./message.js";
import { createPrompts } from "./prompts.js";
import { createScroller } from "./scroller.js";
import { spoken, t } from "./texts.js";

function about(room) {
  return t(`about_${room.kind}`, { of: room.of });
}

function nameOf(room) {
  if (room.kind === "private") return room.people[0].name;
  return room.kind === "topic" ? `# ${room.name}` : room.name;
}

/** One chat. Returns what a pane wants of a room, and `ask(text)`, `language`. */
export function createTelegramRoom(room, cast) {
  const bubbles = new Map();
  const name = nameOf(room);
  const isShared = room.kind !== "private";
  const [chat, thread] = room.id.split("/").map(Number);
  const scroller = createScroller({ label: t("messages_of", { room: name }) });
  const typing = createTyping();
  const welcome = element("p", { class: "welcome" }, greeting(room));
  const messages = element("div", { class: "messages" });
  scroller.content.append(welcome, messages, typing.node);
  let me = room.people[0].id;
  const running = new Set();

  const composer = createComposer({
    label: t("write_in", { room: name }),
    people: room.people,
    mention: isShared ? `@${cast.bot}` : "",
    placeholder: "placeholder",
    onPerson: become,
    send: async (text, person) => {
      await control("telegram", "say", { chat, user: Number(person.id), text, ...(thread && { thread }) });
      scroller.toEnd();
    },
  });
  const prompts = createPrompts({
    language: spoken(room.people[0].language),
    ask: composer.say,
    command: (command) => composer.say(isShared ? `/${command}@${cast.bot}` : `/${command}`),
  });
  const growth = createGrowth((key) => bubbles.get(key));

  function become(person) {
    me = person.id;
    for (const { article } of bubbles.values()) article.classList.toggle("mine", article.dataset.author === me);
  }

  function update(item) {
    if (item.kind === "typing") {
      typing.show(t("typing", { name: cast.name }), item.until);
      return;
    }
    welcome.hidden = true;
    const bubble = bubbles.get(item.message) ?? createBubble(isShared, cast);
    bubbles.set(item.message, bubble);
    bubble.show(item, me);
    growth.shown(item.message);
    place(messages, bubble.article, item.id);
  }

  function trace(item) {
    running[item.outcome === "running" ? "add" : "delete"](item.number);
    prompts.running(running.size > 0);
    growth.told(item);
  }

  function remove(item) {
    bubbles.get(item.message)?.article.remove();
    bubbles.delete(item.message);
  }

  const head = element("header", { class: "room-head" }, avatar(name.replace("# ", ""), tint(room)), element("b", {}, name), element("span", {}, about(room)));
  const node = element("div", { class: "room" }, head, scroller.node, prompts.node, composer.node);
  return {
    id: room.id,
    name,
    about: about(room),
    picture: () => avatar(name.replace("# ", ""), tint(room)),
    node,
    update,
    trace,
    remove,
    ask: composer.say,
    language: spoken(room.people[0].language),
  };
}

function tint(room) {
  return { private: `tint-${room.people[0].id}`, group: "tint-group", topic: "tint-topic square" }[room.kind];
}

function greeting(room) {
  const people = room.people.map((person) => person.name).join(", ");
  return room.kind === "private" ? t("welcome_private", { person: people }) : t("welcome_group", { people });
}

function createBubble(isShared, cast) {
  const author = element("span", { class: isShared ? "author" : "unseen" });
  const quote = element("div", { class: "quoted", hidden: true });
  const text = element("div", { class: "text telegram-text" });
  const buttons = element("div", { class: "buttons" });
  const meta = createMeta();
  const bubble = element("div", { class: "bubble" }, author, quote, text, meta.node, buttons);
  const picture = avatar(cast.name, "bot-avatar");
  const article = element("article", { class: "message" }, picture, bubble);

  function show(item, me) {
    author.textContent = item.author.name;
    author.dataset.author = item.bot ? "bot" : item.author.id;
    article.classList.toggle("mine", item.author.id === me);
    article.classList.toggle("from-bot", item.bot);
    picture.hidden = !item.bot;
    quote.hidden = !item.reply;
    if (item.reply) quote.replaceChildren(element("b", {}, item.reply.name), element("span", {}, item.reply.text));
    const nodes = renderEntities(item.text, item.entities);
    if (item.picture) nodes.unshift(shownPicture(item));
    else if (item.media) nodes.unshift(element("span", { class: "media" }, `[${item.media}] `));
    showMessage(article, text, meta, item, nodes);
    buttons.replaceChildren(...item.buttons.flat().map((button) => pressable(button, item, me)));
  }
  return { article, meta, show };
}

function pressable(button, item, me) {
  const press = () => control("telegram", "press", { chat: Number(item.chat), message_id: Number(item.id), data: button.callback_data, user: Number(me) });
  return element("button", { type: "button", disabled: !button.callback_data, on: { click: () => press().catch(console.warn) } }, button.text);
}
