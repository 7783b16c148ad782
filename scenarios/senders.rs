//! The senders of webhooks, as far as a scenario needs their shapes: each push is another one, signed as its sender does.

use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use ring::hmac;
use serde_json::{Value, json};

/// A webhook that can be sent, and sent again.
#[derive(Debug, Clone)]
pub struct Post {
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// Where a sender puts what proves that it knows the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// An HMAC of the body, in this header.
    Signature(&'static str),
    /// The secret itself, in this header.
    Token(&'static str),
    /// The secret itself, in the address.
    Key,
}

/// Someone who sends webhooks.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    pub name: &'static str,
    event: Option<(&'static str, &'static str, &'static str)>,
    id: Option<&'static str>,
    proof: Proof,
    push: fn(&str, &str, &str) -> Value,
}

pub const GITHUB: Sender = Sender {
    name: "GitHub",
    event: Some(("X-GitHub-Event", "push", "ping")),
    id: Some("X-GitHub-Delivery"),
    proof: Proof::Signature("X-Hub-Signature-256"),
    push: |remote, reference, commit| {
        json!({
            "ref": reference, "before": "1".repeat(40), "after": commit, "deleted": false,
            "repository": { "name": "app", "full_name": "team/app", "ssh_url": remote, "clone_url": "https://other.example/a" },
        })
    },
};

pub const GITLAB: Sender = Sender {
    name: "GitLab",
    event: Some(("X-Gitlab-Event", "Push Hook", "Issue Hook")),
    id: Some("X-Gitlab-Event-UUID"),
    proof: Proof::Token("X-Gitlab-Token"),
    push: |remote, reference, commit| {
        json!({
            "object_kind": if reference.starts_with("refs/tags/") { "tag_push" } else { "push" },
            "ref": reference, "before": "1".repeat(40), "after": commit, "checkout_sha": commit,
            "project": { "path_with_namespace": "team/app", "git_ssh_url": remote, "git_http_url": "https://other.example/a" },
        })
    },
};

pub const BITBUCKET: Sender = Sender {
    name: "Bitbucket",
    event: Some(("X-Event-Key", "repo:push", "repo:fork")),
    id: Some("X-Request-UUID"),
    proof: Proof::Signature("X-Hub-Signature"),
    push: |remote, reference, commit| {
        let (kind, name) = match reference.strip_prefix("refs/tags/") {
            Some(name) => ("tag", name),
            None => ("branch", reference.trim_start_matches("refs/heads/")),
        };
        let side = |hash: &str| json!({ "type": kind, "name": name, "target": { "type": "commit", "hash": hash } });
        let html = remote.replace("ssh://git@", "https://").replace(".git", "");
        json!({
            "push": { "changes": [{ "old": side(&"1".repeat(40)), "new": side(commit) }] },
            "repository": { "full_name": "team/app", "links": { "html": { "href": html } } },
        })
    },
};

pub const DOCKER_HUB: Sender = Sender {
    name: "Docker Hub",
    event: None,
    id: None,
    proof: Proof::Key,
    push: |_, _, commit| {
        json!({
            "callback_url": format!("https://registry.example/hook/{commit}"),
            "push_data": { "tag": "latest", "pusher": "ann" },
            "repository": { "repo_name": "team/app", "name": "app", "namespace": "team" },
        })
    },
};

/// Ways of taking the proof away from a webhook.
pub const UNSIGNED_KINDS: [fn(Post) -> Post; 2] = [without_proof, with_empty_proof];

fn without_proof(mut post: Post) -> Post {
    post.path = "/webhook".into();
    post.headers.retain(|(name, _)| !name.contains("Signature") && !name.contains("Token"));
    post
}

fn with_empty_proof(mut post: Post) -> Post {
    post.path = post.path.split_once('=').map_or(post.path.clone(), |(path, _)| format!("{path}="));
    for (_, value) in post.headers.iter_mut().filter(|(name, _)| name.contains("Signature") || name.contains("Token")) {
        *value = if value.starts_with("sha256=") { "sha256=".into() } else { String::new() };
    }
    post
}

/// The address of another repository at the same git host.
pub fn other(remote: &str) -> String {
    remote.replace(".git", "-of-others.git")
}

/// A number that no webhook of this process had.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Sender {
    /// A push that differs from all others.
    pub fn push(&self, remote: &str, reference: &str, secret: &str) -> Post {
        let commit = format!("{:040x}", next());
        let event = self.event.map(|(header, push, _)| (header, push));
        self.post(event, (self.push)(remote, reference, &commit).to_string().as_bytes(), secret)
    }

    /// An event that is no push.
    pub fn ping(&self, secret: &str) -> Post {
        let event = self.event.map(|(header, _, other)| (header, other));
        let body = json!({ "object_kind": "issue", "zen": next() }).to_string();
        self.post(event, body.as_bytes(), secret)
    }

    /// A push with this body.
    pub fn body(&self, body: &[u8], secret: &str) -> Post {
        self.post(self.event.map(|(header, push, _)| (header, push)), body, secret)
    }

    /// Whether what is signed is the body, and not only that the sender knows the secret.
    pub fn signs_the_body(&self) -> bool {
        matches!(self.proof, Proof::Signature(_))
    }

    /// The same under another id, as someone would send it again who cannot sign.
    pub fn renamed(&self, mut post: Post) -> Post {
        for (_, value) in post.headers.iter_mut().filter(|(name, _)| Some(*name) == self.id) {
            *value = format!("another-{value}");
        }
        post
    }

    fn post(&self, event: Option<(&'static str, &str)>, body: &[u8], secret: &str) -> Post {
        let mut post = Post { path: "/webhook".into(), headers: Vec::new(), body: body.to_vec() };
        post.headers.push(("Content-Type", "application/json".into()));
        post.headers.extend(event.map(|(header, name)| (header, name.to_owned())));
        post.headers.extend(self.id.map(|header| (header, format!("{:08x}-0000-4000-8000-000000000000", next()))));
        match self.proof {
            Proof::Signature(header) => {
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body);
                post.headers.push((header, format!("sha256={}", HEXLOWER.encode(tag.as_ref()))));
            }
            Proof::Token(header) => post.headers.push((header, secret.to_owned())),
            // the secret is base64url: nothing of it needs an escape
            Proof::Key => post.path = format!("/webhook?key={}", secret.replace(' ', "+")),
        }
        post
    }
}
