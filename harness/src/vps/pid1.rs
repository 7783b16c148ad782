//! What PID 1 of a VPS is: what was asked for, or the first way of its system that works on this host.

use super::request::VpsRequest;
use crate::Engine;
use crate::catalog::Init;
use crate::error::{Error, Failure, Result};

/// Chooses it; an error where this host can have neither.
pub(super) async fn choose(request: &VpsRequest, engine: &Engine) -> Result<Init> {
    // most systems start on every host, and the engine takes its time to say what kind this is
    let cgroup = if request.system.starts_everywhere() { None } else { engine.about().await?.cgroup() };
    choose_on(request, cgroup)
}

fn choose_on(request: &VpsRequest, cgroup: Option<u8>) -> Result<Init> {
    let system = &request.system;
    let chosen = match request.init {
        Some(init) => system.works_on(init, cgroup).map(|()| init),
        None => system.init_on(cgroup),
    };
    chosen.map_err(|why| {
        let sshd = "--init sshd starts it here, without systemd\n";
        let sshd = if system.init.contains(&Init::Sshd) { sshd } else { "" };
        let hint = format!("{sshd}a host that boots with the other cgroups has it; DOCKER_HOST names an engine there");
        Error::Machine(Failure::new(system.to_string(), "start its PID 1").saw(why).hint(hint))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn request(os: &str, version: &str) -> VpsRequest {
        VpsRequest::new(Catalog::built_in().find(os, version).unwrap())
    }

    #[test]
    fn systemd_is_chosen_where_it_runs_and_sshd_elsewhere() {
        for (os, version, on_v1, on_v2) in [
            ("centos", "7", Init::Systemd, Init::Sshd),
            ("debian", "12", Init::Systemd, Init::Systemd),
            ("debian", "forky", Init::Sshd, Init::Systemd),
            ("ubuntu", "14.04", Init::Sshd, Init::Sshd),
        ] {
            let chosen = [1, 2].map(|cgroup| choose_on(&request(os, version), Some(cgroup)).unwrap());
            assert_eq!(chosen, [on_v1, on_v2], "{os} {version}");
        }
    }

    #[test]
    fn a_systemd_that_was_asked_for_and_cannot_run_here_says_why_and_what_would_help() {
        let error = choose_on(&request("fedora", "44").with_init(Init::Systemd), Some(1)).unwrap_err();
        assert!(matches!(error, Error::Machine(_)), "the command line ends with status 3 for these: {error}");
        let text = error.to_string();
        assert!(text.contains("its systemd 259 needs a cgroup v2 host; this host has v1"), "{text}");
        assert!(text.contains("--init sshd") && text.contains("DOCKER_HOST"), "{text}");
    }
}
