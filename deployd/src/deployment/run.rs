//! One deploy from its request to its end, recorded in the store.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use super::prepare::{self, Prepared};
use super::queue::Wanted;
use super::{Context, Progress, UpRequest, compose, retire, rollback, switch};
use crate::engine::Role;
use crate::error::{Failure, Kind, Result};
use crate::store::{Deploy, Outcome, Project};

/// Runs one deploy; whatever it ends with is in the store.
pub(super) async fn run(
    context: &Context,
    wanted: &Wanted,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Deploy> {
    let (mut project, mut deploy) = match wanted {
        Wanted::Up(request) => plan(context, request, progress)?,
        Wanted::Rollback => rollback::plan(context)?,
    };
    context.store.set_deploy(&deploy)?;
    tracing::info!(deploy = deploy.id, "a deploy begins");
    let ended = attempt(context, wanted, progress, cancel, &mut project, &mut deploy).await;
    deploy.finished_at = Some(Timestamp::now());
    tracing::info!(deploy = deploy.id, commit = deploy.commit_hash, "a deploy has ended");
    match ended.map_err(Failure::or_full_disk) {
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
            discard(context, &deploy).await;
            tracing::warn!(deploy = deploy.id, %failure, "the deploy failed; what served before still does");
            Err(failure)
        }
    }
}

fn plan(context: &Context, request: &UpRequest, progress: &Progress) -> Result<(Project, Deploy)> {
    let project = request.project(context.store.project()?, &context.data)?;
    // also a deploy that fails shall be told about
    context.notifier.set(&request.slack_notification_url)?;
    request.notices().into_iter().for_each(|notice| progress.step(notice));
    let deploy = begin(&project);
    Ok((project, deploy))
}

/// A deploy of which nothing is known yet but its project.
pub(super) fn begin(project: &Project) -> Deploy {
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
        built_by: None,
    }
}

/// Answers the deploy that served until now.
async fn attempt(
    context: &Context,
    wanted: &Wanted,
    progress: &Progress,
    cancel: &CancellationToken,
    project: &mut Project,
    deploy: &mut Deploy,
) -> Result<Option<Deploy>> {
    let prepare = async {
        match wanted {
            Wanted::Up(request) => prepare::prepare(context, request, progress, project, deploy).await,
            Wanted::Rollback => rollback::prepare(context, progress, deploy).await,
        }
    };
    let prepared = tokio::select! {
        prepared = prepare => prepared?,
        () = cancel.cancelled() => {
            return Err(Failure::new(Kind::Superseded, "the deploy ended early").saw("it was stopped"));
        }
    };
    // from here on it is seconds to the end, and an end in the middle would leave two truths
    let Prepared { serving, port } = prepared;
    deploy.serving = Some(serving);
    switch::switch(context, project, deploy, port, progress).await
}

/// Removes what a failed deploy made, and brings back what it replaced.
async fn discard(context: &Context, deploy: &Deploy) {
    let removed = async {
        compose::undo(context).await?;
        for role in [Role::App, Role::Build] {
            for container in context.engine.containers(role).await? {
                if container.deploy.as_ref() == Some(&deploy.id) {
                    context.engine.remove(&container.id).await?;
                }
            }
        }
        retire::remove_build(context, deploy).await
    };
    if let Err(failure) = removed.await {
        tracing::warn!(%failure, "what the failed deploy made could not be removed; the next start tries again");
    }
}
