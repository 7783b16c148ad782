//! Choosing the builder: what was asked for, else what `project.toml` says, else what the repository holds.

use std::path::Path;

use super::Builder;
use super::compose::Compose;
use super::dockerfile::Dockerfile;
use super::procfile::Buildpacks;
use crate::error::{Failure, Kind, Result};
use crate::files;
use crate::project_file::{BuildType, ProjectFile, relative_path};

/// Every builder of this version, in the order in which `auto` looks for their files.
#[must_use]
pub fn all() -> &'static [&'static dyn Builder] {
    &[&Dockerfile, &Compose, &Buildpacks]
}

/// Which builder, and the file that it reads.
pub struct Plan {
    /// The builder.
    pub builder: &'static dyn Builder,
    /// Its file, relative to the work tree.
    pub file: String,
}

/// Chooses the builder of a work tree.
pub fn choose(tree: &Path, asked: Option<BuildType>, asked_file: Option<&str>, project: &ProjectFile) -> Result<Plan> {
    let file = asked_file.or(project.build_file_path.as_deref()).map(relative_path).transpose()?;
    let named = [asked, project.build_type].into_iter().flatten().find_map(builder_of);
    let Some(builder) = named else { return detect(tree, file.as_deref()) };
    let candidates = candidates(builder, file.as_deref());
    if let Some(file) = first_there(tree, &candidates)? {
        return Ok(Plan { builder, file });
    }
    if file.is_none() && !builder.needs_file() {
        return Ok(Plan { builder, file: builder.default_file().to_owned() });
    }
    let failure = Failure::new(Kind::Invalid, format!("build type {}", builder.build_type()));
    let failure = failure.saw(format!("the repository holds no {}", candidates.join(" and no ")));
    Err(failure.hint("build_file_path names another one"))
}

/// The builder that a build type names; `auto` names none.
fn builder_of(kind: BuildType) -> Option<&'static dyn Builder> {
    match kind {
        BuildType::Auto => None,
        BuildType::Dockerfile => Some(&Dockerfile),
        BuildType::Compose => Some(&Compose),
        BuildType::Procfile => Some(&Buildpacks),
    }
}

fn candidates(builder: &dyn Builder, file: Option<&str>) -> Vec<String> {
    match file {
        Some(file) => vec![file.to_owned()],
        None => builder.default_files().into_iter().map(str::to_owned).collect(),
    }
}

fn first_there(tree: &Path, candidates: &[String]) -> Result<Option<String>> {
    for file in candidates {
        if files::read_in_tree(tree, file)?.is_some() {
            return Ok(Some(file.clone()));
        }
    }
    Ok(None)
}

/// Whether a file's name is that of YAML, which no builder but Compose reads.
pub(super) fn is_yaml(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
}

fn detect(tree: &Path, file: Option<&str>) -> Result<Plan> {
    let mut looked = Vec::new();
    for builder in all().iter().copied().filter(|builder| file.is_none_or(|file| builder.reads(file))) {
        let candidates = candidates(builder, file);
        if let Some(file) = first_there(tree, &candidates)? {
            return Ok(Plan { builder, file });
        }
        looked.extend(candidates);
    }
    looked.dedup();
    let failure = Failure::new(Kind::Invalid, "choose a build type");
    let hint = format!("supported by this version: {}", supported());
    Err(failure.saw(format!("the repository holds no {}", looked.join(" and no "))).hint(hint))
}

fn supported() -> String {
    all().iter().map(|builder| builder.build_type().word()).chain(["auto"]).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(file), "FROM x\n").unwrap();
        }
        dir
    }

    fn chosen(tree: &Path, asked: Option<BuildType>, project: &ProjectFile) -> Result<(BuildType, String)> {
        choose(tree, asked, None, project).map(|plan| (plan.builder.build_type(), plan.file))
    }

    #[test]
    fn auto_takes_what_is_there() {
        let dir = tree(&["Dockerfile"]);
        let found = chosen(dir.path(), Some(BuildType::Auto), &ProjectFile::default()).unwrap();
        assert_eq!(found, (BuildType::Dockerfile, "Dockerfile".into()));
        for file in ["docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml"] {
            let found = chosen(tree(&[file]).path(), None, &ProjectFile::default()).unwrap();
            assert_eq!(found, (BuildType::Compose, file.into()));
        }
        let failure = chosen(tree(&["README"]).path(), None, &ProjectFile::default()).err().unwrap();
        assert!(failure.to_string().contains("supported by this version: dockerfile"), "{failure}");
    }

    #[test]
    fn a_build_type_that_is_named_is_the_one_that_builds() {
        for builder in all() {
            let kind = builder.build_type();
            assert_eq!(builder_of(kind).map(Builder::build_type), Some(kind));
        }
        let dir = tree(&["Dockerfile", "docker-compose.yml"]);
        let project = ProjectFile { build_type: Some(BuildType::Compose), ..ProjectFile::default() };
        let found = |asked| chosen(dir.path(), asked, &project).unwrap().0;
        assert_eq!(found(Some(BuildType::Dockerfile)), BuildType::Dockerfile);
        assert_eq!((found(None), found(Some(BuildType::Auto))), (BuildType::Compose, BuildType::Compose));
    }

    #[test]
    fn the_project_file_names_another_file() {
        let dir = tree(&["docker/web"]);
        let project = ProjectFile { build_file_path: Some("docker/web".into()), ..ProjectFile::default() };
        assert_eq!(chosen(dir.path(), None, &project).unwrap(), (BuildType::Dockerfile, "docker/web".into()));
        let dir = tree(&["deploy/stack.yml"]);
        let project = ProjectFile { build_file_path: Some("deploy/stack.yml".into()), ..ProjectFile::default() };
        assert_eq!(chosen(dir.path(), None, &project).unwrap(), (BuildType::Compose, "deploy/stack.yml".into()));
    }

    #[test]
    fn a_buildpack_needs_no_procfile_where_it_was_asked_for() {
        let dir = tree(&["index.html"]);
        let asked = chosen(dir.path(), Some(BuildType::Procfile), &ProjectFile::default()).unwrap();
        assert_eq!(asked, (BuildType::Procfile, "Procfile".into()));
        let named = ProjectFile { build_file_path: Some("Procfile.web".into()), ..ProjectFile::default() };
        assert!(chosen(dir.path(), Some(BuildType::Procfile), &named).is_err());
        let dir = tree(&["Procfile", "Dockerfile"]);
        assert_eq!(chosen(dir.path(), None, &ProjectFile::default()).unwrap().0, BuildType::Dockerfile);
        let dir = tree(&["Procfile"]);
        assert_eq!(chosen(dir.path(), None, &ProjectFile::default()).unwrap().0, BuildType::Procfile);
    }

    #[test]
    fn what_cannot_be_built_says_why() {
        let dir = tree(&[]);
        let missing = chosen(dir.path(), Some(BuildType::Dockerfile), &ProjectFile::default()).err().unwrap();
        assert!(missing.to_string().contains("no Dockerfile"), "{missing}");
        assert_eq!(missing.kind(), Kind::Invalid);
        let nothing = chosen(dir.path(), None, &ProjectFile::default()).err().unwrap().to_string();
        assert!(nothing.contains("no Dockerfile") && nothing.contains("no Procfile"), "{nothing}");
    }
}
