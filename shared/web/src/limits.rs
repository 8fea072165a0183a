//! Rate limits: fixed windows, each one counter, counted while the route does its first read.
//!
//! A safe request is answered even if the counters cannot be reached, or are late; one that changes state is not, and no
//! request about sessions, M-Pesa or administration (they fail closed).
//! Headers as in draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy`, `RateLimit`, and `Retry-After` on 429.

use std::{fmt::Write, net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use axum::extract::FromRequestParts;
use descrow_domain::{Account, Timestamp};
use descrow_store::Store;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, join_all},
};
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};

use crate::{ApiError, Code};

/// Routes that answer nothing to whom they could not count, not even a read.
const CLOSED: [&str; 3] = ["/api/auth/", "/api/mpesa/", "/api/admin/"];
/// How much longer than its own reads a safe request waits for its counters, where it fails open.
const PATIENCE: Duration = Duration::from_millis(300);

/// Whether every request for `path` fails closed.
pub(crate) fn fails_closed(path: &str) -> bool {
    CLOSED.iter().any(|family| path.starts_with(family))
}

/// What `deciding` says, if it says it soon; counters that are late are unknown, and refuse nobody.
pub(crate) async fn patiently(deciding: impl Future<Output = Result<(), ApiError>>) -> Result<(), ApiError> {
    tokio::time::timeout(PATIENCE, deciding).await.unwrap_or_else(|_| {
        tracing::warn!("limits.counters_late");
        Ok(())
    })
}

/// So many requests in so many seconds; written `100/900`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    requests: u64,
    seconds: u32,
}

/// The text is not `requests/seconds`, both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not requests/seconds, such as 100/900")]
pub struct InvalidQuota;

impl Quota {
    pub(crate) const fn new(requests: u64, seconds: u32) -> Self {
        Self { requests, seconds }
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let (requests, seconds) = text.split_once('/').ok_or(InvalidQuota)?;
        let (requests, seconds) =
            (requests.trim().parse().map_err(|_| InvalidQuota)?, seconds.trim().parse().map_err(|_| InvalidQuota)?);
        if requests < 1 || seconds < 1 {
            return Err(InvalidQuota);
        }
        Ok(Self { requests, seconds })
    }
}

/// Counts one request; `None` where the counter cannot be reached.
async fn count(store: Store, counted: Counted, now: Timestamp) -> Option<Window> {
    let Counted { policy, subject, quota } = counted;
    match store.limits().hit(&format!("{policy}#{subject}"), quota.seconds, now).await {
        Ok(window) => {
            let reset = window.resets_at.seconds().saturating_sub(now.seconds());
            Some(Window { policy, quota, used: window.count, reset })
        }
        Err(error) => {
            tracing::warn!(policy, error = %error, "limits.counter_unreachable");
            None
        }
    }
}

/// Who is counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// The policy's name in the headers.
    pub(crate) policy: &'static str,
    /// Whom the counter belongs to.
    pub(crate) subject: String,
    pub(crate) quota: Quota,
}

/// One counter after this request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    policy: &'static str,
    quota: Quota,
    used: u64,
    /// Seconds until it starts anew.
    reset: i64,
}

/// What the counters said. `unknown` if one could not be reached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    windows: Vec<Window>,
    unknown: bool,
}

/// The count of one request: begun by the edge, finished together with the route's first read.
#[derive(Clone)]
pub(crate) struct Admission(Shared<BoxFuture<'static, Arc<Verdict>>>);

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Admission").field(&self.0.peek()).finish()
    }
}

impl Admission {
    /// Counts this request for each of `counted`, once the result is first waited for.
    pub(crate) fn begin(store: &Store, counted: Vec<Counted>, now: Timestamp) -> Self {
        let store = store.clone();
        let counting = async move {
            let calls = counted.into_iter().map(|counted| count(store.clone(), counted, now));
            let windows = join_all(calls).await;
            let unknown = windows.iter().any(Option::is_none);
            Arc::new(Verdict { windows: windows.into_iter().flatten().collect(), unknown })
        };
        Self(counting.boxed().shared())
    }

    /// Waits for the counters. `Err` where a quota is used up or, with `closed`, where a counter cannot be reached.
    pub(crate) async fn decide(&self, closed: bool) -> Result<(), ApiError> {
        self.0.clone().await.allows(closed)
    }

    /// Whether somebody waited for the counters already.
    pub(crate) fn decided(&self) -> bool {
        self.0.peek().is_some()
    }

    /// The headers that tell the client how much is left.
    pub(crate) fn headers(&self, headers: &mut HeaderMap) {
        let Some(verdict) = self.0.peek() else { return };
        let (mut policy, mut left) = (String::new(), String::new());
        for w in &verdict.windows {
            let separator = if policy.is_empty() { "" } else { ", " };
            let remaining = w.quota.requests.saturating_sub(w.used);
            // Writing to a String cannot fail.
            let _ok = write!(policy, "{separator}\"{}\";q={};w={}", w.policy, w.quota.requests, w.quota.seconds);
            let _ok = write!(left, "{separator}\"{}\";r={remaining};t={}", w.policy, w.reset);
        }
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::from_str(&value)
                && !value.is_empty()
            {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

impl Verdict {
    fn allows(&self, closed: bool) -> Result<(), ApiError> {
        let exceeded = self.windows.iter().filter(|w| w.used > w.quota.requests).max_by_key(|w| w.reset);
        if let Some(window) = exceeded {
            let wait = u64::try_from(window.reset.max(1)).unwrap_or(1);
            return Err(ApiError::new(Code::RateLimited, "Too many requests. Wait for Retry-After.").retry_after(wait));
        }
        if closed && self.unknown {
            return Err(ApiError::new(Code::Unavailable, "rate limit counters unreachable").retry_after(1));
        }
        Ok(())
    }
}

/// An IPv4 address, or the /64 of an IPv6 one, which is what one customer has.
pub(crate) fn network(ip: Option<IpAddr>) -> String {
    match ip {
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            v6.to_ipv4_mapped().map_or_else(|| format!("{a:x}:{b:x}:{c:x}:{d:x}::"), |v4| v4.to_string())
        }
        None => "unknown".to_owned(),
    }
}

pub(crate) fn account_subject(account: Account) -> String {
    account.to_string()
}

/// Put on the response to a safe request that was answered from this process's memory: counting it would cost the round trip
/// that the memory saves, and protect nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncounted;

/// Somebody on a route that needs no token.
#[derive(Clone, Debug)]
pub struct Visitor(Admission);

impl Visitor {
    /// Runs the route's first read while the request is counted. Routes without a token that change state begin with it; `read`
    /// must change nothing, since it is done for those too who are refused: see [`Visitor::allowed`].
    ///
    /// # Errors
    /// 429 where a quota is used up, 503 where the counters cannot be reached, else what `read` says.
    pub async fn admit<T, E: Into<ApiError>>(&self, read: impl Future<Output = Result<T, E>>) -> Result<T, ApiError> {
        let (decision, value) = futures_util::join!(self.0.decide(true), read);
        decision?;
        value.map_err(Into::into)
    }

    /// Waits until the request is counted: for routes that read nothing before they write.
    ///
    /// # Errors
    /// 429 where a quota is used up, 503 where the counters cannot be reached.
    pub async fn allowed(&self) -> Result<(), ApiError> {
        self.0.decide(true).await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let admission = parts.extensions.get::<Admission>().cloned();
        admission.map(Self).ok_or_else(|| ApiError::new(Code::Internal, "route outside the edge"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(used: u64, unknown: bool) -> Verdict {
        Verdict { windows: vec![Window { policy: "ip", quota: Quota::new(100, 900), used, reset: 30 }], unknown }
    }

    #[test]
    fn a_quota_is_used_up_only_after_its_last_request() {
        assert!(verdict(100, false).allows(true).is_ok());
        assert_eq!(verdict(101, false).allows(false).unwrap_err().code(), Code::RateLimited);
    }

    #[test]
    fn unreachable_counters_stop_only_what_fails_closed() {
        assert!(verdict(1, true).allows(false).is_ok());
        assert_eq!(verdict(1, true).allows(true).unwrap_err().code(), Code::Unavailable);
    }

    #[test]
    fn sessions_m_pesa_and_administration_fail_closed_for_reads_too() {
        for closed in ["/api/auth/profile", "/api/mpesa/transactions", "/api/admin/orders"] {
            assert!(fails_closed(closed), "{closed}");
        }
        for open in ["/api/products", "/api/orders/1", "/api/notifications", "/api/rates", "/api/authors"] {
            assert!(!fails_closed(open), "{open}");
        }
    }

    #[test]
    fn one_customer_of_ipv6_is_one_network() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2:3::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn a_quota_is_written_as_requests_and_seconds() {
        assert_eq!("100/900".parse(), Ok(Quota::new(100, 900)));
        for bad in ["", "100", "0/900", "1/0", "-1/5", "a/b"] {
            assert_eq!(bad.parse::<Quota>(), Err(InvalidQuota), "{bad}");
        }
    }
}
