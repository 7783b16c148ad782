//! The sample runs of `bootstrap.sh` that both of its readers are tested with are what the script itself prints.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::process::Command;

/// The script, to which `tests/bootstrap/*.sh` say what a machine would: what each step did, and which commands fail.
const SCRIPT: &str = include_str!("../bootstrap.sh");
/// Its last line runs it.
const RUN: &str = "main \"$@\" </dev/null\n";

/// What the script prints where `machine` takes the place of the machine, and its exit status.
fn printed(machine: &str) -> (String, Option<i32>) {
    let dir = tempfile::tempdir().unwrap();
    let functions = SCRIPT.strip_suffix(RUN).expect("bootstrap.sh ends with running main");
    let ran = Command::new("sh")
        .args(["-c", &[functions, machine, RUN].concat(), "bootstrap.sh", "install"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("DEPLOYD_DATA_DIR", dir.path())
        .output()
        .unwrap();
    (String::from_utf8(ran.stdout).unwrap(), ran.status.code())
}

#[test]
fn the_samples_are_what_the_script_prints() {
    let common = include_str!("bootstrap/machine.sh");
    let installed = [common, include_str!("bootstrap/installed.sh")].concat();
    assert_eq!(printed(&installed), (include_str!("bootstrap/installed.txt").to_owned(), Some(0)));
    let failed = [common, include_str!("bootstrap/failed.sh")].concat();
    assert_eq!(printed(&failed), (include_str!("bootstrap/failed.txt").to_owned(), Some(1)));
}
