//! Reaches what listens on a VPS, for all and for the VPS alone: `cargo run -p harness --example reach_a_port`.

use std::net::TcpStream;
use std::time::Duration;

use harness::TestEnv;
use harness::wait::{Seen, wait_until};

#[tokio::main]
async fn main() -> harness::Result<()> {
    let env = TestEnv::open().await?;
    let vps = env.vps("debian", "12")?.start(&env).await?;
    let session = vps.ssh().await?;

    // no port need be published: every VPS has an address of its own
    println!("a browser or an HTTP client would take {}", vps.url(8080).await?);
    let ssh = vps.reach(22).await?;
    println!("{ssh} accepts: {}", TcpStream::connect(ssh).is_ok());

    // what listens on the VPS's loopback address alone is reached as by `ssh -L`
    session.run("systemd-run --quiet systemd-socket-activate --listen 127.0.0.1:5432 cat").await?;
    let forward = session.forward_local("localhost", 5432).await?;
    let listens = wait_until(Duration::from_secs(10), "port 5432 to listen", async || {
        match session.exec("ss -ltn | grep -q 127.0.0.1:5432").await {
            Ok(output) if output.success() => Seen::Ready(()),
            other => Seen::NotYet(format!("{other:?}")),
        }
    });
    println!("listens: {}", listens.await.is_ok());
    println!("{} accepts: {}", forward.local_addr(), TcpStream::connect(forward.local_addr()).is_ok());

    vps.close().await?;
    env.close().await
}
