// Live logs of one container, over a WebSocket that is opened again when it ends.

import { ask } from "./api.js";
import { appendLines, byId, element, sayState } from "./dom.js";

const ENTRIES = 300;
const AGAIN = 3000;
/** The daemon's own container. */
const DAEMON = "deployd";

let socket = null;
let timer = 0;
let paused = true;
let waiting = [];

export function logsView() {
  byId("container").addEventListener("change", () => follow());
  byId("logs-pause").addEventListener("click", () => (paused ? follow() : pause()));
}

/** Offers the containers there are; a choice that is gone, as with a new version, becomes the first one. */
export function offerContainers({ containers = [] }) {
  const options = [...containers.map((name) => [name, name]), [DAEMON, "The daemon"]];
  const select = byId("container");
  const offered = [...select.options].map((option) => option.value);
  if (offered.join(" ") === options.map(([value]) => value).join(" ") && offered.length > 0) return;
  const chosen = select.value;
  const first = select.options.length === 0;
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  if (!first && options.some(([value]) => value === chosen)) select.value = chosen;
  if (first || select.value !== chosen) follow();
}

/** Ends the logs and forgets what they said. */
export function stopLogs() {
  close();
  paused = true;
  byId("container").replaceChildren();
  byId("log-lines").replaceChildren();
}

function close() {
  clearTimeout(timer);
  if (socket !== null) {
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
  }
  [socket, waiting] = [null, []];
}

function pause() {
  close();
  paused = true;
  byId("logs-pause").textContent = "Follow";
  sayState(byId("logs-state"), "", "Paused");
}

function follow() {
  close();
  paused = false;
  byId("logs-pause").textContent = "Pause";
  sayState(byId("logs-state"), "busy", "Connecting");
  const mine = new WebSocket(`wss://${location.host}/logs?${question()}&stream=true`);
  socket = mine;
  mine.onopen = () => {
    byId("log-lines").replaceChildren();
    sayState(byId("logs-state"), "ok", "Live");
  };
  mine.onmessage = ({ data }) => {
    if (waiting.push(data) === 1) requestAnimationFrame(flush);
  };
  mine.onclose = ended;
}

const question = () => new URLSearchParams({ container: byId("container").value, entries: ENTRIES });

/** Lines that came since the last frame are written at once: thousands at a time would stop the page. */
function flush() {
  const some = waiting;
  waiting = [];
  if (some.length > 0) appendLines(byId("log-lines"), some);
}

function ended() {
  flush();
  sayState(byId("logs-state"), "bad", "Ended, trying again");
  timer = setTimeout(again, AGAIN);
}

/**
 * Follows again, if there is something to follow: a container that ended is often gone a moment later. A browser does
 * not tell why a WebSocket is refused; the same question without one does, and where something lets no WebSocket through,
 * its lines are all there is to see.
 */
async function again() {
  const mine = socket;
  try {
    const { logs } = await ask("GET", `/logs?${question()}`);
    if (mine !== socket) return;
    byId("log-lines").replaceChildren();
    appendLines(byId("log-lines"), logs);
    follow();
  } catch (error) {
    if (mine !== socket) return;
    byId("log-lines").replaceChildren(error.message);
    timer = setTimeout(again, AGAIN);
  }
}
