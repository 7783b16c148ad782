//! The builder of Procfile projects: made when a project first needs it, named before that.

use super::Base;
use super::recipe::{Progress, Recipe};
use super::tools::{vps_image_file, with_authorities};
use crate::Engine;
use crate::error::Result;
use crate::lease::Lease;

/// The builder's folder in `vps-images/tools`, and the name of its image.
const NAME: &str = "buildpack";

/// Files of the builder's folder: path, mode, content.
macro_rules! builder_files {
    ($($mode:literal $path:literal,)*) => {
        [$(($path, $mode, vps_image_file!(concat!("tools/buildpack/", $path)))),*]
    };
}

fn recipe(base: &Base) -> Result<Recipe> {
    let files = builder_files![
        0o644 "common",
        0o755 "build",
        0o755 "start",
        0o755 "exec",
        0o755 "buildpacks/python/bin/detect",
        0o755 "buildpacks/python/bin/compile",
        0o755 "buildpacks/python/bin/release",
        0o755 "buildpacks/nodejs/bin/detect",
        0o755 "buildpacks/nodejs/bin/compile",
        0o755 "buildpacks/nodejs/bin/release",
        0o755 "buildpacks/static/bin/detect",
        0o755 "buildpacks/static/bin/compile",
        0o755 "buildpacks/static/bin/release",
        0o755 "buildpacks/null/bin/detect",
        0o755 "buildpacks/null/bin/compile",
        0o755 "buildpacks/null/bin/release",
    ];
    let recipe = Recipe::new(NAME, &base.reference, vps_image_file!("tools/buildpack/Dockerfile"));
    let add = |recipe: Recipe, (path, mode, content): (&str, u32, &str)| recipe.file(path, mode, content);
    with_authorities(files.into_iter().fold(recipe, add))
}

/// The reference that the builder has, whether it is made already or not.
pub async fn builder_reference(engine: &Engine, base: &Base) -> Result<String> {
    recipe(base)?.reference(engine).await
}

/// The builder's image, made unless it is there.
pub async fn builder_image(engine: &Engine, lease: &Lease, base: &Base, progress: Progress<'_>) -> Result<String> {
    recipe(base)?.ensure(engine, lease, progress).await
}
