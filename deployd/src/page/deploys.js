// The history of deploys, the newest first; read again when the last deploy is another one or has ended.

import { ask } from "./api.js";
import { byId, element, lasted, moment, sayState, shortHash } from "./dom.js";

const SHOWN = 8;
const KINDS = { succeeded: "ok", failed: "bad", interrupted: "bad", running: "busy" };

let known = "";
let shownAll = false;
let last = { deploys: [], serving: "" };

export function historyList() {
  byId("deploys-more").addEventListener("click", () => {
    shownAll = true;
    show(last);
  });
}

export function forgetDeploys() {
  [known, shownAll] = ["", false];
  byId("deploys").replaceChildren();
}

/** Reads the history if the status tells that it has changed. */
export async function refreshDeploys(status) {
  const { last_deploy: newest, commit_hash: serving } = status;
  const now = [newest?.id, newest?.outcome, serving].join(" ");
  if (now === known) {
    show(last);
    return;
  }
  const { deploys } = await ask("GET", "/deploys");
  known = now;
  last = { deploys: deploys ?? [], serving };
  show(last);
}

function show({ deploys, serving }) {
  // several deploys may be of the same commit: the newest that succeeded is the one that serves
  const present = deploys.find((it) => it.outcome === "succeeded" && it.commit_hash === serving);
  const some = shownAll ? deploys : deploys.slice(0, SHOWN);
  byId("deploys").replaceChildren(...some.map((deploy) => entry(deploy, deploy === present)));
  byId("history-empty").hidden = deploys.length > 0;
  byId("deploys-more").hidden = some.length === deploys.length;
}

function entry(deploy, serves) {
  const outcome = element("span");
  sayState(outcome, KINDS[deploy.outcome] ?? "", deploy.outcome);
  const message = (deploy.commit_message ?? "").trim().split("\n")[0];
  const meta = element("p", { className: "line muted small" }, outcome);
  if (deploy.commit_hash) meta.append(element("code", { title: deploy.commit_hash }, shortHash(deploy.commit_hash)));
  meta.append(moment(deploy.started_at));
  if (deploy.finished_at) meta.append(element("span", {}, `took ${lasted(deploy.started_at, deploy.finished_at)}`));
  if (serves) meta.append(element("strong", {}, "serves now"));
  const title = element("p", { className: "message" }, message || "No commit was fetched");
  const error = deploy.error ? element("p", { className: "error" }, deploy.error) : null;
  return element("li", {}, title, meta, error);
}
