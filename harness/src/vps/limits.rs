//! What a size comes to on the engine's machine.

use super::request::VpsRequest;
use crate::error::Result;
use crate::testenv::TestEnv;

/// What a size comes to on this engine's machine.
#[derive(Default)]
pub(super) struct Limits {
    /// The processors it runs on; none where it may use all.
    pub cpuset: Option<String>,
    /// How many bytes of a limited disk its image takes.
    pub system_bytes: Option<u64>,
}

impl Limits {
    /// Finds out, and refuses what does not fit; an engine is not asked anything for a VPS without limits.
    pub async fn find(request: &VpsRequest, env: &TestEnv, image: &str) -> Result<Self> {
        let size = &request.size;
        if size.is_unlimited() {
            return Ok(Self::default());
        }
        let (subject, host) = (request.system.to_string(), env.engine().about().await?);
        size.check_host(&subject, &host)?;
        let mut limits = Self::default();
        if size.disk.is_some() {
            let bytes = env.engine().image_bytes(image).await?;
            size.check_image(&subject, bytes)?;
            limits.system_bytes = Some(bytes);
        }
        let all = u32::try_from(host.cpus).unwrap_or_default();
        // by number it has no more than others, but programs count the processors that they may run on
        if let Some(seen) = size.seen_cpus().filter(|seen| *seen < all) {
            // begun anywhere, so that VPSes do not share one while others are idle
            let first = rand::random_range(0..all);
            let set: Vec<String> = (0..seen).map(|number| ((first + number) % all).to_string()).collect();
            limits.cpuset = Some(set.join(","));
        }
        Ok(limits)
    }
}
