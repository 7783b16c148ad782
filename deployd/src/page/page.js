// Puts the page together: who is logged in decides what is shown.

import { ask, Refused, send } from "./api.js";
import { actionButtons, allowActions, offerActions } from "./actions.js";
import { forgetDeploys, historyList, refreshDeploys } from "./deploys.js";
import { byId, say } from "./dom.js";
import { loginForm, showLogin } from "./login.js";
import { logsView, offerContainers, stopLogs } from "./logs.js";
import { onStatus, startStatus, stopStatus } from "./status.js";

function enter({ username, admin }) {
  byId("login").hidden = true;
  byId("who").hidden = false;
  byId("who-name").textContent = username;
  byId("who-level").textContent = admin ? "(admin)" : "";
  allowActions(admin);
  byId("home").hidden = false;
  byId("main").focus({ preventScroll: true });
  startStatus();
}

function leave(why) {
  stopStatus();
  stopLogs();
  forgetDeploys();
  byId("home").hidden = true;
  byId("who").hidden = true;
  byId("foot").hidden = true;
  say(byId("unreachable"), "");
  document.title = "deployd";
  showLogin(why);
}

async function begin() {
  try {
    enter(await ask("GET", "/user/validate"));
  } catch (error) {
    // without a session, the form is there already
    if (error instanceof Refused && error.status === 401) return;
    showLogin();
    say(byId("login-error"), error.message);
  }
}

let entered = false;
loginForm((session) => {
  entered = true;
  enter(session);
});
actionButtons();
historyList();
logsView();
onStatus(offerActions);
onStatus(offerContainers);
onStatus((status) => refreshDeploys(status).catch((error) => say(byId("unreachable"), error.message)));
document.addEventListener("session-ended", () => {
  leave(entered || !byId("home").hidden ? "Your session has ended. Log in again." : "");
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !byId("home").hidden) startStatus();
});
byId("logout").addEventListener("click", async () => {
  try {
    await send("POST", "/web/logout", {});
    entered = false;
    leave("You are logged out.");
  } catch (error) {
    say(byId("unreachable"), error.message);
  }
});
begin();
