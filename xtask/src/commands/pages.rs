//! `pages`: writes the documentation of the scenarios anew.

use crate::build::sources;
use crate::pages::write;

pub fn run() -> anyhow::Result<()> {
    println!("{}", write(sources()?)?.display());
    Ok(())
}
