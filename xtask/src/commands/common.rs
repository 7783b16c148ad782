//! What several commands begin or end with.

use std::sync::Arc;

use harness::image::{BaseSource, BaseSources};
use harness::vps::Vps;
use harness::{Engine, Settings, TestEnv, Workspace};
use serde::Serialize;

use crate::cli::{BaseChoice, Global};

/// How wide a table is where no terminal says so.
const WIDTH_OF_FILES: u16 = 140;

/// Tells a person how far long work is.
pub fn say(line: &str) {
    eprintln!("==> {line}");
}

/// Is told how far long work is.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// Environment variables and options of every command, together.
pub fn settings(global: &Global) -> anyhow::Result<Settings> {
    let mut sources = BaseSources::from_env()?;
    choose(&mut sources, global);
    sources.may_install &= !global.no_install;
    sources.check()?;
    Ok(Settings { sources, workspace: workspace(global)?, progress: Arc::new(say) })
}

/// What the command line says of the source of bases counts more than what the environment says.
fn choose(sources: &mut BaseSources, global: &Global) {
    sources.only = match global.base_source {
        Some(BaseChoice::Auto) => None,
        Some(BaseChoice::Only(source)) => Some(source),
        None if global.rootfs.is_some() => None,
        None => sources.only,
    };
    // words that ask for another source mean no archive that only the environment names
    let other = global.base_source.is_some() && sources.only.is_some_and(|only| only != BaseSource::Local);
    if global.rootfs.is_some() || other {
        sources.rootfs.clone_from(&global.rootfs);
    }
}

/// The workspace that this command works in.
pub fn workspace(global: &Global) -> anyhow::Result<Workspace> {
    Ok(match &global.state_dir {
        Some(dir) => Workspace::at(dir)?,
        None => Workspace::find()?,
    })
}

/// Opens the test environment, does the work, and closes it whatever the work came to.
pub async fn with_env<T>(global: &Global, work: impl AsyncFnOnce(&TestEnv) -> anyhow::Result<T>) -> anyhow::Result<T> {
    with_env_saying(global, Arc::new(say), work).await
}

/// The same, with progress told in another way.
pub async fn with_env_saying<T>(
    global: &Global,
    progress: Say,
    work: impl AsyncFnOnce(&TestEnv) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let env = TestEnv::open_with(Settings { progress, ..settings(global)? }).await?;
    let result = work(&env).await;
    let closed = env.close().await;
    let value = result?;
    closed?;
    Ok(value)
}

/// The VPS that a person means, for commands that make nothing and so need no lease.
pub async fn kept_vps(global: &Global, name: Option<&str>) -> anyhow::Result<Vps> {
    let workspace = workspace(global)?;
    let info = workspace.find_vps(name)?;
    Ok(Vps::attach(info, engine(&workspace).await?, &workspace)?)
}

/// The engine, for commands that need no lease. VPSes of the workspace whose time is up are removed first.
pub async fn engine(workspace: &Workspace) -> anyhow::Result<Engine> {
    let engine = Engine::connect().await?;
    for vps in workspace.remove_expired(&engine).await? {
        say(&format!("{} is gone: its time was up", vps.subject()));
    }
    Ok(engine)
}

/// Prints the one document that `--json` promises.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A table with a header row, for terminals of any width.
pub fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    // a terminal that nobody looks at may say that it has no width at all
    if !table.is_tty() || terminal_size::terminal_size().is_none_or(|(width, _)| width.0 == 0) {
        table.set_width(WIDTH_OF_FILES);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of an environment that names both or one, and of the words.
    fn chosen(
        env: (Option<BaseSource>, Option<&str>),
        source: Option<BaseChoice>,
        rootfs: Option<&str>,
    ) -> BaseSources {
        let mut sources = BaseSources { only: env.0, rootfs: env.1.map(Into::into), ..BaseSources::default() };
        let rootfs = rootfs.map(Into::into);
        choose(&mut sources, &Global { base_source: source, rootfs, no_install: false, state_dir: None });
        sources
    }

    #[test]
    fn words_count_more_than_the_environment() {
        let (registry, local) = (BaseSource::Registry, BaseSource::Local);
        let words = chosen((Some(registry), None), None, Some("a.tar"));
        assert!(words.check().is_ok() && words.rootfs.is_some(), "{words:?}");
        let words = chosen((Some(local), Some("a.tar")), Some(BaseChoice::Only(registry)), None);
        assert!(words.check().is_ok() && words.rootfs.is_none(), "{words:?}");
        let words = chosen((None, Some("a.tar")), Some(BaseChoice::Only(local)), None);
        assert!(words.check().is_ok() && words.rootfs.is_some(), "{words:?}");
        let words = chosen((None, None), Some(BaseChoice::Only(registry)), Some("a.tar"));
        assert!(words.check().is_err(), "{words:?}");
    }
}
