//! GET /env, POST /env.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::body::JsonBody;
use super::{Answer, App};
use crate::error::{Failure, Kind, Result};

/// The body of POST /env.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct EnvRequest {
    /// The variable's name.
    name: String,
    /// Its value.
    value: String,
    /// Whether to encrypt it: then nobody can read it again but the application.
    encrypt: bool,
    /// Whether to forget it.
    remove: bool,
}

/// The application's variables.
#[utoipa::path(get, path = "/env", responses(
    (status = 200, description = "`data.variables`, each with `name`, `encrypted`, and `value` if it is not encrypted"),
))]
pub(super) async fn list(State(app): State<App>) -> Result<Answer> {
    let variables = app.deployer.context().environment.shown()?;
    let variables: Vec<Value> = variables
        .into_iter()
        .map(|it| {
            let mut shown = json!({ "name": it.name, "encrypted": it.encrypted });
            if !it.encrypted {
                shown["value"] = it.value.into();
            }
            shown
        })
        .collect();
    Ok(Answer::new(StatusCode::OK, "variables").with(json!({ "variables": variables })))
}

/// Sets or forgets a variable of the application.
#[utoipa::path(post, path = "/env", request_body = EnvRequest, responses(
    (status = 202, description = "kept; the next deploy brings it to the application"),
    (status = 400, description = "no program could have such a variable"),
    (status = 404, description = "there is no such variable to forget"),
))]
pub(super) async fn change(State(app): State<App>, JsonBody(request): JsonBody<EnvRequest>) -> Result<Answer> {
    let EnvRequest { name, value, encrypt, remove } = request;
    let environment = &app.deployer.context().environment;
    if !remove {
        environment.set(&name, &value, encrypt)?;
    } else if !environment.remove(&name)? {
        let failure = Failure::new(Kind::Missing, format!("forget the variable {name}")).saw("there is none");
        return Err(failure.hint("GET /env tells which there are"));
    }
    let done = if remove { "forgotten" } else { "set" };
    Ok(Answer::new(StatusCode::ACCEPTED, format!("{name} is {done}; it takes effect at the next deploy")))
}
