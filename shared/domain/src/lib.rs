//! What Descrow is about, without I/O: ids, accounts, money, products, orders and the moves they allow.
//!
//! Nothing here is async, knows AWS or speaks HTTP. Text from outside becomes one of these types at the edge or is
//! refused with an error that says why; after that no code checks it again.

pub mod account;
pub mod analytics;
pub mod audit;
pub mod command;
pub mod dispute;
pub mod evidence;
pub mod ids;
pub mod image;
pub mod kyc;
pub mod ledger;
pub mod money;
pub mod notification;
pub mod order;
pub mod payment;
pub mod phone;
pub mod product;
pub mod rates;
pub mod realtime;
pub mod text;
pub mod user;
pub mod view;

pub use account::Account;
pub use ids::{AuditId, EvidenceId, NotificationId, OrderId, PaymentId, ProductId};
pub use money::{Kes, Planck, UsdCents};
pub use phone::Msisdn;

/// Milliseconds since the Unix epoch: the one representation of an instant inside Descrow. RFC 3339 at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The clock of this machine.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// This instant moved by whole seconds, saturating.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Whole seconds since the epoch, as DynamoDB's TTL and JWT want them.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The day in UTC, `2026-11-22`.
    pub fn day(self) -> String {
        self.rfc3339().chars().take(10).collect()
    }

    /// RFC 3339 in UTC with milliseconds, as the API shows instants.
    pub fn rfc3339(self) -> String {
        use time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|t| t.format(&Rfc3339).ok())
            .unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
    }
}
