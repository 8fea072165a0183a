//! What is said of a move that waited for the chain and did not happen, since the contract refused it.
//!
//! Only who asked for it is told to try again, and only where trying again is the way out. The other side was told that the move
//! was being recorded, so it is told that it was not. What the system asked for, it asks for again: nobody is told.

use descrow_domain::{
    notification::NotificationKind,
    order::{Order, OrderMove, OrderStatus, Party, PaymentMode, PendingAction},
};

use super::{Cause, cause_of};
use crate::wording::Wording;

/// What `party` is told of it.
pub(super) fn told(order: &Order, was: &PendingAction, party: Party) -> Option<Wording> {
    let title = order.product_title.as_str();
    let again = |what: &str| format!("{what} of “{title}” could not be recorded on the chain. Please try again.");
    let message = match (was.action, cause_of(was.by, order, party), party) {
        // The money is there, so it is no use to pay again.
        (OrderMove::Fund, _, _) => payment(order, party)?,
        (OrderMove::Resolve, _, _) => {
            format!(
                "The decision about “{title}” could not be recorded on the chain. The dispute is open until an admin decides again."
            )
        }
        (_, Cause::Nobody, _) => return None,
        (OrderMove::Ship, Cause::You, _) => again("The shipment"),
        (OrderMove::Ship, Cause::Other, _) => {
            format!("The shipment of “{title}” was not recorded. Your payment stays in escrow.")
        }
        (OrderMove::Deliver, Cause::You, _) => again("The delivery"),
        (OrderMove::Deliver, Cause::Other, _) => {
            format!("The delivery of “{title}” was not recorded. The buyer can confirm it again.")
        }
        (OrderMove::Complete, Cause::You, _) => again("The completion"),
        (OrderMove::Complete, Cause::Other, _) => format!("The completion of “{title}” was not recorded."),
        (OrderMove::Dispute, Cause::You, _) => {
            format!("Your dispute about “{title}” could not be recorded on the chain. Please try again.")
        }
        (OrderMove::Dispute, Cause::Other, Party::Buyer) => {
            format!("The seller's dispute about “{title}” was not recorded. The order goes on.")
        }
        (OrderMove::Dispute, Cause::Other, Party::Seller) => {
            format!("The buyer's dispute about “{title}” was not recorded. The order goes on.")
        }
        (OrderMove::Cancel, Cause::You, _) => again("The cancellation"),
        (OrderMove::Cancel, Cause::Other, _) => {
            format!("The cancellation of “{title}” was not recorded. The order goes on.")
        }
    };
    Some(wording(message))
}

/// What an admin who took part in the decision is told.
pub fn decision(order: &Order) -> Wording {
    let title = order.product_title.as_str();
    wording(format!("Your decision about “{title}” could not be recorded on the chain. Please decide again."))
}

/// The contract did not take the payment. `None` where the order was paid otherwise meanwhile.
fn payment(order: &Order, party: Party) -> Option<String> {
    let title = order.product_title.as_str();
    if order.status != OrderStatus::Created {
        return None;
    }
    Some(match (party, order.payment_mode) {
        (Party::Buyer, PaymentMode::Mpesa) => format!(
            "The contract did not take your payment for “{title}”. Your KES {} are held: cancel the order to get them back, or \
             they come back when the time to pay is over.",
            order.quote.kes.0
        ),
        (Party::Buyer, PaymentMode::Dot) => {
            format!("The contract did not take your payment for “{title}”. Check the order and pay again.")
        }
        (Party::Seller, _) => {
            format!(
                "The contract did not take the buyer's payment for “{title}”. The order is not paid: do not ship it."
            )
        }
    })
}

fn wording(message: String) -> Wording {
    Wording { kind: NotificationKind::OrderActionFailed, title: "Not recorded", message }
}

#[cfg(test)]
mod tests;
