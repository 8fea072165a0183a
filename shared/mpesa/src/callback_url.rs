//! Callback URLs: what Safaricom accepts, and the secret in the path that stands in for the signature it does not send
//! (DARAJA.md §8, §9).

use std::{fmt, net::IpAddr, str::FromStr};

use descrow_domain::PaymentId;
use descrow_platform::{Config, Secret};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Words that Safaricom forbids anywhere in a callback URL, in any case.
pub(crate) const FORBIDDEN: [&str; 8] = ["mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query"];
/// Tunnels and request bins that Safaricom refuses.
const FORBIDDEN_HOSTS: [&str; 3] = ["ngrok", "mockbin", "requestbin"];
/// Bytes of the secret in the path: 128 bits.
const TOKEN_BYTES: usize = 16;
/// The shortest key that `MPESA_CALLBACK_SECRET` may be.
const SECRET_MIN: usize = 32;

/// The rule of Safaricom's that a base URL breaks. Names the rule, never the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleBroken {
    /// Not an absolute http(s) URL, or one with user, query or fragment.
    #[error("is not a plain https URL")]
    NotAUrl,
    /// White space or angle brackets.
    #[error("contains spaces or angle brackets")]
    StrayCharacters,
    /// Not HTTPS.
    #[error("is not https")]
    NotHttps,
    /// Upper-case letters in the host.
    #[error("has upper-case letters in its host")]
    UpperCaseHost,
    /// A host that Safaricom refuses, or cannot reach: a tunnel, an IP address, localhost.
    #[error("has a host that Safaricom does not call")]
    Host,
    /// One of the forbidden words.
    #[error("contains the word `{0}`, which Safaricom forbids in callback URLs")]
    ForbiddenWord(&'static str),
}

/// Checks a base URL against the rules; `unsafe_allowed` leaves out those that a local stack cannot keep: https, the
/// host's reachability, and the forbidden words (API Gateway's own host name contains `execute-api`).
fn check(base: &str, unsafe_allowed: bool) -> Result<(), RuleBroken> {
    if base.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>')) {
        return Err(RuleBroken::StrayCharacters);
    }
    let url = url::Url::parse(base).map_err(|_| RuleBroken::NotAUrl)?;
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let host =
        url.host_str().filter(|_| plain && matches!(url.scheme(), "http" | "https")).ok_or(RuleBroken::NotAUrl)?;
    // The parser lowers the host, so what was written is looked at.
    let written = base.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest)).unwrap_or_default();
    if written.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(RuleBroken::UpperCaseHost);
    }
    if unsafe_allowed {
        return Ok(());
    }
    if url.scheme() != "https" {
        return Err(RuleBroken::NotHttps);
    }
    let is_ip = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if is_ip || host == "localhost" || !host.contains('.') || FORBIDDEN_HOSTS.iter().any(|word| host.contains(word)) {
        return Err(RuleBroken::Host);
    }
    let lower = base.to_ascii_lowercase();
    match FORBIDDEN.into_iter().find(|word| lower.contains(word)) {
        Some(word) => Err(RuleBroken::ForbiddenWord(word)),
        None => Ok(()),
    }
}

/// The key of the tokens in callback paths.
#[derive(Clone, Debug)]
pub struct CallbackSecret(Secret);

impl CallbackSecret {
    /// Wraps the key.
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Reads `MPESA_CALLBACK_SECRET`.
    pub fn read(config: &Config) -> Option<Self> {
        config.secret("MPESA_CALLBACK_SECRET", SECRET_MIN).map(Self)
    }

    /// The token in the path of a payment's callbacks: 32 hex digits, which cannot spell a forbidden word.
    pub fn token(&self, payment: PaymentId) -> String {
        hex::encode(self.raw(payment))
    }

    /// Whether `token` is the payment's, in constant time.
    pub fn admits(&self, payment: PaymentId, token: &str) -> bool {
        let mut claimed = [0_u8; TOKEN_BYTES];
        let well_formed = hex::decode_to_slice(token, &mut claimed).is_ok();
        well_formed & bool::from(claimed.ct_eq(&self.raw(payment)))
    }

    fn raw(&self, payment: PaymentId) -> [u8; TOKEN_BYTES] {
        let mut out = [0; TOKEN_BYTES];
        // HMAC takes keys of every length; the error exists in the type only.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes()) {
            mac.update(payment.to_hex().as_bytes());
            out.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        }
        out
    }
}

/// A URL for Daraja to call. It holds a secret: no `Display`, and a masked `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CallbackUrl(String);

impl CallbackUrl {
    /// The URL, for Daraja's eyes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackUrl(…)")
    }
}

/// Builds the callback URLs of payments.
#[derive(Clone, Debug)]
pub struct CallbackUrls {
    base: String,
    secret: CallbackSecret,
}

impl CallbackUrls {
    /// URLs below `base`, which must keep Safaricom's rules; `unsafe_allowed` is for local stacks alone.
    ///
    /// # Errors
    /// [`RuleBroken`]
    pub fn new(base: &str, secret: CallbackSecret, unsafe_allowed: bool) -> Result<Self, RuleBroken> {
        check(base, unsafe_allowed)?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), secret })
    }

    /// Reads `API_BASE_URL`, `MPESA_CALLBACK_SECRET` and `MPESA_ALLOW_UNSAFE_CALLBACK_URL` (`true` on local stacks).
    pub fn read(config: &Config) -> Option<Self> {
        let secret = CallbackSecret::read(config);
        let unsafe_allowed = config.parsed_or("MPESA_ALLOW_UNSAFE_CALLBACK_URL", Flag(false));
        let base = config.required("API_BASE_URL");
        match Self::new(&base?, secret?, unsafe_allowed?.0) {
            Ok(urls) => Some(urls),
            Err(rule) => {
                config.refuse("API_BASE_URL", rule);
                None
            }
        }
    }

    /// For the outcome of an STK push or a B2C payment.
    pub fn outcome(&self, payment: PaymentId) -> CallbackUrl {
        CallbackUrl(format!("{}/hooks/{}/{}", self.base, self.secret.token(payment), payment.to_hex()))
    }

    /// For the notice that a B2C payment expired in Daraja's queue.
    pub fn timeout(&self, payment: PaymentId) -> CallbackUrl {
        CallbackUrl(format!("{}/timeout", self.outcome(payment).0))
    }

    /// For the result of a status query, and for the notice that the query itself expired.
    pub fn status(&self, payment: PaymentId) -> CallbackUrl {
        CallbackUrl(format!("{}/status", self.outcome(payment).0))
    }
}

/// `true` or `false`, also as `1` and `0`.
struct Flag(bool);

impl FromStr for Flag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "true" | "1" => Ok(Self(true)),
            "false" | "0" => Ok(Self(false)),
            _ => Err("must be true or false"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret() -> CallbackSecret {
        CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef"))
    }

    #[test]
    fn a_base_url_keeps_safaricoms_rules() {
        for good in ["https://api.descrow.io", "https://api.descrow.io/v1/"] {
            assert_eq!(check(good, false), Ok(()), "{good}");
        }
        for (bad, rule) in [
            ("", RuleBroken::NotAUrl),
            ("api.descrow.io", RuleBroken::NotAUrl),
            ("ftp://api.descrow.io", RuleBroken::NotAUrl),
            ("https://user@api.descrow.io", RuleBroken::NotAUrl),
            ("https://api.descrow.io?x=1", RuleBroken::NotAUrl),
            ("https://<host>", RuleBroken::StrayCharacters),
            ("https://api.descrow.io /", RuleBroken::StrayCharacters),
            ("http://api.descrow.io", RuleBroken::NotHttps),
            ("https://Api.descrow.io", RuleBroken::UpperCaseHost),
            ("https://127.0.0.1", RuleBroken::Host),
            ("https://localhost", RuleBroken::Host),
            ("https://x.ngrok.app", RuleBroken::Host),
            ("https://x.execute-api.eu-west-1.amazonaws.com/prod", RuleBroken::ForbiddenWord("exe")),
            ("https://api.descrow.io/M-Pesa", RuleBroken::ForbiddenWord("m-pesa")),
        ] {
            assert_eq!(check(bad, false), Err(rule), "{bad}");
        }
    }

    #[test]
    fn a_local_stack_may_say_that_it_breaks_them() {
        let local = "http://127.0.0.1:4566/_aws/execute-api/abc/prod";
        assert_eq!(check(local, true), Ok(()));
        assert_eq!(check("http://Localhost", true), Err(RuleBroken::UpperCaseHost));
        let pairs = |flag: &str| {
            [
                ("API_BASE_URL", local),
                ("MPESA_CALLBACK_SECRET", secret().0.expose()),
                ("MPESA_ALLOW_UNSAFE_CALLBACK_URL", flag),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
        };
        assert!(Config::from_values(pairs("true"), CallbackUrls::read).is_ok());
        let refused = Config::from_values(pairs("false"), CallbackUrls::read).unwrap_err();
        assert_eq!(refused.to_string(), "bad configuration: API_BASE_URL is not https");
    }

    #[test]
    fn urls_are_stable_and_told_apart_by_kind() {
        let urls = CallbackUrls::new("https://api.descrow.io/", secret(), false).unwrap();
        let id: PaymentId = "0190c0de0000700080000000000000ff".parse().unwrap();
        // HMAC-SHA256 of the id's hex digits, computed with Python's hmac module.
        let expected = "https://api.descrow.io/hooks/11a5c674896280a467197b541ac10293/0190c0de0000700080000000000000ff";
        assert_eq!(urls.outcome(id).expose(), expected);
        assert_eq!(urls.timeout(id).expose(), format!("{expected}/timeout"));
        assert_eq!(urls.status(id).expose(), format!("{expected}/status"));
        assert_eq!(format!("{:?}", urls.outcome(id)), "CallbackUrl(…)");
    }

    proptest! {
        #[test]
        fn no_payment_makes_a_forbidden_url(id: u128) {
            let id = PaymentId::from_str(&format!("{id:032x}")).unwrap();
            let urls = CallbackUrls::new("https://api.descrow.io", secret(), false).unwrap();
            for url in [urls.outcome(id), urls.timeout(id), urls.status(id)] {
                prop_assert_eq!(check(url.expose(), false), Ok(()));
            }
        }

        #[test]
        fn only_the_payments_own_token_is_admitted(id: u128, other: u128, text in ".{0,40}") {
            let [id, other] = [id, other].map(|n| PaymentId::from_str(&format!("{n:032x}")).unwrap());
            prop_assert!(secret().admits(id, &secret().token(id)));
            prop_assert_eq!(secret().admits(id, &secret().token(other)), id == other);
            prop_assert!(!secret().admits(id, &text) || text == secret().token(id));
        }
    }
}
