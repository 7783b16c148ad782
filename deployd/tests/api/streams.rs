//! Answers that last: they end with the session that asked for them.

use std::os::unix::net::UnixListener;
use std::path::Path;

use axum::body::BodyDataStream;
use axum::http::{Method, StatusCode};
use deployd::auth::Level;
use futures_util::StreamExt;

use super::*;

/// A repository whose build begins with a question to the engine.
fn repository(dir: &Path) {
    std::fs::write(dir.join("Dockerfile"), "FROM scratch\n").unwrap();
    for words in ["init --quiet --initial-branch main", "add .", "commit --quiet --message one"] {
        let identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"];
        let ran = std::process::Command::new("git").args(identity).args(words.split(' ')).current_dir(dir).status();
        assert!(ran.unwrap().success(), "git {words}");
    }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("nothing came in 30 s")
}

/// The rest of an answer.
async fn rest(mut body: BodyDataStream) -> String {
    let mut text = Vec::new();
    while let Some(piece) = within(body.next()).await {
        text.extend_from_slice(&piece.unwrap());
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_streamed_deploy_that_is_building_goes_on_without_whoever_logs_out() {
    let tree = tempfile::tempdir().unwrap();
    repository(tree.path());
    for path in ["/user/logout", "/user/reset"] {
        let daemon = Daemon::new();
        // an engine that hangs: it takes the connection and never says a word
        let _engine = UnixListener::bind(daemon.dir.path().join("no-engine.sock")).unwrap();
        let token = format!("Bearer {}", daemon.token(Level::Admin));
        let options = serde_json::json!({ "remote": tree.path(), "branch": "main" });
        let asked = serde_json::json!({ "stream": true, "git_options": options }).to_string();
        let response = within(daemon.send(&Method::POST, "/up", Some(&token), &asked)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body().into_data_stream();
        within(body.next()).await.unwrap().unwrap();
        assert_eq!(daemon.send(&Method::POST, path, Some(&token), "").await.status(), StatusCode::OK);
        let rest = rest(body).await;
        assert_eq!(rest.lines().last(), Some("your session has ended; the deploy goes on"), "{rest}");
        let running = daemon.app.deployer.context().store.last_deploy().unwrap().unwrap();
        assert!(running.finished_at.is_none(), "{running:?}");
    }
}

#[tokio::test]
async fn a_streamed_deploy_that_has_told_nothing_yet_is_refused_to_whoever_logs_out() {
    let daemon = Daemon::new();
    // a git host that hangs
    let host = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let token = format!("Bearer {}", daemon.token(Level::Admin));
    let options =
        serde_json::json!({ "remote": format!("http://{}/app.git", host.local_addr().unwrap()), "branch": "main" });
    let asked = serde_json::json!({ "stream": true, "git_options": options }).to_string();
    let log_out = async {
        let held = within(host.accept()).await.unwrap();
        assert_eq!(daemon.send(&Method::POST, "/user/logout", Some(&token), "").await.status(), StatusCode::OK);
        held
    };
    let (response, _held) = tokio::join!(daemon.send(&Method::POST, "/up", Some(&token), &asked), log_out);
    let (status, answer) = envelope(response).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("your session has ended"), "{answer}");
}
