//! `deployd user`: the people who may use the daemon.

use serde_json::{Value, json};

use super::secrets::Keeper;
use super::select::{Selected, select};
use super::status::text;
use super::terminal::{json as print, say, secret, table};
use crate::cli::words::{On, Show};
use crate::error::{Failure, Kind, Result};

/// Adds a user.
pub(super) async fn add(on: &On, name: &str, admin: bool) -> Result<()> {
    let selected = select(on)?;
    let password = secret(&format!("password of {name}"))?;
    let body = json!({ "username": name, "password": password, "admin": admin });
    say(&selected.server.post("/user/add", &body).await?.message);
    Ok(())
}

/// Prints the users.
pub(super) async fn list(words: &Show) -> Result<()> {
    let answer = select(&words.on)?.server.get("/user/list").await?;
    let users = &answer.data["users"];
    if words.json {
        return print(users);
    }
    let rows: Vec<Vec<String>> = users.as_array().into_iter().flatten().map(row).collect();
    table(&["NAME", "LEVEL", "TOTP"], &rows)
}

/// A user; the daemon that this interface comes from names them without anything else.
fn row(user: &Value) -> Vec<String> {
    let Some(name) = user.as_str() else {
        let level = if user["admin"] == true { "admin" } else { "user" };
        let totp = if user["totp"] == true { "yes" } else { "" };
        return vec![text(user, "username").to_owned(), level.to_owned(), totp.to_owned()];
    };
    vec![name.to_owned(), String::new(), String::new()]
}

/// Removes a user.
pub(super) async fn remove(on: &On, name: &str) -> Result<()> {
    say(&select(on)?.server.post("/user/remove", &json!({ "username": name })).await?.message);
    Ok(())
}

/// Logs in, and keeps the token.
pub(super) async fn login(on: &On, name: &str, totp: Option<String>) -> Result<()> {
    let mut selected = select(on)?;
    // a token that has expired must not be in the way of a new one
    selected.server.token = None;
    let password = secret(&format!("password of {name}"))?;
    let body = json!({ "username": name, "password": password, "totp": totp.unwrap_or_default() });
    let answer = selected.server.post("/user/login", &body).await.map_err(|failure| match failure.kind() {
        Kind::Refused => failure.hint("--totp CODE, from the authenticator or a backup code"),
        _ => failure,
    })?;
    let token = answer.data["token"]
        .as_str()
        .ok_or_else(|| Failure::new(Kind::Internal, "log in").saw("the daemon's answer holds no token"))?;
    keep(&selected, Some(token.to_owned()))?;
    say(&format!("{name} is logged in to {}", selected.remote.name));
    Ok(())
}

/// Ends the session.
pub(super) async fn logout(on: &On) -> Result<()> {
    let selected = select(on)?;
    let ended = selected.server.post("/user/logout", &json!({})).await;
    // forgotten here even if the daemon does not answer: that is what a logout is for
    keep(&selected, None)?;
    say(&ended?.message);
    Ok(())
}

fn keep(selected: &Selected, token: Option<String>) -> Result<()> {
    Keeper::of_user()?.write(&selected.remote, selected.server.pin, token)
}
