//! Whether the places that bases come from answer: those of the catalog, or what the environment names in their stead.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::{Check, State};
use crate::catalog::{Catalog, Family};
use crate::error::chain;
use crate::http;
use crate::image::{REGISTRY_VARIABLE, mirror_address, mirror_setting};

/// How long a registry or a mirror may take to answer.
const REACH: Duration = Duration::from_secs(3);

/// A place that bases come from.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    name: String,
    url: String,
    mend: String,
}

/// Asks each place once.
pub(super) async fn reach() -> Vec<Check> {
    let places = places(&Catalog::built_in(), &|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
    join_all(places.into_iter().map(async |Place { name, url, mend }| {
        match http::client().get(&url).timeout(REACH).send().await {
            Ok(_) => Check::ok(name, url),
            Err(error) => Check::ok(name, chain(&error)).not(State::Limited, "no bases from there", &mend),
        }
    }))
    .await
}

/// The registries and mirrors that are asked for bases, each once.
fn places(catalog: &Catalog, variable: &dyn Fn(&str) -> Option<String>) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    let own = variable(REGISTRY_VARIABLE);
    for system in catalog.systems() {
        places.insert(match &own {
            Some(url) => named_registry(url),
            None => registry(&system.base),
        });
        if let Some(mirror) = &system.mirror {
            let setting = mirror_setting(system.family, &system.os);
            let url = mirror_address(mirror, variable(&setting).as_deref());
            let form = match system.family {
                Family::Apt => "http://host/path",
                Family::Rpm => "http://host, with the paths of the catalog's",
            };
            let mend = format!("name another with {setting}={form}");
            places.insert(Place { name: format!("mirror of {}", system.os), url, mend });
        }
    }
    places
}

/// The registry that a base of the catalog is in.
fn registry(base: &str) -> Place {
    let registry = base.split('/').next().unwrap_or_default();
    // Docker Hub's name for people is not the host that serves images
    let host = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
    Place {
        name: format!("registry {registry}"),
        url: format!("https://{host}/v2/"),
        mend: format!("name a mirror with {REGISTRY_VARIABLE}=http://host:port"),
    }
}

/// The one that takes the place of all of them.
fn named_registry(url: &str) -> Place {
    let url = url.trim_end_matches('/');
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    Place {
        name: "registry mirror".to_owned(),
        url: format!("{url}/v2/"),
        mend: format!("start it, or name another with {REGISTRY_VARIABLE}=http://host:port"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_names_is_asked_in_place_of_the_catalogs() {
        let named = |name: &str| match name {
            "TESTENV_REGISTRY_MIRROR" => Some("http://registry:5000/".to_owned()),
            "TESTENV_APT_MIRROR_DEBIAN" => Some("http://apt/debian".to_owned()),
            "TESTENV_RPM_MIRROR_ROCKY" => Some("http://rpm".to_owned()),
            _ => None,
        };
        let places = places(&Catalog::built_in(), &named);
        let of = |start: &str| {
            let of_that = places.iter().filter(|place| place.name.starts_with(start));
            of_that.map(|place| place.url.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(of("registry"), ["http://registry:5000/v2/"]);
        assert_eq!(of("mirror of debian"), ["http://apt/debian"]);
        assert!(!of("mirror of rocky").is_empty());
        assert!(of("mirror of rocky").iter().all(|url| url.starts_with("http://rpm/")), "{places:?}");
    }

    #[test]
    fn each_mirror_is_mended_by_the_setting_of_its_own_family() {
        let places = places(&Catalog::built_in(), &|_| None);
        let mend = |name: &str| places.iter().find(|place| place.name == name).map(|place| place.mend.as_str());
        assert!(mend("mirror of debian").unwrap().contains("TESTENV_APT_MIRROR_DEBIAN="));
        assert!(mend("mirror of rocky").unwrap().contains("TESTENV_RPM_MIRROR_ROCKY="));
        assert!(mend("registry docker.io").unwrap().contains("TESTENV_REGISTRY_MIRROR="));
    }
}
