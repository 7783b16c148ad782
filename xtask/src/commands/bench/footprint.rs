//! What the daemon itself costs: its memory at rest, and the time of its start.

use std::time::Duration;

use anyhow::Context;

use super::row::{Figure, Row, median};
use super::stage::Stage;
use crate::commands::common::say;

/// What the rows are called.
pub const MEMORY: &str = "idle memory of deployd";
pub const EDGE_MEMORY: &str = "idle memory of its edge, the proxy";
pub const START: &str = "start of deployd to the first 200";
const ROUNDS: usize = 9;

/// The resident set of the program in the container of a role, in kB; there is no other process in it at rest.
const RESIDENT: &str = r#"set -eu
pid=$(docker inspect --format '{{.State.Pid}}' "$(docker ps -q --filter "label=deployd.role=$ROLE")")
sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"
"#;

/// From the birth of the daemon's process until a client has its answer. The process is born as the engine's, before it
/// enters the container and becomes the daemon: that and the client's handshake are in the time. Ticks of 1/100 s.
const FIRST_ANSWER: &str = r#"set -eu
docker stop deployd >/dev/null
docker start deployd >/dev/null &
until curl --silent --insecure --fail --max-time 5 https://127.0.0.1:4303/; do :; done
read -r now _ </proc/uptime
wait
pid=$(docker inspect --format '{{.State.Pid}}' deployd)
born=$(cut -d ' ' -f 22 "/proc/$pid/stat")
echo "$now $born" | awk '{ printf "%d\n", $1 * 1000 - $2 * 10 }'
"#;

/// How much memory the daemon has, or its edge.
pub async fn memory(stage: &Stage<'_>, what: &'static str) -> anyhow::Result<Row> {
    let (role, goal) = if what == MEMORY { ("daemon", Some(20.0)) } else { ("edge", None) };
    stage.rest().await?;
    let said = stage.run(RESIDENT, &[("ROLE", role)]).await?;
    let kilobytes: f64 = said.trim().parse().with_context(|| format!("the memory of the {role}: {said:?}"))?;
    Ok(Row::Figure(Figure { what, value: kilobytes * 1024.0 / 1e6, unit: "MB", goal }))
}

/// How long the daemon takes to answer.
pub async fn start(stage: &Stage<'_>) -> anyhow::Result<Row> {
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        say(&format!("{START}, round {round} of {ROUNDS}"));
        let said = stage.run(FIRST_ANSWER, &[]).await?;
        let millis = said.trim().parse().with_context(|| format!("the time of the start: {said:?}"))?;
        times.push(Duration::from_millis(millis));
    }
    let value = median(times).as_secs_f64() * 1000.0;
    Ok(Row::Figure(Figure { what: START, value, unit: "ms", goal: Some(200.0) }))
}
