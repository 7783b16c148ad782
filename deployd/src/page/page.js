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
    showLogin();
    // to have no session yet is no error
    if (!(error instanceof Refused && error.status === 401)) say(byId("login-error"), error.message);
  }
}

loginForm(enter);
actionButtons();
historyList();
logsView();
onStatus(offerActions);
onStatus(offerContainers);
onStatus((status) => refreshDeploys(status).catch((error) => say(byId("unreachable"), error.message)));
document.addEventListener("session-ended", () => {
  // what was asked before a logout may be refused after it, and without a session nothing ends
  if (!byId("home").hidden) leave("Your session has ended. Log in again.");
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !byId("home").hidden) startStatus();
});
byId("logout").addEventListener("click", async () => {
  try {
    await send("POST", "/web/logout", {});
    leave("You are logged out.");
  } catch (error) {
    say(byId("unreachable"), error.message);
  }
});
begin();
