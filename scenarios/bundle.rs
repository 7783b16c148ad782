//! What a failure leaves: a bundle with all the evidence and without any of the secrets.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use data_encoding::BASE64;
use harness::ssh::Exec;
use harness::wait::{Seen, wait_until};
use harness::{Vps, artifacts, redact};
use rstest_reuse::apply;
use serde_json::json;

use crate::environment::set;
use crate::every_system;
use crate::support::{Stage, on_a_stage};

const PASSWORD: &str = "correct horse battery";
const SEALED: &str = "the 0wner's \"sealed\" value";
/// Written beside each secret: where it is, the secret was, too.
const MARK: &str = "marked-by-the-scenario";

/// Everything that must not be in a bundle, by its name.
async fn secrets(stage: &Stage<'_>) -> anyhow::Result<Vec<(&'static str, String)>> {
    let api = stage.api()?;
    let user = json!({ "username": "ann", "password": PASSWORD });
    let (status, answer) = api.as_admin("POST", "/user/add", Some(&user)).await?;
    ensure!(status == 201, "add a user: {status} {answer}");
    let (_, answer) = api.send("POST", "/user/login", None, Some(&user)).await?;
    let session = answer["data"]["token"].as_str().context("no token")?.to_owned();
    let (_, answer) = api.send("POST", "/user/totp/enable", Some(&session), None).await?;
    let totp = &answer["data"]["totp"];
    let backup = totp["backup_codes"][0].as_str().context("no backup code")?.to_owned();
    let codes = totp["secret"].as_str().context("no secret of the codes")?.to_owned();
    set(stage, json!({ "name": "PASSPHRASE", "value": SEALED, "encrypt": true })).await?;
    let key = stage.vps().ssh().await?.run("cat /var/lib/deployd/deploy_key").await?.stdout_text().into_owned();
    // its last line is of this key alone
    let key = key.lines().rev().nth(1).context("no deploy key")?.to_owned();
    Ok(vec![
        ("API token", stage.access.token.clone()),
        ("webhook secret", stage.access.webhook_secret.clone()),
        ("password", PASSWORD.to_owned()),
        ("session", session),
        ("secret of the codes", codes),
        ("backup code", backup),
        ("encrypted variable", SEALED.to_owned()),
        ("deploy key", key),
    ])
}

/// Makes the log of a container, the journal and the list of processes tell all of them, as a careless program does.
async fn spill(vps: &Vps, secrets: &[(&'static str, String)]) -> anyhow::Result<()> {
    let session = vps.ssh().await?;
    let mut text = String::new();
    for (name, secret) in secrets {
        let encoded = BASE64.encode(secret.as_bytes());
        writeln!(text, "{MARK} {name}: {secret}; again {encoded}; {}", json!(secret))?;
    }
    let image = session.run("docker inspect --format '{{.Image}}' deployd").await?.stdout_text().trim().to_owned();
    let log = "f=$(mktemp) && cat > $f && docker run --detach --name spill --volume $f:/spilt:ro --entrypoint /bin/cat";
    session.run_with(&format!("{log} {image} /spilt"), Exec::new().stdin(text.clone())).await?;
    session
        .run_with(
            "if command -v logger; then logger --tag spill; else cat >> /var/log/syslog; fi",
            Exec::new().stdin(text),
        )
        .await?;
    let spilt = wait_until(Duration::from_secs(30), "the container to have told it", || async {
        match session.exec("docker logs spill 2>&1").await {
            Ok(output) if output.stdout_text().contains(MARK) => Seen::Ready(()),
            Ok(output) => Seen::NotYet(output.stdout_text().into_owned()),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(spilt.await?)
}

/// Searches every file of a bundle for every secret, as it is and as JSON and base64 write it.
fn holds_none(dir: &Path, secrets: &[(&'static str, String)]) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        for (name, secret) in secrets {
            for form in [secret.clone(), json!(secret).to_string(), BASE64.encode(secret.as_bytes())] {
                ensure!(!text.contains(&form), "the {name} is in {}", path.display());
            }
        }
        ensure!(!text.contains("PRIVATE KEY-----\n"), "a private key is in {}", path.display());
    }
    Ok(())
}

/// Checks that what helps is there.
fn holds_evidence(dir: &Path, by_ssh: bool) -> anyhow::Result<()> {
    for (file, words) in [
        ("failure.txt", "made up"),
        ("containers.txt", "spill"),
        ("container-logs.txt", MARK),
        ("container-logs.txt", redact::STRUCK_OUT),
        ("deployd.txt", "deployd serves"),
        ("network-rules.txt", "DOCKER"),
        ("versions.txt", "Version"),
        ("transcript.txt", "docker logs spill"),
    ] {
        let text = std::fs::read_to_string(dir.join(file)).with_context(|| format!("{file} is missing"))?;
        ensure!(text.contains(words), "{file} without {words:?}: {text}");
    }
    ensure!(dir.join("ssh.txt").exists() != by_ssh, "ssh.txt tells something else than what was so");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn a_bundle_has_the_evidence_and_no_secret_with_ssh_and_without(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let (vps, secrets) = (stage.vps(), secrets(stage).await?);
        spill(vps, &secrets).await?;
        let failure = format!("made up: {PASSWORD} with {}", stage.access.token);
        let dir = tempfile::tempdir()?;
        artifacts::collect(vps, dir.path(), &failure).await;
        holds_none(dir.path(), &secrets)?;
        holds_evidence(dir.path(), true)?;

        vps.ssh().await?.close().await;
        let shut = "iptables --insert INPUT --protocol tcp --dport 22 --jump REJECT";
        vps.run_by_engine(shut, Duration::from_secs(20)).await?;
        let dir = tempfile::tempdir()?;
        artifacts::collect(vps, dir.path(), &failure).await;
        holds_none(dir.path(), &secrets)?;
        holds_evidence(dir.path(), false)
    })
    .await
}
