//! What every builder is.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::BoxFuture;

use crate::engine::Engine;
use crate::error::Result;
use crate::git::Commit;
use crate::project_file::BuildType;

/// What is to be built.
pub struct Job<'a> {
    /// The engine that builds it.
    pub engine: &'a Engine,
    /// The work tree.
    pub tree: &'a Path,
    /// What the work tree holds.
    pub commit: &'a Commit,
    /// The build file, relative to the work tree.
    pub file: &'a str,
    /// The project's name, fit for references.
    pub project: &'a str,
    /// The deploy's id.
    pub deploy: &'a str,
    /// The application's variables, for builders whose programs may want them.
    pub environment: &'a BTreeMap<String, String>,
    /// The image of the builder, for builders that are a container.
    pub builder_image: &'a str,
    /// Receives each line of the output.
    pub on_line: &'a (dyn Fn(&str) + Send + Sync),
}

/// A way to make an image of a work tree.
pub trait Builder: Send + Sync {
    /// The build type that asks for it.
    fn build_type(&self) -> BuildType;

    /// The build file that it looks for if none is named.
    fn default_file(&self) -> &'static str;

    /// Whether it builds nothing without its file, also where it was asked for.
    fn needs_file(&self) -> bool {
        true
    }

    /// Makes the image; answers its reference.
    fn build<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<String>>;
}
