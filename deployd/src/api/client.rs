//! Who is at the other end of the connection.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

/// The address of the client. Headers do not count: the daemon owns its port, and everybody can write headers. Where
/// there is no connection, as in tests, everybody is the same client.
pub(super) struct Client(pub(super) IpAddr);

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(connection.map_or(Ipv6Addr::UNSPECIFIED.into(), |ConnectInfo(address)| address.ip())))
    }
}
