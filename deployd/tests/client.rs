//! The client as people run it, against the daemon as people run it, over TLS. No engine is needed.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod stage;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use stage::Stage;

#[test]
fn a_project_is_made_and_its_servers_are_written_down() {
    let stage = Stage::empty();
    stage.deployd(&["status"]).assert().code(2).stderr(contains("project.toml").and(contains("deployd init")));
    let made = stage.deployd(&["init", "--name", "shop", "--port", "8080"]).assert().success();
    made.stdout(contains("made ")).stderr(contains("next: deployd remote add"));
    stage.deployd(&["status"]).assert().code(2).stderr(contains("deployd remote add NAME ADDRESS"));
    stage.deployd(&["remote", "add", "production", "vps.example", "--ssh-user", "ann"]).assert().success();
    stage
        .deployd(&["remote", "add", "production", "other"])
        .assert()
        .code(2)
        .stderr(contains("remote remove production"));
    stage.deployd(&["remote", "add", "staging", "-oProxyCommand=x"]).assert().code(2);
    stage.deployd(&["remote", "add", "staging", "10.0.0.7", "--branch", "next"]).assert().success();
    let listed = stage.deployd(&["remote", "list"]).assert().success();
    listed
        .stdout(contains("https://vps.example:4303").and(contains("staging")).and(contains("not installed from here")));
    let text = std::fs::read_to_string(stage.project().join("project.toml")).unwrap();
    assert!(text.starts_with("# ") && text.contains("project = \"shop\"") && text.contains("port = 8080"), "{text}");
    stage.deployd(&["remote", "remove", "production"]).assert().success();
    let listed = stage.deployd(&["remote", "list"]).assert().success();
    listed.stdout(contains("production").not().and(contains("staging")));
    // a second init keeps what is there, and says so
    let again = stage.deployd(&["init"]).assert().success();
    again.stdout(contains("nothing to change in ")).stderr(contains("next").not());
    let text = std::fs::read_to_string(stage.project().join("project.toml")).unwrap();
    assert!(text.contains("project = \"shop\"") && text.contains("staging"), "{text}");
}

#[test]
fn a_remote_must_be_named_where_there_are_several_and_an_unknown_one_lists_them() {
    let stage = Stage::empty();
    stage.deployd(&["init"]).assert().success();
    stage.deployd(&["remote", "add", "production", "a.example"]).assert().success();
    stage.deployd(&["remote", "add", "staging", "b.example"]).assert().success();
    for command in [&["status"][..], &["up"], &["logs"], &["env", "list"], &["user", "list"], &["remote", "show"]] {
        stage.deployd(command).assert().code(2).stderr(contains("there are production, staging"));
    }
    let known = || contains("unknown remote \"prod\"").and(contains("known: production, staging"));
    stage.deployd(&["status", "--remote", "prod"]).assert().code(2).stderr(known());
    stage.deployd(&["remote", "init", "prod", "--image", "x"]).assert().code(2).stderr(known());
    let untrusted = stage.deployd(&["status", "-r", "staging"]).assert().code(1);
    untrusted.stderr(contains("deployd remote init staging").and(contains("remote trust")));
}

#[test]
fn whose_host_key_is_missing_is_told_before_a_server_is_installed() {
    let stage = Stage::empty();
    stage.deployd(&["init"]).assert().success();
    // nothing listens there
    stage.deployd(&["remote", "add", "here", "127.0.0.1", "--ssh-port", "1"]).assert().success();
    let told = || {
        let ended = stage.deployd(&["remote", "init", "--image", "x"]).assert().code(1);
        String::from_utf8(ended.get_output().stderr.clone()).unwrap()
    };
    assert!(told().contains("no repository yet"));
    stage.git(&["init", "--quiet"]);
    stage.git(&["remote", "add", "origin", "git@git.invalid:team/shop.git"]);
    assert!(told().contains("no key of git.invalid;"));
    stage.git(&["remote", "set-url", "origin", "https://bot:s3cret@git.invalid/team/shop.git"]);
    let over_https = told();
    assert!(!over_https.contains("note:") && !over_https.contains("s3cret"), "{over_https}");
}

#[test]
fn wrong_words_and_wrong_settings_are_told_with_the_right_ones() {
    let stage = Stage::empty();
    stage.deployd(&["deploy"]).assert().code(2).stderr(contains("deploys"));
    stage.deployd(&["init", "--build-type", "make"]).assert().code(2).stderr(contains("dockerfile, compose, procfile"));
    stage.deployd(&["remote", "init"]).assert().code(2).stderr(contains("--image").and(contains("--image-archive")));
    stage.deployd(&["--help"]).assert().success().stdout(contains("deployd remote init --image IMAGE"));
    for word in ["token", "info"] {
        let elsewhere = stage.deployd(&[word, "--data-dir", "none"]).assert().code(1);
        elsewhere.stderr(contains("docker exec deployd"));
    }
    let ready = stage.deployd(&["ready", "--data-dir", "none"]).assert().code(1);
    ready.stderr(contains("has a daemon been started with none?"));
    for (text, said) in [
        ("[client]\nbrunch = \"main\"\n", "`project`, `repository`, `branch`, `remotes`"),
        ("prot = 80\n", "expected one of `build_type`"),
        ("[[client.remotes]]\nname = \"a\"\nadress = \"x\"\n", "adress"),
    ] {
        std::fs::write(stage.project().join("project.toml"), text).unwrap();
        stage.deployd(&["remote", "list"]).assert().code(2).stderr(contains("project.toml").and(contains(said)));
    }
}

#[test]
fn the_daemon_tells_its_status() {
    let stage = Stage::with_daemon();
    let told = stage.deployd(&["status"]).assert().success();
    told.stdout(
        contains("here (https://127.0.0.1:").and(contains("nothing was deployed yet")).and(contains("no-engine.sock")),
    );
    let document = stage.deployd(&["status", "--json"]).assert().success();
    let document: serde_json::Value = serde_json::from_slice(&document.get_output().stdout).unwrap();
    assert!(document["version"].is_string() && document["containers"].is_array(), "{document}");
    // also from a folder inside of the project
    std::fs::create_dir(stage.project().join("src")).unwrap();
    stage.deployd(&["status"]).current_dir(stage.project().join("src")).assert().success();
}

#[test]
fn a_daemon_with_another_certificate_never_sees_the_token() {
    let stage = Stage::with_daemon();
    let (right, wrong) = (stage.fingerprint(), "ab".repeat(32));
    stage.deployd(&["remote", "trust", "--fingerprint", &wrong]).assert().success();
    let refused = stage.deployd(&["status"]).assert().code(1);
    refused.stderr(contains(&right).and(contains(format!("{wrong} is pinned"))).and(contains("deployd remote init")));
    // the token went with the certificate that it was given for
    stage.deployd(&["remote", "trust", "--fingerprint", &right]).assert().success();
    stage.deployd(&["status"]).assert().code(1).stderr(contains("needs a token"));
    stage
        .deployd(&["remote", "trust", "--fingerprint", "12"])
        .assert()
        .code(2)
        .stderr(contains("64 hexadecimal digits"));
}

#[test]
fn a_build_server_brings_its_secrets_in_the_environment() {
    let stage = Stage::with_daemon();
    let (pin, token) = (stage.fingerprint(), stage.token());
    let mut elsewhere = stage.deployd(&["status"]);
    elsewhere.env("XDG_CONFIG_HOME", stage.project().join("nothing-there"));
    elsewhere.env("DEPLOYD_CERTIFICATE_SHA256", pin).env("DEPLOYD_TOKEN", token).assert().success();
    let printed = stage.deployd(&["remote", "token"]).assert().success();
    let token = String::from_utf8(printed.get_output().stdout.clone()).unwrap();
    stage.deployd(&["status"]).env("DEPLOYD_TOKEN", token.trim()).assert().success();
    stage.deployd(&["status"]).env("DEPLOYD_TOKEN", "garbage").assert().code(1).stderr(contains("not valid"));
}

#[test]
fn a_refused_deploy_says_what_to_do_with_the_key() {
    let stage = Stage::with_daemon();
    stage.put_deploy_key("ssh-ed25519 AAAAkey deployd@vps");
    stage.git(&["init", "--quiet", "--initial-branch", "main"]);
    stage.deployd(&["up"]).assert().code(2).stderr(contains("git remote add origin"));
    stage.git(&["remote", "add", "origin", "/does/not/exist.git"]);
    let refused = stage.deployd(&["up"]).assert().code(1);
    refused.stderr(contains("ssh-ed25519 AAAAkey").and(contains("Deploy keys")).and(contains("deployd up again")));
    stage.deployd(&["status"]).assert().success().stdout(contains("last deploy failed"));
}

#[test]
fn what_the_daemon_refuses_is_a_failure_in_its_own_words() {
    let stage = Stage::with_daemon();
    stage.deployd(&["logs", "--follow"]).assert().code(1).stderr(contains("no-engine.sock"));
    stage.deployd(&["logs", "web"]).assert().code(1).stderr(contains("no-engine.sock"));
    stage.deployd(&["reset"]).assert().code(2).stderr(contains("--yes"));
    stage.deployd(&["remote", "uninstall"]).assert().code(2).stderr(contains("--yes"));
}

#[test]
fn a_daemon_that_is_not_there_is_told_with_its_address() {
    let stage = Stage::with_daemon();
    let address = stage.address();
    let stage = stage.without_daemon();
    let told = stage.deployd(&["status"]).assert().code(1);
    told.stderr(contains(format!("https://{address}")).and(contains("firewall")));
}
