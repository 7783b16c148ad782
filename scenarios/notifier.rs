//! Messages to a chat: how each deploy ended, at an address that is told nowhere.

use std::time::Duration;

use anyhow::ensure;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;
use serde_json::json;

use crate::every_system;
use crate::support::{Stage, on_a_stage, output_of};

const SECRET: &str = "T0SECRET/B0SECRET/s3cretPartOfTheAddress";
/// How long a message may take.
const MESSAGE: Duration = Duration::from_mins(1);

/// A web server on the VPS that prints what it gets; the project's image has the language for it.
const RECEIVER: &str = r"
import http.server
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        print(self.path, self.headers['Content-Type'], body, flush=True)
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', 9099), Receiver).serve_forever()
";

/// Waits until what a container printed holds a text; answers that line.
async fn printed(stage: &Stage<'_>, container: &str, text: &str) -> anyhow::Result<String> {
    let line = wait_until(MESSAGE, format!("{container} to print {text:?}"), || async {
        match output_of(stage.vps(), &format!("docker logs {container} 2>&1")).await {
            Ok(log) => match log.lines().find(|line| line.contains(text)) {
                Some(line) => Seen::Ready(line.to_owned()),
                None => Seen::NotYet(log.lines().last().unwrap_or("nothing").to_owned()),
            },
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(line.await?)
}

/// Pushes what the checkout holds and deploys it; answers the commit and the HTTP status.
async fn up(stage: &Stage<'_>, note: &str, notification: &str) -> anyhow::Result<(String, u16)> {
    stage.checkout.write("note.txt", note)?;
    let commit = stage.checkout.commit_all(note).await?;
    stage.push().await?;
    let (status, _) =
        stage.api()?.as_admin("POST", "/up", Some(&json!({ "slack_notification_url": notification }))).await?;
    Ok((commit, status))
}

#[apply(every_system)]
#[tokio::test]
async fn a_chat_is_told_how_deploys_end_and_its_address_is_told_nowhere(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        stage.deploy().await?;
        let receiver = format!(
            "docker tag $(docker ps --filter label=deployd.role=app --format '{{{{.Image}}}}' | head -n 1) receiver && \
             docker run -d --name receiver --network host --entrypoint python3 receiver -c \"{RECEIVER}\""
        );
        output_of(stage.vps(), &receiver).await?;
        let listens = wait_until(Duration::from_mins(1), "the receiver to listen", || async {
            match output_of(stage.vps(), "ss --listening --tcp --numeric").await {
                Ok(sockets) if sockets.contains(":9099") => Seen::Ready(()),
                Ok(sockets) => Seen::NotYet(sockets),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        listens.await?;

        let (commit, status) = up(stage, "second", &format!("http://127.0.0.1:9099/services/{SECRET}")).await?;
        ensure!(status == 201, "{status}");
        let line = printed(stage, "receiver", "deploy succeeded").await?;
        let expected = format!("/services/{SECRET} application/json {{\"text\":\"deploy succeeded: ");
        ensure!(line.starts_with(&expected) && line.contains(&commit[..12]), "{line}");

        // the address is remembered
        let dockerfile = std::fs::read_to_string(stage.checkout.path().join("Dockerfile"))?;
        stage.checkout.write("Dockerfile", format!("{dockerfile}\nRUN exit 7\n"))?;
        let (broken, status) = up(stage, "third", "").await?;
        ensure!(status == 500, "{status}");
        let line = printed(stage, "receiver", "deploy failed").await?;
        ensure!(line.contains(&broken[..12]) && line.contains("build"), "{line}");

        // nobody there any more: the deploy succeeds all the same, and one line says what was missed
        output_of(stage.vps(), "docker rm --force receiver").await?;
        stage.checkout.write("Dockerfile", dockerfile)?;
        let (_, status) = up(stage, "fourth", "").await?;
        ensure!(status == 201, "{status}");
        let line = printed(stage, "deployd", "did not arrive").await?;
        ensure!(line.contains("WARN") && line.contains("refused"), "{line}");

        let log = output_of(stage.vps(), "docker logs deployd 2>&1").await?;
        let (_, status) = stage.api()?.as_admin("GET", "/status", None).await?;
        let (_, logs) = stage.api()?.as_admin("GET", "/logs?container=deployd&entries=10000", None).await?;
        let found = async |word: &str| {
            let search = format!("grep --recursive --text --files-with-matches {word} /var/lib/deployd; true");
            output_of(stage.vps(), &search).await
        };
        let (files, others) = (found("s3cretPart").await?, found(&stage.checkout.head().await?).await?);
        ensure!(others.contains("deployd.redb"), "the database is not searched: {others}");
        for (place, text) in [("log", log), ("status", status.to_string()), ("logs", logs.to_string())] {
            ensure!(text.len() > 100 && !text.contains("s3cretPart"), "the address is in the {place}: {text}");
        }
        ensure!(files.is_empty(), "the address lies in clear in {files}");
        Ok(())
    })
    .await
}
