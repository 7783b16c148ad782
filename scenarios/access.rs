//! Who gets what from the daemon: every operation that it documents, asked by every kind of caller.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use data_encoding::BASE64URL_NOPAD;
use harness::deployer::Api;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rstest_reuse::apply;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::every_system;
use crate::support::{Stage, on_a_stage};

/// What each caller gets; the daemon's own tests go by the same rules.
const RULES: &str = include_str!("../deployd/tests/access.toml");

#[derive(Deserialize)]
struct Rules {
    rule: Vec<Rule>,
}

/// What each caller gets of an operation.
#[derive(Deserialize)]
pub struct Rule {
    operation: String,
    access: String,
    body: Option<String>,
    anyone: Option<u16>,
    user: Option<u16>,
    admin: Option<u16>,
}

/// The rules of all operations.
pub fn rules() -> anyhow::Result<Vec<Rule>> {
    Ok(toml::from_str::<Rules>(RULES)?.rule)
}

impl Rule {
    /// Asks for the operation with a token; answers the HTTP status and the answer.
    pub async fn ask(&self, api: &Api<'_>, token: Option<&str>) -> anyhow::Result<(u16, Value)> {
        let (method, path) = self.operation.split_once(' ').context("a rule without a path")?;
        let body: Value = self.body.as_deref().map_or(Ok(json!({})), serde_json::from_str)?;
        Ok(api.send(method, path, token, Some(&body)).await?)
    }

    /// `GET /status`
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Whether it takes a token.
    pub fn takes_a_token(&self) -> bool {
        ["user", "admin"].contains(&self.access.as_str())
    }
}

/// A token's claims, signed anew.
fn signed(claims: &Value, key: &[u8]) -> anyhow::Result<String> {
    Ok(encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(key))?)
}

/// Tokens that let nobody in, by what is wrong with them.
async fn refused(stage: &Stage<'_>, api: &Api<'_>) -> anyhow::Result<Vec<(&'static str, Option<String>)>> {
    let key = stage.vps().ssh().await?.run("cat /var/lib/deployd/signing.key").await?.stdout;
    ensure!(key.len() == 32, "the signing key has {} bytes", key.len());
    let body = stage.access.token.split('.').nth(1).context("the token is none")?;
    let claims: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(body.as_bytes())?)?;
    // first that it is only the key, or the time, that makes the others refused
    let anew = signed(&claims, &key)?;
    let (status, answer) = api.send("GET", "/user/validate", Some(&anew), None).await?;
    ensure!(status == 200, "a token signed with the daemon's own key: {status} {answer}");

    let mut past = claims.clone();
    past["exp"] = json!(claims["iat"].as_i64().context("the token has no iat")? - 1);
    let unsigned = format!("{}.{body}.", BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#));
    Ok(vec![
        ("no token", None),
        ("garbage", Some("garbage".to_owned())),
        ("expired", Some(signed(&past, &key)?)),
        ("another machine's key", Some(signed(&claims, &[7; 32])?)),
        ("zeros", Some(signed(&claims, &[0; 32])?)),
        ("a known word", Some(signed(&claims, b"secret")?)),
        ("no signature", Some(unsigned)),
    ])
}

/// The token of a user who was added just now.
async fn new_user(api: &Api<'_>, name: &str) -> anyhow::Result<String> {
    let user = json!({ "username": name, "password": "correct horse" });
    let (status, answer) = api.as_admin("POST", "/user/add", Some(&user)).await?;
    ensure!(status == 201, "add {name}: {status} {answer}");
    let (status, answer) = api.send("POST", "/user/login", None, Some(&user)).await?;
    ensure!(status == 200, "log {name} in: {status} {answer}");
    Ok(answer["data"]["token"].as_str().context("a login without a token")?.to_owned())
}

/// Another token of the operator's.
async fn new_admin(api: &Api<'_>) -> anyhow::Result<String> {
    let (status, answer) = api.as_admin("GET", "/token", None).await?;
    ensure!(status == 200, "a new admin token: {status} {answer}");
    Ok(answer["data"]["token"].as_str().context("an answer without a token")?.to_owned())
}

/// The operations that the daemon documents, with the access level of each.
async fn operations(api: &Api<'_>) -> anyhow::Result<BTreeMap<String, Value>> {
    let (status, document) = api.send("GET", "/openapi.json", None, None).await?;
    ensure!(status == 200, "the document: {status} {document}");
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().context("a document without paths")? {
        for (method, operation) in item.as_object().context("a path without operations")? {
            operations.insert(format!("{} {path}", method.to_uppercase()), operation["x-access"].clone());
        }
    }
    Ok(operations)
}

/// The code that a caller must get.
fn expected(rule: &Rule, caller: &str) -> anyhow::Result<u16> {
    let code = match (rule.access.as_str(), caller) {
        ("anyone" | "signed", _) => rule.anyone,
        ("admin", "user") => Some(403),
        (_, "user") => rule.user,
        (_, "admin") => rule.admin,
        _ => Some(401),
    };
    code.with_context(|| format!("the rule of {} does not say what {caller} gets", rule.operation))
}

#[apply(every_system)]
#[tokio::test]
async fn every_operation_answers_every_caller_as_its_rule_says(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let api = stage.api()?;
        let (mut documented, refused) = (operations(&api).await?, refused(stage, &api).await?);
        for (number, rule) in rules()?.iter().enumerate() {
            let access = documented.remove(&rule.operation);
            ensure!(access == Some(json!(rule.access)), "{}: documented for {access:?}", rule.operation);
            let mut callers = refused.clone();
            callers.push(("user", Some(new_user(&api, &format!("user{number}")).await?)));
            // one of its own for each operation: a logout ends it
            callers.push(("admin", Some(new_admin(&api).await?)));
            for (caller, token) in callers {
                let (status, answer) = rule.ask(&api, token.as_deref()).await?;
                let expected = expected(rule, caller)?;
                ensure!(status == expected, "{} as {caller}: {status}, not {expected}: {answer}", rule.operation);
            }
        }
        ensure!(documented.is_empty(), "no rule for {documented:?}");
        Ok(())
    })
    .await
}
