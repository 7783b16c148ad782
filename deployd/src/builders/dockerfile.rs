//! Builds projects by their Dockerfile.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::builder::{Builder, Built, Job};
use super::context;
use super::ignorefile::IgnoreFile;
use crate::engine::BuildSpec;
use crate::error::Result;
use crate::files;
use crate::project_file::BuildType;

/// How long a build may take.
const DEADLINE: Duration = Duration::from_mins(30);
/// The build argument and the variable that hold the full commit hash.
pub(crate) const SOURCE_VERSION: &str = "SOURCE_VERSION";

/// Builds projects by their Dockerfile.
pub(super) struct Dockerfile;

impl Builder for Dockerfile {
    fn build_type(&self) -> BuildType {
        BuildType::Dockerfile
    }

    fn default_file(&self) -> &'static str {
        "Dockerfile"
    }

    fn build<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Built>> {
        Box::pin(build(job))
    }
}

async fn build(job: Job<'_>) -> Result<Built> {
    let text = files::read_in_tree(job.tree, job.file)?.unwrap_or_default();
    let ignore = IgnoreFile::of_tree(job.tree, job.file)?;
    let context = context::stream(job.tree.to_owned(), ignore, job.commit.time);
    let spec = BuildSpec {
        repository: format!("deployd/{}", job.project),
        tag: job.deploy.to_owned(),
        dockerfile: job.file.to_owned(),
        arguments: arguments(&text, &job.commit.hash),
    };
    Ok(job.engine.build(&spec, context, DEADLINE, job.on_line).await?.into())
}

/// The commit's hash, if the Dockerfile asks for it: old engines refuse an argument that nobody asked for.
pub(crate) fn arguments(dockerfile: &str, hash: &str) -> HashMap<String, String> {
    let asks = dockerfile.lines().any(|line| {
        let mut words = line.split_whitespace();
        let is_arg = words.next().is_some_and(|word| word.eq_ignore_ascii_case("ARG"));
        is_arg && words.any(|word| word.split('=').next() == Some(SOURCE_VERSION))
    });
    if asks { HashMap::from([(SOURCE_VERSION.to_owned(), hash.to_owned())]) } else { HashMap::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_given_to_who_asks_for_it() {
        assert_eq!(arguments("FROM x\n  arg SOURCE_VERSION=unknown", "abc")[SOURCE_VERSION], "abc");
        assert_eq!(arguments("FROM x\nARG A=1 SOURCE_VERSION", "abc").len(), 1);
        assert!(arguments("FROM x\nENV SOURCE_VERSION=1\nARG SOURCE", "abc").is_empty());
    }
}
