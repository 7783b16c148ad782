//! Who gets what: every operation of the OpenAPI document, asked by every kind of caller.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode, header};
use data_encoding::BASE64URL_NOPAD;
use deployd::auth::OPERATOR;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    operation: String,
    access: String,
    body: Option<String>,
    anyone: Option<u16>,
    user: Option<u16>,
    admin: Option<u16>,
    no_engine: Option<u16>,
}

/// The operations of the document, such as `GET /status`.
async fn operations(daemon: &Daemon) -> BTreeMap<String, Value> {
    let response = daemon.send(&Method::GET, "/openapi.json", None, "").await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let named = move |(method, operation): (&String, &Value)| {
            (format!("{} {path}", method.to_uppercase()), operation.clone())
        };
        item.as_object().unwrap().iter().map(named)
    });
    operations.collect()
}

/// The claims of a token, signed anew with another key: everything about it is right but the signature.
fn forged(token: &str, key: &[u8]) -> String {
    let claims = BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(key)).unwrap()
}

/// Every value of the header Authorization that lets nobody in.
fn refused(daemon: &Daemon, other: &Daemon) -> Vec<(&'static str, Option<String>)> {
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let (valid, ended) = (daemon.token(Level::Admin), daemon.token(Level::Admin));
    daemon.app.tokens.end(&ended).unwrap();
    let expired = daemon.app.tokens.issue("ann", Level::Admin, Duration::ZERO).unwrap();
    let unsigned = BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
    let unsigned = format!("{unsigned}.{}.", valid.split('.').nth(1).unwrap());
    vec![
        ("no token", None),
        ("no bearer", Some("Basic YTpi".to_owned())),
        ("garbage", bearer("garbage")),
        ("empty", bearer("")),
        ("expired", bearer(&expired)),
        ("logged out", bearer(&ended)),
        ("another machine's", bearer(&other.token(Level::Admin))),
        ("signed with another key", bearer(&forged(&valid, &[7; 32]))),
        ("signed with a word", bearer(&forged(&valid, b"secret"))),
        ("signed with zeros", bearer(&forged(&valid, &[0; 32]))),
        ("signed with nothing", bearer(&forged(&valid, b""))),
        ("unsigned", bearer(&unsigned)),
    ]
}

#[tokio::test]
async fn every_operation_answers_every_caller_as_its_rule_says() {
    let rules: Rules = toml::from_str(include_str!("../access.toml")).unwrap();
    let (other, documented) = (Daemon::new(), operations(&Daemon::new()).await);
    let ruled: Vec<&String> = rules.rule.iter().map(|rule| &rule.operation).collect();
    for operation in documented.keys() {
        assert!(ruled.contains(&operation), "{operation} has no rule in tests/access.toml");
    }
    for rule in &rules.rule {
        let operation = documented.get(&rule.operation);
        let operation = operation.unwrap_or_else(|| panic!("{} is not in the document", rule.operation));
        let daemon = Daemon::new();
        daemon.app.users.add("ann", "correct horse", Level::User).await.unwrap();
        let mut callers = refused(&daemon, &other);
        let operator = daemon.app.tokens.issue(OPERATOR, Level::Admin, Duration::from_mins(1)).unwrap();
        callers.push(("user", Some(format!("Bearer {}", daemon.token(Level::User)))));
        callers.push(("admin", Some(format!("Bearer {operator}"))));
        for (caller, authorization) in callers {
            check(&daemon, rule, operation, caller, authorization.as_deref()).await;
        }
    }
}

async fn check(daemon: &Daemon, rule: &Rule, operation: &Value, caller: &str, authorization: Option<&str>) {
    let let_in = |code: Option<u16>| rule.no_engine.or(code);
    let expected = match (rule.access.as_str(), caller) {
        ("anyone" | "signed", _) => rule.anyone,
        ("user", "user") => let_in(rule.user),
        ("admin", "user") => Some(403),
        ("user" | "admin", "admin") => let_in(rule.admin),
        ("user" | "admin", _) => Some(401),
        (access, _) => panic!("{}: there is no access {access}", rule.operation),
    };
    let name = format!("{} with {caller}", rule.operation);
    let expected = expected.unwrap_or_else(|| panic!("the rule does not say the code of {name}"));
    assert_eq!(operation["x-access"], rule.access, "{name}");
    let secured = operation["security"].as_array().map(Vec::len);
    assert_eq!(secured, Some(usize::from(rule.access != "anyone")), "{name}: {}", operation["security"]);

    let (method, path) = rule.operation.split_once(' ').unwrap();
    let body = rule.body.as_deref().unwrap_or("{}");
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let response = daemon.send(&method, path, authorization, body).await;
    assert_eq!(response.status(), expected, "{name}");
    if expected == 401 {
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer", "{name}");
        assert_eq!(envelope(response).await.0, StatusCode::UNAUTHORIZED, "{name}");
    }
    let told = operation["responses"].get(expected.to_string()).is_some();
    assert!(told || expected >= 500, "{name}: the document does not tell of {expected}");
}

#[tokio::test]
async fn the_document_and_the_routes_tell_of_the_same_methods() {
    let daemon = Daemon::new();
    let mut paths = BTreeMap::<String, Vec<String>>::new();
    for operation in operations(&daemon).await.keys() {
        let (method, path) = operation.split_once(' ').unwrap();
        let methods = paths.entry(path.to_owned()).or_default();
        methods.push(method.to_owned());
        // comes with GET by itself
        methods.extend((method == "GET").then(|| "HEAD".to_owned()));
    }
    for (path, mut methods) in paths {
        let response = daemon.send(&Method::from_bytes(b"UNKNOWN").unwrap(), &path, None, "").await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = response.headers()[header::ALLOW].to_str().unwrap().to_owned();
        let mut allowed: Vec<String> = allowed.split(',').map(|method| method.trim().to_owned()).collect();
        allowed.sort();
        methods.sort();
        assert_eq!(allowed, methods, "{path}");
    }
}

#[tokio::test]
async fn a_document_refers_to_nothing_that_it_does_not_hold() {
    let document = serde_json::to_value(deployd::api::document()).unwrap();
    let mut waiting = vec![&document];
    let mut references = 0;
    while let Some(value) = waiting.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            references += 1;
        }
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(fields) => waiting.extend(fields.values()),
            _ => {}
        }
    }
    assert!(references > 10, "{references} references");
}
