//! `list`: the mock VPSes of this workspace.

use std::collections::HashMap;
use std::time::Duration;

use harness::engine::{ContainerState, Found};
use harness::{Engine, VpsInfo};
use serde::Serialize;

use super::common::{engine, print_json, table, workspace};
use crate::cli::{Global, Json};

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    info: VpsInfo,
    state: &'static str,
}

pub async fn run(global: &Global, json: Json) -> anyhow::Result<()> {
    let workspace = workspace(global)?;
    let engine = engine(&workspace).await?;
    let vpses = workspace.vpses()?;
    let found: HashMap<String, Found> =
        engine.vps_containers().await?.into_iter().map(|container| (container.id.clone(), container)).collect();
    let rows: Vec<Row> = vpses.into_iter().map(|info| Row { state: state(&info, &engine, &found), info }).collect();
    if json.json {
        return print_json(&rows);
    }
    if rows.is_empty() {
        eprintln!("no VPS here; {} testenv debian 12 makes one", harness::command_line());
        return Ok(());
    }
    let mut table = table(&["NAME", "SYSTEM", "STATE", "ADDRESS", "PORTS", "AGE"]);
    for Row { info, state } in &rows {
        let ports: Vec<String> =
            info.ports.iter().map(|port| format!("{}:{}->{}", port.host_address, port.host, port.vps)).collect();
        table.add_row([
            info.name.clone(),
            format!("{} {}", info.os, info.version),
            (*state).to_owned(),
            info.address.to_string(),
            ports.join(" "),
            found.get(&info.container_id).map(age).unwrap_or_default(),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn state(info: &VpsInfo, engine: &Engine, found: &HashMap<String, Found>) -> &'static str {
    match found.get(&info.container_id).map(|container| container.state) {
        Some(ContainerState::Running) => "running",
        Some(ContainerState::Restarting) => "restarting",
        Some(ContainerState::Created) => "created",
        Some(ContainerState::Paused) => "paused",
        Some(ContainerState::Stopped) => "stopped",
        None if info.is_on(engine) => "gone",
        None => "on another engine",
    }
}

fn age(container: &Found) -> String {
    super::images::age(container.created).unwrap_or_else(|| humantime::format_duration(Duration::ZERO).to_string())
}
