//! The laws of which rates price an order.

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds { max_age: 1800, max_jump: 10, settle: 900 };
const START: i64 = 1_795_000_000;

/// Rates that the source says `seconds` after the start.
fn says(usd_per_dot: u64, seconds: i64) -> Rates {
    Rates { usd_per_dot, kes_per_usd: 129_00_000_000, source: "test".into(), at: at(seconds) }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp((START + seconds) * 1000)
}

/// The row after the source said all of `said`.
fn after(said: impl IntoIterator<Item = Rates>) -> CurrentRates {
    let next = |row: Option<CurrentRates>, rates: Rates| {
        let now = rates.at;
        CurrentRates::judge(row.as_ref(), rates, BOUNDS, now).row().cloned().or(row)
    };
    said.into_iter().fold(None, next).unwrap()
}

fn price(row: &CurrentRates, seconds: i64) -> Result<u64, NotQuotable> {
    row.quotable(BOUNDS, at(seconds)).map(|rates| rates.usd_per_dot)
}

#[test]
fn the_first_rates_are_believed_and_small_steps_are_followed() {
    assert_eq!(price(&after([says(100, 0)]), 0), Ok(100));
    assert_eq!(price(&after([says(100, 0), says(110, 300), says(121, 600), says(109, 900)]), 900), Ok(109));
}

#[test]
fn a_jump_prices_nothing_until_the_source_is_back() {
    let jumped = after([says(100, 0), says(111, 300)]);
    assert_eq!(price(&jumped, 300), Err(NotQuotable::Jumped { until: at(1200) }));
    assert_eq!(price(&after([says(100, 0), says(111, 300), says(101, 600)]), 600), Ok(101));
    let shillings = Rates { kes_per_usd: 200_00_000_000, ..says(100, 300) };
    assert_eq!(price(&after([says(100, 0), shillings]), 300), Err(NotQuotable::Jumped { until: at(1200) }));
}

#[test]
fn a_jump_that_holds_is_believed_when_it_has_settled() {
    let held = [says(100, 0), says(200, 300), says(205, 600), says(195, 900)];
    assert_eq!(price(&after(held.clone()), 1199), Err(NotQuotable::Jumped { until: at(1200) }));
    let settled = CurrentRates::judge(Some(&after(held)), says(198, 1200), BOUNDS, at(1200));
    assert!(matches!(&settled, Judged::Settled(row) if price(row, 1200) == Ok(198) && row.version == 5), "{settled:?}");
}

#[test]
fn a_jump_from_the_jump_begins_anew() {
    let row = after([says(100, 0), says(200, 300), says(300, 600), says(300, 1300)]);
    assert_eq!(price(&row, 1300), Err(NotQuotable::Jumped { until: at(1500) }));
}

#[test]
fn a_source_that_repeats_itself_settles_nothing_and_ages() {
    let row = after([says(100, 0), says(200, 300), says(200, 300), says(200, 300)]);
    assert_eq!(price(&row, 1500), Err(NotQuotable::Jumped { until: at(1200) }));
    assert_eq!(price(&row, 2101), Err(NotQuotable::Aged { since: at(2100) }));
}

#[test]
fn rates_are_good_for_their_time_and_not_longer() {
    let row = after([says(100, 0)]);
    assert_eq!((price(&row, 1800), price(&row, -60)), (Ok(100), Ok(100)));
    assert_eq!(price(&row, 1801), Err(NotQuotable::Aged { since: at(1800) }));
}

#[test]
fn what_comes_late_changes_nothing() {
    let row = after([says(100, 0), says(200, 300)]);
    assert_eq!(CurrentRates::judge(Some(&row), says(100, 299), BOUNDS, at(400)), Judged::Late);
    assert_eq!(Judged::Late.row(), None);
}

#[test]
fn who_asks_again_is_told_when() {
    let waits = |why: NotQuotable| why.retry_after(at(0));
    assert_eq!((waits(NotQuotable::Missing), waits(NotQuotable::Aged { since: at(-9) })), (60, 60));
    let jumped = [at(-5), at(600), at(100_000)].map(|until| waits(NotQuotable::Jumped { until }));
    assert_eq!(jumped, [60, 600, 3600]);
}

#[test]
fn configured_rates_need_no_row_and_do_not_age() {
    let pricing = Pricing::Configured(says(100, 0));
    assert_eq!((pricing.needs_row(), pricing.rates(None, at(1_000_000))), (false, Ok(says(100, 0))));
    let fetched = Pricing::Fetched(BOUNDS);
    assert_eq!((fetched.needs_row(), fetched.rates(None, at(0))), (true, Err(NotQuotable::Missing)));
    assert_eq!(fetched.rates(Some(&after([says(100, 0)])), at(0)), Ok(says(100, 0)));
}

proptest! {
    #[test]
    fn a_price_is_never_far_from_the_one_before_unless_it_settled(
        said in prop::collection::vec((1u64..1_000_000_000, 0i64..2000), 1..40),
    ) {
        let mut row: Option<CurrentRates> = None;
        for (usd_per_dot, seconds) in said {
            let judged = CurrentRates::judge(row.as_ref(), says(usd_per_dot, seconds), BOUNDS, at(seconds));
            if let (Some(before), Judged::Accepted(next)) = (&row, &judged) {
                prop_assert!(near(&before.accepted, &next.accepted, BOUNDS.max_jump));
            }
            match &judged {
                Judged::Held(next) => {
                    prop_assert!(next.quotable(BOUNDS, at(seconds)).is_err(), "a jump never prices");
                    prop_assert_eq!(Some(&next.accepted), row.as_ref().map(|row| &row.accepted));
                }
                Judged::Accepted(next) | Judged::Settled(next) => {
                    prop_assert_eq!(price(next, seconds + BOUNDS.max_age), Ok(usd_per_dot), "within its age it prices");
                    prop_assert!(price(next, seconds + BOUNDS.max_age + 1).is_err());
                }
                Judged::Late => {}
            }
            row = judged.row().cloned().or(row);
        }
    }

    #[test]
    fn the_same_twice_prices_as_once(said in prop::collection::vec((50u64..200, 1i64..400), 1..20)) {
        let mut clock = 0;
        let said: Vec<Rates> = said.into_iter().map(|(usd, later)| { clock += later; says(usd, clock) }).collect();
        let twice = after(said.iter().flat_map(|rates| [rates.clone(), rates.clone()]));
        let once = after(said);
        prop_assert_eq!((once.accepted, once.candidate), (twice.accepted, twice.candidate));
    }
}
