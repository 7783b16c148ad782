//! The labels that everything of ours on the engine carries.

/// On everything of this tool; the value is the id of the machine that the tool ran on.
pub(crate) const OURS: &str = "org.testvps.host";
/// What a container is for: `vps`, `stock`, `githost`, `browser`, `freeze`.
pub(crate) const ROLE: &str = "org.testvps.role";
/// The run that made it.
pub(crate) const RUN: &str = "org.testvps.run";
/// The run of the command that it belongs to: of the run that made it, or of the one that started that as its scenario.
pub(crate) const COMMAND: &str = "org.testvps.command";
/// The file that keeps it alive after its run, as long as the file names it.
pub(crate) const STATE: &str = "org.testvps.state";
/// The state folder of the workspace it belongs to.
pub(crate) const WORKSPACE: &str = "org.testvps.workspace";
/// The name a person calls it by.
pub(crate) const NAME: &str = "org.testvps.name";
/// When it may be removed, as an RFC 3339 time.
pub(crate) const EXPIRES: &str = "org.testvps.expires";
/// The folder of the host that belongs to the image of a snapshot.
pub(crate) const FOLDER: &str = "org.testvps.folder";
/// On the image of a snapshot: the system that was frozen.
pub(crate) const SYSTEM: &str = "org.testvps.system";
/// The outside registry that the stock caches.
pub(crate) const UPSTREAM: &str = "org.testvps.upstream";
