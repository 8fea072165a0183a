//! What notifications say. No personal data: they show on lock screens.

use descrow_domain::{
    notification::NotificationKind,
    order::{Order, OrderMove, OrderStatus, Party},
    payment::{Payment, PaymentKind, PaymentStatus},
};

/// The text of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// What it is about.
    pub kind: NotificationKind,
    /// One line.
    pub title: &'static str,
    /// A sentence.
    pub message: String,
}

/// That the order reached its status.
pub fn status(order: &Order, party: Party) -> Wording {
    use OrderStatus as S;
    use Party::{Buyer, Seller};
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
        (S::Delivered, Buyer) => {
            ("Delivery confirmed", format!("The delivery of “{title}” is confirmed. The seller is being paid."))
        }
        (S::Delivered, Seller) => {
            ("Order delivered", format!("The delivery of “{title}” is confirmed. Your payout is on its way."))
        }
        (S::Completed, Buyer) => {
            ("Order completed", format!("The seller of “{title}” was paid. The order is complete."))
        }
        (S::Completed, Seller) => ("Order completed", format!("You were paid for “{title}”. The order is complete.")),
        (S::Disputed, _) => {
            ("Order disputed", format!("An admin will decide about “{title}”. You can hand in evidence."))
        }
        (S::Resolved, _) => ("Dispute resolved", format!("An admin decided about “{title}”.")),
        (S::Cancelled, _) => ("Order cancelled", format!("The order of “{title}” was cancelled.")),
    };
    Wording { kind: NotificationKind::OrderStatus, title: line, message }
}

/// That a move waits for the chain.
pub fn pending(order: &Order, action: OrderMove) -> Wording {
    let message = format!("“{}”: {} is being recorded on the chain.", order.product_title.as_str(), noun(action));
    Wording { kind: NotificationKind::OrderPending, title: "Being recorded", message }
}

/// That a move which waited for the chain did not happen.
pub fn action_failed(order: &Order, action: OrderMove) -> Wording {
    let message = format!(
        "“{}”: {} could not be recorded on the chain. Please try again.",
        order.product_title.as_str(),
        noun(action)
    );
    Wording { kind: NotificationKind::OrderActionFailed, title: "Not recorded", message }
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

/// What the owner of the payment should be told of its status; `None` for steps that only machines care about.
pub fn payment(payment: &Payment) -> Option<Wording> {
    let sum = payment.amount_kes.0;
    let (title, message) = match (payment.kind, payment.status) {
        (PaymentKind::Collection, PaymentStatus::Pending) => {
            ("Confirm on your phone", format!("Enter your M-Pesa PIN to pay KES {sum}."))
        }
        (PaymentKind::Collection, PaymentStatus::Succeeded) => {
            ("Payment received", format!("Your payment of KES {sum} arrived and is being recorded on the chain."))
        }
        (PaymentKind::Collection, PaymentStatus::Failed) => {
            ("Payment failed", format!("Your payment of KES {sum} did not go through. Nothing was taken."))
        }
        (PaymentKind::Payout, PaymentStatus::Succeeded) => {
            ("You were paid", format!("KES {sum} went to your M-Pesa account."))
        }
        (PaymentKind::Payout, PaymentStatus::Failed) => {
            ("Payout failed", format!("Your payout of KES {sum} did not go through. We are looking into it."))
        }
        (PaymentKind::Refund, PaymentStatus::Succeeded) => {
            ("Refund paid", format!("KES {sum} went back to your M-Pesa account."))
        }
        (_, PaymentStatus::Review) => ("Under review", format!("We are checking the M-Pesa transaction of KES {sum}.")),
        _ => return None,
    };
    let kind = match payment.kind {
        PaymentKind::Payout => NotificationKind::Payout,
        PaymentKind::Collection | PaymentKind::Refund => NotificationKind::Payment,
    };
    Some(Wording { kind, title, message })
}
