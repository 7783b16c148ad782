//! A recipe: a Dockerfile and its files, built once and tagged by the hash of what went in.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::REPOSITORY;
use crate::Engine;
use crate::engine::BuildContext;
use crate::error::{Error, Failure, Result};
use crate::lease::Lease;
use crate::workspace::file_error;

/// Receives each line that tells a person how far the work is.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct Recipe {
    name: String,
    base: String,
    args: BTreeMap<String, String>,
    files: BTreeMap<String, (u32, Vec<u8>)>,
}

impl Recipe {
    /// A recipe called `name` on the image `base` (given to the Dockerfile as the argument `BASE`).
    #[must_use]
    pub fn new(name: &str, base: &str, dockerfile: &str) -> Self {
        let this = Self { name: name.to_owned(), base: base.to_owned(), args: BTreeMap::new(), files: BTreeMap::new() };
        this.arg("BASE", base).file("Dockerfile", 0o644, dockerfile)
    }

    /// A build argument.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl Into<String>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }

    /// A file of the build context.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), (mode, content.into()));
        self
    }

    /// The build arguments, by name.
    pub fn args(&self) -> impl Iterator<Item = (&str, &str)> {
        self.args.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Writes the build context into a folder, for somebody who builds it by hand: `docker build` with [`Recipe::args`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        for (path, (mode, content)) in &self.files {
            let file = folder.join(path);
            let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, content));
            written
                .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(*mode)))
                .map_err(|error| file_error(&file, "write the build context", &error))?;
        }
        Ok(())
    }

    /// The Dockerfile as it is built, with every argument in its place.
    #[cfg(test)]
    pub(super) fn rendered(&self) -> String {
        let (_, dockerfile) = &self.files["Dockerfile"];
        let text = String::from_utf8_lossy(dockerfile);
        let lines = text.lines().filter(|line| !line.starts_with("ARG "));
        self.args.iter().fold(lines.collect::<Vec<_>>().join("\n"), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        })
    }

    /// The reference that the image has, whether it is built already or not.
    pub async fn reference(&self, engine: &Engine) -> Result<String> {
        Ok(format!("{REPOSITORY}/{}:{}", self.name, self.content(engine).await?))
    }

    /// Builds the image unless one of exactly this content is there; answers its reference.
    pub async fn ensure(&self, engine: &Engine, lease: &Lease, progress: Progress<'_>) -> Result<String> {
        let tag = self.reference(engine).await?;
        if engine.image_id(&tag).await?.is_some() {
            return Ok(tag);
        }
        // whoever else builds the same image is waited for, and then there is nothing left to do
        let _building = lease.machine().lock(&format!("build-{}", self.name.replace('/', "-"))).await?;
        if engine.image_id(&tag).await?.is_some() {
            return Ok(tag);
        }
        progress(&format!("build {tag}"));
        let args = self.args.clone().into_iter().collect();
        let context = BuildContext { tag: tag.clone(), tar: self.archive()?, args };
        engine.build(context, |line| tracing::debug!(target: "build", "{line}")).await?;
        Ok(tag)
    }

    /// The hash of what goes in.
    pub(super) async fn content(&self, engine: &Engine) -> Result<String> {
        let base_id = engine.image_id(&self.base).await?.ok_or_else(|| {
            Error::Build(
                Failure::new(self.name.clone(), "build").saw(format!("no base image {} on the engine", self.base)),
            )
        })?;
        Ok(self.hash(&base_id))
    }

    fn hash(&self, base_id: &str) -> String {
        let mut hash = Sha256::new();
        let mut put = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        put(base_id.as_bytes());
        for (name, value) in self.args.iter().filter(|(name, _)| *name != "BASE") {
            put(name.as_bytes());
            put(value.as_bytes());
        }
        for (path, (mode, content)) in &self.files {
            put(path.as_bytes());
            put(&mode.to_le_bytes());
            put(content);
        }
        short_hex(&hash.finalize())
    }

    fn archive(&self) -> Result<Vec<u8>> {
        let files = self.files.iter().map(|(path, (mode, content))| (path.as_str(), *mode, content.as_slice()));
        archive(files)
            .map_err(|error| Error::Build(Failure::new(self.name.clone(), "pack the build context").saw(error)))
    }
}

/// The first 16 hexadecimal digits of a digest: enough to tell images apart, short enough to read.
pub(crate) fn short_hex(digest: &[u8]) -> String {
    HEXLOWER.encode(digest.get(..8).unwrap_or(digest))
}

/// A tar archive of `(path, mode, content)`, the same for the same content.
pub(crate) fn archive<'a>(files: impl Iterator<Item = (&'a str, u32, &'a [u8])>) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content)?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_follows_every_input_and_nothing_else() {
        let recipe = || Recipe::new("vps", "base:1", "FROM x").arg("A", "1").file("f", 0o644, "text");
        let hash = recipe().hash("id");
        assert_eq!(hash, recipe().hash("id"));
        assert_eq!(hash, Recipe::new("vps", "base:2", "FROM x").arg("A", "1").file("f", 0o644, "text").hash("id"));
        for other in [recipe().arg("A", "2"), recipe().file("f", 0o755, "text"), recipe().file("g", 0o644, "")] {
            assert_ne!(hash, other.hash("id"));
        }
        assert_ne!(hash, recipe().hash("other base"));
    }
}
