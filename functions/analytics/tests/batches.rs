//! Batches of stream records with their sample events, on a real table engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::time::Duration;

use analytics::batch::process;
use aws_lambda_events::event::dynamodb::Event;
use descrow_domain::{
    analytics::{Counter, Days, Figure, Tally},
    order::{OrderStatus, PaymentMode},
};
use descrow_platform::Deadline;
use descrow_store::{Store, Tables, testing::TestStore};

const MPESA: PaymentMode = PaymentMode::Mpesa;

fn sample(name: &str) -> Event {
    let path = format!("{}/../../events/analytics-{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The records of several samples as one batch.
fn batch(names: &[&str]) -> Event {
    let mut event = Event::default();
    event.records = names.iter().flat_map(|name| sample(name).records).collect();
    event
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// The sequence number of the record that must come again.
async fn reported(event: Event, store: &Store) -> Vec<Option<String>> {
    let response = process(event, store, soon()).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

async fn counters(store: &Store) -> Tally {
    store.counters().tally(Days::ending("2026-11-23".parse().unwrap(), 7)).await.unwrap()
}

fn daily(day: &str, figure: Figure) -> Counter {
    Counter::Daily(day.parse().unwrap(), MPESA, figure)
}

/// What the sample of orders counts for: one order, made and funded.
fn funded_order() -> Tally {
    let day = "2026-11-22";
    [
        (Counter::Now(MPESA, OrderStatus::Funded), 1),
        (daily(day, Figure::Created), 1),
        (daily(day, Figure::Funded), 1),
        (daily(day, Figure::FundingSeconds), 60),
        (daily(day, Figure::VolumeKes), 816),
        (daily(day, Figure::VolumePlanck), 15_000_000_000),
    ]
    .into_iter()
    .collect()
}

/// What the sample of the books counts for: one payout.
fn payout() -> Tally {
    let day = "2026-11-23";
    [(daily(day, Figure::Payouts), 1), (daily(day, Figure::PayoutKes), 816)].into_iter().collect()
}

#[tokio::test]
async fn orders_and_books_are_counted_with_one_request_for_each_batch() {
    let db = TestStore::start().await;
    assert_eq!(reported(sample("orders"), &db.store).await, []);
    assert_eq!(db.trips.requests(), 1);
    assert_eq!(counters(&db.store).await, funded_order());
    assert_eq!(reported(sample("ledger"), &db.store).await, []);
    let mut both = funded_order();
    both.merge(&payout());
    assert_eq!(counters(&db.store).await, both);
}

#[tokio::test]
async fn records_that_come_again_count_nothing() {
    let db = TestStore::start().await;
    for names in [&["orders"][..], &["orders", "orders"], &["ledger", "orders"], &["ledger"]] {
        assert_eq!(reported(batch(names), &db.store).await, []);
    }
    let mut expected = funded_order();
    expected.merge(&payout());
    assert_eq!(counters(&db.store).await, expected);
}

#[tokio::test]
async fn changes_count_the_same_in_the_wrong_order() {
    let db = TestStore::start().await;
    let mut backwards = sample("orders");
    backwards.records.reverse();
    for record in backwards.records {
        let mut event = Event::default();
        event.records = vec![record];
        assert_eq!(reported(event, &db.store).await, []);
    }
    assert_eq!(counters(&db.store).await, funded_order());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_reported_and_those_behind_it_are_counted() {
    let db = TestStore::start().await;
    let poison = "405400000000002063282838";
    for _ in 0..2 {
        assert_eq!(reported(batch(&["ledger", "poison", "orders"]), &db.store).await, [Some(poison.to_owned())]);
    }
    let mut expected = funded_order();
    expected.merge(&payout());
    assert_eq!(counters(&db.store).await, expected);
}

#[tokio::test]
async fn what_is_deleted_and_what_is_neither_order_nor_entry_counts_for_nothing() {
    let db = TestStore::start().await;
    let mut event = batch(&["orders", "ledger"]);
    for record in &mut event.records {
        "REMOVE".clone_into(&mut record.event_name);
    }
    let mut marks = sample("ledger").records;
    for record in &mut marks {
        record.change.new_image.remove("entry_id");
    }
    event.records.extend(marks);
    assert_eq!(reported(event, &db.store).await, []);
    assert_eq!((db.trips.take(), counters(&db.store).await), (0, Tally::default()));
}

#[tokio::test]
async fn a_batch_that_cannot_be_counted_now_comes_again_from_its_first_record_that_counts() {
    let db = TestStore::start().await;
    let elsewhere = Store::new(db.client.clone(), Tables::of_stack("elsewhere"));
    // Of a movement's two entries the second one counts.
    assert_eq!(reported(sample("ledger"), &elsewhere).await, [Some("700000000000000000002".to_owned())]);
    let late = process(sample("orders"), &db.store, Deadline::after(Duration::ZERO)).await;
    let first = late.batch_item_failures.first().and_then(|failure| failure.item_identifier.as_deref());
    assert_eq!(first, Some("405400000000002063282832"));
}
