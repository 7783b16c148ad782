//! Checkouts from a local repository.

use std::process::Command;

use super::*;

struct Repository {
    dir: tempfile::TempDir,
    data: DataDir,
}

impl Repository {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path().join("data"));
        std::fs::create_dir_all(data.path()).unwrap();
        std::fs::create_dir(dir.path().join("work")).unwrap();
        let repository = Self { dir, data };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    fn remote(&self) -> String {
        self.dir.path().join("work").display().to_string()
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"])
            .args(args)
            .current_dir(self.remote())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&self, file: &str, text: &str) -> String {
        std::fs::write(self.dir.path().join("work").join(file), text).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "-m", &format!("write {file}")]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Puts a submodule into the next commit.
    fn link(&self, path: &str, remote: &str, hash: &str) {
        std::fs::create_dir(self.dir.path().join("work").join(path)).unwrap();
        self.git(&["config", "--file", ".gitmodules", &format!("submodule.{path}.path"), path]);
        self.git(&["config", "--file", ".gitmodules", &format!("submodule.{path}.url"), remote]);
        self.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{hash},{path}")]);
    }

    async fn checkout(&self, branch: &str) -> Result<Commit> {
        checkout(&self.data, &self.remote(), branch).await
    }

    fn source(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.data.source().join(file)).ok()
    }
}

#[tokio::test]
async fn fast_forward_force_push_and_branch_switch_are_exactly_the_head() {
    let repository = Repository::new();
    let first = repository.commit("a", "1");
    let commit = repository.checkout("main").await.unwrap();
    assert_eq!((commit.hash.as_str(), commit.message.as_str()), (first.as_str(), "write a"));
    let second = repository.commit("b", "2");
    assert_eq!(repository.checkout("main").await.unwrap().hash, second);
    assert_eq!(repository.source("b").as_deref(), Some("2"));
    repository.git(&["reset", "--quiet", "--hard", &first]);
    let forced = repository.commit("c", "3");
    std::fs::write(repository.data.source().join("left-over"), "x").unwrap();
    assert_eq!(repository.checkout("main").await.unwrap().hash, forced);
    assert_eq!((repository.source("b"), repository.source("left-over")), (None, None));
    repository.git(&["checkout", "--quiet", "-b", "feature/x", &first]);
    let other = repository.commit("d", "4");
    assert_eq!(repository.checkout("feature/x").await.unwrap().hash, other);
    assert_eq!((repository.source("c"), repository.source("d").as_deref()), (None, Some("4")));
}

#[tokio::test]
async fn submodules_are_what_the_commit_says_and_go_with_it() {
    let (repository, inner, deep) = (Repository::new(), Repository::new(), Repository::new());
    let (deep_old, _) = (deep.commit("c", "deep"), deep.commit("c", "newer"));
    inner.link("deep", &deep.remote(), &deep_old);
    inner.commit("b", "inner");
    let inner_old = inner.git(&["rev-parse", "HEAD"]);
    inner.commit("b", "newer");
    let before = repository.commit("a", "1");
    repository.link("lib", &inner.remote(), &inner_old);
    repository.commit("a", "2");
    repository.checkout("main").await.unwrap();
    let found = ["a", "lib/b", "lib/deep/c"].map(|file| repository.source(file).unwrap());
    assert_eq!(found, ["2", "inner", "deep"]);
    std::fs::write(repository.data.source().join("lib/left-over"), "x").unwrap();
    std::fs::write(repository.data.source().join("lib/b"), "x").unwrap();
    repository.checkout("main").await.unwrap();
    assert_eq!((repository.source("lib/left-over"), repository.source("lib/b").as_deref()), (None, Some("inner")));
    repository.git(&["reset", "--quiet", "--hard", &before]);
    repository.checkout("main").await.unwrap();
    assert!(!repository.data.source().join("lib").exists());
}

#[tokio::test]
async fn a_submodule_that_cannot_be_had_is_named() {
    let repository = Repository::new();
    repository.link("lib", "/does/not/exist", "0123456789012345678901234567890123456789");
    repository.commit("a", "1");
    let failure = repository.checkout("main").await.unwrap_err();
    assert_eq!(failure.kind(), Kind::Refused);
    assert!(failure.to_string().contains("the submodules of main") && failure.to_string().contains("lib"), "{failure}");
}

#[test]
fn a_refusal_says_what_helps_and_tells_no_password() {
    let data = DataDir::new("/does/not/exist");
    let remote = "https://bot:s3cret@host/app.git";
    let told = |said: &str| {
        let refused = GitError::Refused(format!("fatal: {said} {remote}"));
        not_fetched::<()>(&data, remote, "main", refused).unwrap_err().to_string()
    };
    for (said, remedy) in [
        ("Authentication failed for", "https://USER:TOKEN@HOST"),
        ("server certificate verification failed", "authorities"),
        ("couldn't find remote ref", "push the branch"),
    ] {
        let told = told(said);
        assert!(told.contains(remedy) && !told.contains("s3cret"), "{told}");
    }
    assert!(remedy("Permission denied", "git@host:app.git", true).contains("deploy key of this machine"));
}

#[test]
fn a_git_host_that_is_not_there_has_refused_nothing() {
    let data = DataDir::new("/does/not/exist");
    for said in [
        "ssh: Could not resolve hostname git: Name or service not known; fatal: Could not read from remote repository.",
        "fatal: unable to access 'https://git/a.git/': Could not resolve host: git",
        "Connection timed out during banner exchange; Connection to 10.0.0.1 port 22 timed out",
        "ssh: connect to host git port 22: Connection refused",
        "ssh: connect to host git port 22: No route to host",
        "Timeout, server git not responding.; fatal: the remote end hung up unexpectedly",
        "fatal: the remote end hung up unexpectedly; fatal: early EOF; fatal: fetch-pack: invalid index-pack output",
    ] {
        let failure = not_fetched::<()>(&data, "git@git:a.git", "main", GitError::Refused(said.into())).unwrap_err();
        assert_eq!((failure.kind(), failure.deploy_key()), (Kind::Source, None), "{failure}");
        assert!(failure.to_string().contains("is the git host reachable"), "{failure}");
    }
}

#[tokio::test]
async fn a_killed_or_broken_repository_is_mended() {
    let repository = Repository::new();
    let head = repository.commit("a", "1");
    repository.checkout("main").await.unwrap();
    let git = repository.data.source().join(".git");
    std::fs::write(git.join("index.lock"), "").unwrap();
    std::fs::write(git.join("shallow.lock"), "").unwrap();
    let half = git.join("objects/pack/tmp_pack_half");
    std::fs::write(&half, "PACK").unwrap();
    assert_eq!(repository.checkout("main").await.unwrap().hash, head);
    assert!(!half.exists());
    std::fs::write(git.join("HEAD"), "").unwrap();
    assert_eq!(repository.checkout("main").await.unwrap().hash, head);
}

#[tokio::test]
async fn what_cannot_be_cloned_names_the_deploy_key() {
    let repository = Repository::new();
    repository.commit("a", "1");
    std::fs::write(repository.data.deploy_key_public(), "ssh-ed25519 AAAA deployd\n").unwrap();
    let failure = checkout(&repository.data, "/does/not/exist", "main").await.unwrap_err();
    assert_eq!((failure.kind(), failure.deploy_key()), (Kind::Refused, Some("ssh-ed25519 AAAA deployd")));
    let failure = repository.checkout("nope").await.unwrap_err();
    assert!(failure.to_string().contains("push the branch"), "{failure}");
}

#[tokio::test]
async fn a_git_host_that_hangs_ends_by_the_deadline() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = format!("git://{}/x", listener.local_addr().unwrap());
    let repository = Repository::new();
    let failure = checkout_by(&repository.data, &remote, "main", Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(failure.kind(), Kind::Source);
}

#[tokio::test]
async fn words_that_git_would_read_as_options_are_refused() {
    let repository = Repository::new();
    for (remote, branch) in
        [("--upload-pack=x", "main"), ("ext::sh", "main"), ("", "main"), ("/r", "-x"), ("/r", "a b")]
    {
        let failure = checkout(&repository.data, remote, branch).await.unwrap_err();
        assert_eq!(failure.kind(), Kind::Invalid, "{remote} {branch}");
    }
}
