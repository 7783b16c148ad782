//! Listening on a port of the machine, over IPv6 and IPv4 where the machine has both.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Listens on `port` of every address of the machine.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    match listen_on(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        // only a machine without IPv6 gets less: a port in use must stay an error
        Err(error) if without_ipv6(&error) => listen_on(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        answer => answer,
    }
}

/// Listens on one address.
pub(crate) fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn without_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(nix::errno::Errno::EAFNOSUPPORT as i32)
}
