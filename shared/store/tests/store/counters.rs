//! Counters: each change counts once, whatever is told twice, together or at once.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    analytics::{AnalyticsView, Counter, DAYS_MAX, Day, Days, Figure, Tally},
    order::{OrderStatus, PaymentMode},
};
use descrow_store::{Client, Counting, Store, StoreError, Table, Tables, counters_of, testing::TestStore};

use crate::sample::{NOW, later};

const MPESA: PaymentMode = PaymentMode::Mpesa;

fn today() -> Day {
    Day::of(NOW)
}

fn days() -> Days {
    Days::ending(today(), 7)
}

/// A new order, as the counters see it.
fn creation(number: usize) -> Counting {
    let tally = [(Counter::Now(MPESA, OrderStatus::Created), 1), (Counter::Daily(today(), MPESA, Figure::Created), 1)];
    Counting { change: format!("order#{number}#1"), tally: tally.into_iter().collect() }
}

/// That order, funded.
fn funding(number: usize) -> Counting {
    let tally = [
        (Counter::Now(MPESA, OrderStatus::Created), -1),
        (Counter::Now(MPESA, OrderStatus::Funded), 1),
        (Counter::Daily(today(), MPESA, Figure::Funded), 1),
        (Counter::Daily(today(), MPESA, Figure::VolumePlanck), 10_i128.pow(28)),
    ];
    Counting { change: format!("order#{number}#2"), tally: tally.into_iter().collect() }
}

fn sum<'a>(changes: impl IntoIterator<Item = &'a Counting>) -> Tally {
    let mut tally = Tally::default();
    for counting in changes {
        tally.merge(&counting.tally);
    }
    tally
}

async fn items(client: &Client) -> usize {
    client.scan().table_name("test-counters").send().await.unwrap().items().len()
}

#[tokio::test]
async fn changes_are_counted_together_and_read_in_one_round_trip_each() {
    let db = TestStore::start().await;
    let changes: Vec<_> = (0..20).flat_map(|n| [creation(n), funding(n)]).collect();
    assert_eq!(db.store.counters().count(&changes, NOW).await, Ok(()));
    assert_eq!((db.trips.requests(), db.trips.take()), (1, 1));
    assert_eq!(db.store.counters().tally(days()).await, Ok(sum(&changes)));
    let view = db.store.counters().read(days()).await.unwrap();
    assert_eq!(view, AnalyticsView::new(days(), &sum(&changes)));
    assert_eq!((view.orders.mpesa.funded, view.totals.all.volume_dot.as_str()), (20, "20000000000000000000"));
    db.trips.take();
    let longest = Days::ending(today(), DAYS_MAX);
    assert_eq!(db.store.counters().tally(longest).await, Ok(sum(&changes)));
    assert_eq!((db.trips.requests(), db.trips.take()), (2, 1));
}

#[tokio::test]
async fn what_is_told_again_counts_once_alone_in_the_same_batch_and_among_what_is_new() {
    let db = TestStore::start().await;
    let counters = db.store.counters();
    assert_eq!(counters.count(&[creation(1), creation(1)], NOW).await, Ok(()));
    assert_eq!(counters.count(&[creation(1)], later(60)).await, Ok(()));
    let mixed = [creation(2), creation(1), funding(1), creation(3), funding(1)];
    assert_eq!(counters.count(&mixed, later(61)).await, Ok(()));
    let all = [creation(1), creation(2), creation(3), funding(1)];
    assert_eq!(counters.tally(days()).await, Ok(sum(&all)));
    // Two items of counters, four marks.
    assert_eq!(items(&db.client).await, 6);
}

#[tokio::test]
async fn a_batch_of_any_size_is_counted() {
    let db = TestStore::start().await;
    let changes: Vec<_> = (0..250).map(creation).collect();
    assert_eq!(db.store.counters().count(&changes, NOW).await, Ok(()));
    // 100 writes at most in each: 98 marks and two items.
    assert_eq!(db.trips.take(), 3);
    assert_eq!(db.store.counters().tally(days()).await, Ok(sum(&changes)));
}

#[tokio::test]
async fn a_change_that_counts_for_nothing_costs_nothing() {
    let db = TestStore::start().await;
    let nothing = Counting { change: "order#1#2".into(), tally: Tally::default() };
    assert_eq!(db.store.counters().count(&[nothing], NOW).await, Ok(()));
    assert_eq!((db.trips.take(), items(&db.client).await), (0, 0));
}

#[tokio::test]
async fn consumers_that_count_the_same_changes_at_once_count_each_once() {
    let db = TestStore::start().await;
    let changes: Vec<_> = (0..60).flat_map(|n| [creation(n), funding(n)]).collect();
    let consumers = (0..8).map(|n| {
        let (store, changes) = (db.store.clone(), changes.clone());
        async move { store.counters().count(&changes[n * 10..n * 10 + 50], NOW).await }
    });
    let counted = futures_util::future::join_all(consumers).await;
    assert_eq!(counted, vec![Ok(()); 8]);
    assert_eq!(db.store.counters().tally(days()).await, Ok(sum(&changes)));
}

#[tokio::test]
async fn a_mark_goes_after_two_days() {
    let db = TestStore::start().await;
    db.store.counters().count(&[creation(1)], NOW).await.unwrap();
    let mark = db.client.get_item().table_name("test-counters").key("id", AttributeValue::S("seen#order#1#1".into()));
    let mark = mark.send().await.unwrap().item.unwrap();
    assert_eq!(mark["expires_at"].as_n().unwrap(), &later(172_800).seconds().to_string());
    assert_eq!(counters_of(&mark), Ok(Tally::default()));
}

#[tokio::test]
async fn what_could_not_be_counted_is_named_by_its_place() {
    let db = TestStore::start().await;
    let nothing = Counting { change: "order#1#2".into(), tally: Tally::default() };
    let elsewhere = Store::new(db.client.clone(), Tables::of_stack("elsewhere"));
    let Err((place, StoreError::Failed { table: Table::Counters, .. })) =
        elsewhere.counters().count(&[nothing, creation(1)], NOW).await
    else {
        panic!("counted in a table that is not there")
    };
    assert_eq!(place, 1);
}

#[tokio::test]
async fn a_correction_moves_counters_whatever_they_stand_at() {
    let db = TestStore::start().await;
    let counters = db.store.counters();
    counters.count(&[creation(1), funding(1)], NOW).await.unwrap();
    let wanted = sum(&[creation(1), creation(2)]);
    let difference = wanted.minus(&counters.tally(days()).await.unwrap());
    assert_eq!(counters.correct(&difference).await, Ok(()));
    assert_eq!(counters.tally(days()).await, Ok(wanted));
}
