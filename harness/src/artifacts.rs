//! The failure bundle: what a person wants to look at when a scenario failed, taken before the VPS goes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;

use crate::redact::{learn, strike_out};
use crate::ssh::{Exec, Session};
use crate::story;
use crate::vps::Vps;
use crate::workspace::write_whole;

/// The file that says why it failed.
pub const FAILURE: &str = "failure.txt";
/// The file with the story as a text.
pub const TRANSCRIPT: &str = "transcript.txt";
/// The file with what the scenario printed, which its runner writes.
pub const OUTPUT: &str = "output.txt";

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// File name and the command on the VPS that fills it, in the order in which a person looks at them.
pub(crate) const LOOKS: [(&str, &str); 12] = [
    ("deployd.txt", "docker logs --tail 3000 deployd 2>&1"),
    ("containers.txt", "docker ps --all --no-trunc; docker images; docker network ls; docker volume ls"),
    (
        "container-logs.txt",
        "for it in $(docker ps --all --quiet); do docker inspect --format '== {{.Name}}' $it; docker logs --tail 500 $it 2>&1; done",
    ),
    ("journal.txt", "journalctl --no-pager --lines=2000 || tail -n 2000 /var/log/syslog /var/log/messages"),
    ("network-rules.txt", "nft list ruleset; echo '== iptables'; iptables-save; ip6tables-save"),
    ("network.txt", "ip addr; ip route; cat /etc/resolv.conf; ss -tlnp"),
    ("units.txt", "systemctl --no-pager --failed; systemctl --no-pager list-units"),
    ("processes.txt", "ps auxf"),
    ("disk.txt", "df -h; df -i; mount"),
    ("memory.txt", "free -m; cat /proc/loadavg"),
    (
        "versions.txt",
        "cat /etc/os-release; uname -a; docker version; docker compose version || docker-compose version; \
         git --version; docker inspect --format '{{.Config.Image}} {{.Image}}' deployd",
    ),
    ("time.txt", "date --iso-8601=seconds; uptime"),
];

/// Prints what lets somebody in and was made on the VPS, for it to be struck out: the daemon's keys, as text and as logs
/// would show bytes.
const SECRETS: &str = "cd /var/lib/deployd 2>/dev/null || exit 0; cat deploy_key tls/key.pem 2>/dev/null; \
    for it in signing.key environment.key; do base64 -w 0 $it; echo; od -An -v -tx1 $it | tr -d ' \\n'; echo; done 2>/dev/null";

/// Where the bundle of this process's scenario goes, if one is asked for.
#[must_use]
pub fn bundle_dir() -> Option<PathBuf> {
    std::env::var_os("TESTENV_BUNDLE_DIR").map(PathBuf::from)
}

/// Writes the bundle into `dir`. What cannot be had is said in its place: a failing VPS is no reason to fail again.
///
/// It looks by SSH, and by the engine where SSH is what is broken.
pub async fn collect(vps: &Vps, dir: &Path, failure: &str) {
    story::end();
    keep(dir, FAILURE, failure);
    let session = vps.ssh_within(PATIENCE).await;
    if let Err(error) = &session {
        keep(dir, "ssh.txt", &error.to_string());
    }
    let session = session.ok();
    // a line with a space is the word of an error, and no key
    look(vps, session.as_ref(), SECRETS).await.lines().filter(|line| !line.contains(' ')).for_each(learn);
    // again: now its secrets are known
    keep(dir, FAILURE, failure);
    if let Some(story) = bundle_dir() {
        keep(dir, TRANSCRIPT, &story::transcript(&story::read(&story)));
    }
    if let Ok(info) = serde_json::to_string_pretty(vps.info()) {
        keep(dir, "vps.json", &info);
    }
    keep(dir, "container.txt", &container(vps).await);
    let looks = LOOKS.map(async |(file, command)| keep(dir, file, &look(vps, session.as_ref(), command).await));
    join_all(looks).await;
}

/// What a command on the VPS prints, or why there is nothing.
async fn look(vps: &Vps, session: Option<&Session>, command: &str) -> String {
    let mut broken = String::new();
    if let Some(session) = session {
        let exec = Exec::new().deadline(PATIENCE).keep_last(4 << 20);
        match session.exec_with(command, exec).await {
            Ok(output) => return format!("{}{}", output.stdout_text(), output.stderr_text()),
            Err(error) => broken = format!("{error}\n"),
        }
    }
    let seen = vps.run_by_engine(command, PATIENCE).await.unwrap_or_else(|error| error.to_string());
    format!("{broken}{seen}")
}

/// The state of the VPS's container, and what its PID 1 wrote.
async fn container(vps: &Vps) -> String {
    let state = match vps.state().await {
        Ok(state) => format!("state: {state:?}\n"),
        Err(error) => format!("{error}\n"),
    };
    let lines = vps.container_log(false).map(|line| line.map_or_else(|error| error.to_string(), |line| line.0));
    let log = tokio::time::timeout(PATIENCE, lines.collect::<String>()).await;
    format!("{state}{}", log.unwrap_or_else(|_| "its log does not end".to_owned()))
}

/// Writes a text into a bundle, without secrets.
pub fn keep(dir: &Path, file: &str, text: &str) {
    if let Err(error) = write_whole(&dir.join(file), &strike_out(text)) {
        tracing::warn!("no {file} in the bundle: {error}");
    }
}

/// What a runner does with the folder of a scenario that has ended: one that failed keeps all of it, with what it printed,
/// and any other its story in short. No secret of the scenario stays in it.
pub(crate) fn settle(dir: &Path, failed: Option<&str>, secrets: &crate::redact::Secrets) -> crate::Result<()> {
    match failed {
        Some(printed) => write_whole(&dir.join(OUTPUT), printed)?,
        None => story::shorten(dir)?,
    }
    secrets.clean(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secrets;

    #[test]
    fn a_failed_scenario_keeps_everything_and_a_passed_one_its_steps_neither_of_them_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let mut secrets = Secrets::default();
        secrets.learn(["correct horse"]);
        keep(dir.path(), FAILURE, "Authorization: Bearer abc\nlogged in with correct horse");
        let read = |file| std::fs::read_to_string(dir.path().join(file)).unwrap();
        assert_eq!(
            read(FAILURE),
            "Authorization: Bearer [struck out]\nlogged in with correct horse",
            "it is not known here"
        );

        settle(dir.path(), Some("==> correct horse\n"), &secrets).unwrap();
        assert_eq!((read(OUTPUT), read(FAILURE).contains("correct")), ("==> [struck out]\n".to_owned(), false));

        let story = "{\"n\":0,\"at_ms\":5,\"kind\":\"step\",\"text\":\"say correct horse\"}\n\
                     {\"n\":1,\"at_ms\":6,\"kind\":\"ssh\",\"text\":\"cat secrets\"}\n";
        std::fs::write(dir.path().join(story::FILE), story).unwrap();
        settle(dir.path(), None, &secrets).unwrap();
        assert_eq!(read(story::FILE), "{\"n\":0,\"at_ms\":5,\"kind\":\"step\",\"text\":\"say [struck out]\"}\n");
    }
}
