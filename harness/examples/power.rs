//! A small VPS that is rebooted and turned off and on: `cargo run -p harness --example power`.

use harness::{Size, TestEnv};

#[tokio::main]
async fn main() -> harness::Result<()> {
    let env = TestEnv::open().await?;
    // `"small".parse()` is a size as providers sell it, with a disk of its own
    let size = Size { memory: Some(512 << 20), cpus: Some(1.0), ..Size::default() };
    let vps = env.vps("debian", "12")?.with_size(size).start(&env).await?;
    let seen = "nproc; grep MemTotal /proc/meminfo";
    println!("{}", vps.ssh().await?.run(seen).await?.stdout_text());

    vps.ssh().await?.run("echo kept >/srv/note").await?;
    let first = vps.boot_id().await?;
    vps.reboot().await?;
    assert_ne!(vps.boot_id().await?, first, "it is another boot");

    vps.stop().await?;
    println!("off: {}", vps.check_running("log in").await.is_err());
    vps.start().await?;
    println!("after both: {}", vps.ssh().await?.run("cat /srv/note").await?.stdout_text().trim());

    vps.close().await?;
    env.close().await
}
