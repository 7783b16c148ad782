//! The systems a mock VPS can be: parses `catalog.toml` and the names people type.
//!
//! This folder stands on its own (no other module of the crate), so that a build script can include it.

mod arch;
mod cases;
mod check;
mod find;
mod init;
mod mirror;
mod parse;
mod system;

pub use arch::Arch;
pub use cases::every_system;
use find::one_of;
pub use find::{Catalog, UnknownSystem};
pub use init::{Init, Systemd};
pub use mirror::{AptMirror, KeyringArchive, Mirror, Repository, RpmMirror, SecurityArchive};
pub use parse::BadCatalog;
pub use system::{Channel, EngineSource, Family, PackageManager, System, Units};
