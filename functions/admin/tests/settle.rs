//! What M-Pesa's portal shows of a payment that waits for a human: it counts once, and the books balance.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    PaymentId, Timestamp,
    audit::AuditAction,
    ledger::LedgerAccount,
    order::{Order, OrderMove, OrderStatus},
    payment::{Payment, PaymentKind, PaymentStatus, ReviewReason},
    view::PaymentView,
};
use descrow_store::Replaced;
use descrow_web::testing::{Answer, Ask, Person};
use serde_json::{Value, json};
use stage::Stage;

const SETTLE: &str = include_str!("../../../events/admin-payment-settle.json");
/// The payment that the sample event names, and its receipt.
const PAYMENT: &str = "0193a1f0-0000-7000-8000-0000000000d1";
const RECEIPT: &str = "SG632NMUAB";
const PHONE: &str = "254708374149";
const PRICE: u32 = 1_000;

fn settle(id: PaymentId, by: &Person) -> Ask {
    Ask::event(&SETTLE.replace(PAYMENT, &id.to_string())).by(by)
}

fn paid(kes: u32, receipt: &str) -> Value {
    json!({"outcome": "paid", "amountKes": kes, "receipt": receipt, "reason": "The portal lists it."})
}

fn not_paid() -> Value {
    json!({"outcome": "not_paid", "reason": "The portal does not list it."})
}

impl Stage {
    async fn says(&self, id: PaymentId, by: &Person, body: &Value) -> Answer {
        self.send(settle(id, by).json(body)).await
    }

    async fn payment(&self, id: PaymentId) -> Payment {
        self.store().payments().get(id).await.unwrap().unwrap()
    }

    /// A payment that waits for a human.
    async fn held(&self, payment: Payment, reason: ReviewReason) -> Payment {
        assert!(self.store().payments().create(&payment).await.unwrap());
        let (status, review) = (PaymentStatus::Review, Some(reason));
        let next = Payment { status, review, next_check_at: None, version: 2, ..payment };
        assert_eq!(self.store().payments().replace(&next).await, Ok(Replaced::Done));
        next
    }

    /// A delivered order with its payout in review.
    async fn unknown_payout(&self, reason: ReviewReason) -> (Order, Payment) {
        let order = self.order(PRICE, |order| {
            order.status = OrderStatus::Delivered;
            order.payout_id = Some(PaymentId::derived(order.id.as_uuid(), "payout-1"));
        });
        let order = order.await;
        let phone = PHONE.parse().unwrap();
        let payout = Payment::payout(order.id, 1, order.seller_id, phone, order.quote.kes, Timestamp::now());
        (order, self.held(payout, reason).await)
    }

    /// An order in `status` with a collection in review.
    async fn unknown_collection(&self, status: OrderStatus, reason: ReviewReason) -> (Order, Payment) {
        let order = self.order(PRICE, |order| order.status = status).await;
        let phone = PHONE.parse().unwrap();
        let payment = Payment::collection(order.id, order.buyer_id, phone, order.quote.kes, Timestamp::now());
        (order, self.held(payment, reason).await)
    }

    /// What the books hold for the order, in shillings. Their sum is nothing.
    async fn escrow(&self, order: &Order) -> i128 {
        let book = self.store().ledger().of_order(order.id).await.unwrap();
        assert_eq!(book.iter().map(|entry| entry.amount.0).sum::<i128>(), 0);
        book.iter().filter(|entry| entry.account == LedgerAccount::Escrow).map(|entry| entry.amount.0).sum()
    }

    async fn refunds(&self, order: &Order) -> Vec<Payment> {
        let rows = self.store().payments().of_order(order.id).await.unwrap();
        rows.into_iter().filter(|row| row.kind == PaymentKind::Refund).collect()
    }
}

/// The status and message of every detail of a refusal.
fn details(answer: &Answer) -> Vec<(&str, &str)> {
    let details = answer.body["details"].as_array().unwrap();
    details.iter().map(|d| (d["field"].as_str().unwrap(), d["message"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_payout_that_the_portal_shows_as_paid_completes_its_order_once() {
    let stage = Stage::start().await;
    let (order, payout) = stage.unknown_payout(ReviewReason::Unresolved).await;
    let answer = stage.send(settle(payout.id, &stage.admin)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (200, 2), "{}", answer.text);
    let row = stage.payment(payout.id).await;
    assert_eq!(answer.body, serde_json::to_value(PaymentView::for_admin(&row)).unwrap());
    assert_eq!((row.status, row.review, row.receipt.as_deref()), (PaymentStatus::Succeeded, None, Some(RECEIPT)));
    assert_eq!(stage.row(order.id).await.status, OrderStatus::Completed);
    assert_eq!(stage.escrow(&order).await, -i128::from(PRICE), "what came in was booked by nobody here");
    for who in [&stage.admin, &stage.other_admin] {
        let again = stage.send(settle(payout.id, who)).await;
        assert_eq!((again.status.as_u16(), &again.body, again.trips), (200, &answer.body, 1));
    }
    for body in [not_paid(), paid(PRICE, "RKJ7RT61SV")] {
        let other = stage.says(payout.id, &stage.admin, &body).await;
        assert_eq!((other.outcome(), details(&other)), ((409, "payment_state"), vec![("status", "succeeded")]));
    }
    let [entry] = stage.log().await.try_into().unwrap();
    assert_eq!((entry.admin, entry.action), (stage.admin.account, AuditAction::SettlePayment));
    assert_eq!(entry.subject, format!("mpesa_transactions/{}", payout.id));
    assert_eq!(entry.reason.as_deref(), Some("The portal lists it as completed."));
    let remembered = json!({"order": order.id, "outcome": "paid", "amountKes": "1000"});
    assert_eq!(serde_json::to_value(&entry.details).unwrap(), remembered);
}

#[tokio::test]
async fn a_payout_that_the_portal_does_not_show_fails_and_can_be_sent_again() {
    let stage = Stage::start().await;
    for reason in [ReviewReason::Unresolved, ReviewReason::Contradiction, ReviewReason::WrongAmount] {
        let (order, payout) = stage.unknown_payout(reason).await;
        for _ in 0..2 {
            let answer = stage.says(payout.id, &stage.admin, &not_paid()).await;
            assert_eq!((answer.status.as_u16(), &answer.body["status"]), (200, &json!("failed")), "{}", answer.text);
        }
        assert_eq!(stage.escrow(&order).await, 0);
        assert_eq!(stage.row(order.id).await, order);
        let retry = format!("/api/admin/payouts/{}/retry", payout.id);
        let again = stage.send(Ask::new("POST", &retry).by(&stage.admin)).await;
        assert_eq!(again.status, 202, "{}", again.text);
        assert_eq!(stage.row(order.id).await.payout_id, Some(PaymentId::derived(order.id.as_uuid(), "payout-2")));
    }
    let actions: Vec<_> = stage.deeds().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, [AuditAction::SettlePayment, AuditAction::RetryPayout].repeat(3));
}

#[tokio::test]
async fn a_refund_that_the_portal_shows_as_paid_is_in_the_books() {
    let stage = Stage::start().await;
    let (order, came) = stage.unknown_collection(OrderStatus::Cancelled, ReviewReason::Unresolved).await;
    assert_eq!(stage.says(came.id, &stage.admin, &paid(PRICE, "NLJ7RT61SV")).await.status, 200);
    assert_eq!(stage.escrow(&order).await, i128::from(PRICE));
    let [refund] = stage.refunds(&order).await.try_into().unwrap();
    let refund: Payment = refund;
    let (status, review) = (PaymentStatus::Review, Some(ReviewReason::Unresolved));
    let held = Payment { status, review, next_check_at: None, version: 2, ..refund };
    assert_eq!(stage.store().payments().replace(&held).await, Ok(Replaced::Done));
    for _ in 0..2 {
        let answer = stage.send(settle(held.id, &stage.other_admin)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["status"]), (200, &json!("succeeded")), "{}", answer.text);
        assert_eq!(stage.escrow(&order).await, 0);
    }
    assert_eq!(stage.row(order.id).await, order);
}

#[tokio::test]
async fn the_right_amount_pays_an_order_that_waits_for_it() {
    let stage = Stage::start().await;
    for (n, reason) in
        [ReviewReason::Unresolved, ReviewReason::NoAnswer, ReviewReason::Contradiction, ReviewReason::WrongAmount]
            .into_iter()
            .enumerate()
    {
        let (order, payment) = stage.unknown_collection(OrderStatus::Created, reason).await;
        let receipt = format!("NLJ7RT61S{n}");
        let answer = stage.says(payment.id, &stage.admin, &paid(PRICE, &receipt)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["status"]), (200, &json!("succeeded")), "{}", answer.text);
        let row = stage.row(order.id).await;
        assert_eq!(row.payment_id, Some(payment.id));
        let pending = row.pending.unwrap();
        assert_eq!(pending.action, OrderMove::Fund);
        assert!(stage.store().chain_commands().get(&pending.command_id).await.unwrap().is_some());
        assert_eq!((stage.escrow(&order).await, stage.refunds(&order).await), (i128::from(PRICE), vec![]));
    }
}

#[tokio::test]
async fn another_amount_is_booked_and_goes_back_once() {
    let stage = Stage::start().await;
    for (n, (status, reason)) in [
        (OrderStatus::Created, ReviewReason::WrongAmount),
        (OrderStatus::Cancelled, ReviewReason::WrongAmount),
        (OrderStatus::Created, ReviewReason::Unresolved),
    ]
    .into_iter()
    .enumerate()
    {
        let (order, payment) = stage.unknown_collection(status, reason).await;
        let (one, two) = (paid(700, &format!("NLJ7RT61S{n}")), paid(701, &format!("NLJ7RT61S{n}")));
        let (first, second) =
            tokio::join!(stage.says(payment.id, &stage.admin, &one), stage.says(payment.id, &stage.other_admin, &one));
        let again = stage.says(payment.id, &stage.admin, &one).await;
        for answer in [&first, &second, &again] {
            assert_eq!((answer.status.as_u16(), &answer.body), (200, &first.body), "{}", answer.text);
        }
        let row = stage.payment(payment.id).await;
        assert_eq!((row.status, row.review), (PaymentStatus::Review, Some(ReviewReason::Returned)));
        assert_eq!(first.body["reason"], "returned");
        let [refund] = stage.refunds(&order).await.try_into().unwrap();
        let refund: Payment = refund;
        let back = (refund.amount_kes.0, refund.status, refund.refund_of, refund.phone.digits().to_owned());
        assert_eq!(back, (700, PaymentStatus::Queued, Some(payment.id), PHONE.to_owned()));
        assert_eq!(stage.escrow(&order).await, 700);
        assert_eq!(stage.row(order.id).await, order, "the order is as unpaid as it was");
        let other = stage.says(payment.id, &stage.admin, &two).await;
        assert_eq!((other.outcome(), details(&other)), ((409, "payment_state"), vec![("status", "review")]));
    }
    assert_eq!(stage.log().await.len(), 3);
}

#[tokio::test]
async fn what_came_for_an_order_that_cannot_take_it_goes_back() {
    let stage = Stage::start().await;
    for (n, (status, reason)) in
        [(OrderStatus::Cancelled, ReviewReason::OrderClosed), (OrderStatus::Shipped, ReviewReason::SecondPayment)]
            .into_iter()
            .enumerate()
    {
        let (order, payment) = stage.unknown_collection(status, ReviewReason::Unresolved).await;
        for _ in 0..2 {
            let answer = stage.says(payment.id, &stage.admin, &paid(PRICE, &format!("NLJ7RT61S{n}"))).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let row = stage.payment(payment.id).await;
            assert_eq!((row.status, row.review), (PaymentStatus::Review, Some(reason)));
            assert_eq!((stage.refunds(&order).await.len(), stage.escrow(&order).await), (1, i128::from(PRICE)));
        }
        assert_eq!(stage.row(order.id).await, order);
    }
    assert_eq!(stage.log().await.len(), 2);
}

#[tokio::test]
async fn a_collection_that_was_not_paid_frees_its_order_and_books_nothing() {
    let stage = Stage::start().await;
    let (order, payment) = stage.unknown_collection(OrderStatus::Created, ReviewReason::WrongAmount).await;
    let answer = stage.says(payment.id, &stage.admin, &not_paid()).await;
    assert_eq!((answer.status.as_u16(), &answer.body["status"]), (200, &json!("failed")), "{}", answer.text);
    assert!(stage.payment(payment.id).await.new_push_allowed_at().is_some());
    assert_eq!((stage.escrow(&order).await, stage.refunds(&order).await), (0, vec![]));
    assert_eq!(stage.row(order.id).await, order);
}

#[tokio::test]
async fn a_receipt_settles_one_payment() {
    let stage = Stage::start().await;
    let (_, first) = stage.unknown_collection(OrderStatus::Created, ReviewReason::Unresolved).await;
    let (order, second) = stage.unknown_collection(OrderStatus::Created, ReviewReason::Unresolved).await;
    assert_eq!(stage.says(first.id, &stage.admin, &paid(PRICE, RECEIPT)).await.status, 200);
    for kes in [PRICE, 700] {
        let reused = stage.says(second.id, &stage.admin, &paid(kes, RECEIPT)).await;
        let message = "another payment has this receipt, or came of the same prompt";
        assert_eq!(reused.outcome(), (409, "payment_state"));
        assert_eq!(details(&reused), [("status", "review"), ("receipt", message)]);
    }
    assert_eq!(stage.payment(second.id).await, second);
    assert_eq!((stage.escrow(&order).await, stage.refunds(&order).await), (0, vec![]));
    assert_eq!(stage.log().await.len(), 1);
}

#[tokio::test]
async fn only_what_waits_for_a_human_is_settled() {
    let stage = Stage::start().await;
    let order = stage.order(PRICE, |order| order.status = OrderStatus::Delivered).await;
    let phone: descrow_domain::Msisdn = PHONE.parse().unwrap();
    let queued = Payment::payout(order.id, 1, order.seller_id, phone.clone(), order.quote.kes, Timestamp::now());
    assert!(stage.store().payments().create(&queued).await.unwrap());
    let back = stage.held(
        Payment::collection(order.id, order.buyer_id, phone, order.quote.kes, Timestamp::now()),
        ReviewReason::SecondPayment,
    );
    for (payment, status) in [(queued, "queued"), (back.await, "review")] {
        for body in [paid(PRICE, RECEIPT), not_paid()] {
            let refused = stage.says(payment.id, &stage.admin, &body).await;
            assert_eq!((refused.outcome(), details(&refused)), ((409, "payment_state"), vec![("status", status)]));
        }
        assert_eq!(stage.payment(payment.id).await, payment);
    }
    let nobody = stage.says(PAYMENT.parse().unwrap(), &stage.admin, &not_paid()).await;
    assert_eq!(nobody.outcome(), (404, "not_found"));
    let (_, payout) = stage.unknown_payout(ReviewReason::Unresolved).await;
    let other = stage.says(payout.id, &stage.admin, &paid(999, RECEIPT)).await;
    assert_eq!((other.outcome(), other.fields()), ((400, "validation_failed"), vec!["amountKes"]));
    assert_eq!(stage.log().await, []);
}

#[tokio::test]
async fn nobody_settles_a_payment_of_its_own_order() {
    let stage = Stage::start().await;
    for who in [&stage.buyer, &stage.seller] {
        let (_, payout) = stage.unknown_payout(ReviewReason::Unresolved).await;
        assert_eq!(stage.says(payout.id, who, &not_paid()).await.outcome(), (403, "wrong_role"));
    }
    let admin = stage.admin.account;
    for (buyer_id, seller_id) in [(Some(admin), None), (None, Some(admin))] {
        let own = async |order: Order| {
            let parties = (buyer_id.unwrap_or(order.buyer_id), seller_id.unwrap_or(order.seller_id));
            let version = order.version + 1;
            let own = Order { buyer_id: parties.0, seller_id: parties.1, version, ..order };
            stage.rewrite(&own).await;
            own
        };
        let (delivered, payout) = stage.unknown_payout(ReviewReason::Unresolved).await;
        let (created, payment) = stage.unknown_collection(OrderStatus::Created, ReviewReason::WrongAmount).await;
        let (delivered, created) = (own(delivered).await, own(created).await);
        for (held, order) in [(&payout, &delivered), (&payment, &created)] {
            for body in [paid(PRICE, RECEIPT), not_paid()] {
                assert_eq!(stage.says(held.id, &stage.admin, &body).await.outcome(), (403, "wrong_role"), "{body}");
            }
            assert_eq!((&stage.payment(held.id).await, &stage.row(order.id).await), (held, order));
            assert_eq!(stage.escrow(order).await, 0);
        }
        let returned = stage.says(payment.id, &stage.admin, &paid(700, RECEIPT)).await;
        assert_eq!((returned.outcome(), stage.refunds(&created).await), ((403, "wrong_role"), vec![]));
    }
    assert_eq!(stage.log().await, []);
}

#[tokio::test]
async fn every_broken_rule_of_a_statement_is_listed() {
    let stage = Stage::start().await;
    let (_, payout) = stage.unknown_payout(ReviewReason::Unresolved).await;
    for (body, fields) in [
        (json!({}), vec!["outcome", "reason"]),
        (json!({"outcome": "paid", "reason": "ok"}), vec!["amountKes", "reason", "receipt"]),
        (json!({"outcome": "maybe", "reason": "Because."}), vec!["outcome"]),
        (
            json!({"outcome": "paid", "amountKes": 0, "receipt": "nlj", "reason": "Because."}),
            vec!["amountKes", "receipt"],
        ),
        (json!({"outcome": "paid", "amountKes": 250_001, "receipt": RECEIPT, "reason": "Because."}), vec!["amountKes"]),
        (
            json!({"outcome": "not_paid", "amountKes": 5, "receipt": RECEIPT, "reason": "Because."}),
            vec!["amountKes", "receipt"],
        ),
        (json!({"outcome": "not_paid", "reason": "Because.", "force": true}), vec!["force"]),
    ] {
        let refused = stage.says(payout.id, &stage.admin, &body).await;
        let mut named = refused.fields();
        named.sort_unstable();
        assert_eq!((refused.outcome(), named), ((400, "validation_failed"), fields), "{body}");
    }
}
