//! `images`: what is cached, how large, how old.

use std::path::Path;

use harness::image::{DAEMON_REPOSITORY, REPOSITORY, vps_image};
use harness::lease::MachineDir;
use harness::vps::SNAPSHOT_REPOSITORY;
use harness::{Engine, Failure};

use super::common::{print_json, say, table, with_env};
use crate::cli::{Global, Images, ImagesAction, Json};

pub async fn run(global: &Global, words: Images) -> anyhow::Result<()> {
    match words.action.unwrap_or(ImagesAction::List(Json { json: false })) {
        ImagesAction::List(json) => list(json).await,
        ImagesAction::Build { os, version } => build(global, &os, &version).await,
        ImagesAction::Save { file } => save(&file).await,
        ImagesAction::Load { file } => load(&file).await,
        ImagesAction::Prune => prune().await,
    }
}

async fn list(json: Json) -> anyhow::Result<()> {
    let images = Engine::connect().await?.images(&format!("{REPOSITORY}/*")).await?;
    if json.json {
        return print_json(&images);
    }
    let mut table = table(&["IMAGE", "SIZE", "AGE"]);
    for image in &images {
        let megabytes = format!("{} MB", image.size_bytes / 1_000_000);
        table.add_row([image.tags.join(" "), megabytes, age(image.created).unwrap_or_default()]);
    }
    println!("{table}");
    Ok(())
}

async fn build(global: &Global, os: &str, version: &str) -> anyhow::Result<()> {
    let image = with_env(global, async |env| {
        let system = env.system(os, version)?;
        let base = env.sources().obtain(env.engine(), env.lease(), system, env.progress()).await?;
        Ok(vps_image(env.engine(), env.lease(), system, &base, env.progress()).await?)
    })
    .await?;
    println!("{image}");
    Ok(())
}

/// Writes what takes long to make and is true on any machine: neither daemons nor snapshots, which are partly a folder.
async fn save(file: &Path) -> anyhow::Result<()> {
    let engine = Engine::connect().await?;
    let images = engine.images(&format!("{REPOSITORY}/*")).await?;
    let only_here = [DAEMON_REPOSITORY, SNAPSHOT_REPOSITORY].map(|repository| format!("{repository}:"));
    let tags: Vec<String> = images.into_iter().flat_map(|image| image.tags).collect();
    let tags: Vec<String> = tags.into_iter().filter(|tag| !only_here.iter().any(|it| tag.starts_with(it))).collect();
    if tags.is_empty() {
        let failure = Failure::new("images", "find one to save").saw("there is none on the engine");
        return Err(harness::Error::Engine(failure.hint("cargo xtask images build OS VERSION")).into());
    }
    engine.save_images(&tags, file).await?;
    for tag in &tags {
        say(&format!("saved {tag}"));
    }
    Ok(())
}

async fn load(file: &Path) -> anyhow::Result<()> {
    let told = Engine::connect().await?.load_images(file).await?;
    for line in &told {
        say(line);
    }
    Ok(())
}

async fn prune() -> anyhow::Result<()> {
    let engine = Engine::connect().await?;
    Ok(harness::image::prune(&engine, &MachineDir::find(&engine)?, &say).await?)
}

/// How long ago a time in seconds since 1970 was, in words.
pub fn age(created: i64) -> Option<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    let seconds = now.saturating_sub(u64::try_from(created).ok()?);
    // the two largest units tell enough
    let words = humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string();
    Some(words.split(' ').take(2).collect::<Vec<_>>().join(" "))
}
