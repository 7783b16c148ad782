//! deployd, the deploy tool of this repository, driven as its users drive it.

use std::convert::Infallible;

use serde_json::json;

use super::api::Api;
use super::{Ability, Bootstrapped, Deployer, OnLine, Source, Status, bootstrap};
use crate::catalog::Arch;
use crate::error::{Error, Failure, Result};
use crate::image::{DAEMON_REPOSITORY, builder_image, builder_reference, daemon_image, daemon_parts, program_arch};
use crate::project::Project;
use crate::testenv::TestEnv;
use crate::vps::Vps;

/// Where the daemon keeps its certificate on a VPS.
const CERTIFICATE: &str = "/var/lib/deployd/tls/cert.pem";

/// deployd from an image that the VPSes can pull.
#[derive(Debug, Clone)]
pub struct Deployd {
    image: String,
    builder: String,
    parts: String,
    arch: Arch,
}

impl Deployd {
    /// Makes the daemon's image of its binary, for VPSes of the binary's architecture, and puts it into the stock.
    pub async fn from_binary(env: &TestEnv, binary: &std::path::Path) -> Result<Self> {
        let arch = program_arch(binary).await?;
        let (stock, base) = (env.stock_for(arch).await?, env.tools_base(arch).await?);
        let local = daemon_image(env.engine(), env.lease(), &base, binary, env.progress()).await?;
        let tag = local.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        stock.add(env.engine(), env.lease(), &local, DAEMON_REPOSITORY, tag, env.progress()).await?;
        let builder = builder_reference(env.engine(), &base).await?;
        let parts = daemon_parts(env.engine(), &base).await?;
        Ok(Self { image: format!("{DAEMON_REPOSITORY}:{tag}"), builder, parts, arch })
    }

    /// Makes the image that builds Procfile projects and puts it into the stock; other projects do not need it.
    pub async fn provide_builder(&self, env: &TestEnv) -> Result<()> {
        let (stock, base) = (env.stock_for(self.arch).await?, env.tools_base(self.arch).await?);
        let made = builder_image(env.engine(), env.lease(), &base, env.progress()).await?;
        let (repository, tag) = made.rsplit_once(':').unwrap_or((&made, "latest"));
        stock.add(env.engine(), env.lease(), &made, repository, tag, env.progress()).await
    }

    /// A hash of everything that is in its image but the program.
    pub(super) fn parts(&self) -> &str {
        &self.parts
    }

    /// What its program runs on.
    #[must_use]
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// The reference under which a VPS pulls the daemon.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.image
    }
}

impl Deployer for Deployd {
    type Access = Bootstrapped;
    type Lack = Infallible;

    fn name(&self) -> &'static str {
        "deployd"
    }

    fn can(&self, _: Ability) -> Result<(), Infallible> {
        Ok(())
    }

    async fn bootstrap(&self, vps: &Vps, git_hosts: &[String], on_line: OnLine<'_>) -> Result<Bootstrapped> {
        let address = vps.info().address.to_string();
        let variables = [
            ("DEPLOYD_IMAGE", self.image.clone()),
            ("DEPLOYD_HOSTS", format!("{address} {}", vps.info().name)),
            ("DEPLOYD_GIT_KNOWN_HOSTS", git_hosts.join("\n")),
            ("DEPLOYD_BUILDER_IMAGE", self.builder.clone()),
        ];
        let mut results = bootstrap::run(vps, "install", &variables, on_line).await?;
        let certificate = vps.ssh().await?.run(&format!("cat {CERTIFICATE}")).await?.stdout_text().into_owned();
        let mut take = |name: &str| {
            results.remove(name).filter(|value| !value.is_empty()).ok_or_else(|| {
                Error::Deploy(Failure::new(vps.subject(), "bootstrap").saw(format!("it printed no result {name}")))
            })
        };
        Ok(Bootstrapped {
            deploy_key: take("deploy_key")?,
            webhook_url: take("webhook_url")?,
            webhook_secret: take("webhook_secret")?,
            api_url: take("api_url")?,
            token: take("token")?,
            version: take("version")?,
            certificate,
        })
    }

    async fn deploy(
        &self,
        vps: &Vps,
        access: &Bootstrapped,
        project: &Project,
        source: &Source,
        on_line: OnLine<'_>,
    ) -> Result<()> {
        let body = json!({
            "stream": true,
            "project": project.name,
            "build_type": project.settings.build_type.word(),
            "build_file_path": project.settings.build_file_path.clone().unwrap_or_default(),
            "git_options": { "remote": source.remote, "branch": source.branch },
        });
        let last = Api::new(vps.subject(), access)?.post_streamed("/up", &body, on_line).await?;
        if last.starts_with("deploy succeeded") {
            return Ok(());
        }
        let failure = Failure::new(vps.subject(), format!("deploy {}", project.name)).saw(last);
        Err(Error::Deploy(failure.hint(format!("cargo xtask status {}", vps.info().name))))
    }

    async fn roll_back(&self, vps: &Vps, access: &Bootstrapped, _: OnLine<'_>) -> Result<()> {
        let (code, answer) = Api::new(vps.subject(), access)?.as_admin("POST", "/rollback", None).await?;
        if code == 201 {
            return Ok(());
        }
        Err(Error::Deploy(Failure::new(vps.subject(), "roll back").saw(format!("HTTP {code}: {answer}"))))
    }

    async fn status(&self, vps: &Vps, access: &Bootstrapped) -> Result<Status> {
        status(vps, access).await
    }

    async fn uninstall(&self, vps: &Vps, on_line: OnLine<'_>) -> Result<()> {
        bootstrap::run(vps, "uninstall", &[], on_line).await.map(|_| ())
    }
}

/// What a daemon says is deployed; asking needs no image of it.
pub async fn status(vps: &Vps, access: &Bootstrapped) -> Result<Status> {
    let data = Api::new(vps.subject(), access)?.get("/status").await?;
    let status = data.get("status").cloned().unwrap_or(data);
    serde_json::from_value(status)
        .map_err(|error| Error::Deploy(Failure::new(vps.subject(), "read the daemon's status").saw(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does not compile once there is a value that says so.
    #[test]
    fn nothing_about_deployd_is_unsupported() {
        fn never(lack: <Deployd as Deployer>::Lack) -> super::super::Unsupported {
            match lack {}
        }
        let _: fn(Infallible) -> super::super::Unsupported = never;
    }
}
