//! Whether an event is about the branch that this machine serves.

use super::{Change, Event, Push, Target};
use crate::git::{path_of, same_remote, without_password};
use crate::store::Project;

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The head of the known branch is deployed.
    Deploy {
        /// The commit that the branch named before, if the sender told.
        before: Option<String>,
        /// The commit that was pushed, if the sender told. What is deployed is the head at that time.
        commit: Option<String>,
    },
    /// Nothing is deployed, because of this.
    Ignore(String),
}

/// Decides what becomes of an event. An image that was pushed to Docker Hub has no branch and no git address: whoever
/// knows the key asks for the head of the known branch, whatever the image is called (a base image, for one).
#[must_use]
pub fn decide(event: &Event, project: Option<&Project>) -> Decision {
    let Some(project) = project else { return Decision::Ignore("nothing has been deployed here yet".into()) };
    match event {
        Event::Other(what) => Decision::Ignore(what.clone()),
        Event::Image { .. } => Decision::Deploy { before: None, commit: None },
        Event::Push(push) if !is_of(push, &project.remote) => {
            let serves = without_password(&project.remote);
            Decision::Ignore(format!("it is about {}, and this machine serves {serves}", push.full_name))
        }
        Event::Push(push) => branch(push, &project.branch),
    }
}

/// Whether a push went to this repository. The full name alone is enough: a git host may be known by other names than
/// the one it tells, and the signature has said already that the sender is meant.
fn is_of(push: &Push, remote: &str) -> bool {
    let named = push.full_name.trim_matches('/');
    push.addresses.iter().any(|address| same_remote(address, remote))
        || (named.contains('/') && named.eq_ignore_ascii_case(&path_of(remote)))
}

fn branch(push: &Push, branch: &str) -> Decision {
    let ours = |change: &&Change| matches!(&change.target, Target::Branch(name) if name == branch);
    if let Some(change) = push.changes.iter().rev().find(ours) {
        return match &change.after {
            Some(commit) => Decision::Deploy { before: change.before.clone(), commit: Some(commit.clone()) },
            None => Decision::Ignore(format!("the branch {branch} was deleted")),
        };
    }
    let told = push.changes.iter().map(|change| match &change.target {
        Target::Branch(name) => format!("the branch {name}"),
        Target::Tag(name) => format!("the tag {name}"),
        Target::Other(name) => name.clone(),
    });
    let told = told.collect::<Vec<_>>().join(", ");
    let told = if told.is_empty() { "nothing".into() } else { told };
    Decision::Ignore(format!("it changed {told}, and this machine serves the branch {branch}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(remote: &str) -> Project {
        Project {
            name: "app".into(),
            remote: remote.into(),
            branch: "main".into(),
            build_type: None,
            build_file_path: None,
            bound: true,
        }
    }

    fn push(full_name: &str, address: &str) -> Push {
        let target = Target::Branch("main".into());
        let change = Change { target, before: Some("a".into()), after: Some("b".into()) };
        Push { addresses: vec![address.into()], full_name: full_name.into(), changes: vec![change] }
    }

    fn deploys(push: Push, remote: &str) -> bool {
        matches!(decide(&Event::Push(push), Some(&project(remote))), Decision::Deploy { .. })
    }

    #[test]
    fn any_address_of_the_repository_counts() {
        let https = "https://git.example/team/app.git";
        assert!(deploys(push("x", https), "git@git.example:team/app.git"));
        assert!(deploys(push("Team/App", https), "ssh://git@10.0.0.5:2222/team/app.git"));
        assert!(!deploys(push("team/app2", "https://git.example/team/app2"), "git@git.example:team/app.git"));
        assert!(!deploys(push("app", "https://other.example/app"), "git@git.example:app.git"));
    }

    #[test]
    fn a_deleted_branch_and_several_changes_are_understood() {
        let mut several = push("team/app", "");
        several.changes.push(Change { target: Target::Tag("v1".into()), before: None, after: Some("b".into()) });
        assert!(deploys(several.clone(), "git@git.example:team/app.git"));
        several.changes[0].after = None;
        assert!(!deploys(several, "git@git.example:team/app.git"));
        assert!(matches!(decide(&Event::Other("x".into()), None), Decision::Ignore(_)));
    }
}
