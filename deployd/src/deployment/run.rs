//! One deploy from its request to its end, recorded in the store.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use super::prepare::{self, Prepared};
use super::{Context, Progress, UpRequest, retire, switch};
use crate::engine::Role;
use crate::error::{Failure, Kind, Result};
use crate::store::{Deploy, Outcome, Project};

/// Runs one deploy; whatever it ends with is in the store.
pub(super) async fn run(
    context: &Context,
    request: &UpRequest,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Deploy> {
    let mut project = request.project(context.store.project()?, &context.data)?;
    // also a deploy that fails shall be told about
    context.notifier.set(&request.slack_notification_url)?;
    request.notices().into_iter().for_each(|notice| progress.step(notice));
    let mut deploy = begin(&project);
    context.store.set_deploy(&deploy)?;
    tracing::info!(deploy = deploy.id, "a deploy begins");
    let ended = attempt(context, request, progress, cancel, &mut project, &mut deploy).await;
    deploy.finished_at = Some(Timestamp::now());
    tracing::info!(deploy = deploy.id, commit = deploy.commit_hash, "a deploy has ended");
    match ended {
        Ok(old) => {
            context.notifier.tell(&deploy);
            retire::in_background(context.clone(), deploy.clone(), old);
            Ok(deploy)
        }
        Err(failure) => {
            deploy.outcome = Outcome::Failed;
            deploy.stage = Some(failure.kind().word().to_owned());
            deploy.error = Some(failure.to_string());
            context.store.set_deploy(&deploy)?;
            // whoever stopped it knows
            if failure.kind() != Kind::Superseded {
                context.notifier.tell(&deploy);
            }
            discard(context, &deploy, &project).await;
            tracing::warn!(deploy = deploy.id, %failure, "the deploy failed; what served before still does");
            Err(failure)
        }
    }
}

fn begin(project: &Project) -> Deploy {
    Deploy {
        id: Ulid::new().to_string().to_lowercase(),
        project: project.name.clone(),
        branch: project.branch.clone(),
        commit_hash: None,
        commit_message: None,
        build_type: None,
        outcome: Outcome::Running,
        stage: None,
        error: None,
        started_at: Timestamp::now(),
        finished_at: None,
        serving: None,
    }
}

/// Answers the deploy that served until now.
async fn attempt(
    context: &Context,
    request: &UpRequest,
    progress: &Progress,
    cancel: &CancellationToken,
    project: &mut Project,
    deploy: &mut Deploy,
) -> Result<Option<Deploy>> {
    let prepared = tokio::select! {
        prepared = prepare::prepare(context, request, progress, project, deploy) => prepared?,
        () = cancel.cancelled() => {
            return Err(Failure::new(Kind::Superseded, "the deploy ended early").saw("it was stopped"));
        }
    };
    // from here on it is seconds to the end, and an end in the middle would leave two truths
    let Prepared { serving, port } = prepared;
    deploy.serving = Some(serving);
    switch::switch(context, project, deploy, port, progress).await
}

/// Removes what a failed deploy made.
async fn discard(context: &Context, deploy: &Deploy, project: &Project) {
    let removed = async {
        for container in context.engine.containers(Role::App).await? {
            if container.deploy.as_ref() == Some(&deploy.id) {
                context.engine.remove(&container.id).await?;
            }
        }
        context.engine.remove_image(&retire::reference(&project.name, &deploy.id)).await
    };
    if let Err(failure) = removed.await {
        tracing::warn!(%failure, "what the failed deploy made could not be removed; the next start tries again");
    }
}
