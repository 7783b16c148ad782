// What the daemon says about the project, looked at again every few seconds while somebody sees the page.

import { ask, Refused } from "./api.js";
import { byId, element, lasted, moment, say, sayState, shortHash } from "./dom.js";

const PACE = 3000;

let timer = 0;
let round = 0;
let listeners = [];

/** `listener` is called with every new status. */
export function onStatus(listener) {
  listeners.push(listener);
}

/** Looks now, and from then on again and again. */
export async function startStatus() {
  clearTimeout(timer);
  const mine = ++round;
  try {
    const { status } = await ask("GET", "/status");
    if (mine !== round) return;
    say(byId("unreachable"), "");
    show(status);
    listeners.forEach((listener) => listener(status));
  } catch (error) {
    if (mine !== round) return;
    if (error instanceof Refused && error.status === 401) return;
    say(byId("unreachable"), `${error.message} Trying again.`);
  }
  if (!document.hidden) timer = setTimeout(startStatus, PACE);
}

export function stopStatus() {
  clearTimeout(timer);
  round += 1;
}

function show(status) {
  const { project, health, version } = status;
  byId("project").textContent = project || "No project yet";
  document.title = project ? `${project} · deployd` : "deployd";
  const [kind, words] = state(status, health);
  sayState(byId("health"), kind, words);
  say(byId("problem"), problem(status));
  const facts = byId("facts");
  facts.replaceChildren(...rows(status).map(([name, value, className = ""]) =>
    element("div", { className }, element("dt", {}, name), element("dd", {}, ...[value].flat()))));
  facts.hidden = facts.childElementCount === 0;
  byId("foot").hidden = false;
  say(byId("foot"), `deployd ${version}`);
}

function state(status, health) {
  if (status.engine_error) return ["bad", "Engine does not answer"];
  if (status.build_active) return ["busy", "Deploying"];
  if (!status.commit_hash) return ["", "Nothing is deployed"];
  if (!health) return ["bad", "Not running"];
  return health.ok ? ["ok", "Healthy"] : ["bad", "Not healthy"];
}

function problem({ engine_error: engine, health, out_of_memory: memory, last_deploy: last, commit_hash: serving }) {
  const found = [];
  if (engine) found.push(`The container engine does not answer: ${engine}`);
  if (health && !health.ok) found.push(`The application is not healthy: ${health.error ?? `HTTP ${health.http_status}`}`);
  if (memory) {
    const limit = memory.memory_mib ? `its ${memory.memory_mib} MiB of memory` : "its memory";
    found.push(`${memory.container} used up ${limit}, ${memory.times === 1 ? "once" : `${memory.times} times`}. What ended was started again.`);
  }
  if (last && ["failed", "interrupted"].includes(last.outcome)) {
    const stage = last.stage ? ` (${last.stage})` : "";
    const still = serving ? " The version before it still serves." : "";
    found.push(`The last deploy ${last.outcome === "failed" ? "failed" : "was interrupted"}${stage}: ${last.error ?? "no reason is known"}.${still}`);
  }
  return found.join("\n");
}

function rows(status) {
  const { last_deploy: last } = status;
  const rows = [];
  if (status.commit_hash) {
    const code = element("code", { id: "commit", title: status.commit_hash }, shortHash(status.commit_hash));
    rows.push(["Commit", [code, ` ${firstLine(status.commit_message)}`], "wide"]);
  }
  if (status.branch) rows.push(["Branch", element("code", {}, status.branch)]);
  if (status.build_type) rows.push(["Built with", status.build_type]);
  if (status.port) rows.push(["Public port", String(status.port)]);
  if (status.health?.http_status) rows.push(["Health check", `HTTP ${status.health.http_status}`]);
  if (last) rows.push(["Last deploy", [`${last.outcome}, `, moment(last.started_at), took(last)], "roomy"]);
  if (status.containers?.length > 0) {
    rows.push([status.containers.length === 1 ? "Container" : "Containers", element("code", {}, status.containers.join(", ")), "wide"]);
  }
  return rows;
}

const firstLine = (text) => (text ?? "").trim().split("\n")[0];
const took = (deploy) => (deploy.finished_at ? `, in ${lasted(deploy.started_at, deploy.finished_at)}` : "");
