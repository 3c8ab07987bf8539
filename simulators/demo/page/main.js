// The page as a function of the items on the board: it keeps them, and builds everything anew from them when asked.

import { readOut } from "./announcer.js";
import { follow } from "./calls.js";
import { element } from "./dom.js";
import { createHead } from "./head.js";
import { createLog } from "./log.js";
import { createPane, platformTabs } from "./pane.js";
import { createPanel } from "./panel.js";
import { LONG } from "./prompts.js";
import { createSlackRoom } from "./slack.js";
import { createStory } from "./story.js";
import { createTelegramRoom } from "./telegram.js";
import { language, t } from "./texts.js";
import { applyTheme } from "./theme.js";

const ROOMS = {
  telegram: { create: createTelegramRoom, label: "chats" },
  slack: { create: createSlackRoom, label: "channels" },
};
const STORIES = ["trace", "point", "call", "break"];
/** As many messages of a room as the board keeps. */
const MOST_MESSAGES = 80;

const items = new Map();
const story = createStory();
const kept = new Map();
/** What is open, which is no business of the board. */
const open = { platform: "telegram", telegram: "", slack: "" };
/** In whole seconds, as Telegram's dates are. */
const opened = Math.floor(Date.now() / 1000);
let view = null;
let lost = false;

/** Builds the page for who is in the cast, and shows all items that there are. */
function build() {
  const cast = items.get("cast");
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  view?.panel.stop();
  const head = createHead(cast.coze, build);
  const log = createLog();
  const unread = (platform, count) => tabs?.mark(platform, count);
  let tabs = null;
  const panes = Object.fromEntries(Object.keys(ROOMS).map((platform) => [platform, buildPane(platform, cast[platform], unread)]));
  const nodes = Object.values(panes).map((pane) => pane.node);
  const both = element("div", { class: "panes" }, nodes);
  tabs = platformTabs(Object.keys(ROOMS), open.platform, (name) => {
    open.platform = name;
    both.dataset.open = name;
    panes[name].seen();
  });
  for (const [platform, pane] of Object.entries(panes)) pane.node.addEventListener("focusin", () => (open.platform = platform));
  const names = new Map(Object.keys(ROOMS).flatMap((platform) => cast[platform].rooms.map((room) => [room.id, nameOf(room, cast[platform])])));
  const panel = createPanel({
    coze: cast.coze,
    story,
    place: () => ({ platform: open.platform, room: open[open.platform], name: `${t(open.platform)} · ${names.get(open[open.platform])}` }),
    roomName: (trace) => names.get(trace.room) ?? trace.room,
    ask: () => {
      const room = panes[open.platform].room();
      room.ask(LONG.text[room.language]);
    },
  });
  view = { head, log, panes, panel };
  head.lose(lost);
  const main = element("main", {}, tabs.node, both, panel.node);
  document.getElementById("page").replaceChildren(head.node, main, log.node);
  for (const item of items.values()) show(item);
  for (const trace of story.newest(Infinity).reverse()) tellTrace(trace.head);
}

function nameOf(room, cast) {
  if (room.kind === "channel") return `#${room.name}`;
  if (room.name) return room.name;
  return cast.users ? `${cast.name} (${room.people[0].name})` : room.people[0].name;
}

function buildPane(platform, cast, unread) {
  const { create, label } = ROOMS[platform];
  const rooms = cast.rooms.map((room) => create(room, cast));
  return createPane({ platform, label: t(label), rooms, open: open[platform], onOpen: (id) => (open[platform] = id), onUnread: (count) => unread(platform, count) });
}

function show(item) {
  if (item.kind === "service") view.head.update(item);
  else if (item.kind === "log") view.log.update(item);
  else if (item.kind === "message" || item.kind === "typing") view.panes[item.platform].update(item, item.at >= opened);
}

function tellTrace(head) {
  view.panes[head.platform].trace(head);
  view.panel.see(head);
}

function receive(item) {
  if (STORIES.includes(item.kind)) {
    const before = item.kind === "trace" ? story.get(item.number)?.head : null;
    story.add(item);
    if (view === null) return;
    if (item.kind === "trace") {
      tellTrace(item);
      if (before?.outcome === "running" && item.outcome !== "running") tellAloud(item);
    }
    view.panel.dirty();
    return;
  }
  const before = items.get(item.key);
  items.set(item.key, item);
  if (item.kind === "cast") {
    // The demo was started again: nothing of before is there any more.
    if (before && before.started !== item.started) location.reload();
    else if (!before) build();
    return;
  }
  if (view === null) return;
  show(item);
  if (item.kind === "message" && !before) forgetOldest(item);
}

/** A page that is open for days shows what one that is opened then would show. */
function forgetOldest(item) {
  const room = `${item.platform}/${item.room}`;
  const keys = kept.get(room) ?? [];
  kept.set(room, keys);
  keys.push(item.key);
  while (keys.length > MOST_MESSAGES) {
    const oldest = items.get(keys.shift());
    items.delete(oldest.key);
    view.panes[oldest.platform].remove(oldest);
  }
}

function tellAloud(trace) {
  const item = items.get(trace.last);
  if (!item) return;
  const article = document.querySelector(`article[data-platform="${item.platform}"][data-chat="${item.chat}"][data-id="${item.id}"]`);
  readOut(items.get("cast")[item.platform].name, article);
}

applyTheme();
follow(receive, (isLost) => {
  lost = isLost;
  view?.head.lose(isLost);
});
