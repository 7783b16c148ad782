//! Whether a mirror can make a base, and with which of the two tools.

use std::time::{Duration, Instant};

use reqwest::Response;

use super::apt::AptPlan;
use super::import::{NotMade, import};
use super::rpm::RpmPlan;
use super::{apt, rpm};
use crate::catalog::{Arch, Family, Mirror, System};
use crate::engine::Imported;
use crate::error::{Error, Failure, Result, chain};
use crate::image::base::{cause, labels};
use crate::image::recipe::Progress;
use crate::lease::Lease;
use crate::wait::{Seen, wait_until};
use crate::{Engine, http};

/// How long a mirror may take to answer before it counts as out of reach: a slow one is still one.
const REACH: Duration = Duration::from_secs(30);
/// How long a name server is asked again that has no answer yet: a matrix asks for all of its mirrors at once.
const AGAIN: Duration = Duration::from_secs(10);
/// How the C library tells that (`EAI_AGAIN`); a name that does not exist is told in other words.
const TRY_AGAIN: &str = "Temporary failure in name resolution";

/// Everything needed to make the base, found to be there.
pub(in crate::image) struct Plan<'a> {
    system: &'a System,
    arch: Arch,
    url: String,
    tool: Tool<'a>,
}

enum Tool<'a> {
    Apt(AptPlan<'a>),
    Rpm(RpmPlan<'a>),
}

/// Whether the mirror of a system answers for its release, and this machine can make a base of it; its address if so.
pub(in crate::image) async fn answers(system: &System, arch: Arch, may_install: bool) -> Result<String, String> {
    match mirror_of(system)? {
        Mirror::Apt(mirror) => apt::answers(system, mirror, arch, may_install).await,
        Mirror::Rpm(mirror) => rpm::answers(system, mirror, arch, may_install).await,
    }
}

fn mirror_of(system: &System) -> Result<&Mirror, String> {
    system.mirror.as_ref().ok_or_else(|| format!("the catalog names none for {system}"))
}

impl<'a> Plan<'a> {
    /// Checks the mirror, the tool and the keys; the text says what is missing.
    pub(in crate::image) async fn for_system(
        system: &'a System,
        arch: Arch,
        may_install: bool,
        progress: Progress<'_>,
    ) -> Result<Self, String> {
        let url = answers(system, arch, may_install).await?;
        let tool = match mirror_of(system)? {
            Mirror::Apt(mirror) => {
                AptPlan::new(&system.os, mirror, arch, url.clone(), may_install, progress).await.map(Tool::Apt)
            }
            Mirror::Rpm(mirror) => RpmPlan::new(system, mirror, arch, may_install, progress).await.map(Tool::Rpm),
        };
        Ok(Self { system, arch, url, tool: tool? })
    }

    pub(in crate::image) fn url(&self) -> &str {
        &self.url
    }

    /// Streams the root file system from the tool straight into the engine.
    pub(in crate::image) async fn import(&self, engine: &Engine, lease: &Lease, tag: &str) -> Result<(), NotMade> {
        let made = match &self.tool {
            Tool::Apt(plan) => plan.maker(),
            Tool::Rpm(plan) => plan.maker(),
        };
        let maker = made.map_err(|error| {
            let failure = Failure::new(self.system.to_string(), format!("make the base from {}", self.url));
            NotMade::Machine(Error::File(failure.saw(error)))
        })?;
        let image = Imported { tag, labels: &labels("mirror", self.arch), arch: self.arch };
        import(maker, engine, lease, image).await
    }
}

/// The setting that names another mirror for an os: `TESTENV_RPM_MIRROR_CENTOS`.
pub(crate) fn setting(family: Family, os: &str) -> String {
    format!("TESTENV_{family}_MIRROR_{os}").to_uppercase()
}

/// The address that tells whether a mirror answers, where `other` may take its place.
pub(crate) fn address(mirror: &Mirror, other: Option<&str>) -> String {
    match (mirror, other) {
        (_, None) => mirror.address().to_owned(),
        (Mirror::Apt(_), Some(other)) => other.trim_end_matches('/').to_owned(),
        (Mirror::Rpm(_), Some(other)) => rpm::moved(mirror.address(), other),
    }
}

/// The mirror that the environment names instead of the catalog's.
pub(in crate::image) fn named(family: Family, os: &str) -> Option<String> {
    std::env::var(setting(family, os)).ok().filter(|url| !url.is_empty())
}

/// What a mirror answers where a file must be; the text of an error says what was asked, and what came.
pub(super) async fn ask(url: &str) -> Result<Response, String> {
    let start = Instant::now();
    let answered = wait_until(REACH + AGAIN, url, || async {
        match http::client().get(url).timeout(REACH).send().await {
            Err(error) if start.elapsed() < AGAIN && chain(&error).contains(TRY_AGAIN) => Seen::NotYet(chain(&error)),
            answer => Seen::Ready(answer),
        }
    });
    let answer = answered.await.map_err(|late| format!("{url}: {late}"))?;
    match answer.map_err(|error| format!("{url}: {}", cause(&chain(&error))))? {
        found if found.status().is_success() => Ok(found),
        other => Err(format!("{url}: HTTP {}", other.status())),
    }
}
