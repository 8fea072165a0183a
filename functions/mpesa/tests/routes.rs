//! How a payment stands, and what was paid, through the router, over a database and a queue in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use descrow_domain::{
    Kes, OrderId, PaymentId, Timestamp,
    payment::{Payment, PaymentStatus},
    user::Role,
    view::PaymentView,
};
use descrow_platform::{queue::WakeUp, testing::TestSqs, wake::StandardQueue};
use descrow_store::Replaced;
use descrow_web::{
    App,
    testing::{Answer, Ask, Bench, Person},
};
use mpesa::Mpesa;
use serde_json::json;

const STATUS: &str = include_str!("../../../events/mpesa-stk-status.json");
/// The payment that the sample event names.
const PAYMENT: &str = "0193a1f0-0000-7000-8000-0000000000d1";
const PHONE: &str = "254708374149";

struct Stage {
    bench: Bench,
    queue: TestSqs,
    app: App,
    buyer: Person,
    seller: Person,
    admin: Person,
}

impl Stage {
    async fn start() -> Self {
        Self::with(TestSqs::taking()).await
    }

    async fn with(queue: TestSqs) -> Self {
        let bench = Bench::start().await;
        let checks = StandardQueue::new(queue.client(), "http://queue.test/mpesa-callbacks".to_owned());
        let (edge, store) = (bench.edge.clone(), bench.database.store.clone());
        let app = mpesa::app(Mpesa { edge, store, checks });
        let (buyer, seller) = (bench.person(1, Role::Buyer).await, bench.person(2, Role::Seller).await);
        let admin = bench.person(3, Role::Admin).await;
        Self { bench, queue, app, buyer, seller, admin }
    }

    async fn send(&self, ask: Ask) -> Answer {
        self.bench.send(&self.app, &ask).await
    }

    async fn get(&self, path: &str, who: &Person) -> Answer {
        self.send(Ask::new("GET", path).by(who)).await
    }

    /// A collection from the buyer that M-Pesa took `seconds` ago.
    async fn pushed(&self, seconds: i64) -> Payment {
        let at = Timestamp::now().plus_seconds(-seconds);
        let new = Payment::collection(OrderId::new(), self.buyer.account, PHONE.parse().unwrap(), Kes(1_000), at);
        self.kept(&new).await;
        self.next(&new, |payment| {
            payment.status = PaymentStatus::Pending;
            payment.submitted_at = Some(at);
        })
        .await
    }

    async fn kept(&self, payment: &Payment) {
        assert!(self.bench.database.store.payments().create(payment).await.unwrap());
    }

    async fn next(&self, payment: &Payment, change: impl FnOnce(&mut Payment)) -> Payment {
        let mut next = Payment { version: payment.version + 1, ..payment.clone() };
        change(&mut next);
        assert_eq!(self.bench.database.store.payments().replace(&next).await, Ok(Replaced::Done));
        next
    }

    /// What the queue was sent.
    fn wakes(&self) -> Vec<WakeUp> {
        let sent = self.queue.sent();
        sent.iter().map(|message| serde_json::from_str(message["MessageBody"].as_str().unwrap()).unwrap()).collect()
    }
}

fn status(id: PaymentId, who: &Person) -> Ask {
    Ask::new("POST", "/api/mpesa/stk-status").by(who).json(&json!({"paymentId": id}))
}

#[tokio::test]
async fn an_open_payment_is_asked_about_at_most_every_ten_seconds() {
    let stage = Stage::start().await;
    let payment = stage.pushed(30).await;
    let before = Timestamp::now();
    let answer = stage.send(status(payment.id, &stage.buyer)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (200, 2), "{}", answer.text);
    let limits = stage.bench.database.store.limits();
    let next = limits.once_in(&format!("stk-status#{}", payment.id), 10, before).await.unwrap().unwrap();
    assert!(before.plus_seconds(10) <= next && next <= Timestamp::now().plus_seconds(10), "{}", answer.text);
    let view = serde_json::to_value(PaymentView::new(&payment, &stage.buyer.account)).unwrap();
    assert_eq!(answer.body, json!({"payment": view, "asked": true, "nextAskAt": next.rfc3339()}));
    assert_eq!((&view["phoneNumber"], &view["status"]), (&json!("2547*****149"), &json!("pending")));
    for who in [&stage.buyer, &stage.admin] {
        let again = stage.send(status(payment.id, who)).await;
        assert_eq!(again.body, json!({"payment": view, "asked": false, "nextAskAt": next.rfc3339()}));
    }
    assert_eq!(stage.wakes(), [WakeUp::new(payment.id.to_string())]);
}

#[tokio::test]
async fn many_at_once_are_one_question() {
    let stage = Stage::start().await;
    let payment = stage.pushed(30).await;
    let ask = || stage.send(status(payment.id, &stage.buyer));
    let answers = <[Answer; 4]>::from(tokio::join!(ask(), ask(), ask(), ask()));
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(answers.iter().filter(|answer| answer.body["asked"] == true).count(), 1);
    assert_eq!(stage.wakes().len(), 1);
}

#[tokio::test]
async fn a_prompt_that_is_seconds_old_and_a_payment_that_is_over_are_not_asked_about() {
    let stage = Stage::start().await;
    let young = stage.pushed(2).await;
    let answer = stage.send(status(young.id, &stage.buyer)).await;
    let known = young.submitted_at.unwrap().plus_seconds(10).rfc3339();
    let facts = (answer.trips, &answer.body["asked"], &answer.body["nextAskAt"]);
    assert_eq!(facts, (1, &json!(false), &json!(known)));
    let old = stage.pushed(600).await;
    let paid = stage
        .next(&old, |payment| {
            payment.status = PaymentStatus::Succeeded;
            payment.receipt = Some("SKL7X2M9QF".to_owned());
        })
        .await;
    let answer = stage.send(status(paid.id, &stage.buyer)).await;
    let view = serde_json::to_value(PaymentView::new(&paid, &stage.buyer.account)).unwrap();
    assert_eq!((answer.trips, answer.body), (1, json!({"payment": view, "asked": false, "nextAskAt": null})));
    assert_eq!(view["receipt"], "SKL7X2M9QF");
    assert_eq!(stage.wakes(), []);
}

#[tokio::test]
async fn a_payment_is_its_payers_and_the_admins() {
    let stage = Stage::start().await;
    let payment = stage.pushed(30).await;
    assert_eq!(stage.send(status(payment.id, &stage.seller)).await.outcome(), (404, "not_found"));
    let payout =
        Payment::payout(OrderId::new(), 1, stage.seller.account, PHONE.parse().unwrap(), Kes(1_000), Timestamp::now());
    stage.kept(&payout).await;
    for who in [&stage.seller, &stage.admin] {
        assert_eq!(stage.send(status(payout.id, who)).await.outcome(), (404, "not_found"), "a payout is no push");
    }
    assert_eq!(stage.send(Ask::event(STATUS).by(&stage.buyer)).await.outcome(), (404, "not_found"));
    assert_eq!(stage.send(Ask::event(STATUS).header("authorization", "")).await.outcome().0, 401);
    let asked = stage.send(status(payment.id, &stage.admin)).await;
    assert_eq!((asked.status.as_u16(), &asked.body["payment"]["phoneNumber"]), (200, &json!("2547*****149")));
    let nonsense = stage.send(Ask::event(&STATUS.replace(PAYMENT, "7")).by(&stage.buyer)).await;
    assert_eq!((nonsense.outcome(), nonsense.fields()), ((400, "validation_failed"), vec!["paymentId"]));
    let gone = stage.bench.person(4, Role::Buyer).await;
    stage.bench.database.store.sessions().revoke_family(gone.family).await.unwrap();
    assert_eq!(stage.send(status(payment.id, &gone)).await.outcome(), (401, "session_revoked"));
}

#[tokio::test]
async fn where_nobody_can_be_woken_the_client_is_told_to_come_back() {
    let stage = Stage::with(TestSqs::refusing()).await;
    let payment = stage.pushed(30).await;
    let answer = stage.send(status(payment.id, &stage.buyer)).await;
    assert_eq!((answer.outcome(), answer.header("retry-after")), ((503, "service_unavailable"), Some("10")));
}

#[tokio::test]
async fn payments_are_listed_to_whom_they_concern_and_to_admins() {
    let stage = Stage::start().await;
    let paid = stage.pushed(300).await;
    let phone = || PHONE.parse().unwrap();
    let at = |seconds: i64| Timestamp::now().plus_seconds(-seconds);
    let payout = Payment::payout(paid.order_id, 1, stage.seller.account, phone(), Kes(1_000), at(200));
    let refund = Payment::refund(&paid, 1, Kes(400), at(100));
    for payment in [&payout, &refund] {
        stage.kept(payment).await;
    }
    let ids = |answer: &Answer| -> Vec<String> {
        answer.body["items"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect()
    };
    let [one, two, three] = [&paid, &payout, &refund].map(|payment| payment.id.to_string());
    let list = "/api/mpesa/transactions";
    let mine = stage.get(list, &stage.buyer).await;
    assert_eq!((mine.status.as_u16(), mine.trips), (200, 1), "{}", mine.text);
    let view = |payment| PaymentView::new(payment, &stage.buyer.account);
    assert_eq!(mine.body, json!({"items": [view(&refund), view(&paid)], "nextCursor": null}));
    assert_eq!(mine.body["items"][0]["phoneNumber"], "2547*****149");
    assert_eq!(ids(&stage.get(list, &stage.seller).await), std::slice::from_ref(&two));
    let all = stage.get(&format!("{list}?limit=2"), &stage.admin).await;
    assert_eq!((all.trips, ids(&all)), (1, vec![three.clone(), two.clone()]));
    let cursor = all.body["nextCursor"].as_str().unwrap();
    let rest = stage.get(&format!("{list}?limit=2&cursor={cursor}"), &stage.admin).await;
    assert_eq!(ids(&rest), std::slice::from_ref(&one));
    let stolen = stage.get(&format!("{list}?limit=2&cursor={cursor}"), &stage.buyer).await;
    assert_eq!(stolen.outcome(), (400, "invalid_cursor"));

    for (query, who, wanted) in [
        ("kind=refund", &stage.buyer, vec![&three]),
        ("kind=payout", &stage.buyer, vec![]),
        ("status=pending", &stage.buyer, vec![&one]),
        ("status=queued", &stage.admin, vec![&three, &two]),
        ("kind=payout&status=queued", &stage.admin, vec![&two]),
        ("kind=payout&status=failed", &stage.admin, vec![]),
    ] {
        let page = stage.get(&format!("{list}?{query}"), who).await;
        let wanted: Vec<String> = wanted.into_iter().cloned().collect();
        assert_eq!((page.trips, ids(&page)), (1, wanted), "{query}");
    }
    let sample = Ask::event(include_str!("../../../events/mpesa-transactions.json"));
    assert_eq!(ids(&stage.send(sample.clone().by(&stage.seller)).await), [two]);
    assert_eq!(stage.send(Ask::new("GET", list)).await.outcome(), (401, "missing_token"));
    let nonsense = stage.get(&format!("{list}?kind=gift&status=lost"), &stage.buyer).await;
    assert_eq!((nonsense.outcome(), nonsense.fields()), ((400, "validation_failed"), vec!["kind", "status"]));
}
