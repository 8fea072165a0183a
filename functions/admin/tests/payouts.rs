//! Another attempt at money that did not arrive.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    PaymentId, Timestamp,
    audit::AuditAction,
    order::{Order, OrderStatus},
    payment::{Payment, PaymentKind, PaymentStatus, ReviewReason},
    view::PaymentView,
};
use descrow_store::Replaced;
use descrow_web::testing::{Ask, Person};
use serde_json::json;
use stage::Stage;

const RETRY: &str = include_str!("../../../events/admin-payout-retry.json");
/// The payout that the sample event names.
const PAYOUT: &str = "0193a1f0-0000-7000-8000-0000000000d1";

fn retry(id: PaymentId, by: &Person) -> Ask {
    Ask::event(&RETRY.replace(PAYOUT, &id.to_string())).by(by)
}

/// A delivered order whose payout M-Pesa finally refused.
async fn unpaid(stage: &Stage) -> (Order, Payment) {
    let order = stage.order(1_000, |order| {
        order.status = OrderStatus::Delivered;
        let first = PaymentId::derived(order.id.as_uuid(), "payout-1");
        order.payout_id = Some(first);
    });
    let order = order.await;
    let phone = "254708374149".parse().unwrap();
    let payout = Payment::payout(order.id, 1, order.seller_id, phone, order.quote.kes, Timestamp::now());
    (order.clone(), stage.failed(payout).await)
}

#[tokio::test]
async fn a_failed_payout_is_queued_again_to_the_number_of_the_profile_and_logged() {
    let stage = Stage::start().await;
    let (order, failed) = unpaid(&stage).await;
    let answer = stage.send(retry(failed.id, &stage.admin)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (202, 3), "{}", answer.text);
    let id = PaymentId::derived(order.id.as_uuid(), "payout-2");
    let next = stage.store().payments().get(id).await.unwrap().unwrap();
    assert_eq!(answer.body, serde_json::to_value(PaymentView::for_admin(&next)).unwrap());
    assert_eq!(
        (next.status, next.phone.digits(), next.amount_kes),
        (PaymentStatus::Queued, "254700000001", failed.amount_kes)
    );
    assert_eq!(stage.row(order.id).await.payout_id, Some(id));

    let again = stage.send(retry(failed.id, &stage.other_admin)).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &answer.body), "there is one such attempt");
    let [entry] = stage.log().await.try_into().unwrap();
    assert_eq!((entry.admin, entry.action), (stage.admin.account, AuditAction::RetryPayout));
    assert_eq!(entry.subject, format!("mpesa_transactions/{}", failed.id));
    let details = json!({"attempt": id, "order": order.id, "amountKes": "1000", "otherNumber": "true"});
    assert_eq!(serde_json::to_value(&entry.details).unwrap(), details);
    let queued = stage.send(retry(id, &stage.admin)).await;
    assert_eq!((queued.outcome(), queued.fields()), ((409, "payment_state"), vec!["status"]));
    assert_eq!(queued.body["details"][0]["message"], "queued");
}

#[tokio::test]
async fn a_failed_refund_goes_out_again_too() {
    let stage = Stage::start().await;
    let order = stage.order(1_000, |order| order.status = OrderStatus::Cancelled).await;
    let phone: descrow_domain::Msisdn = "254708374149".parse().unwrap();
    let paid = Payment::collection(order.id, order.buyer_id, phone, order.quote.kes, Timestamp::now());
    let failed = stage.failed(Payment::refund(&paid, 1, order.quote.kes, Timestamp::now())).await;
    stage.rewrite(&Order { refund_id: Some(failed.id), version: order.version + 1, ..order.clone() }).await;
    let answer = stage.send(retry(failed.id, &stage.admin)).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let id = PaymentId::derived(paid.id.as_uuid(), "refund-2");
    assert_eq!((&answer.body["id"], &answer.body["kind"]), (&json!(id), &json!("refund")));
    assert_eq!(answer.body["phoneNumber"], "2547*****002");
    assert_eq!(stage.row(order.id).await.refund_id, Some(id));
}

#[tokio::test]
async fn a_refused_request_is_sent_again_and_leaves_the_list_of_reviews() {
    let stage = Stage::start().await;
    let (order, failed) = unpaid(&stage).await;
    let (status, review) = (PaymentStatus::Review, Some(ReviewReason::RequestRefused));
    let refused = Payment { status, review, result_code: Some("400.002.02".into()), version: 3, ..failed };
    assert_eq!(stage.store().payments().replace(&refused).await, Ok(Replaced::Done));
    let (first, second) =
        tokio::join!(stage.send(retry(refused.id, &stage.admin)), stage.send(retry(refused.id, &stage.other_admin)));
    for answer in [&first, &second] {
        assert_eq!((answer.status.as_u16(), &answer.body), (202, &first.body), "{}", answer.text);
    }
    let id = PaymentId::derived(order.id.as_uuid(), "payout-2");
    let next = stage.store().payments().get(id).await.unwrap().unwrap();
    assert_eq!((next.status, next.amount_kes), (PaymentStatus::Queued, refused.amount_kes));
    assert_eq!(stage.row(order.id).await.payout_id, Some(id));
    let over = stage.store().payments().get(refused.id).await.unwrap().unwrap();
    assert_eq!((over.status, over.review, over.result_code), (PaymentStatus::Failed, None, refused.result_code));
    let again = stage.send(retry(refused.id, &stage.admin)).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &first.body));
    assert_eq!(stage.log().await.len(), 1);
}

#[tokio::test]
async fn what_may_have_been_paid_is_not_sent_again() {
    let stage = Stage::start().await;
    let (order, failed) = unpaid(&stage).await;
    for (n, reason) in
        [ReviewReason::Unresolved, ReviewReason::WrongAmount, ReviewReason::Contradiction].into_iter().enumerate()
    {
        let version = u64::try_from(n).unwrap() + 3;
        let held = Payment { status: PaymentStatus::Review, review: Some(reason), version, ..failed.clone() };
        assert_eq!(stage.store().payments().replace(&held).await, Ok(Replaced::Done));
        let answer = stage.send(retry(failed.id, &stage.admin)).await;
        assert_eq!(answer.outcome(), (409, "payment_state"), "{reason:?}");
        assert_eq!(answer.body["details"], json!([{"field": "status", "message": "review"}]), "{reason:?}");
    }
    assert_eq!(stage.row(order.id).await, order);
    assert_eq!(stage.log().await, []);
}

#[tokio::test]
async fn the_price_is_not_sent_again_where_a_dispute_decided_otherwise() {
    for (to_seller, outcome) in [(0, (409, "order_state")), (400, (409, "order_state")), (1_000, (202, ""))] {
        let stage = Stage::start().await;
        let (order, failed) = unpaid(&stage).await;
        stage.rewrite(&decided(order, to_seller)).await;
        assert_eq!(stage.send(retry(failed.id, &stage.admin)).await.outcome(), outcome, "{to_seller}");
    }
}

/// The order as a dispute ended it while its payout was on its way.
fn decided(order: Order, to_seller: u32) -> Order {
    use descrow_domain::{
        Kes,
        dispute::{Decision, DisputeResolution},
    };
    let (resolution, price) = (DisputeResolution::RefundBuyer, order.quote.kes.0);
    let (kes_to_buyer, kes_to_seller) = (Kes(price - to_seller), Kes(to_seller));
    let decision = Decision { resolution, reason: None, by: vec![], at: order.created_at, kes_to_buyer, kes_to_seller };
    let mut next = Order { version: order.version + 1, ..order };
    stage::dispute(&mut next);
    next.status = OrderStatus::Resolved;
    next.dispute.as_mut().unwrap().decision = Some(decision);
    next
}

#[tokio::test]
async fn where_a_dispute_decided_otherwise_its_shares_are_sent_once() {
    for (to_seller, expected) in [(0, vec![("refund", 1_000)]), (400, vec![("payout", 400), ("refund", 600)])] {
        let stage = Stage::start().await;
        let (order, failed) = unpaid(&stage).await;
        let phone = "254708374149".parse().unwrap();
        let paid = Payment::collection(order.id, order.buyer_id, phone, order.quote.kes, Timestamp::now());
        let paid = Payment { status: PaymentStatus::Succeeded, next_check_at: None, ..paid };
        assert!(stage.store().payments().create(&paid).await.unwrap());
        stage.rewrite(&Order { payment_id: Some(paid.id), ..decided(order.clone(), to_seller) }).await;
        let (one, two) =
            tokio::join!(stage.send(retry(failed.id, &stage.admin)), stage.send(retry(failed.id, &stage.other_admin)));
        assert_eq!((one.status.as_u16(), two.status.as_u16()), (202, 202), "{} {}", one.text, two.text);
        let third = stage.send(retry(failed.id, &stage.admin)).await;
        assert_eq!(third.outcome(), if to_seller == 0 { (409, "order_state") } else { (202, "") }, "{}", third.text);
        let mut rows = stage.store().payments().of_order(order.id).await.unwrap();
        rows.retain(|row| row.status == PaymentStatus::Queued);
        let mut sums: Vec<_> = rows.iter().map(|row| (row.kind, row.amount_kes.0)).collect();
        sums.sort_by_key(|(_, sum)| *sum);
        let shown = sums.iter().map(|(kind, sum)| json!([kind, sum])).collect::<Vec<_>>();
        assert_eq!(shown, expected.iter().map(|share| json!(share)).collect::<Vec<_>>());
        let row = stage.row(order.id).await;
        let id = |kind| rows.iter().find(|row| row.kind == kind).map(|row| row.id);
        assert_eq!((row.payout_id, row.refund_id), (id(PaymentKind::Payout), id(PaymentKind::Refund)));
        assert_eq!(stage.log().await.len(), 1);
    }
}

#[tokio::test]
async fn two_admins_at_once_are_one_attempt_and_one_entry() {
    let stage = Stage::start().await;
    let (_, failed) = unpaid(&stage).await;
    let (first, second) =
        tokio::join!(stage.send(retry(failed.id, &stage.admin)), stage.send(retry(failed.id, &stage.other_admin)),);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202), "{} {}", first.text, second.text);
    assert_eq!(first.body["id"], second.body["id"]);
    assert_eq!(stage.log().await.len(), 1);
}

#[tokio::test]
async fn only_what_failed_and_is_owed_is_sent_again_and_never_the_admins_own() {
    let stage = Stage::start().await;
    let (order, failed) = unpaid(&stage).await;
    for who in [&stage.buyer, &stage.seller] {
        assert_eq!(stage.send(retry(failed.id, who)).await.outcome(), (403, "wrong_role"));
    }
    assert_eq!(stage.send(retry(PAYOUT.parse().unwrap(), &stage.admin)).await.outcome(), (404, "not_found"));
    let phone: descrow_domain::Msisdn = "254708374149".parse().unwrap();
    let paid = Payment::collection(order.id, order.buyer_id, phone.clone(), order.quote.kes, Timestamp::now());
    let paid = stage.failed(paid).await;
    assert_eq!(stage.send(retry(paid.id, &stage.admin)).await.outcome(), (404, "not_found"), "a push is no payout");
    let own = Payment::payout(order.id, 3, stage.admin.account, phone, order.quote.kes, Timestamp::now());
    let own = stage.failed(own).await;
    assert_eq!(stage.send(retry(own.id, &stage.admin)).await.outcome(), (403, "wrong_role"));
    let admin = stage.admin.account;
    let bought = stage.order(1_000, |order| {
        (order.status, order.buyer_id) = (OrderStatus::Delivered, admin);
        order.payout_id = Some(PaymentId::derived(order.id.as_uuid(), "payout-1"));
    });
    let bought = bought.await;
    let theirs = Payment::payout(bought.id, 1, bought.seller_id, own.phone.clone(), bought.quote.kes, Timestamp::now());
    let theirs = stage.failed(theirs).await;
    assert_eq!(stage.send(retry(theirs.id, &stage.admin)).await.outcome(), (403, "wrong_role"), "its own order");
    let row = stage.row(order.id).await;
    stage.rewrite(&Order { status: OrderStatus::Completed, version: row.version + 1, ..row }).await;
    let late = stage.send(retry(failed.id, &stage.admin)).await;
    assert_eq!(late.outcome(), (409, "order_state"), "{}", late.text);
    assert_eq!(stage.log().await, []);
}
