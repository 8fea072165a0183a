use descrow_domain::Kes;

use super::*;
use crate::wording::order::{
    order,
    tests::{ADMIN, PARTIES, order_in, waiting},
};

/// Where the order stands, how it is paid, the refused move, who asked for it; what the buyer and the seller are told.
type Failure = (OrderStatus, PaymentMode, OrderMove, Option<&'static str>, [Option<&'static str>; 2]);

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn when_a_move_fails_each_side_is_told_the_way_out_and_only_who_asked_to_try_again() {
    use OrderMove::{Cancel, Complete, Deliver, Dispute, Fund, Resolve, Ship};
    use OrderStatus::{Created, Delivered, Disputed, Funded, Shipped};
    use PaymentMode::{Dot, Mpesa};
    const UNPAID: &str =
        "The contract did not take the buyer's payment for “A bicycle”. The order is not paid: do not ship it.";
    const UNDECIDED: &str = "The decision about “A bicycle” could not be recorded on the chain. The dispute is open until an admin decides again.";
    let lines: [Failure; 17] = [
        (
            Created,
            Mpesa,
            Fund,
            Some("buyer"),
            [
                Some(
                    "The contract did not take your payment for “A bicycle”. Your KES 1001 are held: cancel the order to get them back, or they come back when the time to pay is over.",
                ),
                Some(UNPAID),
            ],
        ),
        (
            Created,
            Dot,
            Fund,
            Some("buyer"),
            [
                Some("The contract did not take your payment for “A bicycle”. Check the order and pay again."),
                Some(UNPAID),
            ],
        ),
        // It was paid from the wallet meanwhile; what came by M-Pesa goes back, which the refund tells.
        (Funded, Mpesa, Fund, Some("buyer"), [None, None]),
        (
            Funded,
            Mpesa,
            Ship,
            Some("seller"),
            [
                Some("The shipment of “A bicycle” was not recorded. Your payment stays in escrow."),
                Some("The shipment of “A bicycle” could not be recorded on the chain. Please try again."),
            ],
        ),
        (
            Shipped,
            Dot,
            Deliver,
            Some("buyer"),
            [
                Some("The delivery of “A bicycle” could not be recorded on the chain. Please try again."),
                Some("The delivery of “A bicycle” was not recorded. The buyer can confirm it again."),
            ],
        ),
        (
            Funded,
            Mpesa,
            Cancel,
            Some("seller"),
            [
                Some("The cancellation of “A bicycle” was not recorded. The order goes on."),
                Some("The cancellation of “A bicycle” could not be recorded on the chain. Please try again."),
            ],
        ),
        (
            Created,
            Mpesa,
            Cancel,
            Some("buyer"),
            [
                Some("The cancellation of “A bicycle” could not be recorded on the chain. Please try again."),
                Some("The cancellation of “A bicycle” was not recorded. The order goes on."),
            ],
        ),
        (
            Shipped,
            Dot,
            Dispute,
            Some("buyer"),
            [
                Some("Your dispute about “A bicycle” could not be recorded on the chain. Please try again."),
                Some("The buyer's dispute about “A bicycle” was not recorded. The order goes on."),
            ],
        ),
        (
            Shipped,
            Dot,
            Dispute,
            Some("seller"),
            [
                Some("The seller's dispute about “A bicycle” was not recorded. The order goes on."),
                Some("Your dispute about “A bicycle” could not be recorded on the chain. Please try again."),
            ],
        ),
        (Disputed, Mpesa, Resolve, Some("admin"), [Some(UNDECIDED), Some(UNDECIDED)]),
        (Disputed, Dot, Resolve, None, [Some(UNDECIDED), Some(UNDECIDED)]),
        // The system asks again by itself.
        (Created, Mpesa, Cancel, None, [None, None]),
        (Funded, Dot, Cancel, None, [None, None]),
        (Shipped, Mpesa, Deliver, None, [None, None]),
        (Shipped, Dot, Deliver, None, [None, None]),
        (Delivered, Mpesa, Complete, None, [None, None]),
        (Created, Mpesa, Ship, None, [None, None]),
    ];
    for (status, mode, action, by, expected) in lines {
        let mut row = order_in(&[status], None, mode);
        row.quote.kes = Kes(1_001);
        let by = by.map(|by| match by {
            "buyer" => row.buyer_id,
            "seller" => row.seller_id,
            _ => ADMIN,
        });
        let waiting = waiting(&row, action, by);
        let told = PARTIES.map(|party| order(Some(&waiting), &row, party).map(|told| told.message));
        assert_eq!(told.each_ref().map(Option::as_deref), expected, "{status:?} {action:?}");
        let begins = PARTIES.map(|party| order(Some(&row), &waiting, party).is_some());
        assert_eq!(begins, [by.is_some(); 2], "{action:?}: what the system asks for is told when it happened");
    }
}
