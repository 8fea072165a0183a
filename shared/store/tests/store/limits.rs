//! `limits`.

use std::collections::HashSet;

use descrow_domain::Timestamp;
use descrow_mpesa::{AccessToken, StoredToken, TokenStore};
use descrow_platform::Secret;
use descrow_store::{Begin, IdempotencyRecord, Window, testing::TestStore};

use crate::sample::{NOW, later};

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

#[tokio::test]
async fn one_of_two_equal_requests_goes_on_and_the_other_waits() {
    let db = TestStore::start().await;
    let limits = db.store.limits();
    let (first, second) = (record("h", later(30)), record("h", later(31)));
    let (one, two) = tokio::join!(limits.begin(&first, NOW), limits.begin(&second, NOW));
    let outcomes = [one.unwrap(), two.unwrap()];
    assert!(outcomes.contains(&Begin::Started) && outcomes.contains(&Begin::InProgress), "{outcomes:?}");
}

#[tokio::test]
async fn an_answer_is_given_again_and_a_key_serves_one_request() {
    let db = TestStore::start().await;
    let limits = db.store.limits();
    let claim = record("h", later(30));
    assert_eq!(limits.begin(&claim, NOW).await, Ok(Begin::Started));
    assert_eq!(limits.begin(&claim, NOW).await, Ok(Begin::Started), "the same claim, as after a lost reply");
    limits.finish(&claim, "202 accepted").await.unwrap();
    let answered = IdempotencyRecord { outcome: Some("202 accepted".into()), ..claim };
    assert_eq!(limits.begin(&record("h", later(90)), later(60)).await, Ok(Begin::Replay(answered.clone())));
    assert_eq!(limits.begin(&record("other", later(90)), later(60)).await, Ok(Begin::OtherRequest));
    assert_eq!(limits.idempotency(&answered.id, later(60)).await, Ok(Some(answered.clone())));
    let over = later(86_400);
    assert_eq!(limits.idempotency(&answered.id, over).await, Ok(None));
    assert_eq!(limits.begin(&record("other", over.plus_seconds(30)), over).await, Ok(Begin::Started));
}

#[tokio::test]
async fn the_claim_of_a_dead_request_is_free_after_a_while_and_a_given_up_one_at_once() {
    let db = TestStore::start().await;
    let limits = db.store.limits();
    let dead = record("h", later(30));
    limits.begin(&dead, NOW).await.unwrap();
    let next = record("h", later(60));
    assert_eq!(limits.begin(&next, later(30)).await, Ok(Begin::Started));
    limits.finish(&dead, "too late").await.unwrap();
    limits.forget(&dead).await.unwrap();
    assert_eq!(limits.idempotency(&next.id, later(31)).await, Ok(Some(next.clone())), "the new claim stands");
    limits.forget(&next).await.unwrap();
    assert_eq!(limits.begin(&record("h", later(99)), later(31)).await, Ok(Begin::Started));
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
