//! Which public port leads to which port of the container.

use crate::error::{Failure, Kind, Result};
use crate::project_file::ProjectFile;

/// A public port and the container's port behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// On the machine.
    pub(super) public: u16,
    /// In the container.
    pub(super) container: u16,
}

/// What `project.toml` says, else what the image exposes. The engine does not keep the order of several EXPOSE lines:
/// the lowest port counts as the first.
pub(super) fn choose(file: &ProjectFile, exposed: &[u16]) -> Result<Ports> {
    let first = exposed.first().copied();
    let public = file.port.or(first).or(file.container_port).ok_or_else(|| {
        Failure::new(Kind::Invalid, "find the project's port")
            .saw("project.toml names no port and the image exposes none")
            .hint("write port = 8080 into project.toml, or EXPOSE 8080 into the Dockerfile")
    })?;
    let same = exposed.contains(&public).then_some(public);
    Ok(Ports { public, container: file.container_port.or(same).or(first).unwrap_or(public) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(port: Option<u16>, container_port: Option<u16>, exposed: &[u16]) -> Option<(u16, u16)> {
        let file = ProjectFile { port, container_port, ..ProjectFile::default() };
        choose(&file, exposed).ok().map(|ports| (ports.public, ports.container))
    }

    #[test]
    fn the_file_comes_first_and_expose_fills_in() {
        assert_eq!(chosen(Some(80), Some(3000), &[8080]), Some((80, 3000)));
        assert_eq!(chosen(Some(80), None, &[8080]), Some((80, 8080)));
        assert_eq!(chosen(Some(9000), None, &[8080, 9000]), Some((9000, 9000)));
        assert_eq!(chosen(None, None, &[8080, 9000]), Some((8080, 8080)));
        assert_eq!(chosen(Some(80), None, &[]), Some((80, 80)));
        assert_eq!(chosen(None, Some(80), &[]), Some((80, 80)));
        assert_eq!(chosen(None, None, &[]), None);
    }
}
