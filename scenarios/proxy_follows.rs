//! A public proxy that follows the machine's containers, and has no way to the engine.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use harness::ssh::{Exec, Session};
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Stage, fixture, on_a_stage};

/// How long a route may take to follow a container.
const DEADLINE: Duration = Duration::from_mins(1);
/// Requests to the engine, made where the generator makes its own: `METHOD PATH` of each line, and the status that came.
const ASK: &str = r#"
import http.client, socket
class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/engine/docker.sock")
def ask(method, path):
    engine = Engine("engine", timeout=20)
    engine.request(method, path)
    print(method, path.split("?")[0], engine.getresponse().status)
"#;

/// Asks the proxy for a name twelve times; answers how often which container answered, or what else was told.
async fn ask(ssh: &Session, stage: &Stage<'_>) -> anyhow::Result<BTreeMap<String, usize>> {
    let url = format!("http://{}:{}/", stage.vps().info().address, stage.project.settings.port);
    let once = format!("curl -sS --max-time 10 -H 'Host: shop.example' -w ' HTTP %{{http_code}}\\n' {url}");
    let told = ssh.run(&format!("for _ in $(seq 12); do {once} | tr '\\n' ' '; echo; done")).await?;
    let mut counts = BTreeMap::new();
    for line in told.stdout_text().lines() {
        let answer = line.split_once("host ").map_or(line, |(_, host)| host).trim();
        *counts.entry(answer.to_owned()).or_default() += 1;
    }
    Ok(counts)
}

/// Waits until the name leads to exactly these containers, each as often as the others.
async fn leads_to(ssh: &Session, stage: &Stage<'_>, expected: &[&str]) -> anyhow::Result<()> {
    let names = if expected.is_empty() { "no container".to_owned() } else { expected.join(" and ") };
    let expected: BTreeMap<String, usize> = if expected.is_empty() {
        [("no container has this name  HTTP 404".to_owned(), 12)].into()
    } else {
        expected.iter().map(|name| (format!("{name}  HTTP 200"), 12 / expected.len())).collect()
    };
    let led = wait_until(DEADLINE, format!("the route to lead to {names}"), || async {
        match ask(ssh, stage).await {
            Ok(counts) if counts == expected => Seen::Ready(()),
            Ok(counts) => Seen::NotYet(format!("{counts:?}")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(led.await?)
}

/// Checks what the parts of the proxy can do to the engine.
async fn parts_are_apart(ssh: &Session) -> anyhow::Result<()> {
    let of = |service: &str| format!("$(docker ps -q --filter label=deployd.service={service})");
    let sockets = ssh.run(&format!("docker exec {} find / -path /proc -prune -o -type s -print", of("proxy"))).await?;
    ensure!(sockets.stdout.is_empty(), "the public proxy has sockets: {}", sockets.stdout_text());

    let shop = ssh.run("docker inspect --format '{{.Id}}' one").await?.stdout_text().trim().to_owned();
    let (look, list) = (format!("/containers/{shop}/json"), "/containers/json".to_owned());
    let mut expected = vec![("GET", list.clone(), 200), ("GET", look, 200), ("POST", list, 403)];
    for (method, path) in [
        ("POST", format!("/containers/{shop}/stop")),
        ("POST", "/v1.40/containers/create".to_owned()),
        ("DELETE", format!("/containers/{shop}?force=1")),
        ("GET", format!("/containers/{shop}/attach/ws")),
    ] {
        expected.push((method, path, 403));
    }
    let asked: Vec<String> = expected.iter().map(|(method, path, _)| format!("ask({method:?}, {path:?})\n")).collect();
    let python = format!("docker exec -i {} python3 -", of("generator"));
    let told = ssh.run_with(&python, Exec::new().stdin([ASK, &asked.concat()].concat())).await?;
    let status = |line: &str| line.rsplit(' ').next().and_then(|status| status.parse::<u16>().ok());
    let told = told.stdout_text().into_owned();
    let statuses: Vec<Option<u16>> = told.lines().map(status).collect();
    let wanted: Vec<Option<u16>> = expected.iter().map(|(_, _, status)| Some(*status)).collect();
    ensure!(statuses == wanted, "the filter before the engine lets through what it must not, or too little:\n{told}");
    Ok(())
}

/// A route appears when a container with `VIRTUAL_HOST` starts, takes turns when there are two, goes when they stop. The public
/// proxy has no socket; what writes its routes can look at the engine through a filter, and change nothing.
#[apply(every_system)]
#[tokio::test]
async fn a_proxy_follows_containers_through_a_filter_that_lets_nobody_change_them(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "proxy-follows", async |stage| {
        stage.deploy().await?;
        let ssh = stage.vps().ssh().await?;
        ssh.upload(&fixture("dockerfile-web"), "/srv/shop").await?;
        ssh.run("DOCKER_BUILDKIT=0 docker build --quiet --tag shop /srv/shop").await?;
        leads_to(&ssh, stage, &[]).await?;

        let run = async |name: &str| {
            let wants = "--env VIRTUAL_HOST=shop.example --env VIRTUAL_PORT=8080 --network followed";
            ssh.run(&format!("docker run --detach --name {name} --hostname {name} {wants} shop")).await
        };
        run("one").await?;
        leads_to(&ssh, stage, &["one"]).await?;
        parts_are_apart(&ssh).await?;
        run("two").await?;
        leads_to(&ssh, stage, &["one", "two"]).await?;
        ssh.run("docker stop one").await?;
        leads_to(&ssh, stage, &["two"]).await?;
        ssh.run("docker stop two").await?;
        leads_to(&ssh, stage, &[]).await?;
        ssh.run("docker start one").await?;
        leads_to(&ssh, stage, &["one"]).await
    })
    .await
}
