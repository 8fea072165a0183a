//! The whole function against a database and a simulated Daraja, both in process. Money is counted at M-Pesa: whatever fails
//! and however often a message comes, the seller is paid once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use std::{sync::Arc, time::Duration};

use aws_lambda_events::event::sqs::SqsEvent;
use descrow_domain::{
    Account, Kes, OrderId, Timestamp,
    payment::{Payment, PaymentStatus, ReviewReason},
};
use descrow_mpesa::{B2cSettings, CallError, CallbackSecret, CallbackUrls, ClientSettings, Daraja, MemoryTokens};
use descrow_platform::{
    Deadline, Secret,
    queue::{self, WakeUp},
};
use descrow_store::testing::TestStore;
use payout_sender::{Failure, PayoutSender};
use sandbox::{Behaviour, DuplicateStyle, Operation, Options, Rule, Sandbox, Settings};

const PRICE: u32 = 2580;

struct Rig {
    db: TestStore,
    sandbox: Sandbox,
    sender: PayoutSender,
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

async fn rig() -> Rig {
    rig_as(sandbox::PAYOUT_SHORTCODE).await
}

async fn rig_as(shortcode: &str) -> Rig {
    let settings = Settings { https_only: false, forbidden_words: false, callback_delay_ms: 0, ..Settings::default() };
    let sandbox = Sandbox::start(Options { settings, ..Options::default() }).await.unwrap();
    let db = TestStore::start().await;
    let key = Secret::new(sandbox::CONSUMER_KEY);
    let client = ClientSettings::new(sandbox.daraja_url().parse().unwrap(), key, Secret::new(sandbox::CONSUMER_SECRET));
    let secret = CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef"));
    let sender = PayoutSender {
        store: db.store.clone(),
        daraja: Daraja::new(client, Arc::new(MemoryTokens::default())).unwrap(),
        b2c: B2cSettings::new(shortcode, sandbox::INITIATOR, Secret::new(sandbox::SECURITY_CREDENTIAL)),
        // Nobody listens there: results are lost.
        urls: CallbackUrls::new("http://127.0.0.1:9", secret, true).unwrap(),
    };
    Rig { db, sandbox, sender }
}

impl Rig {
    async fn commit(&self, change: impl FnOnce(&mut Payment)) -> Payment {
        let seller = Account::from_bytes([7; 32]);
        let phone = "254708374149".parse().unwrap();
        let mut payout = Payment::payout(OrderId::new(), 1, seller, phone, Kes(PRICE), Timestamp::now());
        change(&mut payout);
        assert!(self.db.store.payments().create(&payout).await.unwrap());
        payout
    }

    async fn wake(&self, payout: &Payment) -> Result<(), Failure> {
        let body = serde_json::to_string(&WakeUp::new(payout.id.to_string())).unwrap();
        self.sender.handle(&body, soon()).await.map(|_| ())
    }

    async fn row(&self, payout: &Payment) -> Payment {
        self.db.store.payments().get(payout.id).await.unwrap().unwrap()
    }

    /// How often an operation was asked of Daraja, and under which originator ids.
    fn asked(&self, operation: Operation) -> Vec<String> {
        self.sandbox.requests(operation)
    }

    /// Shillings that reached the seller.
    fn paid(&self) -> u64 {
        self.sandbox.received("254708374149")
    }
}

#[tokio::test]
async fn a_queued_payout_is_sent_under_its_own_id_and_waits_for_the_result() {
    let rig = rig().await;
    let payout = rig.commit(|_| {}).await;
    rig.wake(&payout).await.unwrap();
    let row = rig.row(&payout).await;
    assert_eq!((row.status, row.attempts), (PaymentStatus::Sent, 1));
    assert!(row.conversation_id.as_deref().is_some_and(|id| id.starts_with("AG_")));
    assert!(row.submitted_at.is_some() && row.next_check_at.is_some());
    assert_eq!(rig.asked(Operation::B2c), [payout.id.to_hex()]);
    assert_eq!(rig.paid(), u64::from(PRICE));
}

#[tokio::test]
async fn the_same_message_twice_sends_once() {
    let rig = rig().await;
    let payout = rig.commit(|_| {}).await;
    rig.wake(&payout).await.unwrap();
    let before = rig.row(&payout).await;
    rig.wake(&payout).await.unwrap();
    assert_eq!(rig.row(&payout).await, before);
    assert_eq!(rig.asked(Operation::B2c).len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_followed_by_the_same_id_and_money_moves_once() {
    for style in [DuplicateStyle::Error, DuplicateStyle::ResponseCode, DuplicateStyle::Result] {
        let rig = rig().await;
        rig.sandbox.configure(|settings| settings.duplicate_style = style);
        rig.sandbox.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::B2c));
        let payout = rig.commit(|_| {}).await;
        rig.wake(&payout).await.unwrap();
        assert_eq!(rig.row(&payout).await.status, PaymentStatus::Sending, "not known is not sent, and not failed");
        rig.wake(&payout).await.unwrap();
        assert_eq!(rig.row(&payout).await.status, PaymentStatus::Sent, "{style:?}");
        assert_eq!(rig.asked(Operation::B2c), [payout.id.to_hex(), payout.id.to_hex()]);
        assert_eq!(rig.paid(), u64::from(PRICE), "{style:?}");
    }
}

#[tokio::test]
async fn a_sender_that_died_between_claim_and_send_is_made_up_for() {
    let rig = rig().await;
    let payout = rig.commit(|payout| payout.status = PaymentStatus::Sending).await;
    rig.wake(&payout).await.unwrap();
    assert_eq!((rig.row(&payout).await.status, rig.paid()), (PaymentStatus::Sent, u64::from(PRICE)));
}

#[tokio::test]
async fn a_request_that_reached_nobody_is_sent_later() {
    let error =
        |code: &str| Behaviour::Error { status: 500, code: code.into(), message: "Spike Arrest Violation".into() };
    for trouble in
        [Behaviour::Html { status: 403 }, Behaviour::Hang { ms: 0 }, error("500.003.02"), error("500.002.1001")]
    {
        let rig = rig().await;
        rig.sandbox.misbehave(Rule::once(trouble.clone()).on(Operation::B2c));
        let payout = rig.commit(|_| {}).await;
        rig.wake(&payout).await.unwrap();
        let row = rig.row(&payout).await;
        assert_eq!((row.status, rig.paid()), (PaymentStatus::Sending, 0), "{trouble:?}");
        assert!(row.next_check_at.is_some(), "somebody will look again");
        rig.wake(&payout).await.unwrap();
        assert_eq!((rig.row(&payout).await.status, rig.paid()), (PaymentStatus::Sent, u64::from(PRICE)), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_result_that_was_faster_stays() {
    let rig = rig().await;
    rig.sandbox.misbehave(Rule::once(Behaviour::Slow { ms: 300 }).on(Operation::B2c));
    let payout = rig.commit(|_| {}).await;
    let settled = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let sending = rig.row(&payout).await;
        assert_eq!(sending.status, PaymentStatus::Sending);
        let next =
            Payment { status: PaymentStatus::Succeeded, next_check_at: None, version: sending.version + 1, ..sending };
        rig.db.store.payments().replace(&next).await.unwrap();
        next
    };
    let (sent, settled) = tokio::join!(rig.wake(&payout), settled);
    sent.unwrap();
    assert_eq!(rig.row(&payout).await, settled);
}

#[tokio::test]
async fn a_late_result_is_asked_for_and_never_sent_again() {
    let rig = rig().await;
    let payout = rig
        .commit(|payout| {
            payout.status = PaymentStatus::Sent;
            payout.next_check_at = Some(Timestamp(1));
        })
        .await;
    rig.wake(&payout).await.unwrap();
    assert_eq!(rig.asked(Operation::TransactionStatus), [payout.id.to_hex()]);
    assert!(rig.asked(Operation::B2c).is_empty());
    let row = rig.row(&payout).await;
    assert_eq!(row.status, PaymentStatus::Sent);
    assert!(row.next_check_at.unwrap() > Timestamp::now(), "asked again later, not at once");
    rig.wake(&payout).await.unwrap();
    assert_eq!(rig.asked(Operation::TransactionStatus).len(), 1);
}

#[tokio::test]
async fn a_refused_configuration_stops_the_queue_and_fails_nothing() {
    let rig = rig_as("600999").await;
    let payout = rig.commit(|_| {}).await;
    let refused = rig.wake(&payout).await.unwrap_err();
    assert!(matches!(refused, Failure::Configuration { error: CallError::Misconfigured(_), .. }), "{refused}");
    assert_eq!((rig.row(&payout).await.status, rig.paid()), (PaymentStatus::Sending, 0));
}

#[tokio::test]
async fn a_refused_request_is_a_human_s() {
    let rig = rig().await;
    rig.sandbox.configure(|settings| settings.https_only = true);
    let payout = rig.commit(|_| {}).await;
    rig.wake(&payout).await.unwrap();
    let row = rig.row(&payout).await;
    assert_eq!((row.status, row.review), (PaymentStatus::Review, Some(ReviewReason::RequestRefused)));
    assert_eq!((row.result_code.as_deref(), rig.paid()), (Some("400.002.02"), 0));
}

fn event(name: &str) -> SqsEvent {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What the function reports as failed.
async fn batch(rig: &Rig, name: &str) -> Vec<String> {
    let response = queue::process(event(name), soon(), Duration::from_secs(1), true, |message| {
        let sender = &rig.sender;
        async move { sender.handle(message.body.as_deref().unwrap_or_default(), soon()).await }
    })
    .await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn a_batch_sends_its_payout_and_keeps_what_nobody_understands() {
    let rig = rig().await;
    assert_eq!(batch(&rig, "payout-sender").await, ["059f36b4-87a3-44ab-83d2-661975830a7d"], "no such row yet");
    let id = "0c5a8ec6-b1f4-571c-b0d1-d2a3f4e5f607".parse().unwrap();
    let payout = rig.commit(|payout| payout.id = id).await;
    assert!(batch(&rig, "payout-sender").await.is_empty());
    assert_eq!(rig.row(&payout).await.status, PaymentStatus::Sent);
    assert_eq!(batch(&rig, "payout-sender-poison").await, ["m-poison"]);
}
