//! `deployd ready`: whether the interface answers over HTTPS with the certificate of the data directory.

use std::time::Duration;

use super::args::Ready;
use crate::client::Server;
use crate::error::Result;
use crate::settings::DataDir;
use crate::tls;

/// How long the answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Asks GET / once.
pub(super) async fn ready(args: &Ready) -> Result<()> {
    let data = DataDir::new(&args.data.data_dir);
    let pin = tls::fingerprint(&data)
        .map_err(|failure| failure.hint(format!("has a daemon been started with {}?", data.path().display())))?
        .parse()?;
    let server = Server { host: args.address.ip().to_string(), port: args.address.port(), pin, token: None };
    server.is_ready(ANSWER).await
}
