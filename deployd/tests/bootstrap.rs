//! The sample runs of `bootstrap.sh` that both of its readers are tested with are what the script itself prints, and on
//! every system it installs the engine that is right there.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

#[path = "bootstrap/recorded.rs"]
mod recorded;

use std::process::Command;

use recorded::{Answer, Recorded, ServiceManager};

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

/// What was recorded of every system, and what follows from it.
#[test]
fn every_system_gets_the_engine_that_is_right_for_it() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("bootstrap/systems");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for slug in recorded::slugs() {
        let system = Recorded::read(&slug);
        let runs = [None, Some("distribution"), Some("upstream")].map(|channel| system.bootstrap(channel));
        settings.bind(|| insta::assert_snapshot!(slug, runs.join("\n")));
    }
}

#[test]
fn a_machine_that_starts_no_services_gets_its_engine_started_plainly() {
    for slug in recorded::slugs() {
        let system = Recorded { service_manager: ServiceManager::None, ..Recorded::read(&slug) };
        let ran = system.bootstrap(None);
        let started = "started by dockerd without a service manager: start it again after a reboot)\nended with 0\n";
        assert!(ran.contains("$ dockerd \n") && ran.contains(started), "{slug}: {ran}");
    }
}

#[test]
fn packages_that_cannot_be_had_any_more_are_told_with_what_helps() {
    let gone = Answer {
        to: "yum -y install *".to_owned(),
        says: "Could not retrieve mirrorlist http://mirrorlist.centos.org/?release=7&arch=x86_64&repo=os error was\n\
               14: curl#6 - \"Could not resolve host: mirrorlist.centos.org; Unknown error\"\n\n\
               Cannot find a valid baseurl for repo: base/7/x86_64"
            .to_owned(),
        status: 1,
    };
    let ran = Recorded { answers: vec![gone], ..Recorded::read("centos-7") }.bootstrap(None);
    assert!(
        ran.contains("Cannot find a valid baseurl for repo: base/7/x86_64; the mirrors of CentOS Linux 7"),
        "{ran}"
    );
    assert!(ran.contains("let /etc/yum.repos.d name vault.centos.org)\nended with 1"), "{ran}");

    let gone = Answer {
        to: "apt-get * update".to_owned(),
        says: "Err:1 http://deb.debian.org/debian bullseye Release\n  404  Not Found [IP: 192.0.2.1 80]\n\
               E: The repository 'http://deb.debian.org/debian bullseye Release' does not have a Release file."
            .to_owned(),
        status: 100,
    };
    let ran = Recorded { answers: vec![gone], ..Recorded::read("debian-11") }.bootstrap(None);
    assert!(ran.contains("after its end a release is found at archive.debian.org"), "{ran}");
}

#[test]
fn a_docker_that_is_podman_is_no_engine() {
    let system = Recorded::read("fedora-43");
    let shim = "#!/bin/sh\necho 'podman version 5.6.2'\n";
    let ran = system.bootstrap_with("docker", shim);
    assert!(ran.contains("step engine: failed (the command docker is podman here"), "{ran}");
    assert!(!ran.contains('$'), "it went on: {ran}");
}
