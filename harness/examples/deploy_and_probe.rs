//! Deploys a project twice while a probe asks it many times a second, and tells whether anybody would have noticed:
//! `cargo run -p harness --example deploy_and_probe DEPLOYD PROJECT`, where DEPLOYD is the daemon's program
//! (`cargo build --package deployd --profile image`) and PROJECT a folder such as `projects/dockerfile-web`.

use std::path::Path;
use std::time::Duration;

use harness::TestEnv;
use harness::deployer::{Deployd, Deployer, Source};
use harness::githost::GitHost;
use harness::probe::{Continuous, Options, healthy};
use harness::project::{MAIN_BRANCH, Project};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [program, folder] = words.as_slice() else { return Err("DEPLOYD and PROJECT are missing".into()) };
    let project = Project::open(Path::new(folder))?;
    let env = TestEnv::open().await?;
    let deployd = Deployd::from_binary(&env, Path::new(program)).await?;
    let vps = env.vps("debian", "12")?.start(&env).await?;

    // the git host that the VPS clones from, whose key the daemon is told to trust
    let name = GitHost::name_for(&env, &vps.info().name);
    let access =
        deployd.bootstrap(&vps, &[GitHost::known_hosts_line(&env, &name)?], &|line| println!("{line}")).await?;
    let git = GitHost::start(&env, &name).await?;
    git.create(&project.name).await?;
    git.register(&project.name, &access.deploy_key).await?;
    let checkout = project.checkout().await?;
    let source = Source { remote: git.remote(&project.name), branch: MAIN_BRANCH.to_owned() };

    let deploy = async || {
        git.push(&checkout, &project.name, MAIN_BRANCH).await?;
        deployd.deploy(&vps, &access, &project, &source, &|_| {}).await?;
        healthy(&vps, &project, Duration::from_mins(1)).await
    };
    println!("first: {}", deploy().await?.body.trim());
    let version = |body: &str| body.lines().next().unwrap_or_default().to_owned();
    let probe = Continuous::start(&vps, &project, &Options::default(), version)?;
    checkout.commit_all("The same once more").await?;
    println!("second: {}", deploy().await?.body.trim());
    let seen = probe.stop().await;
    println!("{} requests, {} failed, longest gap {:?}", seen.total(), seen.failed(), seen.longest_gap);
    println!("versions seen: {:?}", seen.versions());

    git.close().await?;
    vps.close().await?;
    Ok(env.close().await?)
}
