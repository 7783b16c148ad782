//! Compiling for another architecture in a container, where this machine's Rust has no standard library for it.

use std::path::{Path, PathBuf};

use crate::catalog::Arch;
use crate::engine::ContainerSpec;
use crate::error::{Error, Failure, Result};
use crate::image::cross_image;
use crate::testenv::TestEnv;

/// How compilers call an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Rust's name of the platform.
    pub triple: &'static str,
    /// GCC's name of it; its compiler is this and `-gcc`.
    pub gcc: &'static str,
}

/// What cargo is to do, and where; the container has these folders where they lie on this machine.
#[derive(Debug)]
pub struct CrossBuild {
    /// The workspace.
    pub workspace: PathBuf,
    /// Where the build goes.
    pub target: PathBuf,
    /// Cargo's own folder, with the crates: the container fetches none.
    pub cargo_home: PathBuf,
    /// Cargo's words.
    pub words: Vec<String>,
}

/// The platform of an architecture.
#[must_use]
pub fn target(arch: Arch) -> Target {
    match arch {
        Arch::Amd64 => Target { triple: "x86_64-unknown-linux-gnu", gcc: "x86_64-linux-gnu" },
        Arch::Arm64 => Target { triple: "aarch64-unknown-linux-gnu", gcc: "aarch64-linux-gnu" },
        Arch::Armhf => Target { triple: "armv7-unknown-linux-gnueabihf", gcc: "arm-linux-gnueabihf" },
    }
}

impl Target {
    /// The variables that tell cargo, and the C code of crates, of the cross compiler.
    #[must_use]
    pub fn variables(&self) -> [(String, String); 2] {
        let (triple, gcc) = (self.triple.replace('-', "_"), format!("{}-gcc", self.gcc));
        [(format!("CARGO_TARGET_{}_LINKER", triple.to_uppercase()), gcc.clone()), (format!("CC_{triple}"), gcc)]
    }
}

/// Runs cargo with Debian's compilers for an architecture.
pub async fn cargo(env: &TestEnv, arch: Arch, build: CrossBuild) -> Result<()> {
    if !env.engine().is_local() {
        let hint = format!("rustup target add {}; apt-get install gcc-{}", target(arch).triple, target(arch).gcc);
        let failure = Failure::new(format!("programs of {arch}"), "compile them in a container");
        return Err(Error::Machine(failure.saw("the engine is on another machine").hint(hint)));
    }
    let image = cross_image(env, arch, target(arch)).await?;
    env.lease().ready().await?;
    let path = |path: &Path| path.display().to_string();
    let own =
        [("CARGO_HOME", path(&build.cargo_home)), ("CARGO_TARGET_DIR", path(&build.target)), ("HOME", "/tmp".into())];
    let variables = own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(target(arch).variables());
    let flags = ["RUSTFLAGS=-C target-feature=+crt-static".to_owned()];
    let spec = ContainerSpec {
        name: format!("testvps-cross-{:08x}", rand::random::<u32>()),
        image,
        labels: env.lease().labels("cross"),
        env: variables.map(|(name, value)| format!("{name}={value}")).chain(flags).collect(),
        entrypoint: ["/bin/sh", "-c", "cd \"$0\" && exec cargo \"$@\""].map(str::to_owned).to_vec(),
        cmd: [path(&build.workspace)].into_iter().chain(build.words).collect(),
        // what is built belongs to whoever builds it
        user: Some(format!("{}:{}", nix::unistd::geteuid(), nix::unistd::getegid())),
        binds: [&build.workspace, &build.target, &build.cargo_home]
            .map(|dir| format!("{0}:{0}", dir.display()))
            .to_vec(),
        init: true,
        ..ContainerSpec::default()
    };
    env.engine().run_to_end(spec).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_of_the_cross_compiler_as_it_wants_to_be() {
        let [(linker, program), (cc, _)] = target(Arch::Arm64).variables();
        assert_eq!(linker, "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER");
        assert_eq!((program.as_str(), cc.as_str()), ("aarch64-linux-gnu-gcc", "CC_aarch64_unknown_linux_gnu"));
    }
}
