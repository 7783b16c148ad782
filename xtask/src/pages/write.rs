//! Writes the pages into the folder that they are kept in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use harness::matrix::Durations;
use harness::matrix::mutants::MutantList;

use super::page::{self, Known};
use super::source;

/// Where they are, in the workspace.
const FOLDER: &str = "scenarios/docs";

/// Writes every page anew, and removes those of scenarios that are gone; answers the folder.
pub fn write(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join(FOLDER);
    let pages = pages(root)?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    for (file, text) in pages {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(folder)
}

/// Each page, by its file in the folder.
fn pages(root: &Path) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let known = Known { durations: Durations::read(root)?, mutants: MutantList::read(root)? };
    let behaviours = source::read(root)?;
    let mut pages = BTreeMap::from([(PathBuf::from("README.md"), page::index(&behaviours, &known))]);
    for behaviour in &behaviours {
        for scenario in &behaviour.scenarios {
            let file = Path::new(&behaviour.file).join(format!("{}.md", scenario.function));
            pages.insert(file, page::of(behaviour, scenario, &known));
        }
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in the folder, by its file.
    fn written(folder: &Path) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(at) = folders.pop() {
            for entry in std::fs::read_dir(&at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found
                        .insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        found
    }

    #[test]
    fn the_pages_are_what_the_scenarios_say() {
        let root = crate::build::root();
        let (kept, now) = (written(&root.join(FOLDER)), pages(root).unwrap());
        let stale = now.iter().filter(|(file, text)| kept.get(*file) != Some(text)).map(|(file, _)| file);
        let gone = kept.keys().filter(|file| !now.contains_key(*file));
        let differ: Vec<&PathBuf> = stale.chain(gone).collect();
        assert!(differ.is_empty(), "run `cargo xtask pages`: {FOLDER} has other texts for {differ:?}");
    }
}
