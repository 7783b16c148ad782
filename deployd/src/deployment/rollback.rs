//! Returning to the deploy that served before, with what it built.

use super::prepare::{self, Prepared};
use super::{Context, Progress, run};
use crate::error::{Failure, Kind, Result};
use crate::store::{Deploy, Outcome, Project, Store};

/// What a rollback does, before it does it.
pub(super) fn plan(context: &Context) -> Result<(Project, Deploy)> {
    let refused = |saw: &str| Failure::new(Kind::Refused, "roll back").saw(saw);
    let nothing = || refused("nothing serves").hint("POST /up deploys the head of the branch");
    let (Some(project), Some(_)) = (context.store.project()?, context.store.serving()?) else { return Err(nothing()) };
    let target = target(&context.store)?.ok_or_else(|| refused("there is no deploy before the one that serves"))?;
    let built_by = Some(target.build().to_owned());
    let Deploy { branch, commit_hash, commit_message, build_type, serving, .. } = target;
    let begun = run::begin(&project);
    let deploy = Deploy { branch, commit_hash, commit_message, build_type, serving, built_by, ..begun };
    Ok((project, deploy))
}

/// The deploy that a rollback returns to: the one that served before the one that serves. A rollback is a deploy, too,
/// so that two of them end where they began.
pub(super) fn target(store: &Store) -> Result<Option<Deploy>> {
    let Some(serving) = store.serving()? else { return Ok(None) };
    let before = store.deploys()?.into_iter().rev().skip_while(|deploy| deploy.id != serving.id).skip(1);
    Ok(before.filter(|deploy| deploy.serving.is_some()).find(|deploy| deploy.outcome == Outcome::Succeeded))
}

/// Brings the version up.
pub(super) async fn prepare(context: &Context, progress: &Progress, deploy: &mut Deploy) -> Result<Prepared> {
    let Some(serving) = deploy.serving.take() else {
        return Err(Failure::new(Kind::Internal, "roll back").saw("the deploy before did not serve"));
    };
    let hash = deploy.commit_hash.clone().unwrap_or_default();
    progress.step(format!("returning to {} {hash}", deploy.branch));
    progress.building();
    if context.engine.image(&serving.image).await?.is_none() {
        let failure = Failure::new(Kind::Refused, "roll back").saw(format!("the image {} is gone", serving.image));
        return Err(failure.hint("push that commit again"));
    }
    context.keeper.ensure(&context.engine, &context.edge).await?;
    context.edge.check(serving.port).await?;
    prepare::start(context, deploy, serving, progress).await
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::project_file::Health;
    use crate::settings::DataDir;
    use crate::store::Serving;

    fn deploy(store: &Store, id: &str, outcome: Outcome, built_by: Option<&str>) {
        let serving = Serving {
            container: id.into(),
            name: id.into(),
            image: id.into(),
            address: Ipv4Addr::LOCALHOST,
            container_port: 80,
            port: 80,
            health: Health::default(),
            memory_mib: None,
            compose: None,
        };
        let serving = Some(serving).filter(|_| outcome == Outcome::Succeeded);
        let built_by = built_by.map(str::to_owned);
        let deploy = Deploy { id: id.into(), outcome, serving, built_by, ..run::begin(&Project::example()) };
        match outcome {
            Outcome::Succeeded => store.set_serving(&deploy, &Project::example()).unwrap(),
            _ => store.set_deploy(&deploy).unwrap(),
        }
    }

    fn target_id(store: &Store) -> Option<String> {
        target(store).unwrap().map(|deploy| deploy.build().to_owned())
    }

    #[test]
    fn the_target_is_what_served_before_and_two_rollbacks_end_where_they_began() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&DataDir::new(dir.path())).unwrap();
        assert_eq!(target_id(&store), None);
        deploy(&store, "1", Outcome::Succeeded, None);
        assert_eq!(target_id(&store), None);
        deploy(&store, "2", Outcome::Failed, None);
        deploy(&store, "3", Outcome::Succeeded, None);
        deploy(&store, "4", Outcome::Interrupted, None);
        assert_eq!(target_id(&store).as_deref(), Some("1"));
        deploy(&store, "5", Outcome::Succeeded, Some("1"));
        assert_eq!(target_id(&store).as_deref(), Some("3"));
        deploy(&store, "6", Outcome::Succeeded, Some("3"));
        assert_eq!(target_id(&store).as_deref(), Some("1"));
    }

    #[test]
    fn a_project_that_is_forgotten_leaves_nothing_to_return_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&DataDir::new(dir.path())).unwrap();
        deploy(&store, "1", Outcome::Succeeded, None);
        deploy(&store, "2", Outcome::Succeeded, None);
        let secret = store.webhook_secret().unwrap();
        store.begin_replacing("3").unwrap();
        store.forget_project().unwrap();
        assert_eq!(
            (store.project().unwrap(), store.serving().unwrap(), store.replacing().unwrap()),
            (None, None, None)
        );
        assert!(store.deploys().unwrap().is_empty());
        assert_eq!(store.webhook_secret().unwrap(), secret);
    }
}
