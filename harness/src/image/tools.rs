//! The images of this repository: the VPS of each system, and the tools that deploys need around it.

use std::path::Path;

use super::recipe::{Progress, Recipe};
use super::{Base, builder_reference, extra_authorities};
use crate::Engine;
use crate::catalog::{Family, Init, System};
use crate::error::{Error, Failure, Result};
use crate::lease::Lease;

/// A file of `vps-images`, as this library was built with it.
macro_rules! vps_image_file {
    ($path:expr) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vps-images/", $path))
    };
}
pub(super) use vps_image_file;

/// The repository of the deploy daemon's image, on the engine and in the stock.
pub const DAEMON_REPOSITORY: &str = "testvps/deployd";

/// The image of a VPS of `system`, made of its base.
pub async fn vps_image(
    engine: &Engine,
    lease: &Lease,
    system: &System,
    base: &Base,
    progress: Progress<'_>,
) -> Result<String> {
    vps_recipe(system, base)?.ensure(engine, lease, progress).await
}

fn vps_recipe(system: &System, base: &Base) -> Result<Recipe> {
    let (dockerfile, init_packages) = match system.family {
        Family::Apt => (vps_image_file!("apt.Dockerfile"), "systemd systemd-sysv"),
        Family::Rpm => (vps_image_file!("rpm.Dockerfile"), "systemd"),
    };
    let with_systemd = system.init.contains(&Init::Systemd);
    let recipe = Recipe::new(&format!("vps-{}", system.slug()), &base.reference, dockerfile)
        .arg("INIT_PACKAGES", if with_systemd { init_packages } else { "" })
        .file("vps-init", 0o755, vps_image_file!("vps-init"));
    with_authorities(recipe)
}

/// A recipe with the extra certificate authorities of the host, in the folder `authorities`.
pub(super) fn with_authorities(recipe: Recipe) -> Result<Recipe> {
    // an empty folder cannot be copied, and there may be no authority to carry
    let recipe = recipe.file("authorities/.keep", 0o644, "");
    let add = |recipe: Recipe, (name, pem): (String, Vec<u8>)| recipe.file(&format!("authorities/{name}"), 0o644, pem);
    Ok(extra_authorities()?.into_iter().fold(recipe, add))
}

/// The image of the stock, without its content.
pub(super) fn stock_recipe(base: &Base) -> Recipe {
    Recipe::new("stock-empty", &base.reference, vps_image_file!("tools/stock/Dockerfile"))
        .file("registry.yml", 0o644, vps_image_file!("tools/stock/registry.yml"))
        .file("registry-upstream.yml", 0o644, vps_image_file!("tools/stock/registry-upstream.yml"))
        .file("nginx.conf", 0o644, vps_image_file!("tools/stock/nginx.conf"))
        .file("stock", 0o755, vps_image_file!("tools/stock/stock"))
}

/// An image of `vps-images/tools` that needs nothing but its folder.
pub async fn tool_image(
    engine: &Engine,
    lease: &Lease,
    tool: Tool,
    base: &Base,
    progress: Progress<'_>,
) -> Result<String> {
    let recipe = match tool {
        Tool::GitHost => Recipe::new("githost", &base.reference, vps_image_file!("tools/githost/Dockerfile"))
            .file("githost", 0o755, vps_image_file!("tools/githost/githost"))
            .file("post-receive", 0o755, vps_image_file!("tools/githost/post-receive"))
            .file("githost-read", 0o755, vps_image_file!("tools/githost/githost-read"))
            .file("githost-https", 0o755, vps_image_file!("tools/githost/githost-https"))
            .file("https.conf", 0o644, vps_image_file!("tools/githost/https.conf")),
        Tool::Browser => Recipe::new("browser", &base.reference, vps_image_file!("tools/browser/Dockerfile")).file(
            "browser",
            0o755,
            vps_image_file!("tools/browser/browser"),
        ),
    };
    recipe.ensure(engine, lease, progress).await
}

/// A tool that runs beside the VPSes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The git server that VPSes clone from.
    GitHost,
    /// The browser that web pages are tested in; large, and made when a scenario first asks for it.
    Browser,
}

/// The image of the deploy daemon, made of its binary.
pub async fn daemon_image(
    engine: &Engine,
    lease: &Lease,
    base: &Base,
    binary: &Path,
    progress: Progress<'_>,
) -> Result<String> {
    let program = tokio::fs::read(binary).await.map_err(|error| {
        let hint = "cargo xtask builds it; without xtask: cargo build --package deployd --profile image";
        Error::File(Failure::new(binary.display().to_string(), "read the deploy daemon's binary").saw(error).hint(hint))
    })?;
    daemon_recipe(engine, base).await?.file("deployd", 0o755, program).ensure(engine, lease, progress).await
}

/// A hash of everything that is in the daemon's image but its program.
pub(crate) async fn daemon_parts(engine: &Engine, base: &Base) -> Result<String> {
    daemon_recipe(engine, base).await?.content(engine).await
}

async fn daemon_recipe(engine: &Engine, base: &Base) -> Result<Recipe> {
    let recipe = Recipe::new("deployd", &base.reference, vps_image_file!("tools/daemon/Dockerfile"));
    // whatever is kept of a daemon that was told this builder, is kept under a name of its own
    with_authorities(recipe.arg("BUILDER", builder_reference(engine, base).await?))
}
