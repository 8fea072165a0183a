//! What follows from what M-Pesa says of a buyer's payment.

use super::{
    Decision, FailureClass, GRACE_SECONDS, Payment, PaymentStatus, ReviewReason, UNANSWERED_SECONDS, next_check,
};
use crate::{
    Kes, Timestamp,
    order::{Order, OrderStatus},
};

/// A claimed success that the status query keeps denying is a human's work after this many seconds.
const DENIED_SECONDS: i64 = 3600;

/// The amount that a callback claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It names none: "any item may lack Value" (DARAJA.md §3.3).
    Absent,
    /// Whole shillings.
    Shillings(Kes),
    /// Something that is not a whole number of shillings.
    Unreadable,
}

/// What M-Pesa, or its silence, says of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectionObservation {
    /// The push was taken.
    PushAccepted,
    /// The push was refused: nothing was created.
    PushRefused,
    /// The push was not answered: it may have been taken.
    PushUnanswered,
    /// A callback says paid.
    CallbackSuccess {
        /// The amount it claims.
        amount: Claimed,
    },
    /// A callback says not paid.
    CallbackFailure {
        /// How far its code is trusted.
        class: FailureClass,
    },
    /// The status query says paid.
    QueryPaid,
    /// The status query says: still under way.
    QueryPending,
    /// The status query says not paid.
    QueryFailed {
        /// How far its code is trusted.
        class: FailureClass,
    },
    /// The status query did not answer, or nothing that means anything.
    QueryNoAnswer,
    /// There is no checkout id to ask about.
    Unqueryable,
}

/// Whether the order can take this payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderFooting {
    /// Created, and nothing is on its way to change that.
    Payable,
    /// Paid already.
    Paid,
    /// Given up.
    Closed,
}

impl OrderFooting {
    /// What `order` can do with a payment that turns out to be paid.
    pub fn of(order: &Order) -> Self {
        use crate::order::OrderMove;
        match (order.status, order.pending.as_ref().map(|p| p.action)) {
            (OrderStatus::Created, None) => Self::Payable,
            (OrderStatus::Cancelled, _) | (OrderStatus::Created, Some(OrderMove::Cancel)) => Self::Closed,
            _ => Self::Paid,
        }
    }
}

/// What follows for `payment`, a collection, from `observation` at `now`, its order being on `footing`.
pub fn decide_collection(
    payment: &Payment,
    footing: OrderFooting,
    observation: CollectionObservation,
    now: Timestamp,
) -> Decision {
    use CollectionObservation as O;
    match payment.status {
        PaymentStatus::Succeeded => return Decision::Ignore,
        PaymentStatus::Review if !payment.review.is_some_and(ReviewReason::yields_to_proof) => return Decision::Ignore,
        _ => {}
    }
    match observation {
        O::CallbackSuccess { amount } => claimed(payment, amount, now),
        O::QueryPaid => paid(footing),
        // The final answer that a human was waiting for.
        O::CallbackFailure { class: FailureClass::Final }
            if payment.review.is_some_and(ReviewReason::allows_new_push) =>
        {
            Decision::Fail
        }
        // Otherwise only a success matters to a payment that is over.
        _ if !payment.status.is_open() => Decision::Ignore,
        O::PushAccepted => accepted(payment, now),
        O::PushRefused if payment.status == PaymentStatus::Initiated => Decision::Fail,
        O::PushRefused => Decision::Ignore,
        O::CallbackFailure { class } => refused_by_callback(payment, class, now),
        O::QueryFailed { class } => refused_by_query(payment, class, now),
        O::Unqueryable if payment.age_seconds(now) >= UNANSWERED_SECONDS => {
            Decision::Review { reason: ReviewReason::NoAnswer }
        }
        O::PushUnanswered | O::QueryPending | O::QueryNoAnswer | O::Unqueryable => later(payment, now),
    }
}

fn accepted(payment: &Payment, now: Timestamp) -> Decision {
    match payment.status {
        PaymentStatus::Initiated => later(payment, now),
        _ => Decision::Ignore,
    }
}

fn claimed(payment: &Payment, amount: Claimed, now: Timestamp) -> Decision {
    match amount {
        Claimed::Shillings(kes) if kes != payment.amount_kes => Decision::Review { reason: ReviewReason::WrongAmount },
        Claimed::Unreadable => Decision::Review { reason: ReviewReason::WrongAmount },
        // The claim is a minute's work of its own: it is asked about soon, however old the payment is.
        Claimed::Absent | Claimed::Shillings(_) => Decision::ConfirmFirst { at: next_check(now, now).unwrap_or(now) },
    }
}

fn paid(footing: OrderFooting) -> Decision {
    match footing {
        OrderFooting::Payable => Decision::Succeed,
        OrderFooting::Paid => Decision::Review { reason: ReviewReason::SecondPayment },
        OrderFooting::Closed => Decision::Review { reason: ReviewReason::OrderClosed },
    }
}

fn refused_by_callback(payment: &Payment, class: FailureClass, now: Timestamp) -> Decision {
    match (payment.status, class) {
        // A claimed success stands until the query decides.
        (PaymentStatus::Confirming, _) => Decision::Ignore,
        (_, FailureClass::Final) => Decision::Fail,
        (_, FailureClass::ConfirmFirst | FailureClass::Unknown) => later(payment, now),
    }
}

fn refused_by_query(payment: &Payment, class: FailureClass, now: Timestamp) -> Decision {
    if payment.status == PaymentStatus::Confirming {
        let claimed_at = payment.callback_at.unwrap_or(payment.created_at);
        return if class != FailureClass::Unknown && now.millis_since(claimed_at) >= DENIED_SECONDS * 1000 {
            Decision::Review { reason: ReviewReason::Contradiction }
        } else {
            later(payment, now)
        };
    }
    match class {
        FailureClass::Final | FailureClass::ConfirmFirst if payment.age_seconds(now) >= GRACE_SECONDS => Decision::Fail,
        _ => later(payment, now),
    }
}

/// The next check: counted from the claim where there is one, since it may come when the payment is old.
fn later(payment: &Payment, now: Timestamp) -> Decision {
    let begun = match payment.status {
        PaymentStatus::Confirming => payment.callback_at.unwrap_or(payment.created_at),
        _ => payment.created_at,
    };
    match next_check(begun, now) {
        Some(at) => Decision::Retry { at },
        None => Decision::Review { reason: ReviewReason::Unresolved },
    }
}
