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
  const query = new URLSearchParams({ container: byId("container").value, entries: ENTRIES, stream: true });
  const mine = new WebSocket(`wss://${location.host}/logs?${query}`);
  let opened = false;
  socket = mine;
  mine.onopen = () => {
    opened = true;
    byId("log-lines").replaceChildren();
    sayState(byId("logs-state"), "ok", "Live");
  };
  mine.onmessage = ({ data }) => {
    if (waiting.push(data) === 1) requestAnimationFrame(flush);
  };
  mine.onclose = () => ended(opened);
}

/** Lines that came since the last frame are written at once: thousands at a time would stop the page. */
function flush() {
  const some = waiting;
  waiting = [];
  if (some.length > 0) appendLines(byId("log-lines"), some);
}

async function ended(opened) {
  flush();
  sayState(byId("logs-state"), "bad", "Ended, trying again");
  timer = setTimeout(follow, AGAIN);
  if (opened) return;
  // a browser does not tell why a WebSocket was refused: the same question without one does
  const query = new URLSearchParams({ container: byId("container").value, entries: ENTRIES });
  const mine = socket;
  try {
    const { logs } = await ask("GET", `/logs?${query}`);
    if (mine === socket) byId("log-lines").replaceChildren(...logs.map((line) => `${line}\n`));
  } catch (error) {
    if (mine === socket) byId("log-lines").replaceChildren(error.message);
  }
}
