//! Who gets into a VPS, and whom a client takes it for: the right key and no password, and never another machine's host key.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use harness::ssh::{HostKey, KeyPair, Session, Target};
use harness::{Error, Vps, VpsInfo};
use rstest_reuse::apply;
use tokio::process::Command;

use crate::clients::installed;
use crate::every_system;
use crate::support::{Scenario, on_a_vps, output_of};

/// How long a login that must fail is tried.
const REFUSED: Duration = Duration::from_secs(20);

/// OpenSSH's client of this machine, with nobody to ask anything.
const CLIENT: [(&str, &str); 1] = [("ssh", "openssh-client")];

async fn openssh(words: &[String], variables: &[(&str, &Path)]) -> anyhow::Result<Output> {
    let mut command = Command::new("ssh");
    command.args(["-o", "ConnectTimeout=20"]).args(words).envs(variables.iter().copied());
    Ok(command.stdin(Stdio::null()).kill_on_drop(true).output().await?)
}

/// What it said of a login that was refused.
fn refusal(Output { status, stdout, stderr }: Output) -> anyhow::Result<String> {
    ensure!(status.code() == Some(255), "it got in ({status}): {}", String::from_utf8_lossy(&stdout));
    Ok(String::from_utf8(stderr)?)
}

/// Tries to log in as a user with a password that is the user's own.
async fn by_password(it: &Scenario, user: &str) -> anyhow::Result<()> {
    let password = format!("{:032x}", rand::random::<u128>());
    it.vps.ssh().await?.run(&format!("echo '{user}:{password}' | chpasswd")).await?;
    let folder = tempfile::tempdir()?;
    let answer = folder.path().join("answer");
    std::fs::write(&answer, format!("#!/bin/sh\necho {password}\n"))?;
    std::fs::set_permissions(&answer, std::fs::Permissions::from_mode(0o700))?;
    let ssh = &it.vps.info().ssh;
    let words = format!(
        "-F none -p {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no \
         -o PreferredAuthentications=password,keyboard-interactive -o NumberOfPasswordPrompts=1 {user}@{} true",
        ssh.port, ssh.host
    );
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    // the password comes from a program, as there is no terminal to type it at
    let variables = [("SSH_ASKPASS", answer.as_path()), ("SSH_ASKPASS_REQUIRE", Path::new("force"))];
    let said = refusal(openssh(&words, &variables).await?).with_context(|| format!("{user} by a password"))?;
    // what else the server offers (Kerberos, on the rpm family) is its own matter
    let offered = said.split_once("Permission denied (").map(|(_, rest)| rest.split(')').next().unwrap_or_default());
    let offered: Vec<&str> = offered.with_context(|| said.clone())?.split(',').collect();
    let by_word = ["password", "keyboard-interactive"].iter().any(|method| offered.contains(method));
    ensure!(offered.contains(&"publickey") && !by_word, "{user} by a password: {said}");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn the_right_key_on_an_odd_port_gets_in_and_neither_another_nor_a_password(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        installed(it, &CLIENT).await?;
        let port = it.vps.info().ssh.port;
        ensure!(port != 22, "the port is not odd");
        ensure!(output_of(&it.vps, "id -un").await? == "root");
        let user = output_of(&it.vps, "cat /var/lib/testvps/user").await?;
        let session = Session::connect(&it.vps.target().user(user.clone()), REFUSED).await?;
        ensure!(session.run("id -un").await?.stdout_text().trim() == user);

        let stranger = it.vps.target_with(KeyPair::generate()?);
        let refused = Session::connect(&stranger, REFUSED).await;
        ensure!(matches!(refused, Err(Error::Authenticate(_))), "a stranger's key: {:?}", refused.err());

        let root = output_of(&it.vps, "getent shadow root").await?;
        let password = root.split(':').nth(1).unwrap_or_default();
        ensure!(["*", "!", "!!", "!*"].contains(&password), "root has a password");
        for user in ["root", &user] {
            by_password(it, user).await?;
        }
        Ok(())
    })
    .await
}

/// A login by OpenSSH's client, which keeps the host keys of its own acquaintances in a file, by the names of their hosts.
async fn by_name(it: &Scenario, info: &VpsInfo, known: &Path) -> anyhow::Result<Output> {
    let config = it.env.workspace().dir().join("ssh_config");
    let words = [
        format!("-F{}", config.display()),
        format!("-oUserKnownHostsFile={}", known.display()),
        format!("-oHostKeyAlias={}", info.name),
        "-oStrictHostKeyChecking=accept-new".to_owned(),
        info.name.clone(),
        "hostname".to_owned(),
    ];
    openssh(&words, &[]).await
}

/// Logs in with the client's own memory of the name.
async fn gets_in(it: &Scenario, info: &VpsInfo, known: &Path) -> anyhow::Result<()> {
    let Output { status, stdout, stderr } = by_name(it, info, known).await?;
    let said = String::from_utf8_lossy(&stdout);
    ensure!(status.success() && said.trim() == info.name, "{status}: {said}{}", String::from_utf8_lossy(&stderr));
    Ok(())
}

/// Starts a VPS that the workspace keeps.
async fn kept(it: &Scenario, os: &str, version: &str, name: Option<&str>) -> anyhow::Result<(VpsInfo, String)> {
    let request = it.env.vps(os, version)?;
    let request = name.map_or(request.clone(), |name| request.with_name(name));
    let vps: Vps = request.start(&it.env).await?;
    let host_key = vps.host_key().to_owned();
    Ok((vps.keep(it.env.workspace()).await?, host_key))
}

/// A client that met the old machine refuses the new one; one that never did, and the workspace's own, accept it.
async fn refused_under_the_old_key(it: &Scenario, anew: &VpsInfo, old_key: String, known: &Path) -> anyhow::Result<()> {
    let said = refusal(by_name(it, anew, known).await?).context("by a client that knew the old machine")?;
    let changed = said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") && said.contains("verification failed");
    ensure!(changed, "it was refused for another reason: {said}");
    gets_in(it, anew, &known.with_extension("new")).await.context("by a client that is new")?;

    let target = |host_key: String| {
        let key = HostKey::Pinned(host_key);
        Ok::<_, Error>(Target::new(anew.ssh.host.to_string(), anew.ssh.port, it.env.workspace().key()?, key))
    };
    let Err(refused) = Session::connect(&target(old_key)?, REFUSED).await else {
        bail!("the harness took it for the old machine")
    };
    let told = refused.to_string();
    ensure!(matches!(refused, Error::Authenticate(_)) && told.contains("expected the host key"), "{told}");
    Ok(())
}

/// A VPS that is made anew under an old name is another machine: whoever pinned the old one's host key is not led to it.
#[apply(every_system)]
#[tokio::test]
async fn a_vps_made_anew_under_an_old_name_is_refused_by_who_pinned_the_old_host_key(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        installed(it, &CLIENT).await?;
        let folder = tempfile::tempdir()?;
        let known = folder.path().join("known_hosts");
        let (old, old_key) = kept(it, os, version, None).await?;
        let met = gets_in(it, &old, &known).await;
        it.env.remove(&old).await?;
        met?;

        let (anew, new_key) = kept(it, os, version, Some(&old.name)).await?;
        let result = async {
            ensure!(new_key != old_key, "both machines have the host key {old_key}");
            refused_under_the_old_key(it, &anew, old_key, &known).await
        };
        let result = result.await;
        it.env.remove(&anew).await?;
        result
    })
    .await
}
