//! `bootstrap`: puts the deploy tool onto a VPS over SSH.

use harness::deployer::{Bootstrapped, Deployd, Deployer};
use harness::githost::GitHost;
use harness::{TestEnv, Vps};

use super::common::{say, with_env};
use crate::cli::{Bootstrap, DeployerName, Global};
use crate::daemon;

/// The file beside a VPS's state that holds what its bootstrap left.
pub const ACCESS_FILE: &str = "deployd.json";

pub async fn run(global: &Global, words: Bootstrap) -> anyhow::Result<()> {
    let DeployerName::Deployd = words.deployer;
    let access = with_env(global, async |env| {
        let info = env.workspace().find_vps(words.name.as_deref())?;
        let vps = env.attach(info)?;
        // before the daemon is built for it
        vps.check_running("put the deploy tool onto it").await?;
        let deployd = daemon::deployd_for(env, vps.info().arch).await?;
        bootstrap(env, &vps, &deployd).await
    })
    .await?;
    println!("deploy key      {}", access.deploy_key);
    println!("webhook         {}", access.webhook_url);
    println!("webhook secret  {}", access.webhook_secret);
    println!("API             {}", access.api_url);
    println!("API token       {}", access.token);
    println!("version         {}", access.version);
    Ok(())
}

/// Puts deployd onto a VPS and writes down how to reach it.
pub async fn bootstrap(env: &TestEnv, vps: &Vps, deployd: &Deployd) -> anyhow::Result<Bootstrapped> {
    let name = &vps.info().name;
    let trusted = GitHost::known_hosts_line(env, &GitHost::name_for(env, name))?;
    let access = deployd.bootstrap(vps, &[trusted], &say).await?;
    env.workspace().keep(name, ACCESS_FILE, &access)?;
    Ok(access)
}
