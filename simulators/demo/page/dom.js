// Making and changing elements. Text only ever becomes text nodes: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  send: "M3.5 20.5 21 12 3.5 3.5v6.6L16 12 3.5 13.9z",
  down: "M6 9l6 6 6-6",
  reply: "M9 7 4 12l5 5M4 12h9a7 7 0 0 1 7 7",
  stop: "M7 7h10v10H7z",
  flood: "M3 8c2-2 4-2 6 0s4 2 6 0 4-2 6 0M3 13c2-2 4-2 6 0s4 2 6 0 4-2 6 0M3 18c2-2 4-2 6 0s4 2 6 0 4-2 6 0",
  cut: "M4 12h5M15 12h5M9.5 7l5 10M11 4l.6 1.6M12.4 18.4 13 20",
  kill: "M13 3 5 14h6l-1 7 8-11h-6z",
  off: "M12 4v8M7.5 6.8a7 7 0 1 0 9 0",
  close: "M6 6l12 12M18 6 6 18",
  up: "M6 15l6-6 6 6",
  auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  dark: "M19 14.5A8 8 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  bridge: "M3 16c2-5.5 5-8 9-8s7 2.5 9 8M3 16.5h18M7.5 11.5v5M12 8v8.5M16.5 11.5v5",
};

const FADING = ["P", "UL", "OL", "PRE", "BLOCKQUOTE", "DIV", "H3", "H4", "H5", "H6"];

/** An element; `on` are listeners, `data` is the dataset, other properties are attributes (false and null: none). */
export function element(tag, properties = {}, ...children) {
  const { on = {}, data = {}, ...attributes } = properties;
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  Object.assign(node.dataset, data);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Shows `wanted` as the children of a node and leaves alone what is there already, so that growing text stands still. */
export function patch(node, wanted) {
  const standing = [...node.childNodes];
  let same = 0;
  while (same < wanted.length && same < standing.length && standing[same].isEqualNode(wanted[same])) same += 1;
  for (const child of standing.slice(same)) child.remove();
  for (const child of wanted.slice(same)) {
    // A new block fades in; one that only changed does not, or the last paragraph would flicker.
    const isNew = node.childNodes.length >= standing.length && standing.length > 0;
    node.append(child);
    if (isNew && child.tagName && FADING.includes(child.tagName)) fade(child);
  }
}

function fade(child) {
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  child.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 180 });
}

/** A link that leads out; anything but the web and mail stays text. */
export function link(url, children) {
  if (!/^(https?:|mailto:)/i.test(url)) return element("span", {}, children);
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, children);
}

/** The picture that came with a message, small. */
export function shownPicture(item) {
  return element("img", { class: "shown", src: item.picture, alt: item.media });
}

/** A round or square picture with the first letter of a name. */
export function avatar(name, kind) {
  return element("span", { class: `avatar ${kind}`, "aria-hidden": "true" }, [...name][0].toUpperCase());
}
