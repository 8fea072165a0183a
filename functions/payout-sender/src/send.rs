//! One wake-up.

use descrow_domain::{
    PaymentId, Timestamp,
    payment::{
        Decision, GIVE_UP_SECONDS, Payment, PaymentKind, PaymentStatus, PayoutObservation, ReviewReason, decide_payout,
        regular_check,
    },
};
use descrow_mpesa::{B2cSettings, CallError, CallbackUrls, Daraja, Payout, PayoutAccepted, StatusQuery};
use descrow_platform::{
    Deadline,
    queue::{Disposition, SCHEMA_VERSION, WakeUp},
};
use descrow_store::{Replaced, Retried, Store, StoreError};

/// Sends payouts.
pub struct PayoutSender {
    /// The database.
    pub store: Store,
    /// M-Pesa.
    pub daraja: Daraja,
    /// As which shortcode and operator.
    pub b2c: B2cSettings,
    /// Where results come.
    pub urls: CallbackUrls,
}

/// Why a message is not done; it will come again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database did not do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The message is no wake-up of a version we know.
    #[error("message is of no known shape or version")]
    Message,
    /// No such payment: a lost row, or somebody else's message.
    #[error("payment {0} does not exist")]
    UnknownPayment(PaymentId),
    /// M-Pesa refuses our credentials or configuration.
    #[error("payout {payment}: {error}")]
    Configuration {
        /// The payout.
        payment: PaymentId,
        /// What M-Pesa says.
        error: CallError,
    },
}

impl PayoutSender {
    /// Handles the message with `body`.
    ///
    /// # Errors
    /// [`Failure`]: the message must come again.
    pub async fn handle(&self, body: &str, deadline: Deadline) -> Result<Disposition, Failure> {
        let wake: WakeUp = serde_json::from_str(body).map_err(|_| Failure::Message)?;
        let id: PaymentId = wake.id.parse().map_err(|_| Failure::Message)?;
        if wake.v != SCHEMA_VERSION {
            return Err(Failure::Message);
        }
        let payment = self.store.payments().get(id).await?.ok_or(Failure::UnknownPayment(id))?;
        let now = Timestamp::now();
        match payment.status {
            _ if payment.kind == PaymentKind::Collection => return Err(Failure::Message),
            PaymentStatus::Queued => self.begin(payment, now, deadline).await?,
            PaymentStatus::Sending => self.take(payment, now, deadline).await?,
            PaymentStatus::Sent | PaymentStatus::Confirming if payment.next_check_at.is_some_and(|at| at <= now) => {
                self.ask(payment, deadline).await?;
            }
            PaymentStatus::Failed if payment.next_check_at.is_some_and(|at| at <= now) => {
                self.again(payment, now).await?;
            }
            _ => tracing::info!(payment_id = %id, status = payment.status.as_str(), "payout.nothing_to_do"),
        }
        Ok(Disposition::Delete)
    }

    /// Queues another attempt, under an id of its own, of what failed for a passing reason. It is there once however often this
    /// is done; the failed row leaves the schedule last, so that a crash between the two is made up for.
    async fn again(&self, failed: Payment, now: Timestamp) -> Result<(), Failure> {
        let payments = self.store.payments();
        if let Some(next) = failed.again(None, now) {
            match payments.retry(&failed, &next, None).await? {
                Retried::Done | Retried::Known(_) => {}
                // A late result, or another sender: what is there now is looked at when it is due.
                Retried::Stale(_) => return Ok(()),
                // A dispute was asked for: whether the seller is still owed it shows when the contract has answered.
                Retried::OrderMoved(Some(order)) if order.pending.is_some() => {
                    let later = |current: &Payment| {
                        (current.status == PaymentStatus::Failed && current.next_check_at.is_some()).then(|| Payment {
                            next_check_at: Some(regular_check(now, now)),
                            updated_at: now,
                            version: current.version.saturating_add(1),
                            ..current.clone()
                        })
                    };
                    payments.amend(failed, later).await?;
                    return Ok(());
                }
                Retried::OrderMoved(_) => {
                    tracing::error!(payment_id = %failed.id, order_id = %failed.order_id, "payout.order_no_longer_owes_it");
                }
            }
        }
        let off_schedule = |current: &Payment| {
            (current.status == PaymentStatus::Failed && current.next_check_at.is_some()).then(|| Payment {
                next_check_at: None,
                updated_at: now,
                version: current.version.saturating_add(1),
                ..current.clone()
            })
        };
        payments.amend(failed, off_schedule).await?;
        Ok(())
    }

    /// Whether an earlier attempt may have paid after all, against what M-Pesa said first.
    async fn was_paid_before(&self, payment: &Payment) -> Result<bool, Failure> {
        let earlier = payment.earlier_attempts();
        if earlier.is_empty() {
            return Ok(false);
        }
        let earlier = self.store.payments().get_all(&earlier).await?;
        Ok(!earlier.iter().all(Payment::paid_nothing))
    }

    /// Takes a payout that nobody sent yet: from now on M-Pesa may have it.
    async fn begin(&self, payment: Payment, now: Timestamp, deadline: Deadline) -> Result<(), Failure> {
        if self.was_paid_before(&payment).await? {
            let decision = Decision::Review { reason: ReviewReason::Contradiction };
            if let Some(held) = payment.after(decision, now)
                && self.store.payments().replace(&held).await? == Replaced::Done
            {
                tracing::error!(payment_id = %held.id, order_id = %held.order_id, reason = ?held.review, "payment.needs_a_human");
            }
            return Ok(());
        }
        self.take(payment, now, deadline).await
    }

    /// Takes a payout and sends it: from now on M-Pesa may have it. Whoever takes it raises its version, so that a sender that
    /// comes to know that nothing happened knows too whether it was the only one.
    async fn take(&self, payment: Payment, now: Timestamp, deadline: Deadline) -> Result<(), Failure> {
        let first = payment.status == PaymentStatus::Queued;
        let taken = Payment {
            status: PaymentStatus::Sending,
            updated_at: now,
            version: payment.version.saturating_add(1),
            ..payment
        };
        match self.store.payments().replace(&taken).await? {
            Replaced::Done => self.send(taken, first, deadline).await,
            // Somebody else took it, and sends it; a second send would be refused as a duplicate and gain nothing.
            Replaced::Stale(_) => Ok(()),
        }
    }

    /// Sends what was taken; `first` where no earlier send of it can have arrived.
    async fn send(&self, taken: Payment, first: bool, deadline: Deadline) -> Result<(), Failure> {
        let (id, version) = (taken.id, taken.version);
        let Ok(request) = Payout::new(id, taken.phone.clone(), taken.amount_kes, &self.urls) else {
            tracing::error!(payment_id = %id, "payout.amount_out_of_range");
            return self.record(taken, |_| PayoutObservation::Refused, |_| {}).await;
        };
        let answer = self.daraja.payout(&self.b2c, &request, deadline).await;
        if let Err(error) = &answer {
            let repeated = !first;
            if matches!(error, CallError::Rejected(_)) {
                tracing::error!(payment_id = %id, %error, repeated, "payout.request_refused");
            } else {
                tracing::warn!(payment_id = %id, %error, repeated, "payout.not_sent_or_not_answered");
            }
            if error.nothing_happened() && Timestamp::now() > taken.created_at.plus_seconds(GIVE_UP_SECONDS) {
                tracing::error!(payment_id = %id, order_id = %taken.order_id, %error, "payout.not_sent_for_days");
            }
        }
        // Only who sends a payout alone, and first, may conclude from its own answer that M-Pesa has nothing of it.
        let alone = |current: &Payment| first && current.version == version;
        let observe = |current: &Payment| match &answer {
            Ok(_) => PayoutObservation::Accepted,
            Err(CallError::Rejected(_)) if alone(current) => PayoutObservation::Refused,
            // An earlier send may have arrived, and no other one will: what became of it, M-Pesa tells or a human asks.
            Err(CallError::Rejected(_)) => PayoutObservation::Unanswered,
            Err(error) if error.nothing_happened() => PayoutObservation::NotSent,
            Err(_) => PayoutObservation::Unanswered,
        };
        self.record(taken, observe, |payment| {
            let alone = alone(payment);
            payment.attempts = payment.attempts.saturating_add(1);
            match &answer {
                Ok(accepted) => {
                    payment.status = PaymentStatus::Sent;
                    payment.submitted_at.get_or_insert_with(Timestamp::now);
                    if let PayoutAccepted::Queued(Some(conversation)) = accepted {
                        payment.conversation_id.get_or_insert_with(|| conversation.as_str().to_owned());
                    }
                }
                Err(CallError::Rejected(fault)) => {
                    payment.result_code = Some(fault.code.clone());
                    if !alone {
                        payment.submitted_at.get_or_insert_with(Timestamp::now);
                    }
                }
                // Nobody has it: it can be taken back, and its next send is the first again.
                Err(error) if error.nothing_happened() => {
                    if alone {
                        payment.status = PaymentStatus::Queued;
                    }
                }
                Err(_) => {
                    payment.submitted_at.get_or_insert_with(Timestamp::now);
                }
            }
        })
        .await?;
        match answer {
            Err(error) if error.is_configuration() => Err(Failure::Configuration { payment: id, error }),
            _ => Ok(()),
        }
    }

    /// The result is late: asks for it, and looks again later. The answer comes as a callback.
    async fn ask(&self, payment: Payment, deadline: Deadline) -> Result<(), Failure> {
        let id = payment.id;
        let asked = self.daraja.transaction_status(&self.b2c, &StatusQuery::of_payout(id, &self.urls), deadline).await;
        let observation = match &asked {
            // A question that is refused for itself will not be answered by asking on: it ends with a human.
            Err(error) if error.nothing_happened() && !matches!(error, CallError::Rejected(_)) => {
                PayoutObservation::NotSent
            }
            _ => PayoutObservation::StatusUnknown,
        };
        self.record(
            payment,
            |_| observation,
            |payment| {
                payment.attempts = payment.attempts.saturating_add(1);
            },
        )
        .await?;
        match asked {
            Err(error) if error.is_configuration() => Err(Failure::Configuration { payment: id, error }),
            Err(error) => {
                tracing::warn!(payment_id = %id, %error, "payout.status_not_asked");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Writes what is known now. A result may have been faster: it knows more, and what it wrote stays.
    async fn record(
        &self,
        payment: Payment,
        observe: impl Fn(&Payment) -> PayoutObservation,
        learn: impl Fn(&mut Payment),
    ) -> Result<(), Failure> {
        let now = Timestamp::now();
        let (payment, changed) = self
            .store
            .payments()
            .amend(payment, |current| {
                // The decision is about the row before the answer; what is learned goes onto the row after it.
                let decision = decide_payout(current, observe(current), now);
                if decision == Decision::Ignore {
                    return None;
                }
                let mut known = current.clone();
                learn(&mut known);
                known.after(decision, now)
            })
            .await?;
        if changed && payment.status == PaymentStatus::Review {
            tracing::error!(payment_id = %payment.id, reason = ?payment.review, "payment.needs_a_human");
        }
        Ok(())
    }
}
