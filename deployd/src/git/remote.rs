//! Telling whether two addresses name the same repository.

/// Whether two addresses name the same repository: `git@host:a/b.git` and `ssh://git@host/a/b` do.
#[must_use]
pub fn same_remote(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

/// The path of an address at its git host, without slashes around it and without suffix: `team/app`.
#[must_use]
pub fn path_of(remote: &str) -> String {
    normal(remote).1
}

/// An address as it may be told: without the password that some hold.
#[must_use]
pub fn without_password(remote: &str) -> String {
    let Some((scheme, rest)) = remote.split_once("://") else { return remote.to_owned() };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}/{path}")
        }
        None => remote.to_owned(),
    }
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
    fn a_password_is_not_told() {
        assert_eq!(without_password("https://bot:s3cret@host/a.git"), "https://bot@host/a.git");
        for remote in ["https://host/a.git", "git@host:a.git", "ssh://git@host:22/a", "/srv/a"] {
            assert_eq!(without_password(remote), remote);
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
