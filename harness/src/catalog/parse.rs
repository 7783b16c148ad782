//! The catalog's file: its entries, each with what its `[os.NAME]` says for all of them, and errors that name the place.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use toml::{Table, Value};

use super::{System, check};

/// A catalog file that is wrong: where, and what.
#[derive(Debug)]
pub struct BadCatalog(String);

impl std::error::Error for BadCatalog {}

impl fmt::Display for BadCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Every entry of the file, whole and checked.
pub(super) fn systems(text: &str, file: &Path) -> Result<Vec<System>, BadCatalog> {
    let bad = |place: &str, what: &str| BadCatalog(format!("{}: {place}{what}", file.display()));
    let document: Table = toml::from_str(text).map_err(|error| bad("", &error.to_string()))?;
    if let Some(key) = document.keys().find(|key| !matches!(key.as_str(), "os" | "system")) {
        return Err(bad(key, ": unknown field, known: os, system"));
    }
    let shared = shared(&document).map_err(|name| bad(&format!("os.{name}"), ": is not a table"))?;
    let entries = document.get("system").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut systems = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let place = place(at, entry);
        let system = whole(entry, &shared).and_then(|(mut system, init_is_given)| {
            check::complete(&mut system, init_is_given)?;
            check::is_new(&system, &systems)?;
            Ok(system)
        });
        systems.push(system.map_err(|wrong| bad(wrong.os.as_deref().unwrap_or(&place), &format!(": {}", wrong.what)))?);
    }
    if systems.is_empty() {
        return Err(bad("system", ": missing, a catalog has at least one [[system]]"));
    }
    let used: BTreeSet<&str> = systems.iter().map(|system| system.os.as_str()).collect();
    match shared.keys().find(|name| !used.contains(name.as_str())) {
        Some(name) => Err(bad(&format!("os.{name}"), ": no entry is of this os")),
        None => Ok(systems),
    }
}

/// `entry 7 (ubuntu 26.04)`, as far as the entry says what it is.
fn place(at: usize, entry: &Value) -> String {
    let says = |field: &str| entry.get(field).and_then(Value::as_str);
    let names: Vec<&str> = [says("os"), says("version")].into_iter().flatten().collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(" ")) };
    format!("entry {}{names}", at + 1)
}

/// What is wrong, and the `[os.NAME]` that says it where it is not the entry itself.
struct Wrong {
    os: Option<String>,
    what: String,
}

impl From<check::Wrong> for Wrong {
    fn from((field, what): check::Wrong) -> Self {
        Self { os: None, what: format!("{field}: {what}") }
    }
}

/// The tables `[os.NAME]`; the error is the name of one that is no table.
fn shared(document: &Table) -> Result<Table, String> {
    let shared = match document.get("os") {
        None => return Ok(Table::new()),
        Some(Value::Table(shared)) => shared,
        Some(_) => return Err("NAME".to_owned()),
    };
    match shared.iter().find(|(_, table)| !table.is_table()) {
        Some((name, _)) => Err(name.clone()),
        None => Ok(shared.clone()),
    }
}

/// An entry with what holds for its os, and whether either says how it is started.
fn whole(entry: &Value, shared: &Table) -> Result<(System, bool), Wrong> {
    let wrong = |what: &str| Wrong { os: None, what: what.to_owned() };
    let own = entry.as_table().ok_or_else(|| wrong("is not a table"))?;
    // without it nothing else that is missing says much
    let os = own.get("os").ok_or_else(|| wrong("os: missing"))?.as_str().ok_or_else(|| wrong("os: is not a text"))?;
    let general = shared.get(os).and_then(Value::as_table).cloned().unwrap_or_default();
    let mut merged = general.clone();
    merge(&mut merged, own);
    let init_is_given = merged.contains_key("init");
    let system = serde_path_to_error::deserialize(Value::Table(merged)).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().message();
        // what neither says is for the entry to say
        let of_os = !message.starts_with("missing field") && !has(own, &path) && has(&general, &path);
        Wrong { os: of_os.then(|| format!("os.{os}")), what: told(&path, message) }
    })?;
    Ok((system, init_is_given))
}

/// Puts the keys of `own` over those of `general`, table by table.
fn merge(general: &mut Table, own: &Table) {
    for (key, value) in own {
        match (general.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            _ => {
                general.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Whether a table has something at a path such as `mirror.apt.suites[0]`.
fn has(table: &Table, path: &str) -> bool {
    let mut keys = path.split(['.', '[']).filter(|part| !part.ends_with(']'));
    let first = keys.next().and_then(|key| table.get(key));
    first.and_then(|first| keys.try_fold(first, |value, key| value.get(key))).is_some()
}

/// An error of serde at a path, in the words of this file: `mirror.apt.colour: unknown field, known: url, suites`.
fn told(path: &str, message: &str) -> String {
    // the path of what is in the entry itself is a dot
    let prefix = if path == "." { String::new() } else { format!("{path}.") };
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [field] if message.starts_with("missing field") => format!("{prefix}{field}: missing"),
        [_, known @ ..] if message.starts_with("unknown field") => {
            format!("{path}: unknown field, known: {}", known.join(", "))
        }
        [word, known @ ..] if message.starts_with("unknown variant") => {
            format!("{path}: {word:?} is unknown, known: {}", known.join(", "))
        }
        _ => format!("{path}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OS: &str = r#"
        [os.a]
        family = "apt"
        package_manager = "apt"
        architectures = ["amd64"]
        user = "a"
        admin_group = "sudo"
        units = { ssh = "ssh", engine = "docker" }
        engine = { channel = "distribution", packages = ["docker.io"] }
        mirror.apt = { url = "http://a", components = ["main"], keyring = "/a.gpg", keyring_package = "a" }
    "#;

    /// The lines of a good entry; a test changes one of them.
    const ENTRY: [&str; 7] = [
        r#"os = "a""#,
        r#"version = "1""#,
        r#"end_of_life = "2030-01-01""#,
        r#"base = "docker.io/library/a:1""#,
        "systemd = { version = 252, cgroup = [1, 2] }",
        r#"engine.version = "20.10""#,
        r#"mirror.apt.suites = ["one"]"#,
    ];

    /// The error for a catalog whose second entry has other lines than the first.
    fn error(os: &str, change: impl Fn(&str) -> Option<String>) -> String {
        let second = ENTRY.iter().filter_map(|line| change(&line.replace("version = \"1\"", "version = \"2\"")));
        let text =
            format!("{os}\n[[system]]\n{}\n[[system]]\n{}", ENTRY.join("\n"), second.collect::<Vec<_>>().join("\n"));
        systems(&text, Path::new("my.toml")).unwrap_err().to_string()
    }

    #[test]
    fn an_entry_says_what_differs_from_its_os() {
        let text = format!("{OS}\n[[system]]\n{}", ENTRY.join("\n"));
        let [system] = &systems(&text, Path::new("my.toml")).unwrap()[..] else { panic!("one entry") };
        assert_eq!(
            (system.engine.packages.as_slice(), system.engine.version.as_str()),
            (&["docker.io".to_owned()][..], "20.10")
        );
        let apt = system.mirror.as_ref().and_then(super::super::Mirror::apt).unwrap();
        assert_eq!((apt.url.as_str(), apt.suites.as_slice()), ("http://a", &["one".to_owned()][..]));
        assert_eq!(system.init, super::super::Init::ALL);
    }

    #[test]
    fn a_wrong_entry_is_named_by_file_entry_and_field() {
        let replaced = |from: &'static str, to: &'static str| {
            error(OS, move |line| Some(line.replace(from, to)).filter(|line| !line.is_empty()))
        };
        let added = |line: &'static str| {
            error(OS, move |it| Some(if it == ENTRY[0] { format!("{it}\n{line}") } else { it.to_owned() }))
        };
        for (error, told) in [
            (added("colour = 'red'"), "colour: unknown field, known: os, version,"),
            (added("mirror.apt.colour = 'red'"), "mirror.apt.colour: unknown field, known: url,"),
            (replaced(ENTRY[3], ""), "base: missing"),
            (replaced(ENTRY[6], ""), "mirror.apt.suites: missing"),
            (replaced(ENTRY[2], ""), "end_of_life: missing; only a release that is not out yet"),
            (replaced("2030-01-01", "soon"), "end_of_life: "),
            (replaced("\"2030-01-01\"", "2030"), "end_of_life: "),
            (replaced("252", "\"old\""), "systemd.version: "),
            (replaced("[1, 2]", "[3]"), "systemd.cgroup: "),
            (replaced("docker.io/library/a:1", "a:1"), "base: \"a:1\" is not REGISTRY/"),
            (added("digest = 'sha256:12'"), "digest: \"sha256:12\" is not"),
            (added("architectures = ['sparc']"), "architectures[0]: \"sparc\" is unknown, known: amd64, arm64, armhf"),
            (added("init = []"), "init: names no way"),
            (added("family = 'rpm'"), "mirror: is of the apt family, but family is rpm"),
        ] {
            let place = "my.toml: entry 2 (a 2): ";
            assert!(
                error.strip_prefix(place).is_some_and(|rest| rest.starts_with(told)),
                "{told:?} is not told by: {error}"
            );
        }
        let twice = replaced("version = \"2\"", "version = \"1\"");
        assert_eq!(twice, "my.toml: entry 2 (a 1): version: the same os and version as an earlier entry");
        let unnamed = replaced("os = \"a\"", "");
        assert_eq!(unnamed, "my.toml: entry 2 (2): os: missing");
    }

    #[test]
    fn what_an_os_says_wrong_is_told_of_the_os() {
        let keep = |line: &str| Some(line.to_owned());
        for (os, told) in [
            (OS.replace("user =", "usr ="), "my.toml: os.a: usr: unknown field, known: "),
            (OS.replace("\"amd64\"", "\"sparc\""), "my.toml: os.a: architectures[0]: \"sparc\" is unknown"),
            (OS.to_owned() + "[os.b]\n", "my.toml: os.b: no entry is of this os"),
            ("colour = 1".to_owned() + OS, "my.toml: colour: unknown field, known: os, system"),
        ] {
            let error = error(&os, keep);
            assert!(error.starts_with(told), "{told:?} is not told by: {error}");
        }
        assert!(error("[os", keep).contains("line 1"), "where the text is no TOML, the line is told");
    }
}
