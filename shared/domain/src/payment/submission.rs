//! The row after a push or a payout was submitted, or was about to be: what was learned, and what follows.
//!
//! Each function gives the next row, or `None` where nothing changes. A callback may have been faster than the answer to
//! the request (DARAJA.md §9), so an answer never takes a payment back.

use super::{
    CollectionObservation, Decision, OrderFooting, Payment, PaymentStatus, PayoutObservation, decide_collection,
    decide_payout, next_check,
};
use crate::Timestamp;

impl Payment {
    /// M-Pesa took the push and gave it these ids.
    #[must_use]
    pub fn push_accepted(&self, merchant_id: Option<&str>, checkout_id: &str, now: Timestamp) -> Option<Self> {
        let mut learned = self.clone();
        learned.merchant_request_id = learned.merchant_request_id.or_else(|| merchant_id.map(ToOwned::to_owned));
        learned.checkout_request_id.get_or_insert_with(|| checkout_id.to_owned());
        learned.submitted_at.get_or_insert(now);
        let decision = decide_collection(self, OrderFooting::Payable, CollectionObservation::PushAccepted, now);
        match learned.after(decision, now) {
            Some(next) => Some(Self { status: PaymentStatus::Pending, ..next }),
            None if learned == *self || !self.status.is_open() => None,
            None => Some(learned.touched(now)),
        }
    }

    /// M-Pesa refused the push with this code: nothing was created.
    #[must_use]
    pub fn push_refused(&self, code: Option<&str>, now: Timestamp) -> Option<Self> {
        let decision = decide_collection(self, OrderFooting::Payable, CollectionObservation::PushRefused, now);
        self.with_code(code).after(decision, now)
    }

    /// The push was not answered: it may have been taken, and a callback may come.
    #[must_use]
    pub fn push_unanswered(&self, now: Timestamp) -> Option<Self> {
        let decision = decide_collection(self, OrderFooting::Payable, CollectionObservation::PushUnanswered, now);
        self.after(decision, now)
    }

    /// The payout is about to be sent: committed before M-Pesa is called. Also for sending the same id again; `None` when it
    /// needs no sending (any more).
    #[must_use]
    pub fn payout_sending(&self, now: Timestamp) -> Option<Self> {
        matches!(self.status, PaymentStatus::Queued | PaymentStatus::Sending).then(|| Self {
            status: PaymentStatus::Sending,
            attempts: self.attempts.saturating_add(1),
            next_check_at: next_check(now, now),
            ..self.touched(now)
        })
    }

    /// M-Pesa has the payout: it was acknowledged, or its id is known already.
    #[must_use]
    pub fn payout_accepted(&self, conversation_id: Option<&str>, now: Timestamp) -> Option<Self> {
        let mut learned = self.clone();
        learned.conversation_id = learned.conversation_id.or_else(|| conversation_id.map(ToOwned::to_owned));
        learned.submitted_at.get_or_insert(now);
        match learned.after(decide_payout(self, PayoutObservation::Accepted, now), now) {
            Some(next) => Some(Self { status: PaymentStatus::Sent, ..next }),
            None if learned == *self || !self.status.is_open() => None,
            None => Some(learned.touched(now)),
        }
    }

    /// M-Pesa refused the payout request itself with this code: nothing was paid, a human must look.
    #[must_use]
    pub fn payout_refused(&self, code: Option<&str>, now: Timestamp) -> Option<Self> {
        self.with_code(code).after(decide_payout(self, PayoutObservation::Refused, now), now)
    }

    /// The payout request was not answered: the same id is sent again, soon.
    #[must_use]
    pub fn payout_unanswered(&self, now: Timestamp) -> Option<Self> {
        match decide_payout(self, PayoutObservation::Unanswered, now) {
            // The reconciler queues it again; that is no reason to wait for hours.
            Decision::Retry { .. } => self.after(Decision::Retry { at: now.plus_seconds(RESEND_SECONDS) }, now),
            other => self.after(other, now),
        }
    }

    /// A payout that was sent without an answer waits to be sent again, with the same id.
    #[must_use]
    pub fn payout_requeued(&self, now: Timestamp) -> Option<Self> {
        (self.status == PaymentStatus::Sending || self.status == PaymentStatus::Queued).then(|| Self {
            status: PaymentStatus::Queued,
            next_check_at: Some(now.plus_seconds(RESEND_SECONDS)),
            ..self.touched(now)
        })
    }

    fn with_code(&self, code: Option<&str>) -> Self {
        Self { result_code: code.map(ToOwned::to_owned).or_else(|| self.result_code.clone()), ..self.clone() }
    }

    /// The next version of this row.
    #[must_use]
    pub fn touched(&self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version.saturating_add(1), ..self.clone() }
    }
}

/// A payout without an answer is sent again after this.
const RESEND_SECONDS: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, Kes, OrderId};

    const BEGUN: Timestamp = Timestamp(1_800_000_000_000);
    const LATER: Timestamp = Timestamp(1_800_000_001_000);

    fn collection(status: PaymentStatus) -> Payment {
        let phone = "254708374149".parse().unwrap();
        let payment = Payment::collection(OrderId::new(), Account::from_bytes([1; 32]), phone, Kes(10), BEGUN);
        Payment { status, ..payment }
    }

    fn payout(status: PaymentStatus) -> Payment {
        let phone = "254708374149".parse().unwrap();
        let payment = Payment::payout(OrderId::new(), 1, Account::from_bytes([1; 32]), phone, Kes(10), BEGUN);
        Payment { status, ..payment }
    }

    #[test]
    fn an_accepted_push_is_pending_under_its_ids() {
        let next = collection(PaymentStatus::Initiated).push_accepted(Some("m"), "ws_1", LATER).unwrap();
        assert_eq!((next.status, next.version, next.submitted_at), (PaymentStatus::Pending, 2, Some(LATER)));
        assert_eq!(
            (next.merchant_request_id.as_deref(), next.checkout_request_id.as_deref()),
            (Some("m"), Some("ws_1"))
        );
        assert_eq!(next.push_accepted(Some("m"), "ws_1", LATER), None, "it is known");
    }

    #[test]
    fn an_answer_never_takes_back_what_a_faster_callback_said() {
        let confirming = collection(PaymentStatus::Confirming).push_accepted(None, "ws_1", LATER).unwrap();
        assert_eq!(
            (confirming.status, confirming.checkout_request_id.as_deref()),
            (PaymentStatus::Confirming, Some("ws_1"))
        );
        for status in [PaymentStatus::Succeeded, PaymentStatus::Failed] {
            assert_eq!(collection(status).push_accepted(None, "ws_1", LATER), None);
            assert_eq!(collection(status).push_refused(Some("500.001.1001"), LATER), None);
            assert_eq!(collection(status).push_unanswered(LATER), None);
            assert_eq!(payout(status).payout_accepted(Some("AG_1"), LATER), None);
            assert_eq!(payout(status).payout_sending(LATER), None);
        }
    }

    #[test]
    fn a_refused_push_failed_with_its_code_and_a_silent_one_stays_open() {
        let refused = collection(PaymentStatus::Initiated).push_refused(Some("400.002.02"), LATER).unwrap();
        assert_eq!((refused.status, refused.result_code.as_deref()), (PaymentStatus::Failed, Some("400.002.02")));
        let silent = collection(PaymentStatus::Initiated).push_unanswered(LATER).unwrap();
        assert_eq!((silent.status, silent.next_check_at), (PaymentStatus::Initiated, Some(BEGUN.plus_seconds(15))));
    }

    #[test]
    fn a_payout_is_committed_as_sending_before_it_is_sent_and_sent_when_m_pesa_has_it() {
        let sending = payout(PaymentStatus::Queued).payout_sending(LATER).unwrap();
        assert_eq!((sending.status, sending.attempts), (PaymentStatus::Sending, 1));
        let again = sending.payout_sending(LATER).unwrap();
        assert_eq!((again.status, again.attempts, again.id), (PaymentStatus::Sending, 2, sending.id));
        let sent = again.payout_accepted(Some("AG_1"), LATER).unwrap();
        assert_eq!((sent.status, sent.conversation_id.as_deref()), (PaymentStatus::Sent, Some("AG_1")));
        assert_eq!(sent.payout_sending(LATER), None);
        assert_eq!(sent.payout_requeued(LATER), None);
    }

    #[test]
    fn a_payout_without_answer_is_sent_again_after_a_minute() {
        let silent = payout(PaymentStatus::Sending).payout_unanswered(LATER).unwrap();
        assert_eq!((silent.status, silent.next_check_at), (PaymentStatus::Sending, Some(LATER.plus_seconds(60))));
        let queued = silent.payout_requeued(LATER).unwrap();
        assert_eq!((queued.status, queued.id, queued.version), (PaymentStatus::Queued, silent.id, silent.version + 1));
        let refused = payout(PaymentStatus::Sending).payout_refused(Some("500.001.1001"), LATER).unwrap();
        assert_eq!(refused.status, PaymentStatus::Review);
    }
}
