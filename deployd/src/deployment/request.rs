//! What is asked of a deploy, and which project that is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::deploy_key;
use crate::error::{Failure, Kind, Result};
use crate::git::{same_remote, without_password};
use crate::project_file::BuildType;
use crate::settings::DataDir;
use crate::store::Project;
use crate::text;

/// Where the source comes from.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct GitOptions {
    /// The repository's address.
    pub remote: String,
    /// The branch.
    pub branch: String,
}

/// The body of POST /up. Unknown fields are ignored: clients of Inertia send some that mean nothing here. An empty text
/// stands for what the daemon knows from the deploy before.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct UpRequest {
    /// Whether the answer tells the progress.
    pub stream: bool,
    /// The project's name.
    pub project: String,
    /// How it is built.
    pub build_type: String,
    /// The file that says so.
    pub build_file_path: String,
    /// Where the source comes from.
    pub git_options: GitOptions,
    /// The secret that webhooks are signed with from now on.
    pub webhook_secret: String,
    /// Containers between the daemon and the application; there are none.
    pub intermediary_containers: Vec<String>,
    /// Where to tell how deploys end; `off` or `none` ends that.
    pub slack_notification_url: String,
    /// Whether everything is as it was at the last deploy: no client can say so, a webhook does.
    #[serde(skip)]
    pub again: bool,
}

fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl UpRequest {
    /// A deploy of the known branch with everything as it was before; what that is, is looked up when it begins.
    #[must_use]
    pub fn again() -> Self {
        Self { again: true, ..Self::default() }
    }

    /// What this version does not do, for the client to know.
    #[must_use]
    pub fn notices(&self) -> Vec<&'static str> {
        let mut notices = Vec::new();
        if !self.intermediary_containers.is_empty() {
            notices.push("notice: intermediary_containers is not supported by this version and is ignored");
        }
        notices
    }

    /// The project that is asked for, given the one that is known.
    pub fn project(&self, known: Option<Project>, data: &DataDir) -> Result<Project> {
        let missing =
            |field: &str| Failure::new(Kind::Invalid, field).saw("it is missing, and no deploy told it before");
        if self.again {
            return known.ok_or_else(|| missing("git_options.remote"));
        }
        let build_type = given(&self.build_type).map(|word| word.parse::<BuildType>()).transpose()?;
        let remote = given(&self.git_options.remote).or_else(|| known.as_ref().map(|known| known.remote.clone()));
        let remote = remote.ok_or_else(|| missing("git_options.remote"))?;
        let branch = given(&self.git_options.branch).or_else(|| known.as_ref().map(|known| known.branch.clone()));
        let branch = branch.ok_or_else(|| missing("git_options.branch"))?;
        if let Some(known) = known.as_ref().filter(|known| known.bound && !same_remote(&known.remote, &remote)) {
            let failure = Failure::new(Kind::Refused, format!("deploy {}", without_password(&remote)));
            let failure = failure
                .saw(format!("this machine serves {}", without_password(&known.remote)))
                .hint("one project per machine");
            return Err(failure.public_key(deploy_key(data)?));
        }
        let name = given(&self.project).or_else(|| known.as_ref().map(|known| known.name.clone()));
        let name = name.unwrap_or_else(|| last_part(&remote));
        let bound = known.is_some_and(|known| known.bound);
        Ok(Project { name, remote, branch, build_type, build_file_path: given(&self.build_file_path), bound })
    }
}

fn last_part(remote: &str) -> String {
    let part = remote.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    text::slug(part.strip_suffix(".git").unwrap_or(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(remote: &str, branch: &str) -> UpRequest {
        UpRequest { git_options: GitOptions { remote: remote.into(), branch: branch.into() }, ..UpRequest::default() }
    }

    fn data() -> DataDir {
        DataDir::new("/does/not/exist")
    }

    #[test]
    fn what_is_left_out_is_what_was_before() {
        let first = request("git@host:team/app.git", "main").project(None, &data()).unwrap();
        assert_eq!((first.name.as_str(), first.bound), ("app", false));
        let second = request("", "next").project(Some(first.clone()), &data()).unwrap();
        assert_eq!((second.remote, second.branch.as_str()), (first.remote, "next"));
        let failure = request("", "main").project(None, &data()).unwrap_err();
        assert_eq!(failure.kind(), Kind::Invalid);
    }

    #[test]
    fn another_remote_is_refused_once_something_served() {
        let mut known = request("git@host:team/app.git", "main").project(None, &data()).unwrap();
        let other = request("git@host:team/other.git", "main");
        assert!(other.project(Some(known.clone()), &data()).is_ok());
        known.bound = true;
        assert_eq!(other.project(Some(known.clone()), &data()).unwrap_err().kind(), Kind::Refused);
        assert!(request("ssh://git@host/team/app", "main").project(Some(known), &data()).is_ok());
    }

    #[test]
    fn again_is_as_it_was_also_where_an_empty_text_is_not() {
        let mut first = request("git@host:team/app.git", "main");
        first.build_type = "compose".into();
        let known = first.project(None, &data()).unwrap();
        assert_eq!(UpRequest::again().project(Some(known.clone()), &data()).unwrap(), known);
        assert!(UpRequest::again().project(None, &data()).is_err());
    }

    #[test]
    fn an_unknown_build_type_is_invalid() {
        let mut request = request("a:b", "main");
        request.build_type = "make".into();
        assert_eq!(request.project(None, &data()).unwrap_err().kind(), Kind::Invalid);
    }
}
