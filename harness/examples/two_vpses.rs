//! Two VPSes of different systems, started at once, that reach each other: `cargo run -p harness --example two_vpses`.

use harness::TestEnv;

#[tokio::main]
async fn main() -> harness::Result<()> {
    let env = TestEnv::open().await?;
    let (web, client) = (env.vps("debian", "12")?.with_name("web"), env.vps("debian", "13")?.with_name("client"));
    let (web, client) = tokio::try_join!(web.start(&env), client.start(&env))?;

    // each has an address of its own in a network that they share, as servers of one provider have
    let to_web = format!("timeout 10 bash -c 'head -1 </dev/tcp/{}/22'", web.info().address);
    let greeting = client.ssh().await?.run(&to_web).await?;
    println!("{} sees {}: {}", client.subject(), web.subject(), greeting.stdout_text().trim());

    tokio::try_join!(web.close(), client.close())?;
    env.close().await
}
