//! The failure bundle: what a person wants to look at when a scenario failed, taken before the VPS goes.

use std::path::Path;
use std::time::Duration;

use crate::ssh::Exec;
use crate::vps::Vps;

/// File name and the command on the VPS that fills it.
const LOOKS: [(&str, &str); 9] = [
    ("journal.txt", "journalctl --no-pager --lines=2000"),
    ("units.txt", "systemctl --no-pager --failed; systemctl --no-pager list-units"),
    ("processes.txt", "ps auxf"),
    ("containers.txt", "docker ps --all --no-trunc; docker images"),
    (
        "container-logs.txt",
        "for it in $(docker ps --all --quiet); do docker inspect --format '== {{.Name}}' $it; docker logs --tail 500 $it 2>&1; done",
    ),
    ("network.txt", "ip addr; ip route; cat /etc/resolv.conf; iptables-save 2>&1"),
    ("disk.txt", "df -h; df -i; mount"),
    ("memory.txt", "free -m; cat /proc/loadavg"),
    ("os-release.txt", "cat /etc/os-release; uname -a; docker version"),
];

/// Marks that something secret stood here.
const STRUCK_OUT: &str = "[struck out]";

/// Writes the bundle into `dir`. What cannot be had is said in its place: a failing VPS is no reason to fail again.
pub async fn collect(vps: &Vps, dir: &Path, failure: &str) {
    let mut texts = vec![("failure.txt", failure.to_owned())];
    if let Ok(info) = serde_json::to_string_pretty(vps.info()) {
        texts.push(("vps.json", info));
    }
    match vps.ssh_within(Duration::from_secs(15)).await {
        Ok(session) => {
            for (file, command) in LOOKS {
                let exec = Exec::new().deadline(Duration::from_secs(20)).keep_last(4 << 20);
                let text = match session.exec_with(command, exec).await {
                    Ok(output) => format!("{}{}", output.stdout_text(), output.stderr_text()),
                    Err(error) => error.to_string(),
                };
                texts.push((file, text));
            }
        }
        Err(error) => texts.push(("ssh.txt", error.to_string())),
    }
    if let Err(error) = std::fs::create_dir_all(dir) {
        tracing::warn!("no bundle: {}: {error}", dir.display());
        return;
    }
    for (file, text) in texts {
        if let Err(error) = std::fs::write(dir.join(file), strike_out(&text)) {
            tracing::warn!("no {file} in the bundle: {error}");
        }
    }
}

/// Removes what lets somebody in: tokens, private keys, secrets.
#[must_use]
pub fn strike_out(text: &str) -> String {
    let mut inside_key = false;
    let lines = text.lines().filter_map(|line| {
        if line.contains("-----BEGIN") && line.contains("PRIVATE KEY") {
            inside_key = true;
            return Some(STRUCK_OUT.to_owned());
        }
        if inside_key {
            inside_key = !line.contains("-----END");
            return None;
        }
        Some(line.split_inclusive(|c: char| c.is_whitespace() || "\"',;=".contains(c)).map(strike_word).collect())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A JSON web token, or a long run of letters and digits as secrets are made of; hashes and ids are not secret.
fn strike_word(word: &str) -> String {
    let bare = word.trim_end_matches(|c: char| c.is_whitespace() || "\"',;=".contains(c));
    let is_token = bare.starts_with("eyJ") && bare.matches('.').count() == 2;
    if is_token { word.replace(bare, STRUCK_OUT) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_private_keys_are_struck_out_and_the_rest_stays() {
        let text = "token=eyJhbGci.eyJzdWIi.c2ln rest\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\ncommit 0123456789abcdef0123456789abcdef01234567";
        let clean = strike_out(text);
        assert_eq!(clean, "token=[struck out] rest\n[struck out]\ncommit 0123456789abcdef0123456789abcdef01234567");
    }
}
