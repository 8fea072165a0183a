//! `limits`.

use std::collections::HashSet;

use descrow_domain::{
    Timestamp,
    order::{Order, OrderStatus},
};
use descrow_mpesa::{AccessToken, StoredToken, TokenStore};
use descrow_platform::Secret;
use descrow_store::{Begun, IdempotencyRecord, Window, testing::TestStore};

use crate::{
    orders::in_status,
    sample::{NOW, collection, later},
};

#[tokio::test]
async fn hits_are_counted_in_windows_in_one_round_trip_each() {
    let db = TestStore::start().await;
    let limits = db.store.limits();
    let window = 900;
    let resets_at = Timestamp((NOW.seconds() / 900 + 1) * 900_000);
    for count in 1..=3 {
        assert_eq!(limits.hit("ip#1", window, NOW).await, Ok(Window { count, resets_at }));
    }
    assert_eq!(db.trips.take(), 3);
    assert_eq!(limits.hit("ip#2", window, NOW).await, Ok(Window { count: 1, resets_at }));
    assert_eq!(limits.hit("ip#1", window, resets_at).await.unwrap().count, 1);
}

#[tokio::test]
async fn concurrent_hits_are_all_counted() {
    let db = TestStore::start().await;
    let hits = (0..20).map(|_| {
        let store = db.store.clone();
        tokio::spawn(async move { store.limits().hit("ip", 60, NOW).await.unwrap().count })
    });
    let mut counts = HashSet::new();
    for hit in hits.collect::<Vec<_>>() {
        counts.insert(hit.await.unwrap());
    }
    assert_eq!(counts, (1..=20).collect());
}

fn record(hash: &str, locked_until: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord {
        id: IdempotencyRecord::id("pay", "key"),
        request_hash: hash.into(),
        outcome: None,
        locked_until,
        expires_at: later(86_400).seconds(),
    }
}

/// Begins a payment of an order of its own with `record`, as `pay/mpesa` does.
async fn begin(db: &TestStore, record: &IdempotencyRecord, now: Timestamp) -> Begun {
    let order = in_status(db, OrderStatus::Created).await;
    let payment = collection(&order, now);
    let next = Order { payment_id: Some(payment.id), version: order.version + 1, updated_at: now, ..order };
    db.store.orders().begin_payment(&next, &payment, None, Some(record), now).await.unwrap()
}

#[tokio::test]
async fn one_of_two_equal_requests_goes_on_and_the_other_finds_its_claim() {
    let db = TestStore::start().await;
    let (first, second) = (record("h", later(30)), record("h", later(31)));
    let (one, two) = tokio::join!(begin(&db, &first, NOW), begin(&db, &second, NOW));
    let (replay_one, replay_two) = (Begun::Replay(Box::new(first)), Begun::Replay(Box::new(second)));
    let outcomes = [one, two];
    assert!(outcomes == [Begun::Done, replay_one] || outcomes == [replay_two, Begun::Done], "{outcomes:?}");
}

#[tokio::test]
async fn an_answer_is_given_again_for_a_day() {
    let db = TestStore::start().await;
    let limits = db.store.limits();
    let claim = record("h", later(30));
    assert_eq!(begin(&db, &claim, NOW).await, Begun::Done);
    limits.finish(&claim, "202 accepted").await.unwrap();
    let answered = IdempotencyRecord { outcome: Some("202 accepted".into()), ..claim };
    for hash in ["h", "other"] {
        let again = begin(&db, &record(hash, later(90)), later(60)).await;
        assert_eq!(again, Begun::Replay(Box::new(answered.clone())), "whose hash tells whether it is the same request");
    }
    assert_eq!(limits.idempotency(&answered.id, later(60)).await, Ok(Some(answered.clone())));
    let over = later(86_400);
    assert_eq!(limits.idempotency(&answered.id, over).await, Ok(None));
    assert_eq!(begin(&db, &record("other", over.plus_seconds(30)), over).await, Begun::Done);
}

#[tokio::test]
async fn the_claim_of_a_dead_request_is_free_after_a_while_and_a_given_up_one_at_once() {
    let db = TestStore::start().await;
    let limits = db.store.limits();
    let dead = record("h", later(30));
    assert_eq!(begin(&db, &dead, NOW).await, Begun::Done);
    let next = record("h", later(60));
    assert_eq!(begin(&db, &next, later(29)).await, Begun::Replay(Box::new(dead.clone())));
    assert_eq!(begin(&db, &next, later(30)).await, Begun::Done);
    limits.finish(&dead, "too late").await.unwrap();
    limits.forget(&dead).await.unwrap();
    assert_eq!(limits.idempotency(&next.id, later(31)).await, Ok(Some(next.clone())), "the new claim stands");
    limits.forget(&next).await.unwrap();
    assert_eq!(begin(&db, &record("h", later(99)), later(31)).await, Begun::Done);
}

#[test]
fn the_scope_of_a_key_is_part_of_its_id() {
    let ids: HashSet<_> =
        [("a", "b"), ("ab", ""), ("", "ab"), ("a", "c")].map(|(s, k)| IdempotencyRecord::id(s, k)).into();
    assert_eq!(ids.len(), 4);
}

fn token(secret: &str) -> AccessToken {
    AccessToken { secret: Secret::new(secret), issued_at: NOW, lifetime_s: 3_599 }
}

#[tokio::test]
async fn one_function_refreshes_the_shared_token_at_a_time() {
    let db = TestStore::start().await;
    let (here, there) = (db.store.daraja_token("174379"), db.store.daraja_token("174379"));
    assert_eq!(here.read().await, Ok(None));
    let (one, two) = tokio::join!(here.lock(0, NOW, later(10)), there.lock(0, NOW, later(10)));
    assert_eq!([one, two].iter().filter(|got| **got == Ok(true)).count(), 1);
    assert_eq!(here.read().await, Ok(None), "a lock is no token");
    assert_eq!(there.lock(0, later(10), later(20)).await, Ok(true), "the holder died");
    there.replace(0, token("new")).await.unwrap();
    here.replace(0, token("late")).await.unwrap();
    let stored = StoredToken { version: 1, token: token("new") };
    assert_eq!(here.read().await, Ok(Some(stored.clone())));
    assert_eq!(here.lock(0, later(30), later(40)).await, Ok(false), "the version moved on");
    assert_eq!(here.lock(1, later(30), later(40)).await, Ok(true));
    assert_eq!(there.lock(1, later(30), later(40)).await, Ok(false));
    here.unlock(1).await.unwrap();
    assert_eq!(there.lock(1, later(30), later(40)).await, Ok(true));
    assert_eq!(there.read().await, Ok(Some(stored)));
    assert_eq!(db.store.daraja_token("600000").read().await, Ok(None), "another shortcode");
}

#[tokio::test]
async fn what_may_be_done_once_in_a_while_is_one_callers() {
    let db = TestStore::start().await;
    let limits = db.store.limits();
    let (first, second) = tokio::join!(limits.once_in("a", 10, NOW), limits.once_in("a", 10, NOW));
    let mut taken = [first.unwrap(), second.unwrap()];
    taken.sort();
    assert_eq!(taken, [None, Some(later(10))]);
    assert_eq!(limits.once_in("b", 10, NOW).await, Ok(None));
    assert_eq!(limits.once_in("a", 10, later(9)).await, Ok(Some(later(10))));
    assert_eq!(limits.once_in("a", 10, later(10)).await, Ok(None));
    assert_eq!(limits.once_in("a", 10, later(11)).await, Ok(Some(later(20))));
}
