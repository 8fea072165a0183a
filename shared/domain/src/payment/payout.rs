//! What follows from what M-Pesa says of a payout to a seller (DARAJA.md §5).

use super::{Claimed, Decision, FailureClass, Payment, PaymentStatus, ReviewReason, next_check, regular_check};
use crate::Timestamp;

/// What M-Pesa, or its silence, says of a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutObservation {
    /// M-Pesa queued it, or says that it has one with this id already: both mean that it was received.
    Accepted,
    /// M-Pesa refused the request itself, and no earlier send of it can have arrived: nothing was paid.
    Refused,
    /// No answer: it may have been received. The same id is sent again.
    Unanswered,
    /// Certainly nothing came of this send or question: our credentials, our configuration or the way there are at fault. What an
    /// earlier send did stays as open as it was.
    NotSent,
    /// A result says paid.
    ResultPaid {
        /// The amount it names.
        amount: Claimed,
    },
    /// A result says not paid.
    ResultFailed {
        /// How far its code is trusted.
        class: FailureClass,
    },
    /// The request expired in M-Pesa's queue: the outcome is unknown (DARAJA.md §5.4).
    QueueTimeout,
    /// A transaction-status result says that the payout is complete.
    StatusPaid {
        /// The amount it names.
        amount: Claimed,
    },
    /// A transaction-status result says that the payout was declined, cancelled or has expired.
    StatusFailed,
    /// A transaction-status result says nothing final, or there was none.
    StatusUnknown,
}

/// What follows for `payment`, a payout or refund, from `observation` at `now`.
pub fn decide_payout(payment: &Payment, observation: PayoutObservation, now: Timestamp) -> Decision {
    use PayoutObservation as O;
    match payment.status {
        PaymentStatus::Succeeded => return Decision::Ignore,
        PaymentStatus::Review if !payment.review.is_some_and(ReviewReason::yields_to_proof) => return Decision::Ignore,
        _ => {}
    }
    match observation {
        O::ResultPaid { amount } => paid(payment, amount, Decision::ConfirmFirst { at: soon(now) }),
        O::StatusPaid { amount } => paid(payment, amount, Decision::Succeed),
        // The final answer that a human was waiting for.
        O::ResultFailed { class: FailureClass::Final } | O::StatusFailed
            if payment.review == Some(ReviewReason::Unresolved) =>
        {
            Decision::Fail
        }
        _ if !payment.status.is_open() => Decision::Ignore,
        // A claimed success stands until the status query decides.
        O::ResultFailed { .. } if payment.status == PaymentStatus::Confirming => Decision::Ignore,
        O::ResultFailed { class: FailureClass::Final } | O::StatusFailed => Decision::Fail,
        O::Refused => match payment.status {
            PaymentStatus::Queued | PaymentStatus::Sending => Decision::Review { reason: ReviewReason::RequestRefused },
            // A later send of the same id was refused; the first was taken and decides.
            _ => Decision::Ignore,
        },
        O::Accepted if !matches!(payment.status, PaymentStatus::Queued | PaymentStatus::Sending) => Decision::Ignore,
        O::NotSent => Decision::Retry { at: regular_check(first_sent(payment), now) },
        // The first send that counts may come when the payout is old.
        O::Accepted | O::Unanswered if payment.submitted_at.is_none() => {
            Decision::Retry { at: next_check(payment.created_at, now).unwrap_or_else(|| soon(now)) }
        }
        O::Accepted | O::Unanswered | O::ResultFailed { .. } | O::QueueTimeout | O::StatusUnknown => {
            later(payment, now)
        }
    }
}

fn paid(payment: &Payment, amount: Claimed, without_amount: Decision) -> Decision {
    match amount {
        Claimed::Shillings(kes) if kes == payment.amount_kes => Decision::Succeed,
        Claimed::Shillings(_) | Claimed::Unreadable => Decision::Review { reason: ReviewReason::WrongAmount },
        Claimed::Absent => without_amount,
    }
}

fn soon(now: Timestamp) -> Timestamp {
    next_check(now, now).unwrap_or(now)
}

/// What the schedule counts from: M-Pesa's silence begins when it may have the payout.
fn first_sent(payment: &Payment) -> Timestamp {
    payment.submitted_at.unwrap_or(payment.created_at)
}

fn later(payment: &Payment, now: Timestamp) -> Decision {
    match next_check(first_sent(payment), now) {
        Some(at) => Decision::Retry { at },
        None => Decision::Review { reason: ReviewReason::Unresolved },
    }
}
