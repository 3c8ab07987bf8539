// The plot of one answer as SVG: two lines, the gap between them, the calls below, the breaks behind.

import { breaksOf } from "./story.js";
import { count, t } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 46;
const RIGHT = 12;
const TOP = 18;
const LANE = 26;
const AXIS = 18;
const LEAST_SECONDS = 10;
const LEAST_CHARACTERS = 200;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

function make(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** A plot that fills its frame. Returns {node, draw(story, trace, now, real)}. */
export function createPlot() {
  const svg = make("svg", { class: "plot", role: "img", "aria-label": t("empty_plot") });
  let last = null;
  function draw(...what) {
    last = what;
    const { width, height } = svg.getBoundingClientRect();
    if (width < 40 || height < 40) return; // in a drawer that is closed
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(...picture(width, height, ...what));
  }
  new ResizeObserver(() => last && draw(...last)).observe(svg);
  return { node: svg, draw };
}

function picture(width, height, story, trace, now, real) {
  const end = trace.head.ended ?? now;
  const span = Math.max(LEAST_SECONDS, (end - trace.head.at) * 1.03);
  const most = Math.max(LEAST_CHARACTERS, ...trace.points.map((point) => Math.max(point.said, point.seen))) * 1.08;
  const bottom = height - AXIS - LANE;
  const x = (at) => LEFT + (Math.min(Math.max(at - trace.head.at, 0), span) / span) * (width - LEFT - RIGHT);
  const y = (characters) => bottom - (characters / most) * (bottom - TOP);
  const frame = { x, y, bottom, width, height, span, most, end, at: trace.head.at };
  return [
    grid(frame),
    ...breaksOf(story, trace, now).map((one, index) => band(frame, one, now, index)),
    ...lines(frame, trace.points, real),
    ...ticks(frame, trace.calls),
  ];
}

function grid({ x, y, bottom, width, span, most, at, height }) {
  const group = make("g", { class: "grid" });
  const step = niceStep(most / 4);
  for (let value = 0; value <= most; value += step) {
    group.append(make("path", { d: `M${LEFT} ${round(y(value))}H${width - RIGHT}` }));
    if (value > 0) group.append(make("text", { x: LEFT - 6, y: round(y(value)) + 4, "text-anchor": "end" }, count(value)));
  }
  const wide = Math.max(3, Math.floor((width - LEFT) / 90));
  const second = STEPS.find((one) => span / one <= wide) ?? STEPS[STEPS.length - 1];
  for (let value = 0; value <= span; value += second) {
    const anchor = value === 0 ? "start" : value > span * 0.96 ? "end" : "middle";
    const place = { x: round(x(at + value)), y: height - 4, "text-anchor": anchor };
    group.append(make("text", place, value === 0 ? "0" : t("plot_seconds", { n: value })));
  }
  group.append(make("path", { class: "floor", d: `M${LEFT} ${bottom}H${width - RIGHT}` }));
  return group;
}

/** 1, 2, 2.5 or 5 times a power of ten. */
function niceStep(raw) {
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 2.5, 5, 10].find((one) => one * power >= raw);
}

function band({ x, bottom, width }, one, now, index) {
  const from = x(one.at);
  const to = Math.max(x(Math.min(one.ended ?? one.until ?? now, now)), from + 2);
  const high = TOP - 5 + (index % 3) * 13;
  const flip = from > width - 90;
  const group = make("g", { class: `mark mark-${one.name}` });
  group.append(
    make("rect", { x: round(from), y: TOP - 14, width: round(to - from), height: bottom - TOP + 14 }),
    make("path", { d: `M${round(from)} ${TOP - 14}V${bottom + LANE - 4}` }),
    make("text", { x: round(from) + (flip ? -5 : 5), y: high, "text-anchor": flip ? "end" : "start" }, t(`mark_${one.name}`)),
  );
  return group;
}

/** What Coze said rises evenly from look to look; what is visible jumps with each call. */
function lines({ x, y, end }, points, real) {
  if (points.length === 0) return [];
  // Coze's last pieces may be counted a moment after they were seen.
  const all = [...points, points[points.length - 1]].map((point) => ({ ...point, at: Math.min(point.at, end) }));
  const closing = { ...points[points.length - 1], at: end };
  all[all.length - 1] = closing;
  const said = all.map((point) => `${round(x(point.at))} ${round(y(point.said))}`);
  const seen = all.flatMap((point, index) => {
    const before = all[Math.max(0, index - 1)].seen;
    const at = round(x(point.at));
    return point.seen === before ? [`${at} ${round(y(before))}`] : [`${at} ${round(y(before))}`, `${at} ${round(y(point.seen))}`];
  });
  const visible = make("path", { class: "seen", d: `M${seen.join("L")}` });
  const dot = make("circle", { class: "seen-end", cx: round(x(end)), cy: round(y(closing.seen)), r: 3.5 });
  if (real) return [visible, dot];
  const gap = make("path", { class: "gap", d: `M${said.join("L")}L${[...seen].reverse().join("L")}Z` });
  return [gap, make("path", { class: "said", d: `M${said.join("L")}` }), visible, dot];
}

/** Shapes that differ without their colours: triangle, bar, dot; diamond and cross for what went wrong. */
export const SHAPES = {
  send: (x, y) => `M${x - 4} ${y + 4}h8l-4 -8z`,
  edit: (x, y) => `M${x - 0.75} ${y - 5}h1.5v10h-1.5z`,
  typing: (x, y) => `M${x - 1.6} ${y}a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0 -3.2 0z`,
  delete: (x, y) => `M${x - 4} ${y - 4}h8l-4 8z`,
  429: (x, y) => `M${x} ${y - 6}l6 6l-6 6l-6 -6z`,
  refused: (x, y) => `M${x - 4} ${y - 4}l8 8M${x + 4} ${y - 4}l-8 8`,
};

function ticks({ x, bottom, end }, calls) {
  const high = round(bottom + LANE / 2 + 2);
  const paths = { send: [], edit: [], typing: [], delete: [], 429: [], refused: [], wait: [] };
  for (const call of calls) {
    const at = round(x(call.at));
    paths[call.status === "ok" ? call.verb : call.status].push(SHAPES[call.status === "ok" ? call.verb : call.status](at, high));
    if (call.wait > 0) paths.wait.push(`M${at} ${high}H${round(x(Math.min(call.at + call.wait, end)))}`);
  }
  const order = ["wait", "typing", "edit", "send", "delete", "refused", "429"];
  return order.filter((kind) => paths[kind].length > 0).map((kind) => make("path", { class: `tick tick-${kind}`, d: paths[kind].join("") }));
}

/** A shape of the legend. */
export function sample(kind) {
  const d = { said: "M0 7H18", seen: "M0 9H9V5H18" }[kind] ?? SHAPES[kind](9, 7);
  const name = kind === "said" || kind === "seen" ? kind : `tick tick-${kind}`;
  return make("svg", { viewBox: "0 0 18 14", class: "sample", "aria-hidden": "true" }, make("path", { class: name, d }));
}

function round(value) {
  return Math.round(value * 10) / 10;
}
