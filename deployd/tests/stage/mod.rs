//! A project folder, a home for the client's secrets and, where asked for, a daemon: processes of the real program.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

/// Everything that a test of the client begins with.
pub struct Stage {
    dir: TempDir,
    daemon: Option<Daemon>,
}

struct Daemon {
    process: Child,
    address: String,
}

impl Stage {
    /// An empty folder.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("project")).unwrap();
        Self { dir, daemon: None }
    }

    /// A project whose remote `here` is a daemon of this machine, trusted and logged in.
    pub fn with_daemon() -> Self {
        let mut stage = Self::empty();
        stage.daemon = Some(Daemon::start(&stage.data()));
        let address = stage.address();
        let (host, port) = address.rsplit_once(':').unwrap();
        stage.deployd(&["init"]).assert().success();
        stage.deployd(&["remote", "add", "here", host, "--api-port", port]).assert().success();
        let trust = ["remote", "trust", "--fingerprint", &stage.fingerprint(), "--token-stdin"];
        stage.deployd(&trust).write_stdin(stage.token()).assert().success();
        stage
    }

    /// The same without the daemon.
    pub fn without_daemon(mut self) -> Self {
        self.daemon = None;
        self
    }

    /// The program with these words, in the project folder.
    pub fn deployd(&self, words: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("deployd"));
        command.args(words).current_dir(self.project()).env("XDG_CONFIG_HOME", self.dir.path().join("config"));
        for name in
            ["DEPLOYD_REMOTE", "DEPLOYD_TOKEN", "DEPLOYD_CERTIFICATE_SHA256", "DEPLOYD_IMAGE", "DEPLOYD_DATA_DIR"]
        {
            command.env_remove(name);
        }
        command
    }

    /// The project folder.
    pub fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where the daemon listens.
    pub fn address(&self) -> String {
        self.daemon.as_ref().unwrap().address.clone()
    }

    /// A new admin token, as the bootstrap asks for it.
    pub fn token(&self) -> String {
        self.asked("token").trim().to_owned()
    }

    /// The fingerprint of the daemon's certificate, as the bootstrap reads it.
    pub fn fingerprint(&self) -> String {
        let info = self.asked("info");
        info.lines().find_map(|line| line.strip_prefix("certificate_sha256=")).unwrap().to_owned()
    }

    fn asked(&self, word: &str) -> String {
        let data = self.data();
        let asked = self.deployd(&[word, "--data-dir", data.to_str().unwrap()]).assert().success();
        String::from_utf8(asked.get_output().stdout.clone()).unwrap()
    }

    /// Gives the daemon a deploy key, as the bootstrap does.
    pub fn put_deploy_key(&self, public: &str) {
        std::fs::write(self.data().join("deploy_key.pub"), public).unwrap();
    }

    /// Runs git in the project folder.
    pub fn git(&self, words: &[&str]) {
        Command::new("git").args(words).current_dir(self.project()).assert().success();
    }
}

impl Daemon {
    /// Starts `deployd serve` on a free port; returns once it says which.
    fn start(data: &Path) -> Self {
        let mut process = std::process::Command::new(cargo_bin("deployd"))
            .args(["serve", "--listen", "127.0.0.1:0", "--host", "127.0.0.1", "--data-dir"])
            .arg(data)
            .arg("--engine-socket")
            .arg(data.join("no-engine.sock"))
            .env("DEPLOYD_LOG", "info")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let says = lines.find(|line| line.contains("deployd serves")).unwrap();
        let address = says.split_whitespace().find_map(|word| word.strip_prefix("address=")).unwrap().to_owned();
        // what it goes on saying must be read, or it would wait
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // it is this test's own child
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
