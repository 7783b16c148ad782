// Small helpers around the document. Texts only ever become text nodes, so nothing that a build or a commit says is markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; texts become text nodes. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Sets a text only when it is another one: what is announced to screen readers is not repeated at every look. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

/** Shows a state: a word, and a colour and a sign that say the same. */
export function sayState(node, kind, text) {
  node.className = `state ${kind}`.trim();
  if (node.textContent !== text) node.textContent = text;
}

export const shortHash = (hash) => (hash ?? "").slice(0, 7);

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** A moment as people say it; the exact time shows when it is pointed at. */
export function moment(iso) {
  const then = new Date(iso);
  const seconds = (then - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  const text = unit === "second" ? "just now" : relative.format(Math.round(seconds / size), unit);
  return element("time", { dateTime: iso, title: absolute.format(then) }, text);
}

/** How long something took. */
export function lasted(from, to) {
  const seconds = Math.max(0, Math.round((new Date(to) - new Date(from)) / 1000));
  return seconds < 90 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

// colours of terminals: ESC [ ... letter
const CODES = /\u001b\[[0-9;?]*[A-Za-z]/g;
export const plain = (line) => line.replace(CODES, "").replace(/\r$/, "");

/** Appends lines to a block, keeps the last `most`, and stays at the end unless somebody scrolled up. */
export function appendLines(block, lines, most = 5000) {
  const atEnd = block.scrollHeight - block.scrollTop - block.clientHeight < 40;
  block.append(lines.map((line) => `${plain(line)}\n`).join(""));
  while (block.childNodes.length > most) block.firstChild.remove();
  if (atEnd) block.scrollTop = block.scrollHeight;
}
