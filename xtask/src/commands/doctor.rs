//! `doctor`: what this machine can do, and how to mend what it cannot.

use harness::doctor::{Check, State, examine};
use serde_json::json;

use super::common::{print_json, table};
use crate::cli::{Global, Json};
use crate::exit::Status;

pub async fn run(_global: &Global, json: Json) -> anyhow::Result<()> {
    let checks = examine().await;
    if json.json {
        print_json(&json!({ "checks": checks }))?;
    } else {
        show(&checks);
    }
    let engine_is_there = checks.iter().any(|check| check.name == "engine" && check.state == State::Ok);
    if engine_is_there { Ok(()) } else { Err(Status(3).into()) }
}

fn show(checks: &[Check]) {
    let mut table = table(&["", "WHAT", "SEEN"]);
    for check in checks {
        let state = match check.state {
            State::Ok => "ok",
            State::Limited => "limited",
            State::Missing => "MISSING",
        };
        table.add_row([state, &check.name, &check.seen]);
    }
    println!("{table}");
    for check in checks {
        if let (Some(cost), Some(mend)) = (&check.cost, &check.mend) {
            println!("\n{}: {cost}\n  {mend}", check.name);
        }
    }
}
