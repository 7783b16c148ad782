//! The SSH layer against a server in this process: no container engine, no sshd, no fixed port.

mod attach;
mod connect;
mod copy;
mod exec;
mod forward;
mod server;
mod sftp_server;
