//! `testenv`: starts a mock VPS and tells how to log in.

use harness::{TestEnv, VpsInfo, VpsRequest};

use super::common::{print_json, say, with_env};
use super::{bootstrap, snapshot};
use crate::cli::{Global, Testenv};
use crate::daemon;

pub async fn run(global: &Global, words: Testenv) -> anyhow::Result<()> {
    let json = words.json.json;
    let info = with_env(global, async |env| {
        let request = request(snapshot::request(env, &words).await?, &words);
        if words.bootstrap {
            return bootstrapped(env, request, &words).await;
        }
        Ok(request.kept().start(env).await?.info().clone())
    })
    .await?;
    if json {
        return print_json(&info);
    }
    show(&info);
    Ok(())
}

/// A VPS with the deploy tool on it. One that the tool could not be put onto stays, for somebody wants to see why.
async fn bootstrapped(env: &TestEnv, request: VpsRequest, words: &Testenv) -> anyhow::Result<VpsInfo> {
    let deployd = daemon::deployd_for(env, words.arch.unwrap_or_else(|| env.arch())).await?;
    let vps = request.kept_later().start(env).await?;
    let done = bootstrap::bootstrap(env, &vps, &deployd).await;
    let info = vps.keep(env.workspace()).await?;
    if done.is_err() {
        let (command, name) = (harness::command_line(), &info.name);
        say(&format!("the deploy tool is not on {}; the VPS stays:", info.subject()));
        eprintln!("  {}\n  {command} ssh {name}", info.ssh.command);
        eprintln!("  {command} bootstrap {name}    tries again\n  {command} down {name}    removes it");
    }
    done.map(|_| info)
}

fn request(mut request: VpsRequest, words: &Testenv) -> VpsRequest {
    if let Some(name) = &words.name {
        request = request.with_name(name);
    }
    if let Some(init) = words.init {
        request = request.with_init(init);
    }
    if let Some(arch) = words.arch {
        request = request.with_arch(arch);
    }
    if let Some(size) = words.size {
        request = request.with_size(size);
    }
    if let Some(bytes) = words.memory {
        request = request.with_memory(bytes);
    }
    if let Some(cpus) = words.cpus {
        request = request.with_cpus(cpus);
    }
    if let Some(bytes) = words.disk {
        request = request.with_disk(bytes);
    }
    if let Some(time) = words.ttl {
        request = request.with_lifetime(time);
    }
    words.publish.iter().fold(request, |request, port| request.with_port(*port))
}

fn show(info: &VpsInfo) {
    let command = harness::command_line();
    let VpsInfo { name, address, ssh, timings_ms, .. } = info;
    println!("{} is ready at {address} ({} ms)", info.subject(), timings_ms.start + timings_ms.ready);
    println!("  {}", ssh.command);
    println!("  {command} ssh {name}");
    for port in info.ports.iter().filter(|port| port.vps != 22) {
        println!("  port {} is {}:{} on this machine", port.vps, port.host_address, port.host);
    }
    if let Some(time) = &info.expires_at {
        println!("  its time is up at {time:.0}");
    }
    println!("  {command} down {name}");
}
