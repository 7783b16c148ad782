//! Asking a deployed application whether it answers as its project says.

use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Failure, Result, chain};
use crate::http;
use crate::project::Project;
use crate::vps::Vps;
use crate::wait::{Seen, wait_until};

/// One answer of an application.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// What was asked.
    pub url: String,
    /// The HTTP status; nothing if nobody answered.
    pub http_status: Option<u16>,
    /// Whether status and body are what the project says.
    pub ok: bool,
    /// The body.
    #[serde(skip)]
    pub body: String,
    /// Why there was no answer.
    #[serde(skip)]
    pub why: Option<String>,
}

/// Asks an application once.
pub async fn ask(vps: &Vps, project: &Project) -> Answer {
    let (settings, address) = (&project.settings, vps.info().address);
    let url = format!("http://{address}:{}{}", settings.port, settings.health.path);
    let nobody = |url, why| Answer { url, http_status: None, ok: false, body: String::new(), why: Some(why) };
    match http::client().get(&url).timeout(Duration::from_secs(5)).send().await {
        Err(error) => nobody(url, chain(&error)),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let body = answer.text().await.unwrap_or_default();
            let holds = settings.health.contains.as_ref().is_none_or(|text| body.contains(text));
            Answer { url, http_status: Some(status), ok: status == settings.health.status && holds, body, why: None }
        }
    }
}

/// Waits until an application answers as its project says.
pub async fn healthy(vps: &Vps, project: &Project, deadline: Duration) -> Result<Answer> {
    let what = format!("{} to answer", project.name);
    let answer = wait_until(deadline, &what, || async {
        let answer = ask(vps, project).await;
        if answer.ok {
            return Seen::Ready(answer);
        }
        let body = answer.body.chars().take(200).collect::<String>();
        Seen::NotYet(answer.why.unwrap_or_else(|| format!("HTTP {:?}: {body}", answer.http_status)))
    });
    answer.await.map_err(|timed_out| {
        let failure = Failure::new(vps.subject(), what.clone()).after(timed_out.elapsed).saw(timed_out.last);
        Error::Deploy(failure.hint(format!("cargo xtask status {0}; cargo xtask logs {0}", vps.info().name)))
    })
}
