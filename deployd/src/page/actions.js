// What admins may do: deploy, with the output as it comes, and roll back.

import { ask, lines, Refused, send } from "./api.js";
import { appendLines, byId, element, say } from "./dom.js";
import { startStatus } from "./status.js";

const BUTTONS = ["deploy", "rollback", "first-deploy"];

let busy = false;
let admin = false;

/** Makes the buttons work. */
export function actionButtons() {
  byId("deploy").addEventListener("click", () => deploy({}));
  byId("first").addEventListener("submit", (event) => {
    event.preventDefault();
    deploy({ git_options: { remote: byId("remote").value.trim(), branch: byId("branch").value.trim() } });
  });
  byId("rollback").addEventListener("click", () => byId("confirm").showModal());
  byId("confirm").addEventListener("close", () => {
    if (byId("confirm").returnValue === "yes") rollBack();
    byId("confirm").returnValue = "";
  });
  byId("output-close").addEventListener("click", () => {
    byId("output").hidden = true;
    byId("main").focus({ preventScroll: true });
  });
}

/** Says whether somebody may do more than look. */
export function allowActions(allowed) {
  admin = allowed;
  byId("output").hidden = true;
}

/** A project that is known is deployed by a button; without one, a form asks for it. */
export function offerActions({ project, commit_hash: serving, build_active: active }) {
  byId("actions").hidden = !admin || !project;
  byId("first").hidden = !admin || Boolean(project);
  byId("rollback").disabled = busy || active || !serving;
  byId("deploy").disabled = busy;
}

async function during(title, act) {
  if (busy) return;
  busy = true;
  BUTTONS.forEach((id) => { byId(id).disabled = true; });
  byId("output").hidden = false;
  byId("output-lines").hidden = true;
  byId("output-lines").replaceChildren();
  byId("output-close").hidden = true;
  byId("output-title").textContent = title;
  result("", "");
  byId("output-title").focus();
  try {
    await act();
  } catch (error) {
    byId("output-title").textContent = "That did not work";
    refused(error);
  } finally {
    busy = false;
    byId("output-close").hidden = false;
    BUTTONS.forEach((id) => { byId(id).disabled = false; });
    startStatus();
  }
}

function result(kind, text) {
  byId("output-result").className = `note ${kind}`.trim();
  say(byId("output-result"), text);
}

function refused(error) {
  result("bad", error.message);
  if (!(error instanceof Refused)) return;
  if (error.data.public_key) {
    const key = element("code", { className: "key" }, error.data.public_key);
    byId("output-result").append("\nThe git host must let this deploy key read the repository:", key);
  }
  if (error.data.lines?.length > 0) print(error.data.lines);
}

function print(some) {
  byId("output-lines").hidden = false;
  appendLines(byId("output-lines"), some);
}

function deploy(request) {
  return during("Deploying", async () => {
    const response = await send("POST", "/up", { stream: true, ...request });
    let last = "";
    for await (const some of lines(response)) {
      print(some);
      last = some.at(-1);
    }
    const succeeded = last.startsWith("deploy succeeded");
    byId("output-title").textContent = succeeded ? "Deployed" : "Not deployed";
    if (succeeded || last.startsWith("deploy failed")) {
      result(succeeded ? "ok" : "bad", last.charAt(0).toUpperCase() + last.slice(1));
    } else {
      result("bad", "The connection ended before the deploy did. It goes on; the status tells how it ends.");
    }
  });
}

function rollBack() {
  return during("Rolling back", async () => {
    const { deploy: found } = await ask("POST", "/rollback", {});
    byId("output-title").textContent = "Rolled back";
    const hash = found?.commit_hash ? ` Commit ${found.commit_hash.slice(0, 7)} serves.` : "";
    result("ok", `The version before serves again.${hash}`);
  });
}
