//! What the owner of a payment is told of it.

use descrow_domain::{
    notification::NotificationKind,
    payment::{Payment, PaymentKind, PaymentStatus},
};

use super::Wording;

/// What the owner of the payment should be told of its status; `None` for steps that only machines care about.
pub fn payment(payment: &Payment) -> Option<Wording> {
    use PaymentKind::{Collection, Payout, Refund};
    use PaymentStatus as S;
    let sum = payment.amount_kes.0;
    let (title, message) = match (payment.kind, payment.status) {
        (Collection, S::Pending) => ("Confirm on your phone", format!("Enter your M-Pesa PIN to pay KES {sum}.")),
        (Collection, S::Succeeded) => {
            ("Payment received", format!("Your payment of KES {sum} arrived and is being recorded on the chain."))
        }
        (Collection, S::Failed) => {
            ("Payment failed", format!("Your payment of KES {sum} did not go through. Nothing was taken."))
        }
        (Payout, S::Sent) => ("Payout sent", format!("KES {sum} are on their way to your M-Pesa account.")),
        (Payout, S::Succeeded) => ("You were paid", format!("KES {sum} went to your M-Pesa account.")),
        (Payout, S::Failed) => {
            ("Payout failed", format!("Your payout of KES {sum} did not go through. We are looking into it."))
        }
        (Payout, S::Withdrawn) => {
            ("Payout held back", format!("Your payout of KES {sum} waits, since the order is disputed."))
        }
        (Refund, S::Sent) => ("Refund sent", format!("KES {sum} are on their way back to your M-Pesa account.")),
        (Refund, S::Succeeded) => ("Refund paid", format!("KES {sum} went back to your M-Pesa account.")),
        (Refund, S::Failed) => {
            ("Refund failed", format!("Your refund of KES {sum} did not go through. We are looking into it."))
        }
        (_, S::Review) => ("Under review", format!("We are checking the M-Pesa transaction of KES {sum}.")),
        // On its way between us and M-Pesa: the payment itself shows it.
        (_, S::Initiated | S::Pending | S::Confirming | S::Queued | S::Sending | S::Sent | S::Withdrawn) => {
            return None;
        }
    };
    let kind = match payment.kind {
        Payout => NotificationKind::Payout,
        Collection | Refund => NotificationKind::Payment,
    };
    Some(Wording { kind, title, message })
}

#[cfg(test)]
mod tests {
    use descrow_domain::{Account, Kes, OrderId, Timestamp};

    use super::*;

    #[test]
    fn every_end_of_a_payment_has_words_and_steps_between_machines_have_none() {
        use PaymentKind::{Collection, Payout, Refund};
        use PaymentStatus as S;
        let phone = "254708374149".parse().unwrap();
        let account = Account::from_bytes([1; 32]);
        let row = Payment::collection(OrderId::new(), account, phone, Kes(816), Timestamp(0));
        let titles = |kind| {
            let all = [
                S::Initiated,
                S::Pending,
                S::Confirming,
                S::Queued,
                S::Sending,
                S::Sent,
                S::Succeeded,
                S::Failed,
                S::Review,
                S::Withdrawn,
            ];
            all.map(|status| {
                let told = payment(&Payment { kind, status, ..row.clone() });
                if let Some(told) = &told {
                    assert!(told.message.contains("KES 816"), "{told:?}");
                    assert!(!told.message.contains("2547"), "{told:?}");
                }
                told.map(|told| told.title)
            })
        };
        let (none, review) = (None, Some("Under review"));
        let collection = [
            none,
            Some("Confirm on your phone"),
            none,
            none,
            none,
            none,
            Some("Payment received"),
            Some("Payment failed"),
            review,
            none,
        ];
        let payout = [
            none,
            none,
            none,
            none,
            none,
            Some("Payout sent"),
            Some("You were paid"),
            Some("Payout failed"),
            review,
            Some("Payout held back"),
        ];
        let refund = [
            none,
            none,
            none,
            none,
            none,
            Some("Refund sent"),
            Some("Refund paid"),
            Some("Refund failed"),
            review,
            none,
        ];
        assert_eq!((titles(Collection), titles(Payout), titles(Refund)), (collection, payout, refund));
    }
}
