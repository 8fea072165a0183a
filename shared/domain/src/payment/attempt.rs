//! Attempts of a payout or refund: the same money under another id, after one that certainly paid nothing.

use super::{MAX_ATTEMPTS, Payment, PaymentKind, PaymentStatus, ReviewReason};
use crate::{
    Msisdn, PaymentId, Timestamp,
    order::{Order, OrderStatus},
};

impl Payment {
    /// Which attempt a payout or refund is, from its id; `None` for a collection, and after [`MAX_ATTEMPTS`].
    pub fn attempt(&self) -> Option<u32> {
        (1..=MAX_ATTEMPTS).find(|n| self.id_of_attempt(*n) == Some(self.id))
    }

    /// The attempts before this one; none where it is the first.
    pub fn earlier_attempts(&self) -> Vec<PaymentId> {
        let this = self.attempt().unwrap_or_default();
        (1..this).filter_map(|n| self.id_of_attempt(n)).collect()
    }

    fn id_of_attempt(&self, n: u32) -> Option<PaymentId> {
        let (space, name) = match (self.kind, self.refund_of) {
            (PaymentKind::Payout, _) => (*self.order_id.as_uuid(), "payout"),
            (PaymentKind::Refund, Some(collection)) => (*collection.as_uuid(), "refund"),
            _ => return None,
        };
        Some(PaymentId::derived(&space, &format!("{name}-{n}")))
    }

    /// Whether a payout or refund is over and nothing of it was paid: it failed, was taken back, or M-Pesa refused the request.
    pub fn paid_nothing(&self) -> bool {
        matches!(self.status, PaymentStatus::Failed | PaymentStatus::Withdrawn) || self.was_refused()
    }

    /// Whether a payout's money may have left: all but one that nobody sent, or that certainly paid nothing.
    pub fn may_have_left(&self) -> bool {
        self.status != PaymentStatus::Queued && !self.paid_nothing()
    }

    /// The row of a refused request once another attempt follows it: failed, and nobody's work any more. `None` for any other.
    pub fn written_off(&self, now: Timestamp) -> Option<Self> {
        self.was_refused().then(|| Self {
            status: PaymentStatus::Failed,
            review: None,
            next_check_at: None,
            updated_at: now,
            version: self.version.saturating_add(1),
            ..self.clone()
        })
    }

    /// The next attempt of a payout or refund that finally failed or whose request was refused, to `phone` where another one is
    /// known. `None` where something may have been paid, or it was tried too often for a program.
    pub fn again(&self, phone: Option<Msisdn>, now: Timestamp) -> Option<Self> {
        let next = self.attempt()?.checked_add(1).filter(|next| *next <= MAX_ATTEMPTS)?;
        if self.status != PaymentStatus::Failed && !self.was_refused() {
            return None;
        }
        let id = self.id_of_attempt(next)?;
        let phone = phone.unwrap_or_else(|| self.phone.clone());
        let again = Self::begun(id, self.kind, self.order_id, self.user_id, phone, self.amount_kes, now);
        Some(Self { refund_of: self.refund_of, ..again })
    }

    /// What is owed in the place of a payout that paid nothing after all: it was on its way when the order's dispute was decided
    /// otherwise, so that nobody got a share then. `None` where the order owes this payout as it is or nothing at all, and where no
    /// money of the buyer's is known to have come.
    pub fn shares_instead(
        &self,
        order: &Order,
        collected: Option<&Self>,
        phone: Option<Msisdn>,
        now: Timestamp,
    ) -> Option<Vec<Self>> {
        let decision = order.dispute.as_ref()?.decision.as_ref()?;
        let collected = collected.filter(|payment| payment.status == PaymentStatus::Succeeded)?;
        let named = order.status == OrderStatus::Resolved && order.payout_id == Some(self.id);
        if !named || decision.kes_to_seller == self.amount_kes {
            return None;
        }
        let again = Self { amount_kes: decision.kes_to_seller, ..self.again(phone, now)? };
        let to_seller = (decision.kes_to_seller.0 > 0).then_some(again);
        let to_buyer = (decision.kes_to_buyer.0 > 0).then(|| Self::refund(collected, 1, decision.kes_to_buyer, now));
        Some(to_seller.into_iter().chain(to_buyer).collect())
    }

    fn was_refused(&self) -> bool {
        self.status == PaymentStatus::Review && self.review == Some(ReviewReason::RequestRefused)
    }
}
