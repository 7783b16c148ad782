//! Standard output for what was asked for, standard error for what is said about it.

use std::io::{BufRead, IsTerminal, Read, Write};

use crate::error::{Failure, Kind, Result};

/// Prints a line of what was asked for.
pub(super) fn line(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        // whoever read it has seen enough: `deployd logs | head`
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(Kind::Internal, "print").saw(error)),
    }
}

/// Prints a document.
pub(super) fn json(value: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(Kind::Internal, "print").saw(error))?;
    line(&text)
}

/// Prints rows in columns.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> Result<()> {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all = || std::iter::once(&heads).chain(rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    for row in all() {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Says something to the person at the terminal.
pub(super) fn say(text: &str) {
    // a person who closed their terminal misses nothing
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A secret: asked for without showing it, or the first line of standard input where nobody types.
pub(super) fn secret(prompt: &str) -> Result<String> {
    let failed = |error: std::io::Error| Failure::new(Kind::Internal, format!("read the {prompt}")).saw(error);
    let typed = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("{prompt}: ")).map_err(failed)?
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    if typed.is_empty() {
        let failure = Failure::new(Kind::Invalid, format!("the {prompt}")).saw("it is empty");
        return Err(failure.hint("type it, or send it through standard input"));
    }
    Ok(typed)
}

/// Everything on standard input, without the end of its last line.
pub(super) fn input() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Failure::new(Kind::Internal, "read standard input").saw(error))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(text.to_owned())
}

/// Refuses what cannot be taken back unless it was said twice.
pub(super) fn sure(yes: bool, what: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    Err(Failure::new(Kind::Invalid, what).saw("it cannot be taken back").hint("say --yes to do it"))
}
