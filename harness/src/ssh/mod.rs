//! SSH to a VPS: keys, commands, files, forwarded ports.

mod attach;
mod channel;
mod connect;
mod copy;
mod exec;
mod forward;
mod key;
mod kill;
mod output;
mod quote;
mod session;
mod sftp;
mod target;
mod verify;
mod wire;

pub use attach::{Attach, Size, Terminal};
pub use connect::scan_host_key;
pub use exec::Exec;
pub use forward::Forward;
pub use key::KeyPair;
pub use output::{ExitStatus, Output, Stream};
pub use quote::quote;
pub use session::Session;
pub use target::{HostKey, Learned, Target};
