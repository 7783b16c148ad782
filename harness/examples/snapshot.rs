//! Freezes a VPS, and starts two from the snapshot, each with an identity of its own:
//! `cargo run -p harness --example snapshot`.

use harness::TestEnv;

#[tokio::main]
async fn main() -> harness::Result<()> {
    let env = TestEnv::open().await?;
    let system = ("debian", "12");
    let first = env.vps(system.0, system.1)?.start(&env).await?;
    first.ssh().await?.run("echo prepared >/etc/prepared").await?;
    let snapshot = first.snapshot(&env, "example").await?;
    first.close().await?;

    let from_it = || Ok::<_, harness::Error>(env.vps(system.0, system.1)?.with_snapshot(&snapshot));
    let (one, another) = tokio::try_join!(from_it()?.start(&env), from_it()?.start(&env))?;
    for vps in [&one, &another] {
        let said = vps.ssh().await?.run("cat /etc/prepared /etc/machine-id").await?;
        println!("{}: {}", vps.subject(), said.stdout_text().trim().replace('\n', " "));
    }
    assert_ne!(one.host_key(), another.host_key(), "each has a host key of its own");

    tokio::try_join!(one.close(), another.close())?;
    // a snapshot stays until the next one of its name, or until the images are pruned
    env.close().await
}
