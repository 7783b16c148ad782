//! `forward`: a port of this machine that leads to a port of a VPS, until Ctrl-C.

use harness::{Error, Failure};

use super::common::kept_vps;
use crate::cli::{Forward, Global};
use crate::exit::Usage;

pub async fn run(global: &Global, words: Forward) -> anyhow::Result<()> {
    let (name, port) = match words.words.as_slice() {
        [name, port] => (Some(name.as_str()), port),
        [port] => (None, port),
        _ => anyhow::bail!("one or two words"),
    };
    let port = port.parse().ok().filter(|port| *port != 0);
    let port: u16 = port.ok_or_else(|| Usage("PORT is a port of the VPS: a number from 1 to 65535".to_owned()))?;
    let vps = kept_vps(global, name).await?;
    let session = vps.ssh().await?;
    // by the VPS's own loopback: also what listens for the VPS alone
    let forward = session.forward_from(words.local.unwrap_or(0), "localhost", port).await?;
    println!("{}", forward.local_addr());
    eprintln!("leads to port {port} of {}, until Ctrl-C", vps.subject());
    let why = session.ended().await;
    Err(Error::Forward(Failure::new(vps.subject(), format!("forward to its port {port}")).saw(why)).into())
}
