//! Who sees what.

use super::*;
use crate::{
    Kes,
    dispute::{Decision, Dispute, DisputeResolution, Proposal, Reason},
    order::tests::order,
    payment::PaymentStatus,
};

#[test]
fn an_order_is_shown_whole_without_the_buyers_number() {
    let order = order();
    let shown = serde_json::to_value(OrderView::new(&order, Viewer::Seller, |_| None)).unwrap();
    let expected = serde_json::json!({
        "id": order.id.to_string(), "status": "funded", "paymentMode": "mpesa", "fundedBy": "mpesa",
        "productId": order.product_id.to_string(), "productTitle": "A bicycle", "quantity": 2,
        "buyer": order.buyer_id.to_string(), "seller": order.seller_id.to_string(),
        "amountDot": "12.5", "amountUsd": "52.50", "amountKes": 6797,
        "rates": {
            "usdPerDot": "4.2", "kesPerUsd": "129.45", "source": "configuration", "at": "1970-01-01T00:00:00Z"
        },
        "deliveryAddress": "Moi Avenue 1, Nairobi", "phoneNumber": null, "pending": null,
        "deadlines": {
            "payment": null, "shipping": "1970-01-01T00:00:01Z", "inspection": null, "evidence": null
        },
        "tracking": null,
        "history": [{
            "status": "funded", "at": "1970-01-01T00:00:00.001Z", "by": null, "extrinsic": "0xab", "block": 7
        }],
        "payment": null, "payout": null, "refund": null, "dotPayment": null, "dispute": null,
        "allowedMoves": ["ship", "dispute", "cancel"],
        "createdAt": "1970-01-01T00:00:00Z", "updatedAt": "1970-01-01T00:00:00.001Z", "version": 3,
    });
    assert_eq!(shown, expected);
}

#[test]
fn what_really_paid_an_order_is_shown_beside_what_was_meant_to() {
    let shown = |order: &Order| OrderView::new(order, Viewer::Buyer, |_| None).funded_by;
    let from_a_wallet = Order { funded_by: Some(PaymentMode::Dot), ..order() };
    assert_eq!(shown(&from_a_wallet), Some(PaymentMode::Dot));
    assert_eq!(shown(&Order { history: Vec::new(), ..order() }), None, "not paid yet");
}

#[test]
fn a_move_that_waits_for_the_chain_is_shown_and_allows_no_other() {
    let mut order = order();
    order.pending = Some(PendingAction {
        action: OrderMove::Ship,
        command_id: "mark_shipped#1".into(),
        by: Some(order.seller_id),
        at: Timestamp(5),
    });
    let view = OrderView::new(&order, Viewer::Seller, |_| None);
    let since = "1970-01-01T00:00:00.005Z".to_owned();
    assert_eq!((view.pending, view.allowed_moves), (Some(PendingView { action: OrderMove::Ship, since }), vec![]));
}

#[test]
fn address_and_number_are_shown_to_those_who_need_them() {
    let mut order = order();
    let shown = |order: &Order, viewer| {
        let view = OrderView::new(order, viewer, |_| None);
        (view.delivery_address.is_some(), view.phone_number)
    };
    let number = Some("2547*****149".to_owned());
    // The history says that it was paid, whatever became of it since.
    assert!(order.history.iter().any(|line| line.status == OrderStatus::Funded));
    let mut seen = Vec::new();
    for (status, seller, admin) in [
        (OrderStatus::Created, false, false),
        (OrderStatus::Funded, true, false),
        (OrderStatus::Shipped, true, false),
        (OrderStatus::Delivered, true, false),
        (OrderStatus::Completed, false, false),
        (OrderStatus::Disputed, true, true),
        (OrderStatus::Resolved, false, false),
        (OrderStatus::Cancelled, false, false),
    ] {
        order.status = status;
        assert_eq!(shown(&order, Viewer::Buyer), (true, number.clone()), "{status:?}");
        assert_eq!(shown(&order, Viewer::Seller), (seller, None), "{status:?}");
        assert_eq!(shown(&order, Viewer::Admin), (admin, None), "{status:?}");
        seen.push(status);
    }
    assert_eq!(seen, OrderStatus::ALL);
}

#[test]
fn what_an_admin_proposes_and_which_admins_decided_is_shown_to_admins_alone() {
    let (one, other) = (Account::from_bytes([8; 32]), Account::from_bytes([9; 32]));
    let mut order = order();
    order.status = OrderStatus::Disputed;
    let mut dispute = Dispute::raised(None, Some(order.buyer_id), String::new(), Timestamp(1));
    let (resolution, reason) = (DisputeResolution::RefundBuyer, "The seam is torn.".parse::<Reason>().unwrap());
    dispute.proposal = Some(Proposal { resolution, reason: reason.clone(), by: one, at: Timestamp(2_000) });
    order.dispute = Some(dispute);
    let shown = |order: &Order, viewer| {
        let view = serde_json::to_value(OrderView::new(order, viewer, |_| None)).unwrap();
        (view["dispute"]["proposal"].clone(), view["dispute"]["decision"]["by"].clone())
    };
    let proposal = serde_json::json!({"resolution": {"kind": "refund_buyer"}, "reason": "The seam is torn.",
        "by": one, "at": "1970-01-01T00:00:02Z"});
    let nothing = serde_json::Value::Null;
    assert_eq!(shown(&order, Viewer::Admin), (proposal, nothing.clone()));
    for party in [Viewer::Buyer, Viewer::Seller] {
        let unsaid = {
            let mut order = order.clone();
            order.dispute.as_mut().unwrap().proposal = None;
            OrderView::new(&order, party, |_| None)
        };
        assert_eq!(OrderView::new(&order, party, |_| None), unsaid, "{party:?}");
    }
    order.status = OrderStatus::Resolved;
    let admins = serde_json::json!([one, other]);
    order.dispute.as_mut().unwrap().decision = Some(Decision {
        resolution,
        reason: Some(reason),
        by: vec![one, other],
        at: Timestamp(3_000),
        kes_to_buyer: order.quote.kes,
        kes_to_seller: Kes(0),
    });
    assert_eq!(shown(&order, Viewer::Admin).1, admins);
    let sums = |order: &Order| {
        let decision = OrderView::new(order, Viewer::Buyer, |_| None).dispute.unwrap().decision.unwrap();
        (decision.kes_to_buyer, decision.dot_to_buyer)
    };
    let from_a_wallet = Order { funded_by: Some(PaymentMode::Dot), ..order.clone() };
    assert_eq!((sums(&order), sums(&from_a_wallet)), ((Some(6_797), None), (None, Some("12.5".to_owned()))));
    for party in [Viewer::Buyer, Viewer::Seller] {
        assert_eq!(shown(&order, party), (nothing.clone(), nothing.clone()), "{party:?}");
    }
}

#[test]
fn number_receipt_and_reason_are_shown_to_their_owner_only() {
    let order = order();
    let phone = "254708374149".parse().unwrap();
    let mut payment = Payment::collection(order.id, order.buyer_id, phone, Kes(6_797), Timestamp(0));
    payment.status = PaymentStatus::Failed;
    payment.result_code = Some("1032".into());
    payment.receipt = Some("NLJ7RT61SV".into());
    payment.checkout_request_id = Some("ws_CO_708374149".into());
    let shown = |viewer| serde_json::to_value(PaymentView::new(&payment, viewer)).unwrap();
    let mut expected = serde_json::json!({
        "id": payment.id.to_string(), "orderId": order.id.to_string(), "kind": "collection", "status": "failed",
        "amountKes": 6797, "phoneNumber": "2547*****149", "receipt": "NLJ7RT61SV", "reason": "cancelled",
        "createdAt": "1970-01-01T00:00:00Z", "updatedAt": "1970-01-01T00:00:00Z",
    });
    assert_eq!(shown(&order.buyer_id), expected);
    for hidden in ["phoneNumber", "receipt", "reason"] {
        expected[hidden] = serde_json::Value::Null;
    }
    assert_eq!(shown(&order.seller_id), expected);
}
