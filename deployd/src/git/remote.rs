//! Telling whether two addresses name the same repository.

/// Whether two addresses name the same repository: `git@host:a/b.git` and `ssh://git@host/a/b` do.
#[must_use]
pub fn same_remote(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

/// Host, port and path of an address, without scheme, user and suffix.
fn normal(remote: &str) -> (String, String) {
    let remote = remote.trim();
    let (host, path) = match remote.split_once("://") {
        Some(("file", path)) => (String::new(), path),
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            (host_of(authority, scheme), path)
        }
        None => match remote.split_once(':') {
            // git reads a colon before the first slash as `host:path`
            Some((authority, path)) if !authority.contains('/') => (host_of(authority, "ssh"), path),
            _ => (String::new(), remote),
        },
    };
    let path = path.trim_matches('/');
    (host, path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/').to_owned())
}

fn host_of(authority: &str, scheme: &str) -> String {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let default = match scheme {
        "ssh" | "git+ssh" => ":22",
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    host.strip_suffix(default).filter(|_| !default.is_empty()).map_or(host.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_repository_has_many_addresses() {
        for other in [
            "ssh://git@host.example/team/app",
            "ssh://git@HOST.example:22/team/app.git",
            "https://host.example/team/app.git/",
            "host.example:/team/app",
        ] {
            assert!(same_remote("git@host.example:team/app.git", other), "{other}");
        }
    }

    #[test]
    fn other_repositories_are_other() {
        for other in
            ["git@host.example:team/app2", "git@host2.example:team/app", "ssh://git@host.example:2222/team/app"]
        {
            assert!(!same_remote("git@host.example:team/app.git", other), "{other}");
        }
        assert!(same_remote("file:///srv/a.git", "/srv/a"));
        assert!(!same_remote("/srv/a", "/srv/b"));
    }
}
