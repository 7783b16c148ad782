//! Holds the hosted workflows against the command line, so that neither drifts from the other.

use std::fs;
use std::path::PathBuf;

use clap::Parser;
use harness::catalog::{Arch, Catalog};
use harness::image::Reach;
use harness::matrix::Cell;
use serde_json::Value;

use crate::build::root;
use crate::cli::Cli;
use crate::commands::github;

/// A workflow, by the name of its file.
fn workflows() -> Vec<(String, Value)> {
    let folder = root().join(".github/workflows");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |path: &PathBuf| serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    files.iter().map(|path| (path.file_name().unwrap().display().to_string(), read(path))).collect()
}

/// Every job of every workflow, with the name to tell it by.
fn jobs() -> Vec<(String, Value)> {
    let jobs = |(file, workflow): (String, Value)| {
        let jobs = workflow["jobs"].as_object().unwrap().clone();
        jobs.into_iter().map(move |(name, job)| (format!("{file}: {name}"), job))
    };
    workflows().into_iter().flat_map(jobs).collect()
}

fn steps(job: &Value) -> Vec<Value> {
    job["steps"].as_array().cloned().unwrap_or_default()
}

/// What stands for an expression or a variable of the workflow when its commands are parsed.
fn filled_in(command: &str) -> String {
    [("$CELL", "debian:12"), ("$PART", "1/5")]
        .iter()
        .fold(command.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The commands of this tool in a script.
fn commands_in(script: &str) -> Vec<String> {
    let ends = |c: char| ['\n', ')', ';', '&', '|', '>'].contains(&c);
    script.split("cargo xtask ").skip(1).map(|rest| rest.split(ends).next().unwrap_or(rest).replace('"', "")).collect()
}

#[test]
fn every_command_of_a_workflow_is_one_of_this_tool() {
    let mut found = 0;
    for (name, job) in jobs() {
        for script in steps(&job).iter().filter_map(|step| step["run"].as_str()) {
            assert!(!script.contains("${{"), "{name}: an expression in a script can be made to run as one: {script}");
            for command in commands_in(&filled_in(script)) {
                let words = ["cargo xtask"].into_iter().chain(command.split_whitespace());
                assert!(!command.contains('$'), "{name}: a variable that this test does not know: {command}");
                Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{name}: cargo xtask {command}\n{error}"));
                found += 1;
            }
        }
    }
    assert!(found >= 5, "only {found} commands were found: is this looking for the right words?");
}

#[test]
fn every_action_is_pinned_by_its_digest_and_says_its_version() {
    let folder = root().join(".github/workflows");
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines().filter(|line| line.contains("uses:") && !line.contains("uses: ./")) {
            let (_, pin) = line.split_once('@').unwrap_or_else(|| panic!("no version: {line}"));
            let (digest, version) = pin.split_once(" # v").unwrap_or_else(|| panic!("no version in a comment: {line}"));
            assert!(digest.len() == 40 && digest.bytes().all(|it| it.is_ascii_hexdigit()), "no digest: {line}");
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{line}");
        }
    }
}

#[test]
fn no_workflow_may_do_more_than_read_and_every_job_ends() {
    for (file, workflow) in workflows() {
        assert_eq!(workflow["permissions"], serde_json::json!({ "contents": "read" }), "{file}");
    }
    for (name, job) in jobs() {
        let own = &job["permissions"];
        assert!(own.is_null() || own.as_object().is_some_and(serde_json::Map::is_empty), "{name}: {own}");
        // what a job calls has its own limits
        assert!(job["timeout-minutes"].is_u64() || job["uses"].is_string(), "{name}: no timeout-minutes");
    }
}

#[test]
fn a_job_per_cell_uses_what_the_list_of_cells_prints() {
    let workflows = workflows();
    let (_, cells) = workflows.iter().find(|(file, _)| file == "cells.yml").unwrap();
    let job = &cells["jobs"]["cell"];
    assert_eq!(job["strategy"]["matrix"], "${{ fromJson(needs.list.outputs.cells) }}");
    let used: Vec<String> = job.to_string().split("matrix.").skip(1).map(word).collect();
    let system = Catalog::built_in().find("debian", "12").unwrap().clone();
    let cell = Cell { system, arch: Arch::Amd64, reach: Reach::Yes("a registry".to_owned()) };
    let printed = &github(&[cell])["include"][0];
    assert!(!used.is_empty() && used.iter().all(|name| printed[name].is_string()), "{used:?} of {printed}");
}

/// The letters that a text begins with.
fn word(text: &str) -> String {
    text.chars().take_while(char::is_ascii_alphabetic).collect()
}

#[test]
fn ci_run_is_the_test_command_of_the_readme() {
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert_eq!(commands_in(&script), ["test"]);
    assert!(readme.contains("\ncargo xtask test "), "the README names another command");
}
