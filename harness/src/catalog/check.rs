//! What the entries of a catalog must agree on, beyond the type of each field.

use super::{Init, Mirror, System};

/// What is wrong with one entry: the field, and what about it.
pub(super) type Wrong = (&'static str, String);

/// Checks one entry by itself, and fills in what follows from its other fields.
pub(super) fn complete(system: &mut System, init_is_given: bool) -> Result<(), Wrong> {
    if !init_is_given {
        let has_it = |init: &Init| *init != Init::Systemd || system.systemd.is_some();
        system.init = Init::ALL.into_iter().filter(has_it).collect();
    }
    names(system)?;
    base(system)?;
    init(system)?;
    if system.released && system.end_of_life.is_none() {
        return wrong(
            "end_of_life",
            "missing; only a release that is not out yet (released = false) has none announced",
        );
    }
    if system.architectures.is_empty() {
        return wrong("architectures", "names none");
    }
    match system.mirror.as_ref().map(Mirror::family).filter(|family| *family != system.family) {
        Some(family) => wrong("mirror", &format!("is of the {family} family, but family is {}", system.family)),
        None => Ok(()),
    }
}

/// Checks an entry against those before it: every name that people type must mean one system.
pub(super) fn is_new(system: &System, earlier: &[System]) -> Result<(), Wrong> {
    let of_os = || earlier.iter().filter(|other| other.os == system.os);
    if of_os().any(|other| other.version == system.version) {
        return wrong("version", "the same os and version as an earlier entry");
    }
    let names = |other: &System| [Some(other.version.clone()), other.codename.clone()];
    match &system.codename {
        Some(codename) if of_os().flat_map(names).flatten().any(|name| name == *codename) => {
            wrong("codename", &format!("{codename:?} already means an earlier entry"))
        }
        _ => Ok(()),
    }
}

/// They become parts of the names of images, folders and tests.
fn names(system: &System) -> Result<(), Wrong> {
    let fields = [("os", Some(&system.os)), ("version", Some(&system.version)), ("codename", system.codename.as_ref())];
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    for (field, name) in fields.into_iter().filter_map(|(field, name)| Some((field, name?))) {
        if name.is_empty() || !name.chars().all(allowed) {
            return wrong(field, &format!("{name:?} is not made of lower-case letters, digits, dots and dashes"));
        }
    }
    if system.version == "latest" {
        return wrong("version", "latest is the word for the last entry of an os that is released");
    }
    Ok(())
}

fn base(system: &System) -> Result<(), Wrong> {
    let parts = system.base.split_once('/').zip(system.base.rsplit_once(':'));
    // a registry is a host name, and what follows the last colon is a tag where it is not a port
    let is_whole =
        parts.is_some_and(|((registry, _), (_, tag))| registry.contains(['.', ':']) && !tag.contains(['/', '@']));
    if !is_whole || system.base.contains('@') {
        let shape = "is not REGISTRY/REPOSITORY:TAG like docker.io/library/debian:12 (a digest has a field of its own)";
        return wrong("base", &format!("{:?} {shape}", system.base));
    }
    let is_digest = |text: &String| {
        text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|c| c.is_ascii_hexdigit()))
    };
    match system.digest.as_ref().filter(|digest| !is_digest(digest)) {
        Some(digest) => wrong("digest", &format!("{digest:?} is not sha256: and 64 hexadecimal digits")),
        None => Ok(()),
    }
}

fn init(system: &System) -> Result<(), Wrong> {
    if system.init.is_empty() {
        return wrong("init", "names no way to start PID 1; leave it out for what follows from systemd");
    }
    let Some(systemd) = &system.systemd else {
        if system.init.contains(&Init::Systemd) {
            return wrong("systemd", "missing, though init names it: say its version and the cgroups it runs on");
        }
        return Ok(());
    };
    if systemd.cgroup.is_empty() || systemd.cgroup.iter().any(|version| !matches!(version, 1 | 2)) {
        return wrong("systemd.cgroup", "must list 1, 2 or both, the versions of cgroups on which it runs");
    }
    Ok(())
}

fn wrong(field: &'static str, what: &str) -> Result<(), Wrong> {
    Err((field, what.to_owned()))
}
