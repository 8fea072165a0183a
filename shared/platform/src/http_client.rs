//! An HTTP client for the world outside AWS: Daraja, Pinata, rate sources.

use std::time::Duration;

/// The product token sent as `User-Agent`: firewalls in front of payment providers dislike its absence (DARAJA.md §1).
const USER_AGENT: &str = concat!("descrow/", env!("CARGO_PKG_VERSION"));

/// A client that follows no redirects, keeps no idle connection (a frozen Lambda sandbox kills them, ANCHORS B2), and
/// gives up after `timeout` in all.
///
/// # Errors
/// The TLS back end could not be set up.
pub fn build(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    // Another part of the process may have installed it already, which is as good.
    let _already = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(3))
        .timeout(timeout)
        .build()
}
