//! What the parties of an order are told of it.

use descrow_domain::{
    Account,
    dispute::{Decision, DisputeResolution},
    notification::NotificationKind,
    order::{Order, OrderMove, OrderStatus, Party, PaymentMode},
};

use super::Wording;

mod refused;

pub use refused::decision as refused_decision;

/// What `party` should be told of a change of the order; `None` where the order itself, as it is shown, says enough.
pub fn order(before: Option<&Order>, after: &Order, party: Party) -> Option<Wording> {
    let Some(before) = before else { return Some(status(after, party)) };
    if before.status != after.status {
        return Some(status(after, party));
    }
    match (&before.pending, &after.pending) {
        (None, Some(now)) => return now.by.map(|_| pending(after, now.action)),
        (Some(was), None) => return refused::told(after, was, party),
        _ => {}
    }
    let closed = |order: &Order| order.dispute.as_ref().is_some_and(|dispute| dispute.evidence_closed_at.is_some());
    if closed(after) && !closed(before) {
        return Some(evidence_closed(after));
    }
    if before.dot_payment != after.dot_payment {
        return dot_payment(after, party);
    }
    None
}

/// Who made the order reach its status, as `party` sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    You,
    Other,
    Nobody,
}

fn cause(order: &Order, party: Party) -> Cause {
    let by = order.history.last().filter(|line| line.status == order.status).and_then(|line| line.by);
    cause_of(by, order, party)
}

fn cause_of(by: Option<Account>, order: &Order, party: Party) -> Cause {
    match by.and_then(|by| order.party(&by)) {
        Some(who) if who == party => Cause::You,
        Some(_) => Cause::Other,
        None => Cause::Nobody,
    }
}

/// That the order reached its status.
fn status(order: &Order, party: Party) -> Wording {
    use OrderStatus as S;
    use Party::{Buyer, Seller};
    use PaymentMode::{Dot, Mpesa};
    let title = order.product_title.as_str();
    let (line, message) = match (order.status, party) {
        (S::Created, Buyer) => ("Order placed", format!("You ordered “{title}”. It waits for your payment.")),
        (S::Created, Seller) => ("New order", format!("“{title}” was ordered. It waits for the buyer's payment.")),
        (S::Funded, Buyer) => {
            ("Payment in escrow", format!("Your payment for “{title}” is held until you confirm delivery."))
        }
        (S::Funded, Seller) => {
            ("Order paid", format!("The payment for “{title}” is held in escrow. You can ship it now."))
        }
        (S::Shipped, Buyer) => ("Order shipped", format!("“{title}” is on its way. Confirm when it has arrived.")),
        (S::Shipped, Seller) => {
            ("Shipment recorded", format!("The shipment of “{title}” is recorded. The buyer was told."))
        }
        (S::Delivered, _) => delivered(order, party),
        (S::Completed, Buyer) => {
            ("Order completed", format!("The seller of “{title}” was paid. The order is complete."))
        }
        (S::Completed, Seller) => match order.paid_by() {
            Mpesa => ("Order completed", format!("You were paid for “{title}”. The order is complete.")),
            Dot => (
                "Order completed",
                format!("The contract paid {} DOT to you for “{title}”. The order is complete.", price_dot(order)),
            ),
        },
        (S::Disputed, _) => disputed(order, party),
        (S::Resolved, _) => resolved(order, party),
        (S::Cancelled, _) => cancelled(order, party),
    };
    Wording { kind: NotificationKind::OrderStatus, title: line, message }
}

fn delivered(order: &Order, party: Party) -> (&'static str, String) {
    let title = order.product_title.as_str();
    let how = match (cause(order, party), party) {
        (Cause::Nobody, _) => format!("The time to inspect “{title}” is over: it counts as delivered."),
        (_, Party::Buyer) => format!("You confirmed the delivery of “{title}”."),
        (_, Party::Seller) => format!("The buyer confirmed the delivery of “{title}”."),
    };
    match (party, order.paid_by()) {
        (Party::Buyer, _) => ("Delivery confirmed", format!("{how} The seller is being paid.")),
        (Party::Seller, PaymentMode::Mpesa) => ("Order delivered", format!("{how} Your payout is on its way.")),
        (Party::Seller, PaymentMode::Dot) => ("Order delivered", format!("{how} The contract is paying you.")),
    }
}

fn disputed(order: &Order, party: Party) -> (&'static str, String) {
    let title = order.product_title.as_str();
    let by = order.dispute.as_ref().and_then(|dispute| dispute.by);
    let who = match (cause_of(by, order, party), party) {
        (Cause::You, _) => format!("Your dispute about “{title}” is open."),
        (Cause::Other, Party::Buyer) => format!("The seller disputes the order of “{title}”."),
        (Cause::Other, Party::Seller) => format!("The buyer disputes the order of “{title}”."),
        (Cause::Nobody, _) => format!("The order of “{title}” is disputed."),
    };
    ("Order disputed", format!("{who} The money stays in escrow until an admin decides. You can hand in evidence."))
}

fn resolved(order: &Order, party: Party) -> (&'static str, String) {
    let title = order.product_title.as_str();
    let Some(decision) = order.dispute.as_ref().and_then(|dispute| dispute.decision.as_ref()) else {
        return ("Dispute resolved", format!("The dispute about “{title}” was decided on the contract."));
    };
    let (yours, theirs) = match party {
        Party::Buyer => shares(order, decision),
        Party::Seller => {
            let (buyer, seller) = shares(order, decision);
            (seller, buyer)
        }
    };
    let other = match party {
        Party::Buyer => "seller",
        Party::Seller => "buyer",
    };
    let outcome = match (decision.resolution, party) {
        (DisputeResolution::RefundBuyer, Party::Buyer) | (DisputeResolution::ReleaseToSeller, Party::Seller) => {
            format!("You get the whole {yours}.")
        }
        (DisputeResolution::RefundBuyer, Party::Seller) | (DisputeResolution::ReleaseToSeller, Party::Buyer) => {
            format!("The {other} gets the whole {theirs}.")
        }
        (DisputeResolution::Split { .. }, _) => format!("You get {yours}, the {other} gets {theirs}."),
    };
    ("Dispute resolved", format!("An admin decided about “{title}”. {outcome}"))
}

/// What the buyer and the seller get, as people write it.
fn shares(order: &Order, decision: &Decision) -> (String, String) {
    match order.paid_by() {
        PaymentMode::Mpesa => (format!("KES {}", decision.kes_to_buyer.0), format!("KES {}", decision.kes_to_seller.0)),
        PaymentMode::Dot => {
            let split = decision.resolution.planck(order.quote.amount);
            (format!("{} DOT", split.buyer.to_dot()), format!("{} DOT", split.seller.to_dot()))
        }
    }
}

fn cancelled(order: &Order, party: Party) -> (&'static str, String) {
    let title = order.product_title.as_str();
    let paid = order.was_funded();
    // The shillings came, and the contract never took note of them.
    let held = !paid && order.refund_id.is_some();
    let why = match (cause(order, party), party) {
        (Cause::You, _) => format!("You cancelled the order of “{title}”."),
        (Cause::Other, Party::Buyer) => format!("The seller cancelled the order of “{title}”."),
        (Cause::Other, Party::Seller) => format!("The buyer cancelled the order of “{title}”."),
        (Cause::Nobody, Party::Buyer) if paid => {
            format!("The seller did not ship “{title}” in time: the order is cancelled.")
        }
        (Cause::Nobody, Party::Seller) if paid => {
            format!("You did not ship “{title}” in time: the order is cancelled.")
        }
        (Cause::Nobody, _) if held => {
            format!("The payment for “{title}” could not be recorded in time: the order is cancelled.")
        }
        (Cause::Nobody, Party::Buyer) => format!("You did not pay for “{title}” in time: the order is cancelled."),
        (Cause::Nobody, Party::Seller) => {
            format!("The buyer did not pay for “{title}” in time: the order is cancelled.")
        }
    };
    let money = match (paid, party, order.paid_by()) {
        (false, Party::Buyer, _) if held => format!(" KES {} go back to the phone that paid.", order.quote.kes.0),
        (false, Party::Buyer, _) => " You owe nothing.".to_owned(),
        (false, Party::Seller, _) => " It is on offer again.".to_owned(),
        (true, Party::Buyer, PaymentMode::Mpesa) => {
            format!(" KES {} go back to the phone that paid.", order.quote.kes.0)
        }
        (true, Party::Buyer, PaymentMode::Dot) => format!(" The contract pays {} DOT back to you.", price_dot(order)),
        (true, Party::Seller, _) => " The buyer gets the money back. It is on offer again.".to_owned(),
    };
    ("Order cancelled", why + &money)
}

fn price_dot(order: &Order) -> String {
    order.quote.amount.to_dot()
}

/// That a move waits for the chain which somebody asked for. What the system asks for is told when it happened.
fn pending(order: &Order, action: OrderMove) -> Wording {
    let message = format!("“{}”: {} is being recorded on the chain.", order.product_title.as_str(), noun(action));
    Wording { kind: NotificationKind::OrderPending, title: "Being recorded", message }
}

fn noun(action: OrderMove) -> &'static str {
    match action {
        OrderMove::Fund => "the payment",
        OrderMove::Ship => "the shipment",
        OrderMove::Deliver => "the delivery",
        OrderMove::Complete => "the completion",
        OrderMove::Dispute => "the dispute",
        OrderMove::Resolve => "the decision",
        OrderMove::Cancel => "the cancellation",
    }
}

fn evidence_closed(order: &Order) -> Wording {
    let title = order.product_title.as_str();
    let message = format!("The time for evidence about “{title}” is over. An admin decides on what was handed in.");
    Wording { kind: NotificationKind::Dispute, title: "Evidence closed", message }
}

/// What became of the payment in DOT that the buyer reported.
fn dot_payment(order: &Order, party: Party) -> Option<Wording> {
    let title = order.product_title.as_str();
    let payment = order.dot_payment.as_ref()?;
    let (line, message) = match (&payment.failure, party) {
        (None, Party::Buyer) => {
            ("Payment sent", format!("Your payment of {} DOT for “{title}” waits for the chain.", price_dot(order)))
        }
        (Some(_), Party::Buyer) => (
            "Payment refused",
            format!("The contract did not take your payment for “{title}”. Check the order and pay again."),
        ),
        (_, Party::Seller) => return None,
    };
    Some(Wording { kind: NotificationKind::Payment, title: line, message })
}

#[cfg(test)]
mod tests;
