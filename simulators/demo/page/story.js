// What is known of every answer, kept from the items of the board, and the figures that follow from it.

/** Collects traces, points, calls and breaks; each trace is {head, points, calls}. */
export function createStory() {
  const traces = new Map();
  const breaks = new Map();

  function traceOf(number) {
    if (!traces.has(number)) traces.set(number, { head: null, points: [], calls: [] });
    return traces.get(number);
  }

  function add(item) {
    if (item.kind === "trace") traceOf(item.number).head = item;
    else if (item.kind === "point") put(traceOf(item.trace).points, item);
    else if (item.kind === "call") put(traceOf(item.trace).calls, item);
    else if (item.kind === "break") breaks.set(item.key, item);
  }

  function newest(most) {
    const known = [...traces.values()].filter((trace) => trace.head).sort((a, b) => b.head.number - a.head.number);
    for (const old of known.slice(most)) traces.delete(old.head.number);
    return known.slice(0, most);
  }

  return {
    add,
    newest,
    get: (number) => traces.get(number),
    breaks: () => [...breaks.values()],
    active: (name) => [...breaks.values()].find((one) => one.name === name && one.ended === null),
  };
}

/** Items come in order, but one that was replaced may come again, and a reload brings them in the order of change. */
function put(list, item) {
  const at = list.findIndex((one) => one.key === item.key);
  if (at >= 0) list.splice(at, 1);
  let place = list.length;
  while (place > 0 && list[place - 1].at > item.at) place -= 1;
  list.splice(place, 0, item);
}

/** The figures of a trace at a moment in seconds. Times are in seconds, sizes in characters. */
export function figures(trace, now) {
  const { head, points, calls } = trace;
  const newest = points[points.length - 1] ?? { said: 0, seen: 0 };
  const first = points.find((point) => point.seen > 0);
  const count = (test) => calls.filter(test).length;
  return {
    said: newest.said,
    seen: newest.seen,
    first: first ? first.at - head.at : null,
    worst: Math.max(0, ...points.map((point) => point.said - point.seen)),
    lag: newest.said > newest.seen ? Math.max(0, (head.ended ?? now) - saidAt(points, newest.seen)) : 0,
    calls: calls.length,
    send: count((call) => call.verb === "send"),
    edit: count((call) => call.verb === "edit"),
    typing: count((call) => call.verb === "typing"),
    limited: count((call) => call.status === "429"),
    refused: count((call) => call.status === "refused"),
    wait: Math.max(0, ...calls.map((call) => call.wait)),
  };
}

/** When Coze had said so many characters. */
function saidAt(points, characters) {
  return (points.find((point) => point.said > characters) ?? points[points.length - 1]).at;
}

/** The breaks that a trace lived through. */
export function breaksOf(story, trace, now) {
  const { at, ended, platform, room } = trace.head;
  const end = ended ?? now;
  const hits = (one) => one.name !== "flood" || (one.platform === platform && one.room === room);
  return story.breaks().filter((one) => hits(one) && one.at <= end && (one.ended ?? one.until ?? now) >= at);
}
