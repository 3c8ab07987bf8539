// Calls to the demo's server, and its stream of items.

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok || answer.ok === false) throw new Error(answer.error ?? `HTTP ${response.status}`);
  return answer;
}

/** A control call to a simulator; rejects with the reason if it is refused. */
export function control(platform, action, body) {
  return post(`/${platform}/control/${action}`, body);
}

/** Breaks something; `place` names the platform, the room and the seconds of a flood. */
export function breakIt(name, place) {
  return post(`/breaks/${name}`, place);
}

/** Follows the board: `onItem` gets every item and each newer look of it, `onLost` hears of a lost connection. */
export function follow(onItem, onLost) {
  const source = new EventSource("/events");
  source.addEventListener("message", (event) => onItem(JSON.parse(event.data)));
  source.addEventListener("open", () => onLost(false));
  source.addEventListener("error", () => onLost(true));
  // A page that goes away says so at once, instead of being noticed at the next beat.
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
}
