//! The HTTP client that the whole crate shares.

use std::sync::OnceLock;

/// A client that trusts what the host trusts.
pub(crate) fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        use_ring();
        reqwest::Client::new()
    })
}

/// Makes ring the process's provider of TLS cryptography, once.
pub(crate) fn use_ring() {
    // an error means that the program has chosen one already, which is its right
    let _ = rustls::crypto::ring::default_provider().install_default();
}
