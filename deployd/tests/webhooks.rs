//! Webhooks as their senders make them: every documented shape, every way in which a signature can be wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::path::Path;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use data_encoding::HEXLOWER;
use deployd::Kind;
use deployd::store::Project;
use deployd::webhook::{Decision, Delivery, Event, Provider, Target, decide, read};
use ring::hmac::{self, Algorithm, HMAC_SHA1_FOR_LEGACY_USE_ONLY as SHA1, HMAC_SHA256 as SHA256};

const SECRET: &str = "a secret of the owner";

fn payload(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webhooks").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    list.iter().map(pair).collect()
}

fn sign(algorithm: Algorithm, secret: &str, body: &[u8]) -> String {
    let prefix = if algorithm == SHA256 { "sha256=" } else { "sha1=" };
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body);
    format!("{prefix}{}", HEXLOWER.encode(tag.as_ref()))
}

fn github(event: &str, body: &[u8]) -> deployd::Result<Delivery> {
    let signature = sign(SHA256, SECRET, body);
    let headers = headers(&[
        ("X-GitHub-Event", event),
        ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("X-Hub-Signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6"),
        ("X-Hub-Signature-256", &signature),
        ("Content-Type", "application/json"),
    ]);
    read(&headers, None, body, SECRET)
}

fn gitlab(body: &[u8]) -> deployd::Result<Delivery> {
    let headers = headers(&[("X-Gitlab-Event", "Push Hook"), ("X-Gitlab-Token", SECRET)]);
    read(&headers, None, body, SECRET)
}

fn bitbucket(event: &str, body: &[u8]) -> deployd::Result<Delivery> {
    let signature = sign(SHA256, SECRET, body);
    read(&headers(&[("X-Event-Key", event), ("X-Hub-Signature", &signature)]), None, body, SECRET)
}

fn project(remote: &str) -> Project {
    Project {
        name: "app".into(),
        remote: remote.into(),
        branch: "main".into(),
        build_type: None,
        build_file_path: None,
        bound: true,
    }
}

/// The commit that is deployed, or why none is.
fn decided(delivery: &Delivery, host: &str) -> Result<Option<String>, String> {
    match decide(&delivery.event, Some(&project(&format!("git@{host}:team/app.git")))) {
        Decision::Deploy { commit, .. } => Ok(commit),
        Decision::Ignore(why) => Err(why),
    }
}

fn ignored(delivery: &Delivery, host: &str, expected: &str) {
    let why = decided(delivery, host).unwrap_err();
    assert!(why.contains(expected), "{why}");
}

#[test]
fn pushes_of_every_sender_are_understood() {
    let push = github("push", &payload("github-push.json")).unwrap();
    assert_eq!(push.provider, Provider::GitHub);
    assert_eq!(decided(&push, "github.com"), Ok(Some("59b20b8d5c6ff8d09518216e87a4fa2a0eed4ee5".into())));
    let Event::Push(told) = &push.event else { panic!("{push:?}") };
    assert_eq!(told.changes[0].before.as_deref(), Some("6113728f27ae82c7b1a177c8d03f9e96e0adf246"));
    assert!(told.addresses.contains(&"git@github.com:team/app.git".into()), "{told:?}");

    let push = gitlab(&payload("gitlab-push.json")).unwrap();
    assert_eq!(decided(&push, "gitlab.com"), Ok(Some("da1560886d4f094c3e6c9ef40349f7d38b5d27d7".into())));

    // two changes in one delivery, ours the second
    let push = bitbucket("repo:push", &payload("bitbucket-push.json")).unwrap();
    assert_eq!(decided(&push, "bitbucket.org"), Ok(Some("709d658dc5b6d6afcd46049c2f332ee3f515a67d".into())));

    let query = form_urlencoded::Serializer::new(String::new()).append_pair("key", SECRET).finish();
    let push = read(&HeaderMap::new(), Some(&query), &payload("docker-hub-push.json"), SECRET).unwrap();
    assert_eq!(push.event, Event::Image { repository: "team/app".into(), tag: "latest".into() });
    assert_eq!(decided(&push, "anywhere.example"), Ok(None));
}

#[test]
fn a_form_of_github_is_read_as_what_it_carries() {
    let json = String::from_utf8(payload("github-push.json")).unwrap();
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &json).finish();
    let signature = sign(SHA256, SECRET, body.as_bytes());
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let signed = headers(&[("X-GitHub-Event", "push"), ("X-Hub-Signature-256", &signature), form]);
    let push = read(&signed, None, body.as_bytes(), SECRET).unwrap();
    assert_eq!(push.event, github("push", json.as_bytes()).unwrap().event);

    let signature = sign(SHA256, SECRET, b"other=1");
    let signed = headers(&[("X-GitHub-Event", "push"), ("X-Hub-Signature-256", &signature), form]);
    assert_eq!(read(&signed, None, b"other=1", SECRET).unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn what_is_not_a_push_to_the_branch_deploys_nothing() {
    let of = |event: &str, name: &str| github(event, &payload(name)).unwrap();
    ignored(&of("ping", "github-ping.json"), "github.com", "ping");
    ignored(&of("push", "github-push-tag.json"), "github.com", "the tag v1.2.0");
    ignored(&of("push", "github-push-deleted.json"), "github.com", "main was deleted");
    ignored(&of("push", "github-push-other-branch.json"), "github.com", "the branch feature/login");
    ignored(&of("push", "github-push-other-repository.json"), "github.com", "team/site");

    let of = |name: &str| gitlab(&payload(name)).unwrap();
    ignored(&of("gitlab-tag.json"), "gitlab.com", "the tag v1.0.0");
    ignored(&of("gitlab-push-deleted.json"), "gitlab.com", "main was deleted");
    ignored(&of("gitlab-issue.json"), "gitlab.com", "issue");

    let of = |event: &str, name: &str| bitbucket(event, &payload(name)).unwrap();
    ignored(&of("repo:push", "bitbucket-push-tag.json"), "bitbucket.org", "the tag v1.0.0");
    ignored(&of("repo:push", "bitbucket-push-deleted.json"), "bitbucket.org", "main was deleted");
    ignored(&of("repo:fork", "bitbucket-fork.json"), "bitbucket.org", "repo:fork");
}

#[test]
fn a_branch_that_is_called_like_a_reference_is_that_branch() {
    let text = String::from_utf8(payload("github-push.json")).unwrap();
    let text = text.replace("refs/heads/main", "refs/heads/refs/heads/main");
    let Event::Push(push) = github("push", text.as_bytes()).unwrap().event else { panic!() };
    assert_eq!(push.changes[0].target, Target::Branch("refs/heads/main".into()));
}

#[test]
fn without_a_valid_signature_nothing_is_read() {
    let body = payload("github-push.json");
    let (right, other) = (sign(SHA256, SECRET, &body), sign(SHA256, "another secret", &body));
    let (old, old_other) = (sign(SHA1, SECRET, &body), sign(SHA1, "another secret", &body));
    let (of_other, cut) = (sign(SHA256, SECRET, b"{}"), &right[..right.len() - 2]);
    let bare = right.trim_start_matches("sha256=").to_owned();
    let (new, legacy) = ("X-Hub-Signature-256", "X-Hub-Signature");
    let (github, bitbucket) = (("X-GitHub-Event", "push"), ("X-Event-Key", "repo:push"));
    let gitlab = ("X-Gitlab-Event", "Push Hook");
    let refused: &[&[(&str, &str)]] = &[
        &[],
        &[(new, &right)],
        &[github],
        &[github, (new, &other)],
        &[github, (new, &of_other)],
        &[github, (new, "")],
        &[github, (new, "sha256=")],
        &[github, (new, "sha256=zz")],
        &[github, (new, cut)],
        &[github, (new, &bare)],
        &[github, (new, &right), (new, &right)],
        &[github, (new, &old)],
        &[github, (legacy, &old_other)],
        // the older signature is not asked where the newer one is wrong
        &[github, (new, &other), (legacy, &old)],
        &[github, (new, ""), (legacy, &old)],
        &[bitbucket],
        &[bitbucket, (legacy, &other)],
        &[bitbucket, (legacy, &old)],
        &[bitbucket, (new, &right)],
        &[gitlab],
        &[gitlab, ("X-Gitlab-Token", "")],
        &[gitlab, ("X-Gitlab-Token", "another secret")],
        &[gitlab, ("X-Gitlab-Token", "a secret of the owne")],
        &[gitlab, (new, &right)],
    ];
    for list in refused {
        let failure = read(&headers(list), None, &body, SECRET).unwrap_err();
        assert_eq!(failure.kind(), Kind::Unauthorized, "{list:?}: {failure}");
        assert!(!failure.to_string().contains(SECRET), "{failure}");
    }
    for query in [None, Some(""), Some("key="), Some("key=other"), Some("key=a+secret+of+the+owner&key=x"), Some("%")] {
        let failure = read(&HeaderMap::new(), query, &payload("docker-hub-push.json"), SECRET).unwrap_err();
        assert_eq!(failure.kind(), Kind::Unauthorized, "{query:?}: {failure}");
    }
    read(&headers(&[github, (legacy, &old)]), None, &body, SECRET).unwrap();
    read(&headers(&[github, (new, &right.replace("sha256=", "SHA256="))]), None, &body, SECRET).unwrap_err();
}

#[test]
fn without_a_secret_nothing_is_believed() {
    let body = payload("github-push.json");
    let signature = sign(SHA256, "", &body);
    let signed = headers(&[("X-GitHub-Event", "push"), ("X-Hub-Signature-256", &signature)]);
    assert_eq!(read(&signed, None, &body, "").unwrap_err().kind(), Kind::Internal);
}

#[test]
fn broken_bodies_are_invalid_once_they_are_signed() {
    for body in [&b"{"[..], b"", b"[]", b"null", b"{}", b"\xff\xfe", br#"{"ref":1}"#, br#"{"push":{"changes":{}}}"#] {
        assert_eq!(github("push", body).unwrap_err().kind(), Kind::Invalid, "{body:?}");
        assert_eq!(bitbucket("repo:push", body).unwrap_err().kind(), Kind::Invalid, "{body:?}");
        let read = read(&HeaderMap::new(), Some("key=k"), body, "k");
        assert_eq!(read.unwrap_err().kind(), Kind::Invalid, "{body:?}");
    }
    assert_eq!(github("ping", b"{").unwrap_err().kind(), Kind::Invalid);
    assert_eq!(gitlab(b"{").unwrap_err().kind(), Kind::Invalid);
    assert_eq!(gitlab(br#"{"object_kind":"push"}"#).unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn deliveries_are_told_apart_by_what_cannot_be_changed() {
    let (one, two) = (payload("github-push.json"), payload("github-push-tag.json"));
    let (first, second) = (github("push", &one).unwrap(), github("push", &two).unwrap());
    // the same id, other bodies: both marks count, because nothing signs the id
    assert!(first.id == second.id && first.id.is_some());
    assert!(first.body != second.body && first.body.is_some());

    let body = payload("gitlab-push.json");
    let without = gitlab(&body).unwrap();
    assert!(without.id.is_none() && without.body.is_some());
    let list = [("X-Gitlab-Token", SECRET), ("X-Gitlab-Event-UUID", "13792a34-cac6-4fda-95a8-c58e00a3954e")];
    let with = read(&headers(&list), None, &body, SECRET).unwrap();
    // the same push may be made twice, and GitLab's body would not tell
    assert!(with.id.is_some() && with.body.is_none());
}
