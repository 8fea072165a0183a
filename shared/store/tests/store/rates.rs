//! The one row of exchange rates.

use descrow_domain::rates::{Bounds, CurrentRates, Rates};
use descrow_store::{Found, Replaced, Wanted, testing::TestStore};

use crate::sample::{NOW, later};

const BOUNDS: Bounds = Bounds { max_age: 1800, max_jump: 10, settle: 900 };

fn after(known: Option<&CurrentRates>, usd_per_dot: u64, seconds: i64) -> CurrentRates {
    let at = later(seconds);
    let rates = Rates { usd_per_dot, kes_per_usd: 129_00_000_000, source: "test".into(), at };
    CurrentRates::judge(known, rates, BOUNDS, at).row().cloned().unwrap()
}

#[tokio::test]
async fn rates_are_kept_with_their_candidate_and_read_in_one_round_trip() {
    let db = TestStore::start().await;
    assert_eq!(db.store.rates().current().await, Ok(None));
    let first = after(None, 4_20_000_000, 0);
    let jumped = after(Some(&first), 8_40_000_000, 300);
    assert_eq!(db.store.rates().save(&first).await, Ok(Replaced::Done));
    assert_eq!(db.store.rates().save(&jumped).await, Ok(Replaced::Done));
    db.trips.take();
    assert_eq!(db.store.rates().current().await, Ok(Some(jumped.clone())));
    let wanted = Wanted { rates: true, ..Wanted::default() };
    let found = Found { rates: Some(jumped.clone()), ..Found::default() };
    assert_eq!(db.store.read_together(&wanted).await, Ok(found));
    assert_eq!(db.trips.take(), 2);
    assert_eq!(jumped.quotable(BOUNDS, NOW).is_err(), jumped.candidate.is_some());
}

#[tokio::test]
async fn of_two_fetches_at_once_one_is_written_and_the_other_learns_of_it() {
    let db = TestStore::start().await;
    let (one, other) = (after(None, 4_20_000_000, 0), after(None, 4_21_000_000, 1));
    assert_eq!(db.store.rates().save(&one).await, Ok(Replaced::Done));
    assert_eq!(db.store.rates().save(&one).await, Ok(Replaced::Done), "its own result is met again");
    assert_eq!(db.store.rates().save(&other).await, Ok(Replaced::Stale(Some(Box::new(one.clone())))));
    let (second, rival) = (after(Some(&one), 4_22_000_000, 2), after(Some(&one), 4_23_000_000, 3));
    assert_eq!(db.store.rates().save(&rival).await, Ok(Replaced::Done));
    assert_eq!(db.store.rates().save(&second).await, Ok(Replaced::Stale(Some(Box::new(rival.clone())))));
    assert_eq!(db.store.rates().current().await, Ok(Some(rival)));
}
