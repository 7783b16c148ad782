//! The VPSes of failed scenarios that were left standing.

use std::path::Path;

use harness::Workspace;
use harness::report::MatrixReport;

use crate::cli::Global;

/// The names of those that a run left, which the workspace keeps.
pub fn of(workspace: &Workspace, report: &MatrixReport) -> Vec<String> {
    let bundles = report.cells.iter().flat_map(|cell| &cell.scenarios).filter_map(|scenario| scenario.bundle.as_ref());
    bundles.filter_map(|bundle| in_bundle(workspace, bundle)).collect()
}

/// The name of the VPS that a bundle is of, if the workspace keeps it.
pub fn in_bundle(workspace: &Workspace, bundle: &Path) -> Option<String> {
    let text = std::fs::read_to_string(bundle.join("vps.json")).ok()?;
    let document: serde_json::Value = serde_json::from_str(&text).ok()?;
    let kept = workspace.find_vps(document["name"].as_str()).ok()?;
    (document["container_id"] == kept.container_id).then_some(kept.name)
}

/// The command that enters a VPS.
pub fn enter(global: &Global, name: &str) -> String {
    let command = harness::command_line();
    match &global.state_dir {
        Some(dir) => format!("{command} ssh {name} --state-dir {}", dir.display()),
        None => format!("{command} ssh {name}"),
    }
}
