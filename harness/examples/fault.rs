//! Cuts the network of a VPS for a while, as it happens to servers: `cargo run -p harness --example fault`.

use std::time::Duration;

use harness::ssh::Session;
use harness::{Fault, TestEnv};

#[tokio::main]
async fn main() -> harness::Result<()> {
    let env = TestEnv::open().await?;
    let vps = env.vps("debian", "12")?.start(&env).await?;

    vps.inject(&env, Fault::Cut).await?;
    println!("what is wrong: {:?}", vps.faults(&env).await?);
    let login = async || Session::connect(&vps.target(), Duration::from_secs(3)).await;
    println!("somebody can log in: {}", login().await.is_ok());
    // the engine needs no network to look inside
    println!("{} lives", vps.run_by_engine("hostname", Duration::from_secs(10)).await?.trim());

    vps.clear(&env).await?;
    println!("after clear somebody can log in: {}", login().await.is_ok());

    vps.close().await?;
    env.close().await
}
