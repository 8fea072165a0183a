//! What M-Pesa says of a payout or refund.

use descrow_domain::{
    Timestamp,
    order::OrderStatus,
    payment::{
        Claimed, Decision, FailureClass, Payment, PaymentKind, PaymentStatus, PayoutObservation, ReviewReason,
        decide_payout,
    },
};
use descrow_mpesa::{CallbackKind, PayoutOutcome, ResultCallback, TransactionStatus};
use descrow_store::{Replaced, Settled, StoreError, Table};

use crate::{
    Failure, Processor,
    collection::{claimed, report},
};

/// How often a payout is decided anew when others change it at the same time.
const ATTEMPTS: u32 = 6;
/// Attempts of one payout or refund that are made without a human.
const AUTOMATIC_ATTEMPTS: u32 = 3;
/// After how long a payout that found our account empty is tried again.
const FLOAT_SECONDS: i64 = 3_600;
/// After how long a payout that met a limit of its receiver is tried again.
const LIMIT_SECONDS: i64 = 24 * 3_600;

impl Processor {
    /// What a result, a timeout notice or a status result says; a notice may have no readable body.
    pub(crate) async fn hear_payout(
        &self,
        payment: Payment,
        kind: CallbackKind,
        heard: Option<ResultCallback>,
        received_at: Timestamp,
    ) -> Result<(), Failure> {
        let observation = match (&heard, kind) {
            (Some(heard), CallbackKind::Result) if !names(heard, &payment) => {
                tracing::error!(payment_id = %payment.id, "payout.result_names_another_payout");
                PayoutObservation::StatusUnknown
            }
            (Some(heard), CallbackKind::Result) => result(&payment, heard),
            (Some(heard), CallbackKind::Status) => status(heard),
            _ => PayoutObservation::QueueTimeout,
        };
        let proves_payment =
            matches!(observation, PayoutObservation::ResultPaid { .. } | PayoutObservation::StatusPaid { .. });
        let learn = |payment: &mut Payment| {
            payment.callback_at.get_or_insert(received_at);
            let Some(heard) = &heard else { return };
            if kind == CallbackKind::Result {
                payment.result_code = Some(heard.result_code.as_str().to_owned());
            }
            if proves_payment && let Some(receipt) = heard.receipt() {
                payment.receipt.get_or_insert_with(|| receipt.as_str().to_owned());
            }
        };
        self.settle_payout(payment, observation, learn).await
    }

    async fn settle_payout(
        &self,
        payment: Payment,
        observation: PayoutObservation,
        learn: impl Fn(&mut Payment),
    ) -> Result<(), Failure> {
        let mut current = payment;
        for _ in 0..ATTEMPTS {
            let now = Timestamp::now();
            let mut known = current.clone();
            learn(&mut known);
            let decision = decide_payout(&known, observation, now);
            if let Decision::ConfirmFirst { at } = decision {
                known.status = PaymentStatus::Confirming;
                known.next_check_at = Some(at);
            }
            let Some(mut next) = known.after(decision, now) else { return Ok(()) };
            if next.status == PaymentStatus::Failed {
                next.next_check_at = another_attempt_at(&next, now);
            }
            match self.write_payout(&next, decision).await? {
                None => return Ok(()),
                Some(newer) => current = *newer,
            }
        }
        Err(StoreError::Contention(Table::MpesaTransactions).into())
    }

    /// Writes; the newer row where somebody was faster.
    async fn write_payout(&self, next: &Payment, decision: Decision) -> Result<Option<Box<Payment>>, Failure> {
        if decision != Decision::Succeed {
            return self.replace_payout(next).await;
        }
        let payments = self.store.payments();
        let settled = match next.kind {
            PaymentKind::Refund => payments.settle_refund(next).await?,
            PaymentKind::Payout | PaymentKind::Collection => payments.settle_payout(next).await?,
        };
        match settled {
            Settled::Done => {}
            // The seller's share of a dispute: the order was resolved before it was owed.
            Settled::WithoutOrder(order)
                if order.status == OrderStatus::Resolved && order.payout_id == Some(next.id) => {}
            Settled::WithoutOrder(order) => {
                // The money has left, and the order went another way meanwhile: a human compares the two.
                tracing::error!(payment_id = %next.id, order_id = %order.id, status = order.status.as_str(), "payout.order_no_longer_waits");
            }
            Settled::Stale(Some(newer)) => return Ok(Some(newer)),
            Settled::Stale(None) => return Err(Failure::UnknownPayment(next.id)),
            Settled::OrderRefuses(_) | Settled::OwnOrder => return Err(StoreError::Contention(Table::Orders).into()),
            Settled::ReceiptReused => {
                tracing::error!(payment_id = %next.id, "payout.receipt_belongs_to_another");
                let review = Payment {
                    status: PaymentStatus::Review,
                    review: Some(ReviewReason::ReceiptReused),
                    next_check_at: None,
                    ..next.clone()
                };
                return self.replace_payout(&review).await;
            }
        }
        report(next);
        Ok(None)
    }

    async fn replace_payout(&self, next: &Payment) -> Result<Option<Box<Payment>>, Failure> {
        match self.store.payments().replace(next).await? {
            Replaced::Done => {
                if next.status == PaymentStatus::Failed {
                    // Even where another attempt follows by itself: an empty float has to be filled.
                    let again = next.next_check_at.is_some();
                    tracing::error!(payment_id = %next.id, order_id = %next.order_id, result_code = next.result_code.as_deref(), again, "payout.failed");
                } else {
                    report(next);
                }
                Ok(None)
            }
            Replaced::Stale(Some(newer)) => Ok(Some(newer)),
            Replaced::Stale(None) => Err(Failure::UnknownPayment(next.id)),
        }
    }
}

/// When another attempt of a payout or refund that finally failed is worth making without a human (DARAJA.md §10): our float
/// is filled within hours, the receiver's limits are new the next day. Whoever has no account or another number, and whatever
/// is our mistake, waits for a human.
fn another_attempt_at(failed: &Payment, now: Timestamp) -> Option<Timestamp> {
    let after = match failed.result_code.as_deref()? {
        "1" => FLOAT_SECONDS,
        "4" | "8" => LIMIT_SECONDS,
        _ => return None,
    };
    failed.attempt().is_some_and(|attempt| attempt < AUTOMATIC_ATTEMPTS).then(|| now.plus_seconds(after))
}

/// Whether a result is about this payout: either id is enough, since Safaricom's samples show ids of the gateway's own in
/// the place of ours (DARAJA.md §5.3).
fn names(heard: &ResultCallback, payment: &Payment) -> bool {
    let originator = heard.originator_conversation_id.as_ref().is_some_and(|id| id.as_str() == payment.id.to_hex());
    let conversation = match (&heard.conversation_id, &payment.conversation_id) {
        (Some(theirs), Some(ours)) => theirs.as_str() == ours,
        // The acknowledgement was lost, so there is nothing to compare with: the URL's secret must do.
        _ => payment.conversation_id.is_none(),
    };
    originator || conversation
}

fn result(payment: &Payment, heard: &ResultCallback) -> PayoutObservation {
    match PayoutOutcome::of_result(&heard.result_code) {
        PayoutOutcome::Paid => PayoutObservation::ResultPaid { amount: claimed(heard.amount()) },
        PayoutOutcome::Failed(_) => PayoutObservation::ResultFailed { class: FailureClass::Final },
        PayoutOutcome::Misconfigured(code) => {
            tracing::error!(payment_id = %payment.id, result_code = %code, "payout.mpesa_refuses_our_configuration");
            PayoutObservation::ResultFailed { class: FailureClass::Final }
        }
        // The first request with this id counts, and its own result says what became of it.
        PayoutOutcome::Duplicate => PayoutObservation::StatusUnknown,
        PayoutOutcome::Unknown(code) => {
            tracing::warn!(payment_id = %payment.id, result_code = %code, "payout.unknown_result_code");
            PayoutObservation::ResultFailed { class: FailureClass::Unknown }
        }
    }
}

/// The outer code says whether the query worked; the payout's fate is inside (DARAJA.md §6.1).
fn status(heard: &ResultCallback) -> PayoutObservation {
    if heard.result_code.as_str() != "0" {
        return PayoutObservation::StatusUnknown;
    }
    match heard.transaction_status() {
        Some(TransactionStatus::Completed) => PayoutObservation::StatusPaid { amount: absent_is_unreadable(heard) },
        Some(TransactionStatus::NotMoved) => PayoutObservation::StatusFailed,
        Some(TransactionStatus::InProgress | TransactionStatus::Unknown) | None => PayoutObservation::StatusUnknown,
    }
}

/// A status result always names the amount; one that does not is not believed.
fn absent_is_unreadable(heard: &ResultCallback) -> Claimed {
    match claimed(heard.amount()) {
        Claimed::Absent => Claimed::Unreadable,
        amount => amount,
    }
}
