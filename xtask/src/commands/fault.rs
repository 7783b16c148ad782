//! `fault`: lets something go wrong with a VPS, takes it away again, and tells what is wrong.

use harness::Fault;

use super::common::{print_json, say, with_env, workspace};
use crate::cli::{FaultWords, Global};

pub async fn run(global: &Global, words: FaultWords) -> anyhow::Result<()> {
    let info = workspace(global)?.find_vps(Some(&words.name))?;
    // wrong words are told before an engine is asked for anything
    let fault = match words.kind.as_deref() {
        None => None,
        Some("clear") if words.value.is_none() => None,
        Some(kind) => Some(Fault::parse(kind, words.value.as_deref())?),
    };
    let faults = with_env(global, async |env| {
        let vps = env.attach(info)?;
        match fault {
            Some(fault) => vps.inject(env, fault).await?,
            None if words.kind.is_some() => vps.clear(env).await?,
            None => {}
        }
        Ok(vps.faults(env).await?)
    })
    .await?;
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    if words.json.json {
        return print_json(&faults);
    }
    if faults.is_empty() {
        say(&format!("{} has no fault", words.name));
    }
    for fault in faults {
        println!("{fault}");
    }
    Ok(())
}
