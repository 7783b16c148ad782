//! `deployd env`: the application's variables.

use serde_json::{Value, json};

use super::select::select;
use super::status::text;
use super::terminal::{input, json as print, say, table};
use crate::cli::words::{On, Show};
use crate::error::Result;

/// Prints the variables.
pub(super) async fn list(words: &Show) -> Result<()> {
    let answer = select(&words.on)?.server.get("/env").await?;
    let variables = &answer.data["variables"];
    if words.json {
        return print(variables);
    }
    let rows: Vec<Vec<String>> = variables.as_array().into_iter().flatten().map(row).collect();
    table(&["NAME", "VALUE"], &rows)
}

fn row(variable: &Value) -> Vec<String> {
    let value = if variable["encrypted"] == true { "(encrypted)" } else { text(variable, "value") };
    vec![text(variable, "name").to_owned(), value.to_owned()]
}

/// Sets a variable; without `=` its value comes through standard input, where no list of processes shows it.
pub(super) async fn set(on: &On, variable: &str, encrypt: bool) -> Result<()> {
    let selected = select(on)?;
    let (name, value) = match variable.split_once('=') {
        Some((name, value)) => (name, value.to_owned()),
        None => (variable, input()?),
    };
    let body = json!({ "name": name, "value": value, "encrypt": encrypt, "remove": false });
    said(&selected.server.post("/env", &body).await?.message);
    Ok(())
}

/// Removes a variable.
pub(super) async fn unset(on: &On, name: &str) -> Result<()> {
    let body = json!({ "name": name, "value": "", "encrypt": false, "remove": true });
    said(&select(on)?.server.post("/env", &body).await?.message);
    Ok(())
}

fn said(message: &str) {
    say(&format!("{message}; it holds from the next deploy on"));
}
