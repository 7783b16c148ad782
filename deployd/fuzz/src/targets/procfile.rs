//! The Procfile of a repository that anyone may have written.

use deployd::builders::Procfile;

pub(super) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(file) = Procfile::parse(text) else { return };
    for name in file.types() {
        let command = file.command(name).expect("a type that is listed has a command");
        assert!(!name.is_empty() && !command.contains('\n'), "{name:?}: {command:?}");
    }
    assert_eq!(file.needs_web().is_ok(), file.types().any(|name| name == "web"));
}
