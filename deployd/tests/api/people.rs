//! Users and variables over the interface.

use axum::http::{Method, StatusCode, header};
use deployd::auth::Level;
use serde_json::{Value, json};

use super::*;

const ANN: &str = r#"{"username":"ann","password":"correct horse"}"#;

impl Daemon {
    async fn as_token(&self, token: &Value, method: Method, path: &str) -> (StatusCode, Value) {
        let authorization = format!("Bearer {}", token.as_str().unwrap());
        envelope(self.send(&method, path, Some(&authorization), "").await).await
    }

    async fn log_in(&self, body: &str) -> (StatusCode, Value) {
        let (status, answer) = envelope(self.send(&Method::POST, "/user/login", None, body).await).await;
        (status, answer["data"]["token"].clone())
    }
}

#[tokio::test]
async fn a_user_comes_logs_in_and_out_and_goes() {
    let daemon = Daemon::new();
    assert_eq!(daemon.admin(Method::POST, "/user/add", ANN).await.0, StatusCode::CREATED);
    assert_eq!(daemon.admin(Method::POST, "/user/add", ANN).await.0, StatusCode::CONFLICT);
    let (_, list) = daemon.admin(Method::GET, "/user/list", "").await;
    assert_eq!(list["data"]["users"], json!(["ann"]), "{list}");
    assert_eq!(list["data"]["details"][0]["admin"], false, "{list}");
    assert!(!list.to_string().contains("argon2"), "{list}");

    let (status, first) = daemon.log_in(ANN).await;
    assert_eq!(status, StatusCode::OK);
    let (_, second) = daemon.log_in(ANN).await;
    let (status, answer) = daemon.as_token(&first, Method::GET, "/user/validate").await;
    assert_eq!((status, &answer["data"]["username"]), (StatusCode::OK, &json!("ann")));
    assert_eq!(daemon.as_token(&first, Method::POST, "/user/logout").await.0, StatusCode::OK);
    assert_eq!(daemon.as_token(&first, Method::GET, "/user/validate").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(daemon.as_token(&second, Method::GET, "/user/validate").await.0, StatusCode::OK);
    assert_eq!(daemon.admin(Method::POST, "/user/remove", ANN).await.0, StatusCode::OK);
    assert_eq!(daemon.as_token(&second, Method::GET, "/user/validate").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(daemon.log_in(ANN).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(daemon.admin(Method::POST, "/user/remove", ANN).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_for_machines_ends_with_the_user_who_made_it() {
    let daemon = Daemon::new();
    let root = r#"{"username":"root","password":"correct horse","admin":true}"#;
    assert_eq!(daemon.admin(Method::POST, "/user/add", root).await.0, StatusCode::CREATED);
    let (_, token) = daemon.log_in(root).await;
    let (_, made) = daemon.as_token(&token, Method::GET, "/token").await;
    let made = &made["data"]["token"];
    assert_eq!(daemon.as_token(made, Method::GET, "/user/list").await.0, StatusCode::OK);
    let (status, answer) = daemon.as_token(&token, Method::POST, "/user/reset").await;
    assert_eq!((status, &answer["data"]["removed"]), (StatusCode::OK, &json!(1)));
    assert_eq!(daemon.as_token(made, Method::GET, "/user/list").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(daemon.as_token(&token, Method::GET, "/user/list").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_login_needs_the_code_once_it_is_enabled() {
    let daemon = Daemon::new();
    daemon.app.users.add("ann", "correct horse", Level::User).await.unwrap();
    let (_, token) = daemon.log_in(ANN).await;
    assert_eq!(daemon.as_token(&token, Method::POST, "/user/totp/disable").await.0, StatusCode::CONFLICT);
    let (status, enabled) = daemon.as_token(&token, Method::POST, "/user/totp/enable").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(daemon.as_token(&token, Method::POST, "/user/totp/enable").await.0, StatusCode::CONFLICT);
    let totp = &enabled["data"]["totp"];
    assert!(totp["secret"].as_str().unwrap().len() >= 32 && totp["backup_codes"].as_array().unwrap().len() >= 5);

    assert_eq!(daemon.log_in(ANN).await.0, StatusCode::EXPECTATION_FAILED);
    let with = |code: &Value| json!({"username": "ann", "password": "correct horse", "totp": code}).to_string();
    assert_eq!(daemon.log_in(&with(&json!("000000x"))).await.0, StatusCode::UNAUTHORIZED);
    let backup = with(&totp["backup_codes"][0]);
    assert_eq!(daemon.log_in(&backup).await.0, StatusCode::OK);
    assert_eq!(daemon.log_in(&backup).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(daemon.as_token(&token, Method::POST, "/user/totp/disable").await.0, StatusCode::OK);
    assert_eq!(daemon.log_in(ANN).await.0, StatusCode::OK);
}

#[tokio::test]
async fn too_many_wrong_passwords_are_told_how_long_to_wait() {
    let daemon = Daemon::new();
    let mut codes = Vec::new();
    for _ in 0..12 {
        let response = daemon.send(&Method::POST, "/user/login", None, ANN).await;
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = response.headers()[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap();
            assert!((1..=31).contains(&wait), "{wait}");
        }
        envelope(response).await;
        codes.push(status.as_u16());
    }
    assert_eq!(codes, [[401; 10].as_slice(), &[429; 2]].concat());
}

#[tokio::test]
async fn a_variable_is_set_shown_and_forgotten() {
    let daemon = Daemon::new();
    for body in [r#"{"name":"PLAIN","value":"seen"}"#, r#"{"name":"SECRET","value":"unseen","encrypt":true}"#] {
        let (status, answer) = daemon.admin(Method::POST, "/env", body).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        assert!(answer["message"].as_str().unwrap().contains("next deploy"), "{answer}");
    }
    let (_, list) = daemon.admin(Method::GET, "/env", "").await;
    let plain = json!({"name": "PLAIN", "encrypted": false, "value": "seen"});
    let secret = json!({"name": "SECRET", "encrypted": true});
    assert_eq!(list["data"]["variables"], json!([plain, secret]));
    let remove = r#"{"name":"SECRET","remove":true}"#;
    assert_eq!(daemon.admin(Method::POST, "/env", remove).await.0, StatusCode::ACCEPTED);
    assert_eq!(daemon.admin(Method::POST, "/env", remove).await.0, StatusCode::NOT_FOUND);
    assert_eq!(daemon.admin(Method::POST, "/env", r#"{"name":"A B"}"#).await.0, StatusCode::BAD_REQUEST);
    let (_, list) = daemon.admin(Method::GET, "/env", "").await;
    assert_eq!(list["data"]["variables"], json!([plain]));
}
