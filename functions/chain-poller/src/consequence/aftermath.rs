//! What follows from the status that an event brought: money that is owed, pieces that come back.

use descrow_chain::{Address, EscrowEvent};
use descrow_domain::{
    Account, Kes, Timestamp,
    dispute::{Decision, Dispute, resolution_of},
    order::{Money, Order, OrderMove, OrderStatus, PaymentMode},
    payment::Payment,
};

use super::{Change, Facts};

/// The order remembers whose money it is that moves from now on. Shillings that came for an order which the contract took DOT for
/// go back, as those do that come later (`payment-processor` gives them back); no order names such a refund.
pub(super) fn funded(change: &mut Change, event: &EscrowEvent, facts: &Facts, now: Timestamp) {
    let EscrowEvent::OrderFunded { held, .. } = event else { return };
    change.order.funded_by = Some(if *held { PaymentMode::Dot } else { PaymentMode::Mpesa });
    if let (true, Some(payment)) = (held, facts.collected()) {
        change.payments.push(Payment::refund(payment, 1, payment.amount_kes, now));
    }
}

/// The seller of an order that was paid by M-Pesa is owed its price.
pub(super) fn delivered(change: &mut Change, facts: &Facts, now: Timestamp) {
    if change.order.paid_by() == PaymentMode::Mpesa {
        let price = change.order.quote.kes;
        pay_seller(change, facts, price, now);
    }
}

/// Evidence is taken, and what was on its way to the seller waits.
pub(super) fn disputed(change: &mut Change, before: &Order, event: &EscrowEvent, facts: &Facts, now: Timestamp) {
    let asked = before.pending.as_ref().is_some_and(|pending| pending.action == OrderMove::Dispute);
    if let EscrowEvent::DisputeRaised { by, evidence_cid, .. } = event
        && !(asked && before.dispute.is_some())
    {
        // A party's own wallet raised it: what it says is on the chain only. Evidence of a dispute that the contract refused
        // is still there.
        let party = [before.buyer_id, before.seller_id].into_iter().find(|account| Address::of(account) == *by);
        let evidence_count = before.dispute.as_ref().map_or(0, |dispute| dispute.evidence_count);
        change.order.dispute =
            Some(Dispute { evidence_count, ..Dispute::raised(None, party, evidence_cid.clone(), now) });
    }
    change.withdraw = facts.payout.as_ref().and_then(|payout| payout.withdrawn(now));
    if has_left(facts) {
        change.alarm = Some("a dispute came after the seller's money had left");
    }
}

/// Both sides get their shares.
pub(super) fn resolved(change: &mut Change, before: &Order, event: &EscrowEvent, facts: &Facts, now: Timestamp) {
    let EscrowEvent::DisputeResolved { to_buyer, to_seller, .. } = event else { return };
    let asked = before.pending.as_ref().is_some_and(|pending| pending.action == OrderMove::Resolve);
    let dispute = before.dispute.as_ref();
    let ours = dispute.and_then(|dispute| dispute.decision.clone()).filter(|decision| {
        let shares = decision.resolution.planck(before.quote.amount);
        asked && (shares.buyer, shares.seller) == (*to_buyer, *to_seller)
    });
    // An arbiter decided on the contract itself: what it says there counts.
    let decision = ours.unwrap_or_else(|| {
        let resolution = resolution_of(*to_buyer, *to_seller);
        let shares = resolution.shillings(before.quote.kes);
        let (kes_to_buyer, kes_to_seller) = (shares.buyer, shares.seller);
        Decision { resolution, reason: None, by: Vec::<Account>::new(), at: now, kes_to_buyer, kes_to_seller }
    });
    let (to_buyer, to_seller) = (decision.kes_to_buyer, decision.kes_to_seller);
    let dispute = dispute.cloned().unwrap_or_else(|| Dispute::raised(None, None, String::new(), now));
    change.order.dispute = Some(Dispute { decision: Some(decision), proposal: None, ..dispute });
    if before.paid_by() == PaymentMode::Dot {
        return;
    }
    if has_left(facts) {
        change.alarm = Some("a dispute was decided after the seller's money had left");
        return;
    }
    change.withdraw = facts.payout.as_ref().and_then(|payout| payout.withdrawn(now));
    // What was owed before is not owed any more: a payout that failed then must not be attempted again.
    change.order.payout_id = None;
    if to_buyer.0 > 0 {
        pay_back(change, facts, to_buyer, now);
    }
    if to_seller.0 > 0 {
        pay_seller(change, facts, to_seller, now);
    }
}

/// The pieces are for others again, and a buyer who paid gets the money back.
pub(super) fn cancelled(change: &mut Change, before: &Order, facts: &Facts, now: Timestamp) {
    change.stock = facts.product.as_ref().map(|product| product.restocked(before.quantity, now));
    // A payment may have counted and never have been recorded on the contract: the buyer paid all the same. What the contract
    // took in it gives back itself, and what came by M-Pesa beside that went back then.
    let by_phone = before.paid_by() == PaymentMode::Mpesa;
    if by_phone && (before.status == OrderStatus::Funded || facts.collected().is_some()) {
        pay_back(change, facts, before.quote.kes, now);
    }
}

fn has_left(facts: &Facts) -> bool {
    Money { payment: None, payout: facts.payout.as_ref() }.has_left()
}

fn pay_back(change: &mut Change, facts: &Facts, sum: Kes, now: Timestamp) {
    match facts.collected() {
        Some(payment) => {
            let refund = Payment::refund(payment, 1, sum, now);
            change.order.refund_id = Some(refund.id);
            change.payments.push(refund);
        }
        None => change.alarm = Some("there is no payment to give back"),
    }
}

fn pay_seller(change: &mut Change, facts: &Facts, sum: Kes, now: Timestamp) {
    if facts.collected().is_none() {
        change.alarm = Some("there is no payment to pay the seller from");
        return;
    }
    let attempt = facts.payout.as_ref().and_then(Payment::attempt).unwrap_or(0).saturating_add(1);
    match &facts.seller_phone {
        Some(phone) => {
            let owed = Payment::payout(change.order.id, attempt, change.order.seller_id, phone.clone(), sum, now);
            change.order.payout_id = Some(owed.id);
            // A dispute was asked for before the delivery was final: nothing is sent until the contract has answered it.
            let disputed = change.order.pending.as_ref().is_some_and(|pending| pending.action == OrderMove::Dispute);
            let held = disputed.then(|| owed.withdrawn(now)).flatten();
            change.payments.push(held.unwrap_or(owed));
        }
        None => change.alarm = Some("the seller has no number to be paid at"),
    }
}
