// The login form: user and password, and a code where the daemon asks for one.

import { ask, Refused } from "./api.js";
import { byId, say } from "./dom.js";

const MISSING_CODE = 417;

/** Shows the form; `why` tells what ended the session before. */
export function showLogin(why = "") {
  byId("login").hidden = false;
  say(byId("login-why"), why);
  say(byId("login-error"), "");
  askForCode(false);
  byId("password").value = "";
  byId(byId("username").value === "" ? "username" : "password").focus();
}

function askForCode(wanted) {
  byId("totp-field").hidden = !wanted;
  byId("totp").required = wanted;
  byId("totp").value = "";
}

function tell(error) {
  const asked = !byId("totp-field").hidden;
  if (error instanceof Refused && error.status === MISSING_CODE && !asked) {
    askForCode(true);
    say(byId("login-error"), "");
    byId("totp").focus();
    return;
  }
  const wrong = asked ? "User, password or code is wrong." : "User or password is wrong.";
  say(byId("login-error"), error instanceof Refused && error.status === 401 ? wrong : error.message);
  const first = byId(asked ? "totp" : "password");
  first.select();
  first.focus();
}

/** Makes the form work; `entered` is called with the session. */
export function loginForm(entered) {
  byId("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    const [username, password, totp] = ["username", "password", "totp"].map((id) => byId(id).value);
    byId("login-button").disabled = true;
    try {
      const session = await ask("POST", "/web/login", { username: username.trim(), password, totp: totp.trim() });
      byId("login").hidden = true;
      byId("password").value = "";
      entered(session);
    } catch (error) {
      tell(error);
    } finally {
      byId("login-button").disabled = false;
    }
  });
}
