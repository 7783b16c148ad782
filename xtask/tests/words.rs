//! The command line's contract: words, streams and exit statuses. None of these needs an engine.

use std::path::Path;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};
use rstest::rstest;

/// The command line, without an engine and with a state folder of its own.
fn xtask(state: &Path, words: &[&str]) -> Assert {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testvps"));
    command
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .env("TESTENV_STATE_DIR", state)
        .env("TESTENV_CACHE_DIR", state.join("cache"))
        .env_remove("TESTENV_BASE_SOURCE")
        .args(words)
        .assert()
}

#[rstest]
#[case::an_unknown_command(&["tesetnv"], "testenv")]
#[case::an_option_that_is_not_there(&["list", "--jsno"], "--json")]
#[case::a_port_that_is_none(&["testenv", "debian", "12", "--publish", "http:80"], "HOST:VPS")]
#[case::a_size_without_a_meaning(&["testenv", "debian", "12", "--memory", "lots"], "512m")]
#[case::a_size_without_a_name(&["testenv", "debian", "12", "--size", "huge"], "nano, micro, small, medium, large")]
#[case::a_time_without_a_unit(&["testenv", "debian", "12", "--ttl", "soon"], "2h")]
#[case::an_unknown_init(&["testenv", "debian", "12", "--init", "upstart"], "systemd, sshd")]
#[case::an_unknown_base_source(&["testenv", "debian", "12", "--base-source", "moon"], "auto, registry, mirror, local")]
#[case::an_archive_and_another_source(
    &["testenv", "debian", "12", "--base-source", "registry", "--rootfs", "a.tar"], "--base-source local"
)]
#[case::a_snapshot_with_a_space(&["snapshot", "a", "my base"], "1 to 40 lower-case letters")]
#[case::the_name_of_the_built_in_snapshot(&["snapshot", "a", "bootstrapped"], "built-in")]
#[case::a_snapshot_without_a_vps(&["snapshot", "base"], "<SNAPSHOT>")]
#[case::a_port_without_a_number(&["forward", "http"], "1 to 65535")]
#[case::the_port_0(&["forward", "a", "0"], "1 to 65535")]
#[case::a_local_port_that_is_none(&["forward", "80", "--local", "70000"], "--local")]
#[case::nothing_to_forward_to(&["forward"], "PORT")]
#[case::nothing_to_take_down(&["down"], "--all")]
#[case::a_format_without_a_list(&["matrix", "--format", "json"], "--list")]
#[case::a_list_of_mutants(&["matrix", "--mutants", "--list"], "--list")]
#[case::a_required_system_for_mutants(&["matrix", "--mutants", "--require", "debian:12"], "--require")]
#[case::a_part_that_is_none(&["matrix", "--partition", "6/5"], "2/5")]
#[case::an_unknown_architecture(&["matrix", "--arch", "vax"], "amd64, arm64, armhf")]
#[case::a_copy_between_folders_here(&["copy", "a", "./b:c"], "both sides are on this machine")]
#[case::a_copy_between_vpses(&["copy", "a:/x", "b:/y"], "both sides are on a VPS")]
#[case::a_copy_to_nowhere(&["copy", "a"], "DST")]
#[case::an_unknown_shell(&["completions", "command.com"], "bash")]
#[case::a_mutant_of_another_tool(&["matrix", "--mutants", "--deployer", "a.toml"], "--deployer")]
#[case::a_deploy_tool_that_is_not_there(&["matrix", "--deployer", "nowhere.toml"], "scenarios/deployers/compose/deployer.toml")]
#[case::a_kept_vps_of_a_mutant(&["matrix", "--mutants", "--keep-failed"], "--keep-failed")]
fn wrong_words_are_told_with_what_would_have_worked(#[case] words: &[&str], #[case] told: &str) {
    let state = tempfile::tempdir().unwrap();
    xtask(state.path(), words).code(2).stdout(is_empty()).stderr(contains(told));
}

#[rstest]
#[case::a_system(&["matrix", "--list", "--os", "debain"], "did you mean debian?")]
#[case::a_version(&["matrix", "--os", "ubuntu:16.10"], "16.04 (xenial)")]
#[case::a_required_system(&["matrix", "--require", "centos:6"], "stream9")]
#[case::a_mutant(&["matrix", "--mutants", "--scenario", "no-such-mutant"], "(first_deploy::")]
#[case::a_vps(&["ssh", "nobody"], "there is none")]
#[case::a_vps_to_take_down(&["down", "nobody"], "there is none")]
#[case::a_vps_to_copy_to(&["copy", "README.md", "nobody:/tmp/"], "there is none")]
#[case::a_vps_to_copy_from(&["copy", "nobody:/etc/hosts", "."], "there is none")]
#[case::a_vps_for_a_fault(&["fault", "nobody", "cut"], "there is none")]
#[case::the_only_vps_where_there_is_none(&["status"], "cargo xtask testenv")]
#[case::a_vps_to_turn_off(&["stop", "nobody"], "there is none")]
#[case::a_vps_to_turn_on(&["start", "nobody"], "there is none")]
#[case::a_vps_to_reboot(&["reboot", "nobody"], "there is none")]
#[case::a_vps_to_freeze(&["snapshot", "nobody", "base"], "there is none")]
#[case::a_vps_to_forward_to(&["forward", "nobody", "80"], "there is none")]
#[case::a_project(&["deploy", "no/such/folder"], "project.toml")]
#[case::a_fixture(&["deploy", "dockerfile-wbe"], "dockerfile-web")]
fn an_unknown_name_lists_the_valid_ones(#[case] words: &[&str], #[case] told: &str) {
    let state = tempfile::tempdir().unwrap();
    xtask(state.path(), words).code(2).stdout(is_empty()).stderr(contains(told));
}

#[rstest]
#[case::testenv(&["testenv", "debian", "12", "--no-install"])]
#[case::list(&["list"])]
#[case::sweep(&["sweep"])]
#[case::snapshots(&["snapshots"])]
#[case::a_vps_from_a_snapshot(&["testenv", "debian", "12", "--from", "base", "--no-install"])]
#[case::images(&["images"])]
#[case::a_deploy_of_a_fixture(&["deploy", "dockerfile-web", "--no-install"])]
#[case::images_of_a_file(&["images", "load", "no.tar"])]
#[case::matrix(&["matrix", "--no-install"])]
#[case::cells(&["matrix", "--list"])]
#[case::mutants(&["matrix", "--mutants"])]
fn without_an_engine_the_status_is_3_and_the_mending_command_is_named(#[case] words: &[&str]) {
    let state = tempfile::tempdir().unwrap();
    let mends = contains("systemctl start docker").and(contains("DOCKER_HOST"));
    xtask(state.path(), words).code(3).stdout(is_empty()).stderr(mends);
}

#[test]
fn a_vps_whose_time_is_up_counts_as_gone_and_can_still_be_taken_down() {
    let state = tempfile::tempdir().unwrap();
    let vps = serde_json::json!({
        "name": "a", "os": "debian", "version": "12", "init": "sshd", "arch": "amd64",
        "engine": {"id": "e", "address": "unix:///e"}, "container_id": "c", "address": "172.18.0.9", "user": "root",
        "ssh": {"host": "127.0.0.1", "port": 2222, "user": "root", "identity_file": "k", "known_hosts_file": "h",
                "command": "ssh"},
        "ports": [], "base": {"reference": "b", "source": "mirror", "arch": "amd64"},
        "timings_ms": {"base": 0, "image": 0, "start": 0, "ready": 0}, "expires_at": "2020-01-01T00:00:00Z"
    });
    std::fs::create_dir(state.path().join("a")).unwrap();
    std::fs::write(state.path().join("a/vps.json"), vps.to_string()).unwrap();
    xtask(state.path(), &["ssh", "a"]).code(2).stdout(is_empty()).stderr(contains("there is none"));
    xtask(state.path(), &["down", "a", "--no-install"]).code(3).stdout(is_empty()).stderr(contains("DOCKER_HOST"));
    let living = vps.to_string().replace("2020-", "2999-");
    std::fs::write(state.path().join("a/vps.json"), living).unwrap();
    xtask(state.path(), &["ssh", "a"]).code(3).stdout(is_empty()).stderr(contains("DOCKER_HOST"));
}

#[test]
fn what_a_deploy_tool_needs_of_this_machine_is_named_with_its_package() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("deployer.toml");
    let tool = "name = 'a'\nneeds = { no-such-program = 'its-package' }\nbuilds = ['dockerfile']\n\
                bootstrap.here = 'true'\ndeploy.here = 'true'\n";
    std::fs::write(&file, tool).unwrap();
    let told = contains("no-such-program").and(contains("apt-get install its-package"));
    xtask(state.path(), &["matrix", "--deployer", &file.display().to_string()]).code(3).stdout(is_empty()).stderr(told);
    std::fs::write(&file, tool.replace("deploy.here", "deploy.there")).unwrap();
    let told = contains("deployer.toml").and(contains("`there`")).and(contains("`here` or `on_vps`"));
    xtask(state.path(), &["matrix", "--deployer", &file.display().to_string()]).code(2).stdout(is_empty()).stderr(told);
}

#[test]
fn a_tool_that_bench_compares_with_is_named_with_its_package() {
    let (state, nothing) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_testvps"));
    command.env("TESTENV_STATE_DIR", state.path()).env("PATH", nothing.path()).args(["bench", "--only", "cold"]);
    let told = contains("docker: find it on this machine").and(contains("apt-get install docker.io"));
    command.assert().code(3).stdout(is_empty()).stderr(told);
}

#[test]
fn an_engine_that_ssh_does_not_reach_is_named_and_nothing_stays_behind() {
    let (state, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_testvps"));
    command.env("TESTENV_STATE_DIR", state.path()).env("TMPDIR", temporary.path());
    // nothing listens on port 1 of the loopback address
    command.env("DOCKER_HOST", "ssh://nobody@127.0.0.1:1").arg("list");
    let told = contains("reach ssh://nobody@127.0.0.1:1").and(contains("docker version"));
    command.assert().code(3).stdout(is_empty()).stderr(told);
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the folder of the tunnel's socket is left");
}

#[test]
fn doctor_tells_of_a_missing_engine_in_one_json_document() {
    let state = tempfile::tempdir().unwrap();
    let output = xtask(state.path(), &["doctor", "--json"]).code(3).get_output().stdout.clone();
    let document: serde_json::Value = serde_json::from_slice(&output).unwrap();
    let engine = &document["checks"][0];
    assert_eq!((&engine["name"], &engine["state"]), (&"engine".into(), &"missing".into()));
    assert!(engine["mend"].as_str().unwrap().contains("docker"), "{engine}");
}

#[test]
fn a_wrong_setting_in_the_environment_is_named() {
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_testvps"));
    command.env("TESTENV_STATE_DIR", state.path()).env("TESTENV_BASE_SOURCE", "moon").args(["testenv", "debian", "12"]);
    command.assert().code(2).stderr(contains("TESTENV_BASE_SOURCE").and(contains("registry, mirror, local")));
}

#[test]
fn help_names_every_command_of_the_contract() {
    let state = tempfile::tempdir().unwrap();
    let help = xtask(state.path(), &["--help"]).success().get_output().stdout.clone();
    let help = String::from_utf8(help).unwrap();
    for command in [
        "doctor",
        "testenv",
        "list",
        "ssh",
        "copy",
        "fault",
        "bootstrap",
        "deploy",
        "status",
        "logs",
        "down",
        "images",
        "stop",
        "start",
        "reboot",
        "snapshot",
        "snapshots",
        "forward",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in:\n{help}");
    }
}

#[test]
fn completions_are_for_the_installed_program_and_know_its_commands() {
    let state = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let told =
            contains("testvps").and(contains("testenv")).and(contains("no-install")).and(contains("xtask").not());
        xtask(state.path(), &["completions", shell]).success().stdout(told);
    }
}

#[test]
fn installed_elsewhere_it_tells_of_itself_and_keeps_its_state_in_the_users_folder() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_testvps"));
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("TESTENV_STATE_DIR").env_remove("XDG_STATE_HOME");
    command.env("HOME", home.path()).current_dir(home.path()).args(["ssh", "nobody"]);
    let told = contains("testvps testenv debian 12 makes one").and(contains("cargo").not());
    command.assert().code(2).stdout(is_empty()).stderr(told);
    let state = if cfg!(target_os = "linux") { ".local/state/testvps" } else { "Library/Application Support/testvps" };
    assert!(home.path().join(state).is_dir(), "no state in the user's folder");
}
