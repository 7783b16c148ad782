//! Where the source comes from: exactly the head of the branch with its submodules, over HTTPS and SSH, and nothing else.

use anyhow::{Context, ensure};
use harness::project::{Checkout, MAIN_BRANCH};
use rstest_reuse::apply;
use serde_json::{Value, json};

use crate::every_system;
use crate::support::{Stage, on_a_stage, project};

/// What the readers of the repositories over HTTPS say.
const PASSWORD: &str = "of-the-git-host";

async fn up(stage: &Stage<'_>, remote: &str, branch: &str) -> anyhow::Result<(u16, Value)> {
    let body = json!({ "git_options": { "remote": remote, "branch": branch } });
    Ok(stage.api()?.as_admin("POST", "/up", Some(&body)).await?)
}

/// Pushes the head of the checkout to a branch and deploys that; the page and the status tell exactly that commit.
async fn serves(stage: &Stage<'_>, remote: &str, branch: &str) -> anyhow::Result<String> {
    stage.git.push(&stage.checkout, &stage.project.name, branch).await?;
    let head = stage.checkout.head().await?;
    let (status, answer) = up(stage, remote, branch).await?;
    ensure!(status == 201, "deploy {branch} of {remote}: HTTP {status}: {answer}");
    let page = stage.page().await?;
    ensure!(page.contains(&head), "the page does not tell {head}: {page}");
    let (_, status) = stage.api()?.as_admin("GET", "/status", None).await?;
    let told = &status["data"]["status"];
    ensure!(told["commit_hash"] == head.as_str() && told["branch"] == branch, "status: {told}");
    Ok(head)
}

/// What a file of the work tree that was built holds.
async fn built_of(stage: &Stage<'_>, commit: &str, file: &str) -> anyhow::Result<Option<String>> {
    let find = format!("docker ps --quiet --filter label=deployd.role=app --filter label=deployd.commit={commit}");
    let cat = stage.vps().ssh().await?.exec(&format!("docker exec $({find}) cat /context/{file}")).await?;
    Ok(cat.success().then(|| cat.stdout_text().trim().to_owned()))
}

/// Makes a submodule of a repository beside it; answers the repository's checkout.
async fn repository(stage: &Stage<'_>, name: &str) -> anyhow::Result<Checkout> {
    stage.git.create(name).await?;
    stage.git.register(name, &stage.access.deploy_key).await?;
    let checkout = project("dockerfile-web")?.checkout().await?;
    checkout.write("note", format!("of {name}"))?;
    Ok(checkout)
}

/// Lets a folder of `checkout` be a commit of the repository `name`, which lies beside its own.
async fn link(checkout: &Checkout, folder: &str, name: &str, commit: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(checkout.path().join(folder))?;
    checkout.write(".gitmodules", format!("[submodule \"{folder}\"]\n\tpath = {folder}\n\turl = ../{name}.git\n"))?;
    checkout.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{folder}")]).await?;
    Ok(())
}

async fn trust(stage: &Stage<'_>, certificate: &str) -> anyhow::Result<()> {
    let put = format!(
        "mkdir -p /var/lib/deployd/authorities && cat > /var/lib/deployd/authorities/githost.pem <<'PEM'\n{certificate}PEM\n"
    );
    stage.vps().ssh().await?.run(&put).await?;
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn exactly_the_head_serves_over_https_and_ssh_and_another_repository_is_refused(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let dockerfile = std::fs::read_to_string(stage.checkout.path().join("Dockerfile"))?;
        stage.checkout.write("Dockerfile", dockerfile.replace("COPY app.py .", "COPY app.py .\nCOPY . /context"))?;
        let first = stage.checkout.commit_all("Keep the context").await?;
        over_https_with_trust_and_password(stage, &first).await?;
        // the address over SSH means the same repository
        with_submodules(stage).await?;
        let serving = rewritten_and_on_another_branch(stage, &first).await?;
        what_is_refused_names_the_key_once(stage, &serving).await?;
        a_changed_host_key_is_refused(stage, &serving).await
    })
    .await
}

async fn over_https_with_trust_and_password(stage: &Stage<'_>, head: &str) -> anyhow::Result<()> {
    let name = &stage.project.name;
    let certificate = stage.git.serve_https(PASSWORD).await?;
    let https = stage.git.https_remote(name, PASSWORD);
    let (status, answer) = up(stage, &https, MAIN_BRANCH).await?;
    ensure!(status == 412 && answer.to_string().contains("certificate"), "untrusted: HTTP {status}: {answer}");
    trust(stage, &certificate).await?;
    let (status, answer) = up(stage, &stage.git.https_remote(name, "a-wrong-one"), MAIN_BRANCH).await?;
    let text = answer.to_string();
    ensure!(status == 412 && text.contains("TOKEN") && !text.contains("a-wrong-one"), "HTTP {status}: {answer}");
    ensure!(serves(stage, &https, MAIN_BRANCH).await? == head);
    Ok(())
}

/// A submodule with one of its own, which is not the head of its branch.
async fn with_submodules(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (inner, deep) = (repository(stage, "lib").await?, repository(stage, "deep").await?);
    let meant = deep.commit_all("The one that is meant").await?;
    deep.write("note", "a newer one")?;
    deep.commit_all("A newer one").await?;
    stage.git.push(&deep, "deep", MAIN_BRANCH).await?;
    link(&inner, "deep", "deep", &meant).await?;
    let inner_head = inner.commit_all("With what it needs").await?;
    stage.git.push(&inner, "lib", MAIN_BRANCH).await?;
    link(&stage.checkout, "lib", "lib", &inner_head).await?;
    stage.checkout.commit_all("With a submodule").await?;
    let commit = serves(stage, &stage.git.remote(&stage.project.name), MAIN_BRANCH).await?;
    let notes = [built_of(stage, &commit, "lib/note").await?, built_of(stage, &commit, "lib/deep/note").await?];
    ensure!(notes == [Some("of lib".to_owned()), Some("of deep".to_owned())], "submodules: {notes:?}");
    Ok(())
}

/// Answers the commit that serves in the end.
async fn rewritten_and_on_another_branch(stage: &Stage<'_>, first: &str) -> anyhow::Result<String> {
    let ssh = stage.git.remote(&stage.project.name);
    stage.checkout.git(&["reset", "--quiet", "--hard", first]).await?;
    stage.checkout.write("forced", "1")?;
    stage.checkout.commit_all("Another history").await?;
    let forced = serves(stage, &ssh, MAIN_BRANCH).await?;
    ensure!(built_of(stage, &forced, "lib/note").await?.is_none(), "the submodule of a discarded commit is there");
    ensure!(built_of(stage, &forced, "forced").await?.is_some(), "a file of the new history is not there");
    stage.checkout.git(&["checkout", "--quiet", "-b", "next", first]).await?;
    stage.checkout.commit_all("On another branch").await?;
    let next = serves(stage, &ssh, "next").await?;
    ensure!(built_of(stage, &next, "forced").await?.is_none(), "a file of another branch is there");
    Ok(next)
}

/// Another repository, which the key may read, and a branch that is not there.
async fn what_is_refused_names_the_key_once(stage: &Stage<'_>, serving: &str) -> anyhow::Result<()> {
    let key = stage.access.deploy_key.split(' ').nth(1).context("no key")?;
    let (other, own) = (stage.git.remote("lib"), stage.git.remote(&stage.project.name));
    for (remote, branch, cause) in
        [(other, MAIN_BRANCH, "one project per machine"), (own, "nowhere", "push the branch")]
    {
        let (status, answer) = up(stage, &remote, branch).await?;
        let text = answer.to_string();
        ensure!(status == 412 && text.contains(cause), "{remote} {branch}: HTTP {status}: {answer}");
        ensure!(text.matches(key).count() == 1, "the key is not told once: {answer}");
        ensure!(stage.page().await?.contains(serving) && stage.status_commit().await? == serving);
    }
    Ok(())
}

/// A git host that shows another key than the pinned one is not asked for anything.
async fn a_changed_host_key_is_refused(stage: &Stage<'_>, serving: &str) -> anyhow::Result<()> {
    // any key that is not the git host's
    let other = stage.access.deploy_key.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let pin = format!("sed -i 's#ssh-ed25519 .*#{other}#' /var/lib/deployd/known_hosts");
    stage.vps().ssh().await?.run(&pin).await?;
    let (status, answer) = up(stage, &stage.git.remote(&stage.project.name), MAIN_BRANCH).await?;
    ensure!(status == 412 && answer.to_string().contains("DEPLOYD_GIT_KNOWN_HOSTS"), "HTTP {status}: {answer}");
    ensure!(stage.page().await?.contains(serving), "the version before does not serve any more");
    Ok(())
}
