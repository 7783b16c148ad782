//! What a repository holds becomes what serves, or the cause is named and the version before goes on serving.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::deployer::Ability;
use harness::probe::{self, Continuous, Options};
use harness::project::Project;
use rstest_reuse::apply;
use serde_json::{Value, json};

use crate::environment::{keeps_the_secret, set_a_secret};
use crate::every_system;
use crate::support::{AnyStage, Scene, Stage, commit_of, on_a_stage, on_any_stage, project, say};

/// Commits what the checkout holds, pushes it and asks for its deploy; answers the commit, the HTTP status and the answer.
async fn up(stage: &Stage<'_>, message: &str, stream: bool) -> anyhow::Result<(String, u16, Value)> {
    let commit = stage.checkout.commit_all(message).await?;
    stage.push().await?;
    let (status, answer) = stage.up(json!({ "stream": stream })).await?;
    Ok((commit, status, answer))
}

/// What a command inside the container of a commit prints; whichever tool made it, the commit is in its environment.
async fn in_container(stage: &Scene<'_>, commit: &str, command: &str) -> anyhow::Result<String> {
    let find = format!(
        "for it in $(docker ps --quiet); do \
         if docker inspect --format '{{{{.Config.Env}}}}' $it | grep -q SOURCE_VERSION={commit}; then echo $it; fi; done"
    );
    let output = stage.vps().ssh().await?.run(&format!("docker exec $({find}) {command}")).await?;
    Ok(output.stdout_text().into_owned())
}

/// What is on the engine that only a running build needs.
async fn left_of_builds(stage: &Scene<'_>) -> anyhow::Result<String> {
    let look = "docker ps --all --quiet --filter label=deployd.role=build; docker volume ls --quiet --filter dangling=true \
                | grep -v '^deployd-cache-' || true";
    Ok(stage.vps().ssh().await?.run(look).await?.stdout_text().trim().to_owned())
}

/// The page of a fixture that has taken the place of the stage's own.
async fn page_of(stage: &Stage<'_>, project: &Project) -> anyhow::Result<String> {
    Ok(probe::healthy(stage.vps(), project, Duration::from_mins(1)).await?.body)
}

/// What is wrong, the files that make it so, and the code and the cause that tell of it.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16, &'a str);

/// Deploys what cannot be built; answers what is told. deployd has a code for it, and builds whatever it finds.
async fn refused(stage: &AnyStage<'_>, case: &Case<'_>) -> anyhow::Result<String> {
    let (name, _, code, _) = case;
    if let Some(own) = stage.deployds() {
        let (_, status, answer) = up(own, name, false).await?;
        ensure!(status == *code, "{name}: HTTP {status}: {answer}");
        return Ok(format!("HTTP {status}: {answer}"));
    }
    stage.checkout.commit_all(name).await?;
    Ok(stage.deploy().await.err().with_context(|| format!("{name} was deployed"))?.to_string())
}

#[apply(every_system)]
#[tokio::test]
async fn python_node_and_static_projects_are_built_by_their_buildpacks(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "procfile-python", async |stage| {
        stage.deployd.provide_builder(stage.env()).await?;
        set_a_secret(stage).await?;
        let (commit, status, answer) = up(stage, "Python", true).await?;
        let told = answer.as_str().unwrap_or_default();
        ensure!(status == 200 && told.contains("Python app detected"), "HTTP {status}: {answer}");
        let page = stage.page().await?;
        ensure!(page.contains(&format!("commit {commit}")) && page.contains("by Flask"), "the page: {page}");
        keeps_the_secret(stage).await?;
        runs_as_a_user_without_what_it_was_built_of(stage, &commit).await?;
        nobody_notices_a_failed_build_nor_a_switch(stage, &commit).await?;

        // the same repository, later: another language
        for (fixture, words) in [("procfile-node", "by Node.js"), ("static-site", "Nothing runs behind it")] {
            let fixture = project(fixture)?;
            stage.checkout.replace_by(&fixture)?;
            let (commit, status, answer) = up(stage, &fixture.name, false).await?;
            ensure!(status == 201 && answer["data"]["deploy"]["build_type"] == "procfile", "HTTP {status}: {answer}");
            let page = page_of(stage, &fixture).await?;
            ensure!(page.contains(words), "{}: {page}", fixture.name);
            // nothing runs behind a static site that could tell it
            let tells = fixture.name == "static-site" || page.contains(&commit);
            ensure!(tells && stage.status_commit().await? == commit, "{} does not tell {commit}: {page}", fixture.name);
        }
        what_no_buildpack_fits_names_its_cause(stage).await?;
        let page = page_of(stage, &project("static-site")?).await?;
        ensure!(page.contains("Nothing runs behind it"), "the old version does not serve any more: {page}");
        let left = left_of_builds(stage).await?;
        ensure!(left.is_empty(), "builds left on the engine: {left}");
        Ok(())
    })
    .await
}

async fn runs_as_a_user_without_what_it_was_built_of(stage: &Stage<'_>, commit: &str) -> anyhow::Result<()> {
    let look = "sh -c 'grep ^Uid: /proc/1/status; ls -A /tmp/app /tmp/env; ls -A /app'";
    let seen = in_container(stage, commit, look).await?;
    let user = seen.split_whitespace().nth(1).context("no user")?;
    ensure!(user != "0", "the application runs as root");
    ensure!(seen.matches("app.py").count() == 1, "the source is in the image beside the application: {seen}");
    ensure!(!seen.contains("SOURCE_VERSION"), "the variables are in the image: {seen}");
    Ok(())
}

async fn nobody_notices_a_failed_build_nor_a_switch(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let probe = Continuous::start(stage.vps(), &stage.project, &Options::default(), commit_of)?;
    stage.checkout.write("requirements.txt", "no-such-package-anywhere==0\n")?;
    let (_, status, answer) = up(stage, "Need what is not there", false).await?;
    ensure!(status == 500 && answer.to_string().contains("no-such-package-anywhere"), "HTTP {status}: {answer}");
    stage.checkout.git(&["revert", "--no-edit", "HEAD"]).await?;
    let (second, status, answer) = up(stage, "Python again", false).await?;
    ensure!(status == 201, "HTTP {status}: {answer}");
    stage.serves(&second).await?;
    let report = probe.stop().await;
    ensure!(report.failed() == 0 && report.versions() == [first, &second], "{report}");
    Ok(())
}

async fn what_no_buildpack_fits_names_its_cause(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.checkout.replace_by(&project("procfile-none")?)?;
    let (_, status, answer) = up(stage, "no buildpack that fits", false).await?;
    ensure!(status == 500 && answer.to_string().contains("Unable to select a buildpack"), "HTTP {status}: {answer}");
    stage.checkout.write(".buildpacks", "heroku/cobol\n")?;
    let (_, status, answer) = up(stage, "an unknown buildpack", false).await?;
    let cause = "There is no buildpack heroku/cobol; there are: python nodejs static null";
    ensure!(status == 500 && answer.to_string().contains(cause), "HTTP {status}: {answer}");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn what_cannot_be_built_names_its_cause_and_the_old_version_serves(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_any_stage((os, version), "dockerfile-web", &[Ability::Status], async |stage| {
        let first = stage.deploy().await?;
        // the engine itself repeats the command, not what it says
        let dockerfile = "FROM debian:12\nRUN printf 'the reason %s\\n' why; exit 7\n";
        // each replaces the files of the one before
        let cases: [Case<'_>; 3] = [
            ("a Dockerfile that fails", &[("Dockerfile", dockerfile)], 500, "the reason why"),
            (
                "a Procfile without web",
                &[("Procfile", "worker: ./work\nclock: ./tick\n")],
                500,
                "it has only worker, clock",
            ),
            ("nothing to build", &[("README", "words\n")], 400, "the repository holds no Dockerfile"),
        ];
        // a tool whose projects say how they are built chooses no buildpack
        let of_all: [Case<'_>; 2] = [cases[0], ("nothing to build", &[("README", "words\n")], 0, "Dockerfile")];
        let cases: &[Case<'_>] = if stage.deployds().is_some() { &cases } else { &of_all };
        for it in cases {
            let (case, files, _, cause) = *it;
            stage.checkout.clear()?;
            for &(file, text) in files {
                stage.checkout.write(file, text)?;
            }
            let told = refused(stage, it).await?;
            ensure!(told.contains(cause), "{case}: {told}");
            let page = stage.page().await?;
            ensure!(page.contains(&first), "after {case} the page does not tell commit {first}: {page}");
        }
        ensure!(stage.status_commit().await? == first);
        let left = left_of_builds(stage).await?;
        ensure!(left.is_empty(), "failed builds left on the engine: {left}");
        Ok(())
    })
    .await
}

#[apply(every_system)]
#[tokio::test]
async fn a_second_build_uses_the_cache_and_an_ignored_file_stays_out(os: &str, version: &str) -> anyhow::Result<()> {
    on_any_stage((os, version), "dockerfile-web", &[], async |stage| {
        let dockerfile = std::fs::read_to_string(stage.checkout.path().join("Dockerfile"))?;
        ensure!(dockerfile.contains("COPY app.py ."), "the fixture is another one: {dockerfile}");
        stage.checkout.write("Dockerfile", dockerfile.replace("COPY app.py .", "COPY app.py .\nCOPY . /context"))?;
        stage.checkout.write(".dockerignore", ".git\nproject.toml\nsecrets\n!secrets/public\n*.log\n")?;
        for file in ["secrets/key", "secrets/public", "big.log", "sub/deep.log"] {
            stage.checkout.write(file, "text")?;
        }
        stage.checkout.commit_all("Ignore files").await?;
        let commit = stage.deploy().await?;
        ensure!(stage.page().await?.contains(&commit));
        let found = in_container(stage, &commit, "find /context -type f").await?;
        let mut found: Vec<&str> = found.lines().filter_map(|line| line.strip_prefix("/context/")).collect();
        found.sort_unstable();
        let expected = [".dockerignore", "Dockerfile", "app.py", "secrets/public", "sub/deep.log"];
        ensure!(found == expected, "in the image: {found:?}");

        stage.checkout.write("big.log", "another text")?;
        stage.checkout.commit_all("Change an ignored file").await?;
        let lines = Mutex::new(String::new());
        let keep = |line: &str| {
            say(line);
            lines.lock().unwrap_or_else(PoisonError::into_inner).extend([line, "\n"]);
        };
        let second = stage.deploy_telling(&keep).await?;
        let told = lines.into_inner().unwrap_or_else(PoisonError::into_inner);
        ensure!(second != commit, "the same commit was deployed: {commit}");
        // a file that stays out spoils no layer: only what knows the commit is made anew
        let steps = told.split("Step ").skip(1);
        let cached: Vec<&str> =
            steps.filter(|it| it.contains(" ---> Using cache")).filter_map(|it| it.lines().next()).collect();
        for instruction in ["RUN apt-get update", "COPY app.py", "COPY . /context"] {
            ensure!(
                cached.iter().any(|step| step.contains(instruction)),
                "{instruction} was not in the cache:\n{told}"
            );
        }
        ensure!(stage.page().await?.contains(&second));
        Ok(())
    })
    .await
}
