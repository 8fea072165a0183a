//! What admins did, kept for good: appended in the transaction that does it, and never changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Account, AuditId, Timestamp};

/// What an admin did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// Proposed how a dispute should end; a second admin must agree.
    ProposeResolution,
    /// Decided a dispute.
    ResolveDispute,
    /// Accepted a user's identity.
    ApproveKyc,
    /// Refused a user's identity.
    RejectKyc,
    /// Sent a payout or refund again that had failed.
    RetryPayout,
    /// Said what M-Pesa's portal shows of a payment that waited for a human.
    SettlePayment,
}

/// A row of `audit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The partition key: the day (UTC), `2026-11-22`.
    pub day: String,
    /// The sort key; later entries have greater ids.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub admin: Account,
    /// What.
    pub action: AuditAction,
    /// On what: `orders/<id>`, `users/<account>`, `mpesa_transactions/<id>`.
    pub subject: String,
    /// Why, in the admin's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What else is to be remembered. No personal data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl AuditEntry {
    /// An entry about what `admin` does now.
    pub fn new(admin: Account, action: AuditAction, subject: String, reason: Option<&str>, now: Timestamp) -> Self {
        Self {
            day: now.day(),
            id: AuditId::new(),
            at: now,
            admin,
            action,
            subject,
            reason: reason.map(ToOwned::to_owned),
            details: BTreeMap::new(),
        }
    }

    /// With one more thing to remember.
    #[must_use]
    pub fn with(mut self, name: &str, value: &impl ToString) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }
}
