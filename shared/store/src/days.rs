//! Lists over partitions that hold one day each, newest first.
//!
//! A day's partition cannot become hot for long, and none has to be known: the list goes back day by day, a fortnight in one
//! round trip. A page may therefore be short, or even empty, and still be followed by another.

use descrow_domain::Timestamp;

use crate::{
    Page, Store, StoreError,
    expression::{Expression, string},
    item::Row,
    list::Listing,
};

/// Days that one page looks at.
const FORTNIGHT: i64 = 14;
/// No row is older: 2026-11-01, before the service began.
const BEGINNING: Timestamp = Timestamp(1_793_491_200_000);
const DAY_SECONDS: i64 = 86_400;

/// What to list.
pub(crate) struct ByDay<'a> {
    /// The index; `None` for the table itself.
    pub(crate) index: Option<&'static str>,
    /// The attribute that holds the day.
    pub(crate) partition: &'static str,
    /// The attribute that is the sort key: time-ordered across days.
    pub(crate) sort: &'static str,
    pub(crate) position: Option<&'a str>,
    pub(crate) filter: Option<Expression>,
    pub(crate) limit: usize,
    /// The instant that a position stands for; `None` for one that is none.
    pub(crate) instant: fn(&str) -> Option<Timestamp>,
    /// A position after every row of an instant's day and of later ones, and before the rows of the day before.
    pub(crate) before: fn(Timestamp) -> String,
}

impl Store {
    /// A page, newest first.
    pub(crate) async fn list_by_day<R: Row>(&self, wanted: ByDay<'_>) -> Result<Page<R>, StoreError> {
        // The clock that made a row may be ahead of ours.
        let newest = || Timestamp::now().plus_seconds(DAY_SECONDS);
        let from = wanted.position.and_then(wanted.instant).unwrap_or_else(newest).max(BEGINNING);
        let days: Vec<Timestamp> = (0..FORTNIGHT)
            .map(|back| from.plus_seconds(-back.saturating_mul(DAY_SECONDS)))
            .take_while(|day| day.seconds() > BEGINNING.seconds().saturating_sub(DAY_SECONDS))
            .collect();
        let oldest = days.last().map_or(BEGINNING, |day| start(*day));
        let listing = Listing {
            index: wanted.index,
            partition: wanted.partition,
            values: days.into_iter().map(|day| string(day.day())).collect(),
            sort: wanted.sort,
            descending: true,
            position: wanted.position,
            filter: wanted.filter,
            limit: wanted.limit,
        };
        let page = self.list(listing).await?;
        let next = page.next.or_else(|| (oldest > BEGINNING).then(|| (wanted.before)(oldest)));
        Ok(Page { next, ..page })
    }
}

/// Midnight (UTC) at the beginning of an instant's day.
fn start(at: Timestamp) -> Timestamp {
    let seconds = at.seconds().div_euclid(DAY_SECONDS).saturating_mul(DAY_SECONDS);
    Timestamp(seconds.saturating_mul(1000))
}

/// The instant of a `created_key`, for [`ByDay::instant`].
pub(crate) fn created_instant(key: &str) -> Option<Timestamp> {
    key.get(..14)?.parse().ok().map(Timestamp)
}

/// [`ByDay::before`] for a `created_key`.
pub(crate) fn before_created(at: Timestamp) -> String {
    format!("{:014}", at.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_between_days_lies_between_their_keys() {
        let midnight = Timestamp(1_793_577_600_000);
        assert_eq!((midnight.day(), start(Timestamp(midnight.0 + 5))), ("2026-11-02".to_owned(), midnight));
        let key = |at: i64| crate::item::created_key(Timestamp(at), &uuid::Uuid::nil());
        let between = before_created(midnight);
        assert!(key(midnight.0 - 1) < between && between < key(midnight.0));
        assert_eq!(created_instant(&between), Some(midnight));
        assert_eq!(BEGINNING.rfc3339(), "2026-11-01T00:00:00Z");
    }
}
