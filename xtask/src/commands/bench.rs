//! `bench`
use crate::cli::{Global, Json};
pub async fn run(_: &Global, _: Json) -> anyhow::Result<()> { Ok(()) }
