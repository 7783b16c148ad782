//! The targets, by name.

mod procfile;
mod project_settings;
mod tokens;
mod webhook;

/// Something that reads what strangers send.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folders of seeds and corpus.
    pub name: &'static str,
    /// Reads an input; a panic is a finding.
    pub run: fn(&[u8]),
}

/// Every target. A new one is a file beside the others, a line here and a folder in `seeds`.
pub const TARGETS: &[Target] = &[
    Target { name: "procfile", run: procfile::run },
    Target { name: "project_settings", run: project_settings::run },
    Target { name: "tokens", run: tokens::run },
    Target { name: "webhook", run: webhook::run },
];

/// A target by its name.
pub fn find(name: &str) -> Result<&'static Target, String> {
    TARGETS.iter().find(|target| target.name == name).ok_or_else(|| {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!("unknown target {name:?}; there are {}", known.join(", "))
    })
}
