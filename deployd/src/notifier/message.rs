//! The words about a deploy.

use crate::store::{Deploy, MemoryUsedUp, Outcome};

/// How long a message may be; chats cut longer ones.
const LONGEST: usize = 2000;

/// What is told about a deploy that has ended.
pub(super) fn message(deploy: &Deploy) -> String {
    let what = version(deploy);
    let text = if deploy.outcome == Outcome::Succeeded {
        let port = deploy.serving.as_ref().map(|serving| format!(" serves on port {}", serving.port));
        format!("deploy succeeded: {what}{}", port.unwrap_or_default())
    } else {
        let (stage, error) = (deploy.stage.as_deref(), deploy.error.as_deref());
        format!("deploy failed: {what}: {}: {}", stage.unwrap_or("unknown"), error.unwrap_or("no cause is known"))
    };
    escaped(&text.chars().take(LONGEST).collect::<String>())
}

/// What is told about a version that used up its memory while it served.
pub(super) fn out_of_memory(deploy: &Deploy, used_up: &MemoryUsedUp) -> String {
    let (what, container) = (version(deploy), &used_up.container);
    let limit = used_up.memory_mib.map_or_else(|| "memory".to_owned(), |mib| format!("{mib} MiB of memory"));
    let text = format!("out of memory: {what}: {container} used up its {limit}; what ended is started again");
    escaped(&text.chars().take(LONGEST).collect::<String>())
}

/// A version in words.
fn version(deploy: &Deploy) -> String {
    let commit = deploy.commit_hash.as_deref().map(|hash| format!(" at {}", hash.get(..12).unwrap_or(hash)));
    let title = deploy.commit_message.as_deref().and_then(|message| message.lines().next());
    let title = title.map(|title| format!(" ({title})")).unwrap_or_default();
    format!("{} {}{}{title}", deploy.project, deploy.branch, commit.unwrap_or_default())
}

/// The three characters that Slack gives a meaning to.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn deploy(outcome: Outcome) -> Deploy {
        Deploy {
            id: "01".into(),
            project: "app".into(),
            branch: "main".into(),
            commit_hash: Some("0123456789abcdef".into()),
            commit_message: Some("Fix <it> & more\n\nbody".into()),
            build_type: None,
            outcome,
            stage: Some("build".into()),
            error: Some("build with Dockerfile: exit code 1".into()),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: None,
            serving: None,
            built_by: None,
        }
    }

    #[test]
    fn a_message_names_commit_and_cause() {
        let told = message(&deploy(Outcome::Failed));
        let expected = "deploy failed: app main at 0123456789ab (Fix &lt;it&gt; &amp; more): build: \
                        build with Dockerfile: exit code 1";
        assert_eq!(told, expected);
        assert!(message(&deploy(Outcome::Succeeded)).starts_with("deploy succeeded: app main at 0123456789ab"));
    }
}
