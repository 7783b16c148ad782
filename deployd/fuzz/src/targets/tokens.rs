//! The token of a request: no input can have been signed by a key that was only just made.

use std::sync::{Arc, OnceLock};

use deployd::DataDir;
use deployd::auth::Tokens;
use deployd::store::Store;

pub(super) fn run(input: &[u8]) {
    static TOKENS: OnceLock<Tokens> = OnceLock::new();
    let Ok(text) = std::str::from_utf8(input) else { return };
    let tokens = TOKENS.get_or_init(|| in_a_new_folder().expect("a folder for a store"));
    assert!(tokens.verify(text).is_err(), "a forged token is accepted");
    assert!(!tokens.end(text).is_ok_and(|ended| ended), "a forged token ends a session");
}

fn in_a_new_folder() -> Result<Tokens, Box<dyn std::error::Error>> {
    // the store keeps its file open: the folder may go
    let dir = tempfile::tempdir()?;
    let data = DataDir::new(dir.path());
    let store = Store::open(&data)?;
    Ok(Tokens::open(&data, Arc::new(store))?)
}
