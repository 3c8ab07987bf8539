// One platform: the list of its rooms, with what is unread in them, and the room that is open.

import { element } from "./dom.js";
import { clock, t } from "./texts.js";

/**
 * A pane. `rooms` are {id, name, about, picture, node, update, trace, remove, open?}, `open` the id of the one to begin
 * with, `onOpen(id)` hears of a change, `onUnread(count)` of what is not read yet. Returns {node,
 * update(item, isNews), trace(item), remove(item), room(), seen()}.
 */
export function createPane({ platform, label, rooms, open, onOpen, onUnread }) {
  const total = () => onUnread(entries.reduce((sum, entry) => sum + entry.unread.size, 0));
  const entries = rooms.map((room) => createEntry(room, total));
  const tabs = entries.map((entry) => entry.tab);
  const list = element("div", { class: "rooms", role: "tablist", "aria-orientation": "vertical", "aria-label": label }, tabs);
  let shown = "";

  function show(id, focus = false) {
    shown = id;
    rooms.forEach((room, index) => {
      const chosen = room.id === id;
      room.node.hidden = !chosen;
      tabs[index].setAttribute("aria-selected", String(chosen));
      tabs[index].tabIndex = chosen ? 0 : -1;
      if (!chosen) return;
      entries[index].read();
      tabs[index].scrollIntoView?.({ block: "nearest", inline: "nearest" });
      if (focus) tabs[index].focus();
    });
    onOpen(id);
  }

  tabs.forEach((tab, index) => tab.addEventListener("click", () => show(rooms[index].id)));
  list.addEventListener("keydown", (event) => moveAlong(event, tabs, (index) => show(rooms[index].id, true)));
  show(rooms.some((room) => room.id === open) ? open : rooms[0].id);

  function at(item) {
    return rooms.findIndex((room) => room.id === item.room);
  }

  function update(item, isNews) {
    const index = at(item);
    if (index < 0) return;
    rooms[index].update(item);
    // A room whose platform is not on the screen has no place in the page's layout.
    const isSeen = item.room === shown && rooms[index].node.offsetParent !== null;
    if (item.kind === "message") entries[index].tell(item, isNews && item.bot && !isSeen);
  }

  const side = element("div", { class: "side" }, element("h2", { id: `title-${platform}` }, t(platform)), list);
  const node = element("section", { class: `pane ${platform}`, id: `pane-${platform}`, "aria-labelledby": `title-${platform}` }, side, rooms.map((room) => room.node));
  return {
    node,
    update,
    trace: (item) => rooms[at(item)]?.trace(item),
    remove: (item) => rooms[at(item)]?.remove(item),
    room: () => rooms.find((room) => room.id === shown),
    seen: () => entries[rooms.findIndex((room) => room.id === shown)].read(),
  };
}

/** A line of the list: whom, the newest words, the time, and how much is unread. */
function createEntry(room, onChange) {
  const id = domId(room.id);
  const preview = element("span", { class: "preview", "aria-hidden": "true" }, room.about);
  const time = element("time", { class: "when", "aria-hidden": "true" });
  const badge = element("span", { class: "unread", hidden: true });
  const tab = element(
    "button",
    { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `room-${id}`, data: { room: room.id } },
    room.picture(),
    element("span", { class: "entry-name" }, room.name),
    time,
    preview,
    badge,
  );
  room.node.id = `room-${id}`;
  room.node.setAttribute("role", "tabpanel");
  room.node.setAttribute("aria-labelledby", `tab-${id}`);
  const unread = new Set();

  function count() {
    badge.hidden = unread.size === 0;
    badge.replaceChildren(element("span", { "aria-hidden": "true" }, String(unread.size)), element("span", { class: "unseen" }, t("unread", { n: unread.size })));
    onChange();
  }

  return {
    tab,
    unread,
    tell(item, isUnread) {
      preview.textContent = item.deleted ? t("deleted") : item.text.slice(0, 90).replace(/[*_`#>|~]+/g, "");
      time.textContent = clock(item.at);
      if (!isUnread) return;
      unread.add(item.message);
      count();
    },
    read() {
      unread.clear();
      count();
    },
  };
}

function domId(id) {
  return id.replace(/\W/g, "_");
}

/** Arrow keys move along tabs, as in every other program. */
export function moveAlong(event, tabs, go) {
  const now = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const target = { Home: 0, End: tabs.length - 1 }[event.key] ?? (step && (now + step + tabs.length) % tabs.length);
  if (target === undefined) return;
  event.preventDefault();
  go(target);
}

/** On a narrow screen: which of the two platforms is seen. Returns {node, mark(name, count)}. */
export function platformTabs(names, open, onOpen) {
  const tabs = names.map((name) =>
    element("button", { type: "button", role: "tab", "aria-controls": `pane-${name}`, data: { platform: name } }, t(name)),
  );
  function show(name, focus = false) {
    tabs.forEach((tab, index) => {
      const chosen = names[index] === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) tab.focus();
    });
    onOpen(name);
  }
  tabs.forEach((tab, index) => tab.addEventListener("click", () => show(names[index])));
  const node = element("div", { class: "platforms", role: "tablist", "aria-label": t("platforms") }, tabs);
  node.addEventListener("keydown", (event) => moveAlong(event, tabs, (index) => show(names[index], true)));
  show(open);
  function mark(name, count) {
    const tab = tabs[names.indexOf(name)];
    const badge = element("span", { class: "unread" }, element("span", { "aria-hidden": "true" }, String(count)), element("span", { class: "unseen" }, t("unread", { n: count })));
    tab.replaceChildren(t(name), ...(count > 0 ? [" ", badge] : []));
  }
  return { node, mark };
}
