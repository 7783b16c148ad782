//! A report with one of each: systems that passed, failed, ran in part, cannot run; bundles with what should not be in them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use harness::catalog::{Arch, Catalog};
use harness::report::{CellReport, MatrixReport, Outcome, ScenarioReport, Stopped};

/// Words of an error that would be markup if they were not escaped.
pub const ERROR: &str =
    "deploy: debian 13 (vps-7): POST /up: HTTP 500: <b>no</b> such | `column` & \"row\"\n  help: cargo xtask status";

/// The names of all scenarios, from the list of mutants: each has one.
fn scenarios() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/mutants.toml");
    let list: toml::Table = std::fs::read_to_string(path).expect("mutants.toml").parse().expect("TOML");
    let mutants = list["mutant"].as_array().expect("an array of mutants");
    mutants.iter().map(|mutant| mutant["scenario"].as_str().expect("a scenario").to_owned()).collect()
}

fn cell(os: &str, version: &str, arch: Arch, reason: &str) -> CellReport {
    CellReport {
        os: os.into(),
        version: version.into(),
        arch,
        available: true,
        reason: reason.into(),
        required: false,
        scenarios: Vec::new(),
        not_run: Vec::new(),
    }
}

/// Makes the report with its bundles in `dir`.
pub fn sample(dir: &Path) -> MatrixReport {
    let names: Vec<String> = scenarios().into_iter().collect();
    let mut cells: Vec<CellReport> =
        [("12", Arch::Amd64), ("13", Arch::Amd64), ("forky", Arch::Amd64), ("12", Arch::Arm64)]
            .map(|(version, arch)| cell("debian", version, arch, "mirror http://deb.debian.org/debian"))
            .into();
    for (number, name) in names.iter().enumerate() {
        cells[0].scenarios.push(passed(&dir.join("debian-12"), name, number));
        let failing = number == 7 || name.starts_with("webhooks::");
        let folder = dir.join("debian-13");
        cells[1].scenarios.push(if failing { failed(&folder, name) } else { passed(&folder, name, number) });
        cells[2].scenarios.extend((number < 20).then(|| passed(&dir.join("debian-forky"), name, number)));
        cells[2].not_run.extend((number >= 20).then(|| name.clone()));
        cells[3].scenarios.extend((number == 0).then(|| ScenarioReport {
            name: name.clone(),
            outcome: Outcome::Failed,
            duration_ms: 0,
            bundle: None,
            why: None,
        }));
    }
    let why = "registry docker.io: no address for registry-1.docker.io <lookup failed>; mirror: the catalog names none";
    for system in Catalog::built_in().systems().iter().filter(|system| system.os != "debian") {
        let away = cell(&system.os, &system.version, Arch::Amd64, why);
        let required = (system.os.as_str(), system.version.as_str()) == ("ubuntu", "24.04");
        cells.push(CellReport { available: false, required, ..away });
    }
    let mut report = MatrixReport::new(cells, 754_321);
    report.stopped = Some(Stopped::Interrupted);
    report
}

/// A report on a tool of others, which passed one scenario and cannot do what another is about.
pub fn of_others() -> MatrixReport {
    let ran = |name: &str, outcome, why: Option<&str>| ScenarioReport {
        name: name.to_owned(),
        outcome,
        duration_ms: 900,
        bundle: None,
        why: why.map(str::to_owned),
    };
    let mut cell = cell("debian", "12", Arch::Amd64, "registry");
    cell.scenarios = vec![
        ran("reboot::it_returns", Outcome::Passed, None),
        ran("rollback::it_returns", Outcome::Unsupported, Some("it keeps <no> version")),
    ];
    let mut report = MatrixReport::new(vec![cell], 2000);
    report.deployer = Some("compose".to_owned());
    report
}

fn folder(system: &Path, name: &str) -> PathBuf {
    let folder = system.join(name.replace("::", "-"));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn passed(system: &Path, name: &str, number: usize) -> ScenarioReport {
    let story = r#"{"n":0,"at_ms":12,"kind":"step","text":"start debian 12"}
{"n":1,"at_ms":840,"kind":"wait","text":"the page of dockerfile-web"}
{"n":1,"took_ms":2210,"ok":true,"result":"there"}
"#;
    std::fs::write(folder(system, name).join("story.jsonl"), story).expect("a story");
    let duration_ms = 700 + 4321 * number as u64;
    ScenarioReport { name: name.to_owned(), outcome: Outcome::Passed, duration_ms, bundle: None, why: None }
}

fn failed(system: &Path, name: &str) -> ScenarioReport {
    let folder = folder(system, name);
    let mut story = String::new();
    for n in 0..60 {
        let at = n * 731;
        let (kind, text, end) = match n % 4 {
            0 => ("step", format!("step engine: install part {n}"), None),
            1 => (
                "ssh",
                format!("docker ps --all --filter label=deployd.role --format '{{{{.Names}}}}' # {n}"),
                Some(true),
            ),
            2 => ("http", "POST /up".to_owned(), Some(n < 58)),
            _ => (
                "wait",
                "the application to answer 200 at http://172.30.0.7:8080/".to_owned(),
                (n < 59).then_some(true),
            ),
        };
        let _ = writeln!(story, "{}", serde_json::json!({"n": n, "at_ms": at, "kind": kind, "text": text}));
        if let Some(ok) = end {
            let result = if ok { "status 0" } else { "HTTP 500" };
            let end =
                serde_json::json!({"n": n, "took_ms": 90, "ok": ok, "result": result, "output": "deployd-app-1\n"});
            let _ = writeln!(story, "{end}");
        }
    }
    let mut journal = String::new();
    for n in 0..3000 {
        let (minute, second) = (n / 60 % 60, n % 60);
        let _ = writeln!(journal, "Nov 21 20:{minute:02}:{second:02} vps-7 sshd[{n}]: Accepted publickey");
    }
    for (file, text) in [
        ("failure.txt", ERROR),
        ("story.jsonl", &story),
        ("transcript.txt", "    0.73 s  ssh   docker ps\n                  -> status 0 (0.09 s)\n"),
        ("output.txt", "==> start debian 13\nAuthorization: Bearer 0123456789abcdef\nError: <b>no</b>\n"),
        ("deployd.txt", "2026-11-21T20:11:04Z ERROR deploy 3: build: exit code 7\n"),
        ("journal.txt", &journal),
        ("containers.txt", "CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES\n"),
        ("container-logs.txt", "== /deployd-app-1\nTraceback (most recent call last):\nKeyError: 'DATABASE_URL'\n"),
        ("network-rules.txt", "table ip nat {\n\tchain DOCKER { }\n}\n"),
        ("memory.txt", ""),
    ] {
        std::fs::write(folder.join(file), text).expect("a file of the bundle");
    }
    ScenarioReport {
        name: name.to_owned(),
        outcome: Outcome::Failed,
        duration_ms: 44_100,
        bundle: Some(folder),
        why: None,
    }
}
