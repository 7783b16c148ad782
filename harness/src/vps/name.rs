//! What a VPS is called, and that no other process gives its name away while it is made.

use super::request::{Kept, VpsRequest};
use crate::error::{Error, Failure, Result};
use crate::testenv::TestEnv;
use crate::workspace::Claim;

/// The name of one that the workspace keeps, now or later; it is nobody else's until then.
pub(super) fn claim(request: &VpsRequest, env: &TestEnv) -> Result<Option<Claim>> {
    let workspace = env.workspace();
    match &request.name {
        _ if request.kept == Kept::No => Ok(None),
        None => workspace.claim_free(&request.system.slug()).map(Some),
        Some(name) => {
            let taken = || {
                let failure = Failure::new(format!("{} ({name})", request.system), "give it this name");
                let failure = failure.saw("another command is making a VPS of this name");
                Error::Boot(failure.hint("another --name, or wait for that command"))
            };
            workspace.claim(name)?.ok_or_else(taken).map(Some)
        }
    }
}

/// The claimed name, the one that was asked for, or one that nobody types.
pub(super) fn choose(request: &VpsRequest, claim: Option<&Claim>) -> String {
    let asked = claim.map(|claim| claim.name().to_owned()).or_else(|| request.name.clone());
    let slug = || request.system.slug().replace('.', "-");
    asked.unwrap_or_else(|| format!("{}-{:06x}", slug(), rand::random_range(0..1 << 24)))
}
