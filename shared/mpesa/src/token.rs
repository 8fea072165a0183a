//! The one OAuth token that all functions share (DARAJA.md §2): each new token may kill the one before, so a container
//! that refreshed for itself would cut off every other.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use descrow_domain::Timestamp;
use descrow_platform::Secret;

/// An access token and its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// What goes behind `Bearer`.
    pub secret: Secret,
    /// When we got it.
    pub issued_at: Timestamp,
    /// How long Daraja says it lives, in seconds.
    pub lifetime_s: u32,
}

impl AccessToken {
    /// Whether it is still within its life.
    pub fn alive(&self, now: Timestamp) -> bool {
        now < self.issued_at.plus_seconds(i64::from(self.lifetime_s))
    }

    /// Whether less than 85 % of its life have passed.
    pub fn fresh(&self, now: Timestamp) -> bool {
        now < self.issued_at.plus_seconds(i64::from(self.lifetime_s) * 85 / 100)
    }
}

/// The shared token with its version, which grows with every refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// Grows by one with every refresh; never 0.
    pub version: u64,
    /// The token.
    pub token: AccessToken,
}

/// The store of the token did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token store: {0}")]
pub struct TokenStoreError(pub String);

/// What a token store returns.
pub type TokenFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, TokenStoreError>> + Send + 'a>>;

/// Where the shared token lives: one item that all functions read, with a lock so that one of them refreshes at a time.
pub trait TokenStore: Send + Sync {
    /// The token as it is now, by a consistent read; `None` before the first.
    fn read(&self) -> TokenFuture<'_, Option<StoredToken>>;

    /// Takes the right to refresh, until `until`. `false` when the stored version is not `version` (0: none is stored), or
    /// when somebody else holds the right at `now`.
    fn lock(&self, version: u64, now: Timestamp, until: Timestamp) -> TokenFuture<'_, bool>;

    /// Stores `token` as version `version + 1` and gives the right back, unless the stored version is no longer `version`,
    /// which is no error: another token is there then.
    fn replace(&self, version: u64, token: AccessToken) -> TokenFuture<'_, ()>;

    /// Gives the right back after a refresh that failed, if the stored version still is `version`.
    fn unlock(&self, version: u64) -> TokenFuture<'_, ()>;
}

/// A token store within one process, for tools and tests.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<MemoryItem>);

#[derive(Debug, Default)]
struct MemoryItem {
    stored: Option<StoredToken>,
    locked_until: Option<Timestamp>,
}

impl MemoryItem {
    fn version(&self) -> u64 {
        self.stored.as_ref().map_or(0, |s| s.version)
    }
}

impl MemoryTokens {
    fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut MemoryItem) -> T) -> TokenFuture<'_, T> {
        let result = act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(std::future::ready(Ok(result)))
    }
}

impl TokenStore for MemoryTokens {
    fn read(&self) -> TokenFuture<'_, Option<StoredToken>> {
        self.with(|item| item.stored.clone())
    }

    fn lock(&self, version: u64, now: Timestamp, until: Timestamp) -> TokenFuture<'_, bool> {
        self.with(|item| {
            let free = item.version() == version && item.locked_until.is_none_or(|held| held <= now);
            if free {
                item.locked_until = Some(until);
            }
            free
        })
    }

    fn replace(&self, version: u64, token: AccessToken) -> TokenFuture<'_, ()> {
        self.with(|item| {
            if item.version() == version {
                *item = MemoryItem { stored: Some(StoredToken { version: version + 1, token }), locked_until: None };
            }
        })
    }

    fn unlock(&self, version: u64) -> TokenFuture<'_, ()> {
        self.with(|item| {
            if item.version() == version {
                item.locked_until = None;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(secret: &str) -> AccessToken {
        AccessToken { secret: Secret::new(secret), issued_at: Timestamp(0), lifetime_s: 3600 }
    }

    #[test]
    fn a_token_is_refreshed_before_it_dies() {
        let token = token("a");
        assert!(token.fresh(Timestamp(3_059_999)) && !token.fresh(Timestamp(3_060_000)));
        assert!(token.alive(Timestamp(3_599_999)) && !token.alive(Timestamp(3_600_000)));
    }

    #[tokio::test]
    async fn one_refreshes_at_a_time_and_a_dead_holder_loses_the_lock() {
        let store = MemoryTokens::default();
        let (t0, t10) = (Timestamp(0), Timestamp(10_000));
        assert_eq!(store.lock(0, t0, t10).await, Ok(true));
        assert_eq!(store.lock(0, Timestamp(9_999), t10).await, Ok(false));
        assert_eq!(store.lock(0, t10, Timestamp(20_000)).await, Ok(true));
        store.replace(0, token("b")).await.unwrap();
        store.replace(0, token("late")).await.unwrap();
        assert_eq!(store.read().await, Ok(Some(StoredToken { version: 1, token: token("b") })));
        assert_eq!(store.lock(0, t10, t10).await, Ok(false), "the version moved on");
        assert_eq!(store.lock(1, t10, t10).await, Ok(true));
    }
}
