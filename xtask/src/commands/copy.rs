//! `copy`: files and folders to a VPS or from one.

use super::common::kept_vps;
use crate::cli::{Copy, Global};
use crate::exit::Usage;
use crate::side::Side;

pub async fn run(global: &Global, words: Copy) -> anyhow::Result<()> {
    match (words.src, words.dst) {
        (Side::Here(local), Side::There { name, path }) => {
            let session = kept_vps(global, name.as_deref()).await?.ssh().await?;
            let copied = session.upload(&local, &path).await;
            session.close().await;
            Ok(copied?)
        }
        (Side::There { name, path }, Side::Here(local)) => {
            let session = kept_vps(global, name.as_deref()).await?.ssh().await?;
            let copied = session.download(&path, &local).await;
            session.close().await;
            Ok(copied?)
        }
        (Side::Here(_), Side::Here(_)) => Err(wrong("both sides are on this machine: a side on a VPS is NAME:/path")),
        (Side::There { .. }, Side::There { .. }) => Err(wrong("both sides are on a VPS: copy to this machine first")),
    }
}

fn wrong(what: &str) -> anyhow::Error {
    Usage(format!("copy: {what}\n  help: {} copy --help", harness::command_line())).into()
}
