//! Disputes: listed, proposed, decided once, by two admins where the amount demands it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Timestamp,
    audit::AuditAction,
    command::Command,
    dispute::{Bps, DisputeResolution},
    order::{Order, OrderMove, OrderStatus, PaymentMode, PendingAction, Viewer},
    payment::Payment,
    user::Role,
    view::OrderView,
};
use descrow_store::Replaced;
use descrow_web::testing::{Answer, Ask, Person};
use serde_json::{Value, json};
use stage::{Stage, dispute, ids, sample};

const RESOLVE: &str = include_str!("../../../events/admin-resolve.json");

fn resolve(order: &Order, by: &Person, body: &Value) -> Ask {
    sample(RESOLVE, order.id).by(by).json(body)
}

fn refund() -> Value {
    json!({"resolution": "refund", "reason": "The seam is torn."})
}

fn split(bps: u32) -> Value {
    json!({"resolution": "split", "sellerBps": bps, "reason": "Both have a point."})
}

/// The details of an error as pairs.
fn details(answer: &Answer) -> Vec<(&str, &str)> {
    let details = answer.body["details"].as_array().unwrap();
    details.iter().map(|d| (d["field"].as_str().unwrap(), d["message"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_decision_is_pending_with_its_command_and_its_entry_in_the_log() {
    let stage = Stage::start().await;
    let order = stage.disputed(10_000).await;
    let phone = "254708374149".parse().unwrap();
    let payment = Payment::collection(order.id, order.buyer_id, phone, order.quote.kes, Timestamp::now());
    assert!(stage.store().payments().create(&payment).await.unwrap());
    let order = Order { payment_id: Some(payment.id), version: order.version + 1, ..order };
    stage.rewrite(&order).await;

    let answer = stage.send(sample(RESOLVE, order.id).by(&stage.admin)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (202, 2), "{}", answer.text);
    let row = stage.row(order.id).await;
    let shown = OrderView::new(&row, Viewer::Admin, |id| (id == payment.id).then_some(&payment));
    assert_eq!(answer.body, serde_json::to_value(&shown).unwrap());
    let decision = &answer.body["dispute"]["decision"];
    let expected = json!({"resolution": {"kind": "split", "sellerBps": 5000}, "reason": "The picture shows a torn seam.",
        "by": [stage.admin.account], "at": row.updated_at.rfc3339(), "kesToBuyer": 5000, "kesToSeller": 5000,
        "dotToBuyer": null, "dotToSeller": null});
    assert_eq!(decision, &expected);
    assert_eq!(answer.body["pending"], json!({"action": "resolve", "since": row.updated_at.rfc3339()}));
    assert_eq!(answer.body["payment"]["phoneNumber"], "2547*****149");
    let pending = row.pending.unwrap();
    assert_eq!(pending.by, Some(stage.admin.account));
    let command = stage.store().chain_commands().get(&pending.command_id).await.unwrap().unwrap();
    let resolution = DisputeResolution::Split { seller_bps: Bps::try_from(5000).unwrap() };
    assert_eq!(command.command, Command::ResolveDispute { resolution });

    let [entry] = stage.log().await.try_into().unwrap();
    assert_eq!((entry.admin, entry.action), (stage.admin.account, AuditAction::ResolveDispute));
    assert_eq!(
        (entry.subject, entry.reason.as_deref()),
        (format!("orders/{}", order.id), Some("The picture shows a torn seam."))
    );
    let remembered: Vec<_> = entry.details.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [("kesToBuyer", "5000"), ("kesToSeller", "5000"), ("resolution", "split"), ("sellerBps", "5000")];
    assert_eq!(remembered, expected);
}

#[tokio::test]
async fn a_dispute_is_decided_once() {
    let stage = Stage::start().await;
    let order = stage.disputed(9_000).await;
    let first = stage.send(resolve(&order, &stage.admin, &refund())).await;
    assert_eq!(first.status, 202, "{}", first.text);
    let again = stage.send(resolve(&order, &stage.admin, &refund())).await;
    assert_eq!(
        (again.status.as_u16(), &again.body, again.trips),
        (202, &first.body, 1),
        "the same has the same answer"
    );
    for (who, body) in [(&stage.admin, split(5000)), (&stage.other_admin, refund())] {
        let late = stage.send(resolve(&order, who, &body)).await;
        assert_eq!(late.outcome(), (409, "order_state"));
        assert_eq!(details(&late), [("status", "disputed"), ("pending", "resolve"), ("allowedMoves", "")]);
    }
    let row = stage.row(order.id).await;
    stage.rewrite(&Order { status: OrderStatus::Resolved, pending: None, version: row.version + 1, ..row }).await;
    let over = stage.send(resolve(&order, &stage.admin, &refund())).await;
    assert_eq!(over.outcome(), (409, "order_state"));
    assert_eq!(details(&over), [("status", "resolved"), ("allowedMoves", "")]);
    assert_eq!(stage.deeds().await, [(AuditAction::ResolveDispute, stage.admin.account)]);
}

#[tokio::test]
async fn above_the_set_amount_a_second_admin_confirms() {
    use AuditAction::{ProposeResolution, ResolveDispute};
    let stage = Stage::start().await;
    let order = stage.disputed(10_001).await;
    let proposed = stage.send(resolve(&order, &stage.admin, &refund())).await;
    assert_eq!((proposed.status.as_u16(), proposed.trips), (202, 2), "{}", proposed.text);
    let row = stage.row(order.id).await;
    let proposal = json!({"resolution": {"kind": "refund_buyer"}, "reason": "The seam is torn.",
        "by": stage.admin.account, "at": row.updated_at.rfc3339()});
    assert_eq!(proposed.body["dispute"]["proposal"], proposal);
    assert_eq!((&proposed.body["pending"], &proposed.body["dispute"]["decision"]), (&Value::Null, &Value::Null));
    let again = stage.send(resolve(&order, &stage.admin, &refund())).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &proposed.body), "an admin does not confirm itself");

    let other = stage.send(resolve(&order, &stage.other_admin, &split(2500))).await;
    assert_eq!(other.outcome(), (409, "proposal_differs"));
    let admin = stage.admin.account.to_string();
    let at = row.updated_at.rfc3339();
    assert_eq!(
        details(&other),
        [("resolution", "refund"), ("proposedBy", admin.as_str()), ("proposedAt", at.as_str())]
    );

    // Who proposed may come round to the other's view.
    let changed = stage.send(resolve(&order, &stage.admin, &split(2500))).await;
    assert_eq!(changed.body["dispute"]["proposal"]["resolution"], json!({"kind": "split", "sellerBps": 2500}));
    let confirmed = stage.send(resolve(&order, &stage.other_admin, &split(2500))).await;
    assert_eq!(confirmed.status, 202, "{}", confirmed.text);
    let by = json!([stage.admin.account, stage.other_admin.account]);
    let decision = &confirmed.body["dispute"]["decision"];
    assert_eq!((&decision["by"], &decision["kesToSeller"], &decision["kesToBuyer"]), (&by, &json!(2500), &json!(7501)));
    assert_eq!(confirmed.body["pending"]["action"], "resolve");
    let (one, two) = (stage.admin.account, stage.other_admin.account);
    assert_eq!(stage.deeds().await, [(ProposeResolution, one), (ProposeResolution, one), (ResolveDispute, two)]);
    assert_eq!(stage.log().await[2].details["proposedBy"], admin);
}

#[tokio::test]
async fn a_small_price_in_dollars_hides_no_fortune_in_dot_from_the_second_admin() {
    use descrow_domain::{Planck, order::PaymentMode::Dot};
    let stage = Stage::start().await;
    // At 4 dollars and 130 shillings the bound of 10,000 shillings is reached with 19.23 DOT.
    for (dot, kes, two) in [("19", 2, false), ("20", 2, true), ("50000", 1, true), ("1", 10_001, true)] {
        for mode in [Dot, PaymentMode::Mpesa] {
            let order = stage.order(kes, |order| {
                dispute(order);
                (order.payment_mode, order.quote.amount) = (mode, Planck::from_dot(dot).unwrap());
            });
            let order = order.await;
            let listed = stage.get("/api/admin/disputes").await;
            assert_eq!(listed.body["items"][0]["needsTwoAdmins"], two, "{dot} {kes} {mode:?}");
            let said = stage.send(resolve(&order, &stage.admin, &refund())).await;
            assert_eq!(said.status, 202, "{}", said.text);
            let row = stage.row(order.id).await;
            let dispute = row.dispute.as_ref().unwrap();
            assert_eq!((dispute.proposal.is_some(), row.pending.is_some()), (two, !two), "{dot} {kes} {mode:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_valued_needs_two_admins() {
    let stage = Stage::start().await;
    let order = stage.order(1, |order| {
        dispute(order);
        order.quote.rates.usd_per_dot = 0;
    });
    let said = stage.send(resolve(&order.await, &stage.admin, &refund())).await;
    assert_eq!((said.status.as_u16(), &said.body["pending"]), (202, &Value::Null), "{}", said.text);
}

#[tokio::test]
async fn two_admins_who_say_the_same_at_once_are_a_proposal_and_its_confirmation() {
    let stage = Stage::start().await;
    let order = stage.disputed(20_000).await;
    let (first, second) = tokio::join!(
        stage.send(resolve(&order, &stage.admin, &refund())),
        stage.send(resolve(&order, &stage.other_admin, &refund())),
    );
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202), "{} {}", first.text, second.text);
    let row = stage.row(order.id).await;
    let mut by = row.dispute.unwrap().decision.unwrap().by;
    by.sort();
    assert_eq!(by, [stage.admin.account, stage.other_admin.account]);
    let actions: Vec<_> = stage.deeds().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, [AuditAction::ProposeResolution, AuditAction::ResolveDispute]);
}

#[tokio::test]
async fn two_admins_who_disagree_at_once_leave_one_proposal() {
    let stage = Stage::start().await;
    let order = stage.disputed(20_000).await;
    let (first, second) = tokio::join!(
        stage.send(resolve(&order, &stage.admin, &refund())),
        stage.send(resolve(&order, &stage.other_admin, &split(5000))),
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409], "{} {}", first.text, second.text);
    assert_eq!(stage.deeds().await.len(), 1);
    assert_eq!(stage.row(order.id).await.pending, None);
}

#[tokio::test]
async fn one_admin_below_the_amount_decides_once_even_in_a_race() {
    let stage = Stage::start().await;
    let order = stage.disputed(500).await;
    let (first, second) = tokio::join!(
        stage.send(resolve(&order, &stage.admin, &refund())),
        stage.send(resolve(&order, &stage.other_admin, &split(5000))),
    );
    let mut outcomes = [first.outcome(), second.outcome()];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(202, ""), (409, "order_state")]);
    assert_eq!(stage.deeds().await.len(), 1);
}

#[tokio::test]
async fn a_share_that_mpesa_cannot_pay_is_named() {
    let stage = Stage::start().await;
    let order = stage.disputed(1_000).await;
    for bps in [10, 99, 9_911, 9_990] {
        let refused = stage.send(resolve(&order, &stage.admin, &split(bps))).await;
        assert_eq!(refused.outcome(), (400, "validation_failed"), "{bps}");
        let message = "would leave a share of less than 10 shillings, which M-Pesa cannot pay";
        assert_eq!(details(&refused), [("sellerBps", message)], "{bps}");
    }
    assert_eq!(stage.log().await, []);
    let dot = stage.order(1_000, |order| {
        dispute(order);
        order.payment_mode = PaymentMode::Dot;
    });
    let dot = dot.await;
    let paid = stage.send(resolve(&dot, &stage.admin, &split(1))).await;
    assert_eq!(paid.status, 202, "{}", paid.text);
    let decision = &paid.body["dispute"]["decision"];
    assert_eq!((&decision["dotToBuyer"], &decision["dotToSeller"]), (&json!("2.49975"), &json!("0.00025")));
    assert_eq!(stage.send(resolve(&order, &stage.admin, &split(100))).await.status, 202);
}

#[tokio::test]
async fn every_broken_rule_of_a_decision_is_listed() {
    let stage = Stage::start().await;
    let order = stage.disputed(1_000).await;
    for (body, fields) in [
        (json!({}), vec!["reason", "resolution"]),
        (json!({"resolution": "split", "reason": "ok"}), vec!["reason", "sellerBps"]),
        (json!({"resolution": "split", "sellerBps": 10_000, "reason": "Because."}), vec!["sellerBps"]),
        (json!({"resolution": "split", "sellerBps": 0, "reason": "Because."}), vec!["sellerBps"]),
        (json!({"resolution": "refund", "sellerBps": 5000, "reason": "Because."}), vec!["sellerBps"]),
        (json!({"resolution": "burn", "reason": "Because."}), vec!["resolution"]),
        (json!({"resolution": "refund", "reason": "Because.", "force": true}), vec!["force"]),
    ] {
        let refused = stage.send(resolve(&order, &stage.admin, &body)).await;
        let mut named = refused.fields();
        named.sort_unstable();
        assert_eq!((refused.outcome(), named), ((400, "validation_failed"), fields), "{body}");
    }
}

#[tokio::test]
async fn a_dispute_is_decided_by_admins_who_are_no_party_to_it() {
    let stage = Stage::start().await;
    let order = stage.disputed(1_000).await;
    for who in [&stage.buyer, &stage.seller] {
        assert_eq!(stage.send(resolve(&order, who, &refund())).await.outcome(), (403, "wrong_role"));
    }
    let admin = stage.admin.account;
    let bought = stage.order(1_000, |order| {
        dispute(order);
        order.buyer_id = admin;
    });
    let bought = bought.await;
    assert_eq!(stage.send(resolve(&bought, &stage.admin, &refund())).await.outcome(), (403, "wrong_role"));
    assert_eq!(stage.send(resolve(&bought, &stage.other_admin, &refund())).await.status, 202);
    let nobody = Ask::new("POST", "/api/admin/disputes/0193a1f0-0000-7000-8000-0000000000ff/resolve");
    assert_eq!(stage.send(nobody.by(&stage.admin).json(&refund())).await.outcome(), (404, "not_found"));
    let gone = stage.bench.person(10, Role::Admin).await;
    stage.store().sessions().revoke_family(gone.family).await.unwrap();
    assert_eq!(stage.send(resolve(&order, &gone, &refund())).await.outcome(), (401, "session_revoked"));
    assert_eq!(stage.deeds().await, [(AuditAction::ResolveDispute, stage.other_admin.account)]);
}

#[tokio::test]
async fn what_is_not_disputed_is_not_resolved() {
    let stage = Stage::start().await;
    for status in OrderStatus::ALL.into_iter().filter(|status| *status != OrderStatus::Disputed) {
        let order = stage.order(1_000, |order| order.status = status).await;
        let refused = stage.send(resolve(&order, &stage.admin, &refund())).await;
        assert_eq!(refused.outcome(), (409, "order_state"), "{status:?}");
        assert_eq!(details(&refused), [("status", status.as_str()), ("allowedMoves", "")]);
    }
    let raising = stage.order(1_000, |order| {
        order.status = OrderStatus::Shipped;
        let command_id = format!("raise_dispute#{}", order.id);
        let (action, at) = (OrderMove::Dispute, order.created_at);
        order.pending = Some(PendingAction { action, command_id, by: Some(order.buyer_id), at });
    });
    let refused = stage.send(resolve(&raising.await, &stage.admin, &refund())).await;
    assert_eq!(refused.outcome(), (409, "order_state"));
    assert_eq!(stage.log().await, []);
}

#[tokio::test]
async fn open_disputes_are_listed_with_what_an_admin_must_know() {
    let stage = Stage::start().await;
    let sample = Ask::event(include_str!("../../../events/admin-disputes.json"));
    let none = stage.send(sample.clone().by(&stage.admin)).await;
    assert_eq!(none.body, json!({"items": [], "nextCursor": null}));
    stage.order(1_000, |order| order.status = OrderStatus::Funded).await;
    let small = stage.disputed(1_000).await;
    let large = stage.disputed(20_000).await;
    let closed = stage.store().orders().close_evidence(&small, Timestamp::now()).await.unwrap();
    assert_eq!(closed, Replaced::Done);
    stage.send(resolve(&large, &stage.other_admin, &refund())).await;
    let page = stage.send(sample.by(&stage.admin)).await;
    assert_eq!((page.status.as_u16(), page.trips), (200, 1), "{}", page.text);
    assert_eq!(ids(&page, "/order/id"), [large.id.to_string(), small.id.to_string()]);
    let row = stage.row(large.id).await;
    let raised = row.dispute.as_ref().unwrap();
    let proposal = raised.proposal.as_ref().unwrap();
    let order = json!({"id": large.id, "status": "disputed", "paymentMode": "mpesa", "productId": large.product_id,
        "productTitle": "Kitenge bag", "quantity": 1, "buyer": stage.buyer.account, "seller": stage.seller.account,
        "amountDot": "2.5", "amountUsd": "10.50", "amountKes": 20_000, "pending": null, "allowedMoves": ["resolve"],
        "deadlines": {"payment": null, "shipping": null, "inspection": null,
            "evidence": row.deadlines.evidence.unwrap().rfc3339()},
        "createdAt": row.created_at.rfc3339(), "updatedAt": row.updated_at.rfc3339(), "version": row.version});
    let dispute = json!({"reason": "The seam is torn.", "by": stage.buyer.account, "at": raised.at.rfc3339(),
        "evidenceCid": "bafyevidence", "evidenceClosedAt": null, "decision": null,
        "proposal": {"resolution": {"kind": "refund_buyer"}, "reason": "The seam is torn.",
            "by": stage.other_admin.account, "at": proposal.at.rfc3339()}});
    let shown = json!({"order": order, "dispute": dispute, "evidenceCount": 1, "evidenceClosed": false,
        "needsTwoAdmins": true});
    assert_eq!(page.body["items"][0], shown);
    let other = &page.body["items"][1];
    let facts = (&other["evidenceClosed"], &other["needsTwoAdmins"], &other["dispute"]["proposal"]);
    assert_eq!(facts, (&json!(true), &json!(false), &Value::Null));
}
