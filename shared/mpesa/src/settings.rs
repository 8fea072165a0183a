//! Daraja's settings from the environment, in parts: a function reads only those it uses.

use descrow_platform::{Config, Secret};
use sha2::{Digest, Sha256};
use url::Url;

use crate::time_of_day::password;

/// Where Daraja is, and as whom we call it.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    pub(crate) base_url: Url,
    pub(crate) consumer_key: Secret,
    pub(crate) consumer_secret: Secret,
}

impl ClientSettings {
    /// From parts.
    pub fn new(base_url: Url, consumer_key: Secret, consumer_secret: Secret) -> Self {
        Self { base_url, consumer_key, consumer_secret }
    }

    /// Reads `MPESA_BASE_URL` (https, or loopback for a simulated Daraja), `MPESA_CONSUMER_KEY` and `MPESA_CONSUMER_SECRET`.
    /// The environment is named by its URL alone; nothing is derived from build flags.
    pub fn read(config: &Config) -> Option<Self> {
        let base_url = config.parsed::<Url>("MPESA_BASE_URL").filter(|url| {
            let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
            let safe = url.scheme() == "https" || loopback;
            if !safe {
                config.refuse("MPESA_BASE_URL", "is not https");
            }
            safe
        });
        let (key, secret) = (config.secret("MPESA_CONSUMER_KEY", 1), config.secret("MPESA_CONSUMER_SECRET", 1));
        Some(Self::new(base_url?, key?, secret?))
    }

    /// Names the shared token: tokens belong to the app, whichever shortcode a function uses, so the name is a hash of the
    /// consumer key, and new keys never meet a token of the old ones.
    pub fn token_id(&self) -> String {
        hex::encode(Sha256::digest(self.consumer_key.expose())).chars().take(16).collect()
    }
}

/// The shortcode that collects, and its passkey.
#[derive(Clone, Debug)]
pub struct StkSettings {
    pub(crate) shortcode: String,
    passkey: Secret,
}

impl StkSettings {
    /// From parts.
    pub fn new(shortcode: impl Into<String>, passkey: Secret) -> Self {
        Self { shortcode: shortcode.into(), passkey }
    }

    /// Reads `MPESA_SHORTCODE` and `MPESA_PASSKEY`.
    pub fn read(config: &Config) -> Option<Self> {
        let (code, passkey) = (shortcode(config, "MPESA_SHORTCODE"), config.secret("MPESA_PASSKEY", 1));
        Some(Self::new(code?, passkey?))
    }

    pub(crate) fn password(&self, timestamp: &str) -> String {
        password(&self.shortcode, self.passkey.expose(), timestamp)
    }
}

/// The shortcode that pays out, and who orders it to.
#[derive(Clone, Debug)]
pub struct B2cSettings {
    pub(crate) shortcode: String,
    pub(crate) initiator: String,
    /// The finished `SecurityCredential`: it may be computed once and reused (DARAJA.md §7), so nothing here does RSA.
    pub(crate) credential: Secret,
}

impl B2cSettings {
    /// From parts.
    pub fn new(shortcode: impl Into<String>, initiator: impl Into<String>, credential: Secret) -> Self {
        Self { shortcode: shortcode.into(), initiator: initiator.into(), credential }
    }

    /// Reads `MPESA_B2C_SHORTCODE`, `MPESA_INITIATOR_NAME` and `MPESA_SECURITY_CREDENTIAL`.
    pub fn read(config: &Config) -> Option<Self> {
        let code = shortcode(config, "MPESA_B2C_SHORTCODE");
        let (initiator, credential) =
            (config.required("MPESA_INITIATOR_NAME"), config.secret("MPESA_SECURITY_CREDENTIAL", 1));
        Some(Self::new(code?, initiator?, credential?))
    }
}

/// A shortcode: five to seven digits.
fn shortcode(config: &Config, name: &str) -> Option<String> {
    let code = config.required(name)?;
    if (5..=7).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit()) {
        return Some(code);
    }
    config.refuse(name, "is not a shortcode of 5 to 7 digits");
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (String, String)> + 'a {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
    }

    #[test]
    fn every_bad_setting_is_named_and_none_is_shown() {
        let bad = config(&[("MPESA_BASE_URL", "http://api.example"), ("MPESA_SHORTCODE", "12a")]);
        let error = Config::from_values(bad, |c| {
            let parts = (ClientSettings::read(c), StkSettings::read(c), B2cSettings::read(c));
            Some((parts.0?, parts.1?, parts.2?))
        })
        .unwrap_err();
        assert_eq!(
            error.0,
            [
                "MPESA_BASE_URL is not https",
                "MPESA_CONSUMER_KEY is not set",
                "MPESA_CONSUMER_SECRET is not set",
                "MPESA_SHORTCODE is not a shortcode of 5 to 7 digits",
                "MPESA_PASSKEY is not set",
                "MPESA_B2C_SHORTCODE is not set",
                "MPESA_INITIATOR_NAME is not set",
                "MPESA_SECURITY_CREDENTIAL is not set",
            ]
        );
    }

    #[test]
    fn the_token_belongs_to_the_consumer_key() {
        let of = |key: &str| {
            ClientSettings::new("http://127.0.0.1:1".parse().unwrap(), Secret::new(key), Secret::new("s")).token_id()
        };
        assert_eq!(of("a"), "ca978112ca1bbdca");
        assert_ne!(of("a"), of("b"));
    }
}
