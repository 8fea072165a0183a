//! Movements of shillings through M-Pesa: a buyer's collection, a seller's payout.
//!
//! M-Pesa tells us what happened late, twice, out of order or never (DARAJA.md §9), so nothing here reacts to a message:
//! each message becomes an observation, and [`decide_collection`] or [`decide_payout`] says what follows from the row,
//! the observation and the clock. The decision is pure; the store makes it true with one conditional write.
//!
//! What can end badly for money, and what prevents it:
//!
//! | danger | prevented by |
//! |---|---|
//! | a paid order is recorded as failed | an unknown code, a timeout or silence never fails a payment; a status query fails one only after [`GRACE_SECONDS`] |
//! | a forged callback pays an order | a claimed success is confirmed by a status query before it counts |
//! | a success that came late is lost | it is taken while the order can be paid, and is a human's work afterwards |
//! | a payment stays open for ever | [`next_check`] ends after 48 hours without an answer, and then a human is asked |
//! | a payout ends since nobody could send it | a send that certainly had no effect is repeated without an end ([`regular_check`]) |
//! | what a human was asked has no way out | [`Payment::stated`]: an admin says what M-Pesa's portal shows |

mod attempt;
mod collection;
mod payout;
mod schedule;
mod stated;

use serde::{Deserialize, Serialize};

pub use collection::{Claimed, CollectionObservation, OrderFooting, decide_collection};
pub use payout::{PayoutObservation, decide_payout};
pub use schedule::{GIVE_UP_SECONDS, GRACE_SECONDS, UNANSWERED_SECONDS, next_check, regular_check};
pub use stated::{Ended, MpesaReceipt, NotStated, Stated};

use crate::{Account, Kes, Msisdn, OrderId, PaymentId, Timestamp};

/// A new push of the same amount to the same number within this many seconds is refused by M-Pesa (code 17, DARAJA.md §10).
pub const COOLDOWN_SECONDS: i64 = 120;

/// Attempts of one payout or refund; after that many failures a program's persistence helps nobody.
pub const MAX_ATTEMPTS: u32 = 9;

/// Which way the shillings go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// From the buyer by STK push.
    Collection,
    /// To the seller by B2C.
    Payout,
    /// Back to the buyer by B2C.
    Refund,
}

/// Where a payment stands.
///
/// A collection goes initiated → pending → (confirming →) succeeded or failed; a payout or refund goes queued → sending →
/// sent → succeeded or failed; back to queued where the send certainly had no effect. Every one can end in review, where a
/// human decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Committed; the push may or may not have reached M-Pesa.
    Initiated,
    /// M-Pesa took the push and rings the buyer's phone.
    Pending,
    /// A success was claimed and is not confirmed yet.
    Confirming,
    /// Waits to be sent.
    Queued,
    /// Being sent: M-Pesa may or may not have it.
    Sending,
    /// M-Pesa took it; its result is awaited.
    Sent,
    /// The money moved.
    Succeeded,
    /// The money did not move.
    Failed,
    /// A human must look; [`Payment::review`] says why.
    Review,
    /// Taken back before it was sent, since the order is disputed.
    Withdrawn,
}

impl PaymentStatus {
    /// Whether something is still awaited from M-Pesa.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Succeeded | Self::Failed | Self::Review | Self::Withdrawn)
    }

    /// The name in tables and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Pending => "pending",
            Self::Confirming => "confirming",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Review => "review",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Why a human must look at a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// The buyer paid another amount than was asked.
    WrongAmount,
    /// The buyer paid an order that is already paid: a refund is due.
    SecondPayment,
    /// The buyer paid an order that can no longer be paid: a refund is due.
    OrderClosed,
    /// The push was never answered and no callback came: whether the buyer was asked is unknown.
    NoAnswer,
    /// M-Pesa gave no final answer in 48 hours.
    Unresolved,
    /// A success was claimed, and M-Pesa's status query denies it.
    Contradiction,
    /// The receipt belongs to another payment already.
    ReceiptReused,
    /// M-Pesa refused the payout request itself: configuration or our mistake, nothing was paid.
    RequestRefused,
    /// The buyer paid another amount than was asked; an admin confirmed it, and it goes back.
    Returned,
}

impl ReviewReason {
    /// Whether a later proof of payment may still settle the payment without a human: nothing but the proof was missing.
    pub fn yields_to_proof(self) -> bool {
        matches!(self, Self::NoAnswer | Self::Unresolved | Self::Contradiction | Self::RequestRefused)
    }

    /// Whether the order may be paid by a new push meanwhile: no money of the buyer is known to have moved.
    pub fn allows_new_push(self) -> bool {
        matches!(self, Self::NoAnswer | Self::Unresolved | Self::Returned)
    }

    /// Whether the money came and a refund of it is owed: nothing is left to decide.
    pub fn goes_back(self) -> bool {
        matches!(self, Self::SecondPayment | Self::OrderClosed | Self::Returned)
    }
}

/// How far a result code can be trusted to mean that no money moved (DARAJA.md §10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Final: nothing moved.
    Final,
    /// Probably nothing moved; a status query must say so first.
    ConfirmFirst,
    /// Not in the table, or known to be ambiguous: says nothing.
    Unknown,
}

/// What follows from an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it was known, or it is out of date.
    Ignore,
    /// A success is claimed: ask M-Pesa's status query now, and look again at `at` if it does not answer.
    ConfirmFirst {
        /// When to look again.
        at: Timestamp,
    },
    /// The money moved.
    Succeed,
    /// The money did not move.
    Fail,
    /// A human must look.
    Review {
        /// Why.
        reason: ReviewReason,
    },
    /// Not known yet: look again.
    Retry {
        /// When.
        at: Timestamp,
    },
}

/// A row of `mpesa_transactions`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The key; in hex, part of the callback URL and a payout's `OriginatorConversationID`.
    pub id: PaymentId,
    /// Which way the shillings go.
    pub kind: PaymentKind,
    /// The order paid for.
    pub order_id: OrderId,
    /// Who pays or is paid.
    pub user_id: Account,
    /// The phone asked or paid. Personal data.
    pub phone: Msisdn,
    /// Whole shillings.
    pub amount_kes: Kes,
    /// What came, where it was another amount than was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_kes: Option<Kes>,
    /// The collection that a refund gives back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_of: Option<PaymentId>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// M-Pesa's id of the push request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_request_id: Option<String>,
    /// M-Pesa's id of the prompt. Contains the payer's number, so personal data (DARAJA.md §3.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_request_id: Option<String>,
    /// M-Pesa's receipt; unknown when only a query told of the success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// M-Pesa's id of the payout request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// How often the payout was sent, or the payment was asked about.
    pub attempts: u32,
    /// When the reconciler looks at it; `None` when nothing is awaited. On a payout or refund that failed for a passing
    /// reason: when another attempt is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check_at: Option<Timestamp>,
    /// When M-Pesa took the push or the payout, or first may have taken the payout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<Timestamp>,
    /// When the first callback was handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_at: Option<Timestamp>,
    /// M-Pesa's last result code or error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_code: Option<String>,
    /// Why a human must look.
    #[serde(default, rename = "reason", skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewReason>,
    /// When it was committed, before M-Pesa was called.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Rises with each change.
    pub version: u64,
}

/// Shows what a log may show: no phone, no receipt, none of M-Pesa's ids.
impl std::fmt::Debug for Payment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payment")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("order_id", &self.order_id)
            .field("amount_kes", &self.amount_kes)
            .field("status", &self.status)
            .field("result_code", &self.result_code)
            .field("review", &self.review)
            .field("next_check_at", &self.next_check_at)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Payment {
    /// A collection to be committed before the push is sent.
    pub fn collection(order_id: OrderId, buyer: Account, phone: Msisdn, amount_kes: Kes, now: Timestamp) -> Self {
        let id = PaymentId::new();
        Self::begun(id, PaymentKind::Collection, order_id, buyer, phone, amount_kes, now)
    }

    /// The payout of an order's price to its seller. Its id is derived from the order and `attempt` (1 for the first),
    /// so that it is committed once however often it is asked for.
    pub fn payout(
        order_id: OrderId,
        attempt: u32,
        seller: Account,
        phone: Msisdn,
        amount_kes: Kes,
        now: Timestamp,
    ) -> Self {
        let id = PaymentId::derived(order_id.as_uuid(), &format!("payout-{attempt}"));
        Self::begun(id, PaymentKind::Payout, order_id, seller, phone, amount_kes, now)
    }

    /// What goes back to the buyer of `collection`, to the phone that paid it. Its id is derived from the collection and
    /// `attempt` (1 for the first), so that the same money goes back once however often it is asked for.
    pub fn refund(collection: &Self, attempt: u32, amount_kes: Kes, now: Timestamp) -> Self {
        let id = PaymentId::derived(collection.id.as_uuid(), &format!("refund-{attempt}"));
        let (order_id, buyer, phone) = (collection.order_id, collection.user_id, collection.phone.clone());
        let refund = Self::begun(id, PaymentKind::Refund, order_id, buyer, phone, amount_kes, now);
        Self { refund_of: Some(collection.id), ..refund }
    }

    /// A payout that nobody sent yet, taken back; `None` for one that may have left.
    pub fn withdrawn(&self, now: Timestamp) -> Option<Self> {
        (self.kind == PaymentKind::Payout && self.status == PaymentStatus::Queued).then(|| Self {
            status: PaymentStatus::Withdrawn,
            next_check_at: None,
            updated_at: now,
            version: self.version.saturating_add(1),
            ..self.clone()
        })
    }

    /// A payout that was taken back, queued again since the dispute did not come about.
    pub fn queued_again(&self, now: Timestamp) -> Option<Self> {
        (self.status == PaymentStatus::Withdrawn).then(|| Self {
            status: PaymentStatus::Queued,
            next_check_at: next_check(now, now),
            updated_at: now,
            version: self.version.saturating_add(1),
            ..self.clone()
        })
    }

    fn begun(
        id: PaymentId,
        kind: PaymentKind,
        order_id: OrderId,
        user_id: Account,
        phone: Msisdn,
        amount_kes: Kes,
        now: Timestamp,
    ) -> Self {
        let status = match kind {
            PaymentKind::Collection => PaymentStatus::Initiated,
            PaymentKind::Payout | PaymentKind::Refund => PaymentStatus::Queued,
        };
        Self {
            id,
            kind,
            order_id,
            user_id,
            phone,
            amount_kes,
            came_kes: None,
            refund_of: None,
            status,
            merchant_request_id: None,
            checkout_request_id: None,
            receipt: None,
            conversation_id: None,
            attempts: 0,
            next_check_at: next_check(now, now),
            submitted_at: None,
            callback_at: None,
            result_code: None,
            review: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// When a new push for the same order may follow this one; `None` while this one is open, paid, or in a review
    /// that concerns the buyer's money.
    pub fn new_push_allowed_at(&self) -> Option<Timestamp> {
        let over = match self.status {
            PaymentStatus::Failed => true,
            PaymentStatus::Review => self.review.is_some_and(ReviewReason::allows_new_push),
            _ => false,
        };
        (over && self.kind == PaymentKind::Collection).then(|| self.created_at.plus_seconds(COOLDOWN_SECONDS))
    }

    /// The row after `decision`, or `None` where it changes nothing. What was learned beside the decision (ids, receipt,
    /// code) is set on the row by whoever observed it, before.
    #[must_use]
    pub fn after(&self, decision: Decision, now: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        match decision {
            Decision::Ignore => return None,
            Decision::ConfirmFirst { at } => {
                next.status = PaymentStatus::Confirming;
                next.next_check_at = Some(at);
                next.review = None;
            }
            Decision::Succeed => {
                next.status = PaymentStatus::Succeeded;
                next.next_check_at = None;
                next.review = None;
            }
            Decision::Fail => {
                next.status = PaymentStatus::Failed;
                next.next_check_at = None;
                next.review = None;
            }
            Decision::Review { reason } => {
                next.status = PaymentStatus::Review;
                next.next_check_at = None;
                next.review = Some(reason);
            }
            Decision::Retry { at } => next.next_check_at = Some(at),
        }
        next.updated_at = now;
        next.version = self.version.saturating_add(1);
        Some(next)
    }

    /// Whole seconds since the prompt or payout reached M-Pesa, as far as we know.
    pub fn age_seconds(&self, now: Timestamp) -> i64 {
        now.millis_since(self.submitted_at.unwrap_or(self.created_at)) / 1000
    }
}

#[cfg(test)]
mod tests;
