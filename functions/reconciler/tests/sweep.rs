//! One run, against a database in process and an SQS on loopback that takes or refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{collections::BTreeSet, time::Duration};

use descrow_domain::{
    Account, Kes, OrderId, Timestamp,
    command::{ChainCommand, Command, CommandStatus},
    payment::{Decision, Payment, ReviewReason},
};
use descrow_platform::{
    Deadline,
    testing::TestSqs,
    wake::{FifoQueue, StandardQueue},
};
use descrow_store::testing::TestStore;
use reconciler::{Queues, Swept, sweep};
use serde_json::Value;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// The queues of an SQS that keeps what was sent.
struct Sqs {
    queues: Queues,
    sqs: TestSqs,
}

impl Sqs {
    fn of(sqs: TestSqs) -> Self {
        let queues = Queues {
            callbacks: StandardQueue::new(sqs.client(), "http://sqs/mpesa-callbacks".into()),
            commands: FifoQueue::new(sqs.client(), "http://sqs/oracle-commands.fifo".into()),
            payouts: FifoQueue::new(sqs.client(), "http://sqs/payouts.fifo".into()),
        };
        Self { queues, sqs }
    }

    /// What was sent: queue, group and body, in no order.
    fn sent(&self) -> BTreeSet<(String, String, String)> {
        let text = |message: &Value, name: &str| message[name].as_str().unwrap_or_default().to_owned();
        self.sqs
            .sent()
            .iter()
            .map(|m| (text(m, "QueueUrl"), text(m, "MessageGroupId"), text(m, "MessageBody")))
            .collect()
    }
}

fn wake(id: &str) -> String {
    format!("{{\"v\":1,\"id\":\"{id}\"}}")
}

fn collection() -> Payment {
    let phone = "254708374149".parse().unwrap();
    Payment::collection(OrderId::new(), Account::from_bytes([1; 32]), phone, Kes(10), NOW)
}

fn payout() -> Payment {
    let phone = "254708374149".parse().unwrap();
    Payment::payout(OrderId::new(), 1, Account::from_bytes([2; 32]), phone, Kes(10), NOW)
}

async fn run(db: &TestStore, sqs: &Sqs, at: Timestamp) -> Swept {
    sweep(&db.store, &sqs.queues, at, Deadline::after(Duration::from_secs(30))).await.unwrap()
}

#[tokio::test]
async fn everything_that_is_overdue_wakes_who_settles_it_and_nothing_else_does() {
    let (db, sqs) = (TestStore::start().await, Sqs::of(TestSqs::taking()));
    let (due, out) = (collection(), payout());
    let review = Decision::Review { reason: ReviewReason::NoAnswer };
    let over = [collection().after(Decision::Fail, NOW).unwrap(), collection().after(review, NOW).unwrap()];
    let later = Payment { next_check_at: Some(NOW.plus_seconds(91)), ..collection() };
    for payment in [&due, &out, &later].into_iter().chain(&over) {
        assert!(db.store.payments().create(payment).await.unwrap());
    }
    let stuck = ChainCommand::new(OrderId::new(), Command::ConfirmDelivery, NOW);
    let moving = ChainCommand::new(OrderId::new(), Command::ConfirmDelivery, NOW.plus_seconds(60));
    let done = ChainCommand {
        status: CommandStatus::Final,
        ..ChainCommand::new(OrderId::new(), Command::ConfirmDelivery, NOW)
    };
    for command in [&stuck, &moving, &done] {
        assert!(db.store.chain_commands().create(command).await.unwrap());
    }
    db.trips.take();
    let swept = run(&db, &sqs, NOW.plus_seconds(90)).await;
    assert_eq!(swept, Swept { collections: 1, payouts: 1, commands: 1, ..Swept::default() });
    assert_eq!(db.trips.take(), 1, "all indexes at once");
    let expected = BTreeSet::from([
        ("http://sqs/mpesa-callbacks".into(), String::new(), wake(&due.id.to_string())),
        ("http://sqs/payouts.fifo".into(), out.order_id.to_string(), wake(&out.id.to_string())),
        ("http://sqs/oracle-commands.fifo".into(), "contract".into(), wake(&stuck.id)),
    ]);
    assert_eq!(sqs.sent(), expected);
}

#[tokio::test]
async fn nothing_is_changed_so_a_second_run_wakes_the_same() {
    let (db, sqs) = (TestStore::start().await, Sqs::of(TestSqs::taking()));
    let due = collection();
    db.store.payments().create(&due).await.unwrap();
    for _ in 0..2 {
        let swept = run(&db, &sqs, NOW.plus_seconds(15)).await;
        assert_eq!(swept, Swept { collections: 1, ..Swept::default() });
    }
    assert_eq!(db.store.payments().get(due.id).await, Ok(Some(due)));
    assert_eq!(sqs.sqs.sent().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_sent_is_counted_and_stops_nothing() {
    let (db, sqs) = (TestStore::start().await, Sqs::of(TestSqs::refusing()));
    for payment in [collection(), payout(), collection()] {
        db.store.payments().create(&payment).await.unwrap();
    }
    let swept = run(&db, &sqs, NOW.plus_seconds(15)).await;
    assert_eq!(swept, Swept { unsent: 3, ..Swept::default() });
    assert_eq!(sqs.sent().len(), 3, "each was tried");
}

#[tokio::test]
async fn nothing_is_begun_after_the_deadline() {
    let (db, sqs) = (TestStore::start().await, Sqs::of(TestSqs::taking()));
    db.store.payments().create(&collection()).await.unwrap();
    let swept = sweep(&db.store, &sqs.queues, NOW.plus_seconds(15), Deadline::after(Duration::ZERO)).await.unwrap();
    assert_eq!((swept, sqs.sent().len()), (Swept { unsent: 1, ..Swept::default() }, 0));
}

#[test]
fn the_schedules_event_is_taken_whatever_it_holds() {
    let sample = include_str!("../../../events/reconciler.json");
    serde_json::from_str::<serde::de::IgnoredAny>(sample).unwrap();
    assert_eq!(serde_json::from_str::<Value>(sample).unwrap()["source"], "aws.scheduler");
}
