use descrow_domain::{
    Kes, PaymentId, Timestamp,
    dispute::{Bps, Dispute},
    order::{DotPayment, PendingAction, Transition},
};

use super::*;

const NOW: Timestamp = Timestamp(1_795_341_660_000);
pub(super) const ADMIN: Account = Account::from_bytes([9; 32]);
const MODES: [PaymentMode; 2] = [PaymentMode::Mpesa, PaymentMode::Dot];
pub(super) const PARTIES: [Party; 2] = [Party::Buyer, Party::Seller];

fn sample() -> Order {
    let path = format!("{}/../../events/notifier-order-created.json", env!("CARGO_MANIFEST_DIR"));
    let event: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let item: serde_dynamo::Item = serde_json::from_value(event["Records"][0]["dynamodb"]["NewImage"].clone()).unwrap();
    Order { product_title: "A bicycle".parse().unwrap(), ..serde_dynamo::from_item(item).unwrap() }
}

/// An order that went through `statuses`, the last of them by `by`.
pub(super) fn order_in(statuses: &[OrderStatus], by: Option<Account>, mode: PaymentMode) -> Order {
    let line = |(n, status): (usize, &OrderStatus)| Transition {
        status: *status,
        at: NOW,
        by: by.filter(|_| n + 1 == statuses.len()),
        extrinsic: None,
        block: None,
    };
    let history = statuses.iter().enumerate().map(line).collect();
    Order { status: *statuses.last().unwrap(), history, payment_mode: mode, ..sample() }
}

fn dispute(by: Option<Account>, resolution: Option<DisputeResolution>, order: &Order) -> Dispute {
    let decision = resolution.map(|resolution| {
        let split = resolution.shillings(order.quote.kes);
        Decision {
            resolution,
            reason: None,
            by: vec![ADMIN],
            at: NOW,
            kes_to_buyer: split.buyer,
            kes_to_seller: split.seller,
        }
    });
    Dispute {
        reason: None,
        by,
        at: NOW,
        evidence_cid: String::new(),
        evidence_count: 0,
        evidence_closed_at: None,
        proposal: None,
        decision,
    }
}

/// Every way from one status to the next, by whoever may have caused it.
fn transitions() -> Vec<(Order, Order)> {
    use OrderStatus as S;
    let roads: &[&[S]] = &[
        &[S::Created, S::Funded],
        &[S::Created, S::Funded, S::Shipped],
        &[S::Created, S::Funded, S::Shipped, S::Delivered],
        &[S::Created, S::Funded, S::Shipped, S::Delivered, S::Completed],
        &[S::Created, S::Funded, S::Disputed],
        &[S::Created, S::Funded, S::Shipped, S::Disputed],
        &[S::Created, S::Funded, S::Shipped, S::Delivered, S::Disputed],
        &[S::Created, S::Funded, S::Disputed, S::Resolved],
        &[S::Created, S::Cancelled],
        &[S::Created, S::Funded, S::Cancelled],
    ];
    // Each step that the domain allows is the end of some road.
    for from in S::ALL {
        for to in from.allowed().into_iter().map(|action| from.after(action).unwrap()) {
            assert!(roads.iter().any(|road| road.ends_with(&[from, to])), "{from:?} to {to:?}");
        }
    }
    let actors = [None, Some(sample().buyer_id), Some(sample().seller_id), Some(ADMIN)];
    let half = DisputeResolution::Split { seller_bps: Bps::try_from(5_000).unwrap() };
    let endings = [None, Some(DisputeResolution::RefundBuyer), Some(DisputeResolution::ReleaseToSeller), Some(half)];
    let mut all = Vec::new();
    for (road, mode) in roads.iter().flat_map(|road| MODES.map(|mode| (road, mode))) {
        for (by, ending) in actors.iter().flat_map(|by| endings.map(|ending| (by, ending))) {
            let before = order_in(&road[..road.len() - 1], None, mode);
            let mut after = order_in(road, *by, mode);
            after.dispute = Some(dispute(*by, ending, &after));
            all.push((before, after));
        }
    }
    all
}

#[test]
fn no_transition_is_without_words_for_each_side_whoever_caused_it_and_however_it_was_paid() {
    let transitions = transitions();
    assert_eq!(transitions.len(), 10 * 2 * 4 * 4);
    for (before, after) in transitions {
        for party in PARTIES {
            let told = order(Some(&before), &after, party);
            let told = told.unwrap_or_else(|| panic!("{:?} to {:?}: nothing", before.status, after.status));
            let text = format!("{} {}", told.title, told.message);
            assert!(told.message.contains("“A bicycle”") && told.message.ends_with('.'), "{text}");
            assert!(told.title.len() <= 40 && told.message.len() <= 300, "{text}");
            for secret in [after.delivery_address.as_str(), "2547", &ADMIN.to_string(), &after.buyer_id.to_string()] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[test]
fn a_new_order_and_each_move_that_waits_or_fails_have_words() {
    for (mode, party) in MODES.into_iter().flat_map(|mode| PARTIES.map(|party| (mode, party))) {
        let created = order_in(&[OrderStatus::Created], None, mode);
        assert!(order(None, &created, party).is_some());
        for action in OrderMove::ALL {
            for by in [created.buyer_id, created.seller_id] {
                let waiting = waiting(&created, action, Some(by));
                let waits = order(Some(&created), &waiting, party).unwrap();
                let fails = order(Some(&waiting), &created, party).unwrap();
                let kinds = (waits.kind, fails.kind);
                assert_eq!(kinds, (NotificationKind::OrderPending, NotificationKind::OrderActionFailed));
                assert!(waits.message.contains(noun(action)) && fails.message.contains("“A bicycle”"));
                assert!(waits.message.len() <= 300 && fails.message.len() <= 300, "{}", fails.message);
                // Whoever did not ask cannot try again.
                let asked = created.party(&by) == Some(party);
                assert!(asked || !fails.message.contains("try again"), "{}", fails.message);
            }
        }
    }
}

/// The order with a move that waits for the chain.
pub(super) fn waiting(order: &Order, action: OrderMove, by: Option<Account>) -> Order {
    let pending = PendingAction { action, command_id: "x#1".into(), by, at: NOW };
    Order { pending: Some(pending), ..order.clone() }
}

/// Status of the order before and after, who, how it is paid, the dispute's end; what the buyer and the seller are told.
type Line = (&'static [OrderStatus], Option<&'static str>, PaymentMode, Option<DisputeResolution>, [&'static str; 2]);

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn each_side_is_told_who_did_it_and_where_the_money_goes() {
    use OrderStatus::{Cancelled, Completed, Created, Delivered, Disputed, Funded, Resolved, Shipped};
    use PaymentMode::{Dot, Mpesa};
    let third = DisputeResolution::Split { seller_bps: Bps::try_from(3_333).unwrap() };
    let lines: [Line; 12] = [
        (
            &[Created, Cancelled],
            None,
            Mpesa,
            None,
            [
                "You did not pay for “A bicycle” in time: the order is cancelled. You owe nothing.",
                "The buyer did not pay for “A bicycle” in time: the order is cancelled. It is on offer again.",
            ],
        ),
        (
            &[Created, Cancelled],
            Some("buyer"),
            Dot,
            None,
            [
                "You cancelled the order of “A bicycle”. You owe nothing.",
                "The buyer cancelled the order of “A bicycle”. It is on offer again.",
            ],
        ),
        (
            &[Created, Funded, Cancelled],
            None,
            Mpesa,
            None,
            [
                "The seller did not ship “A bicycle” in time: the order is cancelled. KES 1001 go back to the phone that paid.",
                "You did not ship “A bicycle” in time: the order is cancelled. The buyer gets the money back. It is on offer again.",
            ],
        ),
        (
            &[Created, Funded, Cancelled],
            Some("seller"),
            Dot,
            None,
            [
                "The seller cancelled the order of “A bicycle”. The contract pays 1.5 DOT back to you.",
                "You cancelled the order of “A bicycle”. The buyer gets the money back. It is on offer again.",
            ],
        ),
        (
            &[Created, Funded, Shipped, Delivered],
            None,
            Mpesa,
            None,
            [
                "The time to inspect “A bicycle” is over: it counts as delivered. The seller is being paid.",
                "The time to inspect “A bicycle” is over: it counts as delivered. Your payout is on its way.",
            ],
        ),
        (
            &[Created, Funded, Shipped, Delivered],
            Some("buyer"),
            Dot,
            None,
            [
                "You confirmed the delivery of “A bicycle”. The seller is being paid.",
                "The buyer confirmed the delivery of “A bicycle”. The contract is paying you.",
            ],
        ),
        (
            &[Created, Funded, Shipped, Delivered, Completed],
            None,
            Dot,
            None,
            [
                "The seller of “A bicycle” was paid. The order is complete.",
                "The contract paid 1.5 DOT to you for “A bicycle”. The order is complete.",
            ],
        ),
        (
            &[Created, Funded, Disputed],
            Some("seller"),
            Mpesa,
            None,
            [
                "The seller disputes the order of “A bicycle”. The money stays in escrow until an admin decides. You can hand in evidence.",
                "Your dispute about “A bicycle” is open. The money stays in escrow until an admin decides. You can hand in evidence.",
            ],
        ),
        (
            &[Created, Funded, Disputed, Resolved],
            None,
            Mpesa,
            Some(third),
            [
                "An admin decided about “A bicycle”. You get KES 668, the seller gets KES 333.",
                "An admin decided about “A bicycle”. You get KES 333, the buyer gets KES 668.",
            ],
        ),
        (
            &[Created, Funded, Disputed, Resolved],
            None,
            Dot,
            Some(third),
            [
                "An admin decided about “A bicycle”. You get 1.00005 DOT, the seller gets 0.49995 DOT.",
                "An admin decided about “A bicycle”. You get 0.49995 DOT, the buyer gets 1.00005 DOT.",
            ],
        ),
        (
            &[Created, Funded, Disputed, Resolved],
            None,
            Mpesa,
            Some(DisputeResolution::RefundBuyer),
            [
                "An admin decided about “A bicycle”. You get the whole KES 1001.",
                "An admin decided about “A bicycle”. The buyer gets the whole KES 1001.",
            ],
        ),
        (
            &[Created, Funded, Disputed, Resolved],
            None,
            Dot,
            Some(DisputeResolution::ReleaseToSeller),
            [
                "An admin decided about “A bicycle”. The seller gets the whole 1.5 DOT.",
                "An admin decided about “A bicycle”. You get the whole 1.5 DOT.",
            ],
        ),
    ];
    for (road, by, mode, ending, expected) in lines {
        let parties = sample();
        let by = by.map(|by| if by == "buyer" { parties.buyer_id } else { parties.seller_id });
        let mut after = order_in(road, by, mode);
        (after.quote.kes, after.quote.amount) = (Kes(1_001), descrow_domain::Planck::from_dot("1.5").unwrap());
        after.dispute = Some(dispute(by, ending, &after));
        let before = Order { status: road[road.len() - 2], ..after.clone() };
        assert_eq!(PARTIES.map(|party| order(Some(&before), &after, party).unwrap().message), expected);
    }
}

#[test]
fn a_payment_that_was_never_recorded_goes_back_when_the_order_is_cancelled() {
    for (by, expected) in [
        (
            None,
            [
                "The payment for “A bicycle” could not be recorded in time: the order is cancelled. KES 1001 go back to the phone that paid.",
                "The payment for “A bicycle” could not be recorded in time: the order is cancelled. It is on offer again.",
            ],
        ),
        (
            Some(sample().buyer_id),
            [
                "You cancelled the order of “A bicycle”. KES 1001 go back to the phone that paid.",
                "The buyer cancelled the order of “A bicycle”. It is on offer again.",
            ],
        ),
    ] {
        let before = order_in(&[OrderStatus::Created], None, PaymentMode::Mpesa);
        let mut after = order_in(&[OrderStatus::Created, OrderStatus::Cancelled], by, PaymentMode::Mpesa);
        (after.quote.kes, after.refund_id) = (Kes(1_001), Some(PaymentId::new()));
        assert_eq!(PARTIES.map(|party| order(Some(&before), &after, party).unwrap().message), expected);
    }
}

#[test]
fn the_end_of_evidence_and_payments_in_dot_have_words_and_a_proposal_has_none() {
    let mut open = order_in(&[OrderStatus::Created, OrderStatus::Disputed], None, PaymentMode::Dot);
    open.dispute = Some(dispute(None, None, &open));
    let mut closed = open.clone();
    closed.dispute.as_mut().unwrap().evidence_closed_at = Some(NOW);
    let lines = |before: &Order, after: &Order| PARTIES.map(|p| order(Some(before), after, p).map(|told| told.title));
    assert_eq!(lines(&open, &closed), [Some("Evidence closed"); 2]);

    let mut proposed = open.clone();
    proposed.dispute.as_mut().unwrap().proposal = Some(descrow_domain::dispute::Proposal {
        resolution: DisputeResolution::RefundBuyer,
        reason: "It never came.".parse().unwrap(),
        by: ADMIN,
        at: NOW,
    });
    assert_eq!(lines(&open, &proposed), [None, None]);

    let created = order_in(&[OrderStatus::Created], None, PaymentMode::Dot);
    let mut sent = created.clone();
    let payment = DotPayment { extrinsic_hash: "0x1".into(), block_hash: None, at: NOW, failure: None };
    sent.dot_payment = Some(payment.clone());
    let mut refused = created.clone();
    refused.dot_payment = Some(DotPayment { failure: Some("WrongAmount".into()), ..payment });
    assert_eq!(lines(&created, &sent), [Some("Payment sent"), None]);
    assert_eq!(lines(&sent, &refused), [Some("Payment refused"), None]);
}
