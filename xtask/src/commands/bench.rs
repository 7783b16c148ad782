//! `bench`: how quick this is, as ratios to the plain tools in turns on the same machine, and what the daemon costs.

mod at_once;
mod child;
mod cold;
mod deploy;
mod footprint;
mod images;
mod matrix;
mod plain;
mod row;
mod snapshot;
mod stage;
mod warm_start;

use harness::catalog::System;
use harness::{Error, Failure, TestEnv};

use self::images::Images;
use self::row::Row;
use super::common::{print_json, table, with_env};
use crate::cli::{Bench, Global};
use crate::daemon;

/// The system that is measured.
const SYSTEM: (&str, &str) = ("debian", "12");
/// Every row's name.
const NAMES: [&str; 14] = [
    warm_start::WHAT[0].1,
    warm_start::WHAT[1].1,
    at_once::TWENTY,
    at_once::START,
    at_once::MEMORY,
    at_once::LIST,
    at_once::DOWN,
    cold::WHAT,
    snapshot::WHAT,
    matrix::WHAT,
    deploy::WHAT,
    footprint::MEMORY,
    footprint::EDGE_MEMORY,
    footprint::START,
];

pub async fn run(global: &Global, words: Bench) -> anyhow::Result<()> {
    let wanted = Wanted::new(words.only.as_deref().unwrap_or_default())?;
    child::check_clients()?;
    // goes after the lease does, which ends whatever still makes images
    let images = Images::new();
    // boxed: what the rows hold on the way is large
    let rows = with_env(global, async |env| Box::pin(measure(global, env, &wanted, &images)).await).await?;
    if words.json.json {
        return print_json(&rows);
    }
    let mut table = table(&["WHAT", "AGAINST", "RESULT", "GOAL", "OURS", "PLAIN"]);
    for row in &rows {
        table.add_row(row.cells());
    }
    println!("{table}");
    Ok(())
}

/// The rows that are asked for.
struct Wanted(Vec<&'static str>);

impl Wanted {
    fn new(filter: &str) -> anyhow::Result<Self> {
        let names: Vec<_> = NAMES.into_iter().filter(|name| name.contains(filter)).collect();
        if names.is_empty() {
            let failure = Failure::new(filter, "find a row whose name holds it");
            return Err(Error::Name(failure.saw(format!("valid:\n{}", NAMES.join("\n")))).into());
        }
        Ok(Self(names))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

async fn measure(global: &Global, env: &TestEnv, wanted: &Wanted, images: &Images) -> anyhow::Result<Vec<Row>> {
    let (os, version) = SYSTEM;
    let system = env.system(os, version)?;
    let mut rows = Vec::new();
    for (init, what) in warm_start::WHAT {
        if wanted.has(what) {
            rows.push(warm_start::run(global, env, system, init, what).await?);
        }
    }
    rows.extend(many_rows(global, env, wanted, system).await?);
    if wanted.has(cold::WHAT) {
        rows.push(cold::run(global, env, system, images).await?);
    }
    let on_the_stage = [deploy::WHAT, footprint::MEMORY, footprint::EDGE_MEMORY, footprint::START];
    let staged = on_the_stage.iter().any(|what| wanted.has(what));
    if !staged && !wanted.has(snapshot::WHAT) && !wanted.has(matrix::WHAT) {
        return Ok(rows);
    }
    let deployd = daemon::deployd(env).await?;
    if wanted.has(snapshot::WHAT) {
        rows.push(snapshot::run(env, &deployd, system).await?);
    }
    if wanted.has(matrix::WHAT) {
        rows.push(matrix::run(global, env, &deployd).await?);
    }
    if staged {
        rows.extend(stage::on_a_stage(env, &deployd, system, async |stage| staged_rows(stage, wanted).await).await?);
    }
    Ok(rows)
}

/// What is measured with many VPSes at once.
async fn many_rows(global: &Global, env: &TestEnv, wanted: &Wanted, system: &System) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if wanted.has(at_once::TWENTY) {
        rows.push(at_once::twenty(env, system).await?);
    }
    let of_fifty = [at_once::START, at_once::MEMORY, at_once::LIST, at_once::DOWN];
    if of_fifty.iter().any(|what| wanted.has(what)) {
        let measured = of_fifty.into_iter().zip(at_once::fifty(global, system).await?);
        rows.extend(measured.filter(|(what, _)| wanted.has(what)).map(|(_, row)| row));
    }
    Ok(rows)
}

/// What is measured on a VPS with the daemon.
async fn staged_rows(stage: &stage::Stage<'_>, wanted: &Wanted) -> anyhow::Result<Vec<Row>> {
    // also where only the daemon is measured: it is at rest after deploys
    let deploys = deploy::run(stage).await?;
    let mut rows = Vec::new();
    if wanted.has(deploy::WHAT) {
        rows.push(deploys);
    }
    for what in [footprint::MEMORY, footprint::EDGE_MEMORY] {
        if wanted.has(what) {
            rows.push(footprint::memory(stage, what).await?);
        }
    }
    if wanted.has(footprint::START) {
        rows.push(footprint::start(stage).await?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_rows_and_a_wrong_one_is_told_them() {
        assert_eq!(Wanted::new("").unwrap().0, NAMES);
        assert_eq!(Wanted::new("memory").unwrap().0, [at_once::MEMORY, footprint::MEMORY, footprint::EDGE_MEMORY]);
        let error = Wanted::new("colour").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("colour") && error.contains(snapshot::WHAT), "{error}");
    }
}
