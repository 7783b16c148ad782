//! Dynamic DNS: the client of the distribution tells its provider a new address, for every name and only then.

use std::net::Ipv4Addr;

use anyhow::{Context, ensure};
use harness::Vps;
use harness::probe::Client;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;
use serde::Deserialize;

use crate::every_system;
use crate::field::{SOON, install, put, start, until};
use crate::support::{Scenario, on_a_vps, output_of};

const PORT: u16 = 8053;
/// Who may change which names, as the client's settings have it.
const ACCOUNTS: &str = r#"{
    "ann": { "password": "s3cret-of-ann", "names": ["www.ann.example", "blog.ann.example"] },
    "bob": { "password": "s3cret-of-bob", "names": ["home.bob.example"] }
}"#;
const NAMES: [&str; 3] = ["blog.ann.example", "home.bob.example", "www.ann.example"];

/// A name that the provider was asked to change, to what, and the address that the asker came from.
#[derive(Debug, Deserialize)]
struct Update {
    name: String,
    address: String,
    from: String,
    answer: String,
}

/// Addresses for benchmarks of networks, which nobody has: one of 198.18.0.0/16, another of 198.19.0.0/16. A VPS's own address
/// is in them, so that those of other VPSes on this network are others.
fn spare_addresses(vps: &Vps) -> anyhow::Result<[Ipv4Addr; 2]> {
    let own: Ipv4Addr = vps.info().address.to_string().parse().context("the VPS's address is not one of IPv4")?;
    let [_, _, high, low] = own.octets();
    Ok([18, 19].map(|second| Ipv4Addr::new(198, second, high, low)))
}

/// Gives the machine an address in place of another one; whom it talks to in these networks sees it.
async fn move_to(vps: &Vps, address: Ipv4Addr, before: Option<Ipv4Addr>) -> anyhow::Result<()> {
    let leave = before.map(|before| format!(" && ip address del {before}/32 dev $dev")).unwrap_or_default();
    let change = format!(
        "dev=$(ip -4 route show default | sed 's/.* dev \\([^ ]*\\).*/\\1/') && ip address add {address}/32 dev $dev && \
         ip route replace 198.18.0.0/15 dev $dev src {address}{leave}"
    );
    output_of(vps, &change).await.map(drop)
}

/// All that the provider was asked for, each as the name and the address.
async fn updates(provider: &str) -> anyhow::Result<Vec<Update>> {
    let (status, body) = Client::new()?.get(&format!("{provider}/updates")).await?;
    ensure!(status == 200, "the provider: HTTP {status}: {body}");
    Ok(serde_json::from_str(&body)?)
}

/// Waits until the provider was told so many updates.
async fn told_updates(provider: &str, count: usize, what: &str) -> anyhow::Result<()> {
    let seen = wait_until(SOON, what, || async {
        match updates(provider).await {
            Ok(updates) if updates.len() >= count => Seen::Ready(()),
            Ok(updates) => Seen::NotYet(format!("{updates:?}")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(seen.await?)
}

/// How often the client has looked at its address.
async fn checks(vps: &Vps, more_than: usize) -> anyhow::Result<usize> {
    let count = "grep -c '^watch: checked' /var/log/dynamic-dns.log || :";
    let parse = |said: &str| said.parse::<usize>().unwrap_or_default();
    let said = until(vps, "the client to look at its address", count, |said| parse(said) > more_than).await?;
    Ok(parse(&said))
}

/// Lets something change that is not the address, and waits until the client has looked.
async fn nothing_changes(vps: &Vps, address: &str) -> anyhow::Result<()> {
    let before = checks(vps, 0).await?;
    output_of(vps, &format!("ip address add {address}/32 dev lo")).await?;
    checks(vps, before).await.map(drop)
}

/// Checks that since the first `skip` updates each name was updated once, to this address, which is the one seen.
fn each_name_once(updates: &[Update], skip: usize, address: Ipv4Addr) -> anyhow::Result<()> {
    let address = address.to_string();
    let mut names: Vec<&str> = updates.iter().skip(skip).map(|update| update.name.as_str()).collect();
    names.sort_unstable();
    ensure!(names == NAMES, "not each name was updated once to {address}: {updates:#?}");
    let good = format!("good {address}");
    let holds = |it: &Update| it.address == address && it.from == address && it.answer == good;
    ensure!(updates.iter().skip(skip).all(holds), "updated to something else than {address}: {updates:#?}");
    Ok(())
}

async fn with_a_provider(it: &Scenario, provider: &Vps) -> anyhow::Result<()> {
    put(provider, "dynamic-dns").await?;
    provider.ssh().await?.upload_bytes(ACCOUNTS.as_bytes(), "/srv/dynamic-dns/accounts.json", 0o600).await?;
    start(provider, "dynamic-dns", &format!("python3 provider.py {PORT} accounts.json")).await?;
    let [theirs, _] = spare_addresses(provider)?;
    move_to(provider, theirs, None).await?;
    let url = provider.url(PORT).await?;
    told_updates(&url, 0, "the provider to answer").await?;

    let vps = &it.vps;
    let [first, second] = spare_addresses(vps)?;
    put(vps, "dynamic-dns").await?;
    output_of(
        vps,
        &format!(
            "cd /srv/dynamic-dns && chmod 600 ddclient.conf && sed -i 's/PROVIDER/{theirs}:{PORT}/' ddclient.conf"
        ),
    )
    .await?;
    move_to(vps, first, None).await?;
    start(vps, "dynamic-dns", "./watch").await?;
    checks(vps, 0).await?;
    each_name_once(&updates(&url).await?, 0, first)?;
    nothing_changes(vps, "127.9.9.1").await?;
    each_name_once(&updates(&url).await?, 0, first)?;

    move_to(vps, second, Some(first)).await?;
    told_updates(&url, 2 * NAMES.len(), "the provider to be told the new address").await?;
    nothing_changes(vps, "127.9.9.2").await?;
    each_name_once(&updates(&url).await?, NAMES.len(), second)
}

/// Proves that ddclient tells a provider that speaks dyndns2 the new address of the machine once it has changed, once for each
/// of three names of two accounts, and tells nothing while the address is the same.
#[apply(every_system)]
#[tokio::test]
async fn a_client_tells_its_provider_the_new_address_once_for_every_name(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let start = async { anyhow::Ok(it.env.vps(os, version)?.with_name("provider").start(&it.env).await?) };
        let (installed, provider) = tokio::join!(install(it, "ddclient"), start);
        let provider = provider?;
        let result = async {
            installed?;
            with_a_provider(it, &provider).await
        };
        let result = Box::pin(result).await;
        provider.close().await?;
        result
    })
    .await
}
