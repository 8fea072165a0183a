//! What the edge keeps in the database, as one narrow port.

use descrow_domain::Account;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::idempotency::{Claim, Kept};

/// Why the database did not answer. Logged, never shown.
pub type StoreFailure = Box<dyn std::error::Error + Send + Sync>;

/// A call to the database under way.
pub type Call<T> = BoxFuture<'static, Result<T, StoreFailure>>;

/// The state behind rate limits, sessions and idempotency records. Each call is one round trip.
pub trait EdgeStore: Send + Sync + 'static {
    /// Adds one to a counter that is forgotten after `expires_at` (seconds since the epoch), and tells its new value.
    fn count(&self, key: String, expires_at: i64) -> Call<u64>;

    /// The user's present `auth_version`; `None` if the session's family was revoked or the user is gone.
    fn standing(&self, family: Uuid, account: Account) -> Call<Option<u64>>;

    /// Claims an idempotency key by one conditional put.
    fn claim(&self, key: String, fingerprint: String) -> Call<Claim>;

    /// Keeps the answer to a claimed key for 24 hours.
    fn keep(&self, key: String, fingerprint: String, answer: Kept) -> Call<()>;

    /// Gives a claimed key up: the request failed and may be tried again.
    fn release(&self, key: String) -> Call<()>;
}
