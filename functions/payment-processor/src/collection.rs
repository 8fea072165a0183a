//! A buyer's payment.

use std::time::Duration;

use descrow_domain::{
    Timestamp,
    payment::{
        Claimed, CollectionObservation, Decision, FailureClass, OrderFooting, Payment, PaymentStatus, ReviewReason,
        decide_collection,
    },
};
use descrow_mpesa::{CallError, CheckoutRequestId, KesCents, StkCallback, StkOutcome};
use descrow_platform::Deadline;
use descrow_store::{Replaced, Settled, StoreError, Table};

use crate::{Failure, Processor};

/// How often a payment is decided anew when others change it at the same time.
const ATTEMPTS: u32 = 6;
/// A status query that does not answer is asked once more after this: Daraja does not know a prompt in its first seconds,
/// and wants ten seconds between two queries of one payment (DARAJA.md §4, §11).
const SECOND_QUERY: Duration = Duration::from_secs(10);
/// What a query and the write after it need at the most.
const QUERY_BUDGET: Duration = Duration::from_secs(6);

impl Processor {
    /// What an STK callback says.
    pub(crate) async fn hear_collection(
        &self,
        payment: Payment,
        heard: StkCallback,
        received_at: Timestamp,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        if let (Some(ours), Some(theirs)) = (&payment.checkout_request_id, &heard.checkout_request_id)
            && ours != theirs.as_str()
        {
            // Somebody knows this URL but not this payment. What is true of our own prompt, M-Pesa tells.
            tracing::error!(payment_id = %payment.id, "payment.callback_names_another_prompt");
            return self.check_collection(payment, deadline).await;
        }
        let observation = match StkOutcome::of_callback(&heard.result_code) {
            StkOutcome::Paid => CollectionObservation::CallbackSuccess { amount: claimed(heard.amount) },
            StkOutcome::Failed(_) => CollectionObservation::CallbackFailure { class: FailureClass::Final },
            StkOutcome::Misconfigured(code) => {
                tracing::error!(payment_id = %payment.id, result_code = %code, "payment.mpesa_refuses_our_configuration");
                CollectionObservation::CallbackFailure { class: FailureClass::Final }
            }
            StkOutcome::Pending | StkOutcome::Unknown(_) => {
                tracing::warn!(payment_id = %payment.id, result_code = %heard.result_code, "payment.unknown_result_code");
                CollectionObservation::CallbackFailure { class: FailureClass::Unknown }
            }
        };
        let learn = |payment: &mut Payment| {
            payment.callback_at.get_or_insert(received_at);
            if let Some(id) = &heard.checkout_request_id {
                payment.checkout_request_id.get_or_insert_with(|| id.as_str().to_owned());
            }
            if let Some(id) = &heard.merchant_request_id {
                payment.merchant_request_id.get_or_insert_with(|| id.as_str().to_owned());
            }
            if let Some(receipt) = &heard.receipt {
                // A claim that nothing confirmed may be a stranger's: its receipt gives way to the next one's.
                if payment.status.is_open() {
                    payment.receipt = None;
                }
                payment.receipt.get_or_insert_with(|| receipt.as_str().to_owned());
            }
            // What is over keeps the code it ended with.
            if payment.status.is_open() {
                payment.result_code = Some(heard.result_code.as_str().to_owned());
            }
        };
        self.settle_collection(payment, observation, learn, deadline).await
    }

    /// Nobody called back: what does M-Pesa say?
    pub(crate) async fn check_collection(&self, payment: Payment, deadline: Deadline) -> Result<(), Failure> {
        if !payment.status.is_open() {
            return Ok(());
        }
        let (observation, _) = self.query(&payment, Timestamp::now(), deadline).await;
        self.settle_collection(payment, observation, |_| {}, deadline).await
    }

    /// Decides, confirms where a success is only claimed, and writes; again while others are faster.
    async fn settle_collection(
        &self,
        payment: Payment,
        observation: CollectionObservation,
        learn: impl Fn(&mut Payment),
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let mut current = payment;
        let mut footing = OrderFooting::Payable;
        let mut observation = observation;
        for _ in 0..ATTEMPTS {
            let now = Timestamp::now();
            let mut known = current.clone();
            learn(&mut known);
            let mut decision = decide_collection(&known, footing, observation, now);
            if let Decision::ConfirmFirst { at } = decision {
                known.status = PaymentStatus::Confirming;
                known.next_check_at = Some(at);
                known.review = None;
                let (answer, answered) = self.confirm(&known, deadline).await;
                decision = decide_collection(&known, footing, answer, Timestamp::now());
                if answered {
                    // A conflict below repeats the decision, not the question.
                    observation = answer;
                }
            }
            match self.write_collection(&current, &known, decision).await? {
                Written::Done => return Ok(()),
                Written::Changed(newer) => current = *newer,
                Written::OrderRefuses(refuses) => footing = refuses,
                Written::ReceiptReused => {
                    tracing::error!(payment_id = %current.id, "payment.receipt_belongs_to_another");
                    let decision = Decision::Review { reason: ReviewReason::ReceiptReused };
                    match self.write_collection(&current, &known, decision).await? {
                        Written::Changed(newer) => current = *newer,
                        _ => return Ok(()),
                    }
                }
            }
        }
        Err(StoreError::Contention(Table::MpesaTransactions).into())
    }

    /// Makes `decision` true; `known` is the row as read in `current` with what was learned.
    async fn write_collection(
        &self,
        current: &Payment,
        known: &Payment,
        decision: Decision,
    ) -> Result<Written, Failure> {
        let now = Timestamp::now();
        let payments = self.store.payments();
        let Some(next) = known.after(decision, now) else {
            if known == current {
                return Ok(Written::Done);
            }
            // Nothing is decided, but something was learned: the receipt of a payment that a query settled, for one.
            let next = Payment { updated_at: now, version: current.version.saturating_add(1), ..known.clone() };
            if (next.status == PaymentStatus::Succeeded || next.goes_back()) && next.receipt != current.receipt {
                return Ok(match payments.attach_receipt(&next).await? {
                    Settled::Stale(Some(newer)) => Written::Changed(newer),
                    Settled::ReceiptReused => {
                        tracing::error!(payment_id = %next.id, "payment.receipt_belongs_to_another");
                        Written::Done
                    }
                    _ => Written::Done,
                });
            }
            return replaced(payments.replace(&next).await?, current);
        };
        let written = match decision {
            Decision::Succeed => match payments.settle_collection(&next).await? {
                Settled::Done | Settled::WithoutOrder(_) => Written::Done,
                Settled::Stale(Some(newer)) => Written::Changed(newer),
                Settled::Stale(None) => return Err(Failure::UnknownPayment(next.id)),
                Settled::OrderRefuses(Some(order)) => Written::OrderRefuses(OrderFooting::of(&order)),
                // Nobody states anything here, so no order is its own.
                Settled::OrderRefuses(None) | Settled::OwnOrder => Written::OrderRefuses(OrderFooting::Closed),
                Settled::ReceiptReused => Written::ReceiptReused,
            },
            // Nobody has to ask for it: money that no order can take goes back to the phone that it came from.
            Decision::Review { reason: ReviewReason::SecondPayment | ReviewReason::OrderClosed } => {
                let refund = Payment::refund(&next, 1, next.amount_kes, now);
                match payments.give_back(&next, &refund).await? {
                    Settled::Stale(Some(newer)) => Written::Changed(newer),
                    Settled::Stale(None) => return Err(Failure::UnknownPayment(next.id)),
                    Settled::ReceiptReused => Written::ReceiptReused,
                    _ => Written::Done,
                }
            }
            _ => replaced(payments.replace(&next).await?, current)?,
        };
        if matches!(written, Written::Done) {
            report(&next);
        }
        Ok(written)
    }

    /// Asks whether a claimed success is true, twice where time allows. Tells the answer, and whether it was one.
    async fn confirm(&self, payment: &Payment, deadline: Deadline) -> (CollectionObservation, bool) {
        let first = self.query(payment, Timestamp::now(), deadline).await;
        if first.1 || first.0 == CollectionObservation::Unqueryable || !deadline.allows(SECOND_QUERY + QUERY_BUDGET) {
            return first;
        }
        tokio::time::sleep(SECOND_QUERY).await;
        self.query(payment, Timestamp::now(), deadline).await
    }

    /// One status query, and whether it said anything.
    async fn query(&self, payment: &Payment, now: Timestamp, deadline: Deadline) -> (CollectionObservation, bool) {
        let id = payment.checkout_request_id.as_deref().and_then(|id| id.parse::<CheckoutRequestId>().ok());
        let Some(id) = id else { return (CollectionObservation::Unqueryable, false) };
        let age = Duration::from_secs(u64::try_from(payment.age_seconds(now)).unwrap_or_default());
        match self.daraja.stk_query(&self.stk, &id, age, deadline.within(QUERY_BUDGET)).await {
            Ok(StkOutcome::Paid) => (CollectionObservation::QueryPaid, true),
            Ok(StkOutcome::Pending) => (CollectionObservation::QueryPending, true),
            Ok(StkOutcome::Failed(_)) => (CollectionObservation::QueryFailed { class: FailureClass::Final }, true),
            Ok(StkOutcome::Misconfigured(code)) => {
                tracing::error!(payment_id = %payment.id, result_code = %code, "payment.mpesa_refuses_our_configuration");
                (CollectionObservation::QueryFailed { class: FailureClass::Final }, true)
            }
            Ok(StkOutcome::Unknown(code)) => {
                tracing::warn!(payment_id = %payment.id, result_code = %code, "payment.unknown_result_code");
                (CollectionObservation::QueryFailed { class: FailureClass::Unknown }, true)
            }
            Err(CallError::NoAnswer) => (CollectionObservation::QueryNoAnswer, false),
            Err(error) => {
                tracing::error!(payment_id = %payment.id, error = %error, "payment.query_failed");
                (CollectionObservation::QueryNoAnswer, false)
            }
        }
    }
}

/// What became of a write.
enum Written {
    Done,
    Changed(Box<Payment>),
    OrderRefuses(OrderFooting),
    ReceiptReused,
}

fn replaced(replaced: Replaced<Payment>, current: &Payment) -> Result<Written, Failure> {
    match replaced {
        Replaced::Done => Ok(Written::Done),
        Replaced::Stale(Some(newer)) => Ok(Written::Changed(newer)),
        Replaced::Stale(None) => Err(Failure::UnknownPayment(current.id)),
    }
}

/// The amount a callback claims.
pub(crate) fn claimed(amount: Option<KesCents>) -> Claimed {
    match amount.map(KesCents::whole) {
        None => Claimed::Absent,
        Some(Some(kes)) => Claimed::Shillings(kes),
        Some(None) => Claimed::Unreadable,
    }
}

/// One line for each outcome; what needs a human is an error, so that an alarm sees it.
pub(crate) fn report(payment: &Payment) {
    let (payment_id, order_id, status) = (payment.id, payment.order_id, payment.status.as_str());
    if payment.goes_back() {
        tracing::warn!(%payment_id, %order_id, reason = ?payment.review, "payment.given_back");
    } else if payment.status == PaymentStatus::Review {
        tracing::error!(%payment_id, %order_id, reason = ?payment.review, "payment.needs_a_human");
    } else {
        tracing::info!(%payment_id, %order_id, status, "payment.decided");
    }
}
