// Asks the daemon. The session is a cookie that scripts cannot read; the browser sends it along.

/** The daemon said no; `message` is for people to read. */
export class Refused extends Error {
  constructor(status, envelope) {
    const { message, error, data } = envelope;
    super([message, error].filter(Boolean).join(": ") || `The daemon answered ${status}.`);
    this.status = status;
    this.data = data ?? {};
  }
}

/** No answer came. */
export class Unreachable extends Error {
  constructor() {
    super("The daemon does not answer. Is the machine up, and is this browser connected?");
  }
}

/** Sends a request; answers the response if the daemon agreed. */
export async function send(method, path, body) {
  const options = { method, cache: "no-store", credentials: "same-origin", redirect: "error" };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options).catch(() => { throw new Unreachable(); });
  if (response.ok) return response;
  const envelope = await response.json().catch(() => ({ message: response.statusText }));
  if (response.status === 401 && path !== "/web/login") {
    document.dispatchEvent(new CustomEvent("session-ended"));
  }
  throw new Refused(response.status, envelope);
}

/** Sends a request; answers the envelope's data. */
export async function ask(method, path, body) {
  const response = await send(method, path, body);
  const envelope = await response.json().catch(() => { throw new Unreachable(); });
  return envelope.data ?? {};
}

/** The lines of a streamed answer, as they come. */
export async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => { throw new Unreachable(); });
    if (done) break;
    const pieces = (rest + value).split("\n");
    rest = pieces.pop();
    if (pieces.length > 0) yield pieces;
  }
  if (rest !== "") yield [rest];
}
