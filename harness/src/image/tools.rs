//! The images of this repository: the VPS of each system, and the tools that deploys need around it.

use std::path::Path;

use super::recipe::{Progress, Recipe};
use super::{Base, builder_reference, extra_authorities};
use crate::Engine;
use crate::catalog::{Arch, Family, Init, System};
use crate::cross::Target;
use crate::error::{Error, Failure, Result};
use crate::lease::Lease;
use crate::testenv::TestEnv;

/// A file of `vps-images`, as this library was built with it.
macro_rules! vps_image_file {
    ($path:expr) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vps-images/", $path))
    };
}
pub(super) use vps_image_file;

/// The repository of the deploy daemon's image, on the engine and in the stock.
pub const DAEMON_REPOSITORY: &str = "testvps/deployd";
/// The first release whose Rust is new enough for this workspace.
const COMPILERS: (&str, &str) = ("debian", "forky");

/// The image of a VPS of `system`, made of its base.
pub async fn vps_image(
    engine: &Engine,
    lease: &Lease,
    system: &System,
    base: &Base,
    progress: Progress<'_>,
) -> Result<String> {
    let image = vps_recipe(system, base)?.ensure(engine, lease, progress).await?;
    if base.arch == engine.arch() {
        return Ok(image);
    }
    emulated_recipe(engine, system, base.arch, &image)?.ensure(engine, lease, progress).await
}

/// Whether a VPS of a system and architecture can be made for a machine; the text says why not.
pub(super) fn runs_on(machine: Arch, system: &System, arch: Arch) -> Result<(), String> {
    if arch == machine || system.family == Family::Apt {
        return Ok(());
    }
    let seen = "an emulated VPS needs a native container engine, and only the apt family can be given one";
    Err(format!("{seen}; run it on a machine of {arch}"))
}

/// A VPS's image that is run by emulation: what emulation cannot do is done by the engine's own architecture.
fn emulated_recipe(engine: &Engine, system: &System, arch: Arch, image: &str) -> Result<Recipe> {
    runs_on(engine.arch(), system, arch)
        .map_err(|why| Error::Machine(Failure::new(format!("{system} on {arch}"), "make its image").saw(why)))?;
    Ok(Recipe::new(&format!("vps-{}-{arch}", system.slug()), image, vps_image_file!("emulated.Dockerfile"))
        .arg("NATIVE", engine.arch().to_string())
        .file("native-engine", 0o755, vps_image_file!("native-engine"))
        .file("no-credentials.conf", 0o644, vps_image_file!("no-credentials.conf")))
}

/// What the image of a VPS of `system` is made of, where its programs are the engine's own.
pub fn vps_recipe(system: &System, base: &Base) -> Result<Recipe> {
    let (dockerfile, setup, init_packages) = match system.family {
        Family::Apt => (vps_image_file!("apt.Dockerfile"), vps_image_file!("apt-setup"), "systemd systemd-sysv"),
        Family::Rpm => (vps_image_file!("rpm.Dockerfile"), vps_image_file!("rpm-setup"), "systemd"),
    };
    let with_systemd = system.init.contains(&Init::Systemd);
    let recipe = Recipe::new(&format!("vps-{}", system.slug()), &base.reference, dockerfile)
        .arg("INIT_PACKAGES", if with_systemd { init_packages } else { "" })
        .arg("ADMIN", format!("{} {}", system.user, system.admin_group))
        .file(&format!("{}-setup", system.family), 0o755, setup)
        .file("vps-setup", 0o755, vps_image_file!("vps-setup"))
        .file("vps-init", 0o755, vps_image_file!("vps-init"))
        .file("limits", 0o644, vps_image_file!("limits"))
        .file("power", 0o755, vps_image_file!("power"))
        .file("vps-size", 0o755, vps_image_file!("vps-size"));
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

/// The image with the compilers for another architecture.
pub(crate) async fn cross_image(env: &TestEnv, arch: Arch, target: Target) -> Result<String> {
    let (os, version) = COMPILERS;
    let sources = env.sources().for_tools(env.engine().arch());
    let system = env.catalog().find(os, version)?;
    let base = sources.obtain(env.engine(), env.lease(), system, env.progress()).await?;
    let recipe = Recipe::new(&format!("cross-{arch}"), &base.reference, vps_image_file!("tools/cross/Dockerfile"));
    let recipe = recipe.arg("ARCH", arch.to_string()).arg("GCC", target.gcc.replace('_', "-"));
    recipe.ensure(env.engine(), env.lease(), env.progress()).await
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
        Tool::Sidecar => Recipe::new("sidecar", &base.reference, vps_image_file!("tools/sidecar/Dockerfile"))
            .file("disk", 0o755, vps_image_file!("tools/sidecar/disk"))
            .file("network", 0o755, vps_image_file!("tools/sidecar/network")),
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
    /// What works on a VPS from beside it: holds the disk of a limited size, slows its network.
    Sidecar,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, every_system};
    use crate::image::{BaseSource, Reach};
    use crate::matrix::Cell;

    /// What a VPS of a system is made of and how it starts, for people to review.
    fn sheet(system: &System) -> String {
        let base = Base { reference: system.reference(), source: BaseSource::Registry, arch: Arch::Amd64 };
        let started = [1, 2].map(|cgroup| format!("{} on cgroup v{cgroup}", system.init_on(Some(cgroup)).unwrap()));
        let engine = &system.engine;
        let recipe = vps_recipe(system, &base).unwrap().rendered();
        format!(
            "# {system}: {}\n# engine: {:?}, {} {}\n\n{recipe}",
            started.join(", "),
            engine.channel,
            engine.packages.join(" "),
            engine.version
        )
    }

    #[test]
    fn each_system_has_the_recipe_that_was_reviewed() {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            for system in Catalog::built_in().systems() {
                insta::assert_snapshot!(format!("vps-{}", system.slug()), sheet(system));
            }
        });
    }

    #[test]
    fn a_recipe_by_hand_has_all_that_its_dockerfile_copies_and_asks_for() {
        for system in Catalog::built_in().systems() {
            let base = Base { reference: system.reference(), source: BaseSource::Registry, arch: Arch::Amd64 };
            let (recipe, folder) = (vps_recipe(system, &base).unwrap(), tempfile::tempdir().unwrap());
            recipe.write(folder.path()).unwrap();
            let dockerfile = std::fs::read_to_string(folder.path().join("Dockerfile")).unwrap();
            for line in dockerfile.lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                let is_there = |file: &&str| folder.path().join(file).exists();
                match words.as_slice() {
                    ["COPY", sources @ .., _] => assert!(sources.iter().all(is_there), "{system}: {line}"),
                    ["ARG", asked] => {
                        let name = asked.split('=').next();
                        assert!(recipe.args().any(|(given, _)| Some(given) == name), "{system}: {line}");
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn only_the_apt_family_is_emulated() {
        let catalog = Catalog::built_in();
        let (debian, rocky) = (catalog.find("debian", "12").unwrap(), catalog.find("rocky", "9").unwrap());
        assert_eq!(runs_on(Arch::Amd64, debian, Arch::Arm64), Ok(()));
        assert_eq!(runs_on(Arch::Arm64, rocky, Arch::Arm64), Ok(()));
        let why = runs_on(Arch::Amd64, rocky, Arch::Arm64).unwrap_err();
        assert!(why.contains("a machine of arm64"), "{why}");
    }

    #[test]
    fn a_new_system_is_an_entry_and_nothing_else() {
        let entry = r#"
            [[system]]
            os = "devuan"
            version = "6"
            codename = "excalibur"
            end_of_life = "2030-06-30"
            family = "apt"
            package_manager = "apt"
            architectures = ["amd64"]
            base = "docker.io/devuan/devuan:excalibur"
            engine = { channel = "distribution", packages = ["docker.io"], version = "26.1.5" }
            user = "devuan"
            admin_group = "sudo"
            units = { ssh = "ssh", engine = "docker" }
        "#;
        let text = format!("{}{entry}", vps_image_file!("catalog.toml"));
        let catalog = Catalog::parse(&text, Path::new("catalog.toml")).unwrap();
        let system = catalog.find("Devuan", "excalibur").unwrap();
        assert_eq!(catalog.find("devuan", "latest").unwrap(), system);
        assert!(sheet(system).contains("FROM docker.io/devuan/devuan:excalibur\n"), "{}", sheet(system));
        let cell = Cell { system: system.clone(), arch: Arch::Arm64, reach: Reach::No(Vec::new()) };
        assert_eq!(cell.slug(), "devuan-6-arm64");
        let cases = every_system(&catalog);
        assert!(cases.contains("#[case::devuan_6(\"devuan\", \"6\")]\n"), "{cases}");
        assert_eq!(cases.matches("#[case::").count(), Catalog::built_in().systems().len() + 1);
    }
}
