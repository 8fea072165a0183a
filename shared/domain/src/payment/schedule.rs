//! When an open payment is looked at again (DARAJA.md §4).

use crate::Timestamp;

/// A failure told by a status query counts only when the prompt is older than this: the query said 1037 twelve seconds
/// before the phone had timed out (DARAJA.md §4).
pub const GRACE_SECONDS: i64 = 120;
/// A push that was never answered is given to a human after this: its prompt, if there was one, ended minutes ago.
pub const UNANSWERED_SECONDS: i64 = 300;
/// After this nobody asks M-Pesa any more: 48 hours.
pub const GIVE_UP_SECONDS: i64 = 48 * 3600;

/// Seconds after the payment's beginning, before the interval becomes regular.
const FIRST: [i64; 8] = [15, 30, 60, 90, 120, 300, 900, 3600];
/// The regular interval: four hours.
const REGULAR: i64 = 4 * 3600;

/// The first instant of the schedule of a payment begun at `begun` that lies after `now`; `None` when 48 hours are over.
pub fn next_check(begun: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let offset = offset(begun, now);
    (offset <= GIVE_UP_SECONDS).then(|| begun.plus_seconds(offset))
}

/// The same without an end: what M-Pesa certainly never had is not given up.
pub fn regular_check(begun: Timestamp, now: Timestamp) -> Timestamp {
    begun.plus_seconds(offset(begun, now))
}

fn offset(begun: Timestamp, now: Timestamp) -> i64 {
    let age = now.millis_since(begun).max(0) / 1000;
    FIRST.into_iter().find(|offset| *offset > age).unwrap_or_else(|| (age / REGULAR + 1) * REGULAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_schedule_is_the_designed_one() {
        let begun = Timestamp(1_800_000_000_000);
        let mut at = begun;
        let mut seen = Vec::new();
        while let Some(next) = next_check(begun, at) {
            seen.push(next.millis_since(begun) / 1000);
            at = next;
        }
        let mut expected = vec![15, 30, 60, 90, 120, 300, 900, 3600];
        expected.extend((1..=12).map(|n| n * 4 * 3600));
        assert_eq!(seen, expected);
    }

    #[test]
    fn without_an_end_it_is_looked_at_every_four_hours() {
        let begun = Timestamp(1_800_000_000_000);
        for seconds in [0, 15, 3599, 47 * 3600] {
            let now = begun.plus_seconds(seconds);
            assert_eq!(Some(regular_check(begun, now)), next_check(begun, now));
        }
        let late = begun.plus_seconds(50 * 3600);
        assert_eq!((next_check(begun, late), regular_check(begun, late)), (None, begun.plus_seconds(52 * 3600)));
    }

    #[test]
    fn a_clock_that_runs_behind_does_not_break_the_schedule() {
        assert_eq!(next_check(Timestamp(60_000), Timestamp(0)), Some(Timestamp(75_000)));
    }
}
