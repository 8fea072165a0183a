//! The fields of a request, checked like the portal does (DARAJA.md §13.8).

use serde_json::{Map, Value};

use super::answer::Refusal;
use crate::Settings;

/// Words that Safaricom forbids in callback URLs (DARAJA.md §8).
const FORBIDDEN: [&str; 8] = ["mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query"];

/// A request's body: a flat object whose values are strings or numbers.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            _ => Err(Refusal::new(400, "400.002.05", "Invalid Request Payload")),
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// The field as text; strings and numbers are interchangeable.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The field, which must be there and pass `check`; the refusal names it as `called`.
    fn required(&self, name: &str, called: &str, check: impl Fn(&str) -> bool) -> Result<String, Refusal> {
        self.text(name).filter(|text| check(text)).ok_or_else(|| Refusal::invalid(called))
    }

    pub(crate) fn given(&self, name: &str) -> Result<String, Refusal> {
        self.required(name, name, |text| !text.is_empty())
    }

    pub(crate) fn shortcode(&self, name: &str) -> Result<String, Refusal> {
        self.required(name, name, |text| (5..=7).contains(&text.len()) && digits(text))
    }

    pub(crate) fn msisdn(&self, name: &str) -> Result<String, Refusal> {
        let known = |text: &str| text.starts_with("2547") || text.starts_with("2541");
        self.required(name, name, |text| text.len() == 12 && digits(text) && known(text))
    }

    /// Whole shillings.
    pub(crate) fn amount(&self, name: &str, min: u64) -> Result<u64, Refusal> {
        let text = self.required(name, name, digits)?;
        text.parse().ok().filter(|amount| (min..=250_000).contains(amount)).ok_or_else(|| Refusal::invalid(name))
    }

    pub(crate) fn one_of(&self, name: &str, values: &[&str]) -> Result<String, Refusal> {
        self.required(name, name, |text| values.contains(&text))
    }

    /// Text of bounded length; the portal calls some fields by another's name in its refusals.
    pub(crate) fn words(&self, name: &str, called: &str, min: usize, max: usize) -> Result<String, Refusal> {
        let plain = |text: &str| !text.contains(['@', '#', '&', '<', '>']);
        self.required(name, called, |text| (min..=max).contains(&text.chars().count()) && plain(text))
    }

    pub(crate) fn timestamp(&self, name: &str) -> Result<String, Refusal> {
        self.required(name, name, |text| text.len() == 14 && digits(text))
    }

    pub(crate) fn url(&self, name: &str, settings: &Settings) -> Result<String, Refusal> {
        self.required(name, name, |text| url_is_accepted(text, settings))
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn url_is_accepted(text: &str, settings: &Settings) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    let written_host = text.split('/').nth(2).unwrap_or_default();
    let clean = !text.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>'))
        && !written_host.is_empty()
        && !written_host.bytes().any(|b| b.is_ascii_uppercase());
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && !settings.https_only);
    let lower = text.to_ascii_lowercase();
    clean && scheme && !(settings.forbidden_words && FORBIDDEN.iter().any(|word| lower.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_judged_like_the_portal_judges_them() {
        let strict = Settings::default();
        let lax = Settings { https_only: false, forbidden_words: false, ..Settings::default() };
        for (url, by_strict, by_lax) in [
            ("https://api.descrow.io/hooks/00ff/01", true, true),
            ("http://127.0.0.1:4566/_aws/execute-api/x", false, true),
            ("https://api.descrow.io/MPESA", false, true),
            ("https://Api.descrow.io/x", false, false),
            ("https://api.descrow.io/ x", false, false),
            ("https://<host>/x", false, false),
            ("nonsense", false, false),
        ] {
            assert_eq!((url_is_accepted(url, &strict), url_is_accepted(url, &lax)), (by_strict, by_lax), "{url}");
        }
    }

    #[test]
    fn amounts_are_whole_and_within_limits() {
        let amount = |json: &str, min| Fields::parse(json.as_bytes()).unwrap().amount("Amount", min).ok();
        assert_eq!(amount(r#"{"Amount":"1"}"#, 1), Some(1));
        assert_eq!(amount(r#"{"Amount":250000}"#, 1), Some(250_000));
        for bad in [
            r#"{"Amount":"0"}"#,
            r#"{"Amount":"250001"}"#,
            r#"{"Amount":500.0}"#,
            r#"{"Amount":"-1"}"#,
            r#"{"Amount":"1e3"}"#,
            "{}",
        ] {
            assert_eq!(amount(bad, 1), None, "{bad}");
        }
        assert_eq!(amount(r#"{"Amount":"9"}"#, 10), None);
    }
}
