//! Starts a VPS and runs a command on it: `cargo run -p harness --example run_a_command`.

use harness::TestEnv;

#[tokio::main]
async fn main() -> harness::Result<()> {
    let env = TestEnv::open().await?;
    let vps = env.vps("debian", "12")?.start(&env).await?;
    println!("{} is at {}", vps.subject(), vps.info().address);

    let session = vps.ssh().await?;
    // `run` takes any other status than 0 for an error, `exec` leaves it to the caller
    let release = session.run("cat /etc/os-release").await?;
    println!("{}", release.stdout_text().lines().next().unwrap_or_default());
    let absent = session.exec("systemctl is-active docker").await?;
    println!("docker is {} ({})", absent.stdout_text().trim(), absent.status);

    vps.close().await?;
    env.close().await
}
