//! Users of the daemon: codes work once, who is removed is out, guessing is slowed, a restart forgets none of it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use data_encoding::BASE32_NOPAD;
use harness::deployer::Api;
use rstest_reuse::apply;
use serde_json::{Value, json};
use totp_rs::Builder;

use crate::every_system;
use crate::support::on_a_stage;

const PASSWORD: &str = "correct horse";

/// Logs in; answers the code and the token, if there is one.
async fn log_in(api: &Api<'_>, name: &str, password: &str, code: Option<&str>) -> anyhow::Result<(u16, String)> {
    let body = json!({ "username": name, "password": password, "totp": code });
    let (status, answer) = api.send("POST", "/user/login", None, Some(&body)).await?;
    Ok((status, answer["data"]["token"].as_str().unwrap_or_default().to_owned()))
}

/// The code that GET /user/validate answers to a token.
async fn validate(api: &Api<'_>, token: &str) -> anyhow::Result<u16> {
    Ok(api.send("GET", "/user/validate", Some(token), None).await?.0)
}

async fn add(api: &Api<'_>, name: &str) -> anyhow::Result<()> {
    let user = json!({ "username": name, "password": PASSWORD });
    let (status, answer) = api.as_admin("POST", "/user/add", Some(&user)).await?;
    ensure!(status == 201, "add {name}: {status} {answer}");
    Ok(())
}

/// The code that a device with this secret shows now.
pub fn shown_now(secret: &str) -> anyhow::Result<String> {
    let device = Builder::new().with_secret(BASE32_NOPAD.decode(secret.as_bytes())?).build()?;
    Ok(device.generate(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()).to_string())
}

#[apply(every_system)]
#[tokio::test]
async fn codes_work_once_removed_users_are_out_and_guessing_is_slowed(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let api = stage.api()?;
        add(&api, "ann").await?;
        add(&api, "bob").await?;
        let (_, ann) = log_in(&api, "ann", PASSWORD, None).await?;
        let (_, bob) = log_in(&api, "bob", PASSWORD, None).await?;
        let (status, answer) = api.send("POST", "/user/totp/enable", Some(&ann), None).await?;
        ensure!(status == 200, "enable codes: {status} {answer}");
        let totp = &answer["data"]["totp"];
        let (used, unused) = each_code_works_once(&api, totp).await?;

        stage.restart_daemon().await?;
        for (name, token) in [("ann", &ann), ("bob", &bob)] {
            let status = validate(&api, token).await?;
            ensure!(status == 200, "the session of {name} after a restart: {status}");
        }
        let status = log_in(&api, "ann", PASSWORD, Some(&used)).await?.0;
        ensure!(status == 401, "a used backup code after a restart: {status}");
        let status = log_in(&api, "ann", PASSWORD, Some(&unused)).await?.0;
        ensure!(status == 200, "a backup code after a restart: {status}");

        let (status, answer) = api.as_admin("POST", "/user/remove", Some(&json!({ "username": "ann" }))).await?;
        ensure!(status == 200, "remove ann: {status} {answer}");
        ensure!(validate(&api, &ann).await? == 401, "ann's token is valid after she was removed");
        ensure!(validate(&api, &bob).await? == 200, "bob's token ended with ann");
        stage.restart_daemon().await?;
        ensure!(validate(&api, &ann).await? == 401, "ann's token is valid again after a restart");
        ensure!(validate(&api, &bob).await? == 200, "bob's token ended with a restart");
        guessing_is_slowed(&api).await
    })
    .await
}

/// Answers a backup code that was used and one that was not.
async fn each_code_works_once(api: &Api<'_>, totp: &Value) -> anyhow::Result<(String, String)> {
    let missing = log_in(api, "ann", PASSWORD, None).await?.0;
    ensure!(missing == 417, "a login without a code: {missing}");
    let shown = shown_now(totp["secret"].as_str().context("no secret")?)?;
    let backup = totp["backup_codes"].as_array().context("no backup codes")?;
    let mut codes: Vec<String> = backup.iter().filter_map(|code| code.as_str().map(str::to_owned)).collect();
    let unused = codes.pop().context("no backup code")?;
    let used = codes.first().context("one backup code only")?.clone();
    for code in std::iter::once(shown).chain(codes) {
        let (first, second) =
            (log_in(api, "ann", PASSWORD, Some(&code)).await?.0, log_in(api, "ann", PASSWORD, Some(&code)).await?.0);
        ensure!((first, second) == (200, 401), "{code} for the first and the second time: {first}, {second}");
    }
    Ok((used, unused))
}

async fn guessing_is_slowed(api: &Api<'_>) -> anyhow::Result<()> {
    let mut codes = Vec::new();
    // some more than are allowed at once: on a slow machine the first ones come back before the last is tried
    while codes.len() < 60 && codes.last() != Some(&429) {
        codes.push(log_in(api, "bob", "wrong horse", None).await?.0);
    }
    let refused = codes.pop();
    ensure!(refused == Some(429) && codes.len() >= 5, "wrong passwords: {codes:?}, {refused:?}");
    ensure!(codes.iter().all(|code| *code == 401), "wrong passwords: {codes:?}");
    let right = json!({ "username": "bob", "password": PASSWORD });
    let (status, answer) = api.send("POST", "/user/login", None, Some(&right)).await?;
    ensure!(status == 429, "the right password gets through among wrong ones: {status} {answer}");
    ensure!(answer.to_string().contains("try again in"), "how long it is slowed is not told: {answer}");
    let (status, _) = api.as_admin("GET", "/user/list", None).await?;
    ensure!(status == 200, "the admin is kept out with the one who guesses: {status}");
    Ok(())
}
