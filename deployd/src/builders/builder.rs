//! What every builder is.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::BoxFuture;

use crate::engine::Engine;
use crate::error::Result;
use crate::git::Commit;
use crate::project_file::BuildType;
use crate::store::Composed;

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
    /// Where files go that the version needs as long as it may be brought up again.
    pub kept: &'a Path,
    /// The application's variables, for builders whose programs may want them.
    pub environment: &'a BTreeMap<String, String>,
    /// The image of the builder, for builders that are a container.
    pub builder_image: &'a str,
    /// Receives each line of the output.
    pub on_line: &'a (dyn Fn(&str) + Send + Sync),
}

/// What a builder made.
pub struct Built {
    /// The reference of the image that serves.
    pub image: String,
    /// The public port, if the build file says which.
    pub port: Option<u16>,
    /// The port in the container, if the build file says which.
    pub container_port: Option<u16>,
    /// The compose project around it, if there is one.
    pub compose: Option<Composed>,
}

impl From<String> for Built {
    fn from(image: String) -> Self {
        Self { image, port: None, container_port: None, compose: None }
    }
}

/// A way to make an image of a work tree.
pub trait Builder: Send + Sync {
    /// The build type that asks for it.
    fn build_type(&self) -> BuildType;

    /// The build file that it looks for if none is named.
    fn default_file(&self) -> &'static str;

    /// Every build file that it looks for if none is named.
    fn default_files(&self) -> Vec<&'static str> {
        vec![self.default_file()]
    }

    /// Whether it builds nothing without its file, also where it was asked for.
    fn needs_file(&self) -> bool {
        true
    }

    /// Whether it could read a file of this name.
    fn reads(&self, file: &str) -> bool {
        !super::choose::is_yaml(file)
    }

    /// Makes the image.
    fn build<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Built>>;
}
