//! `counters`: the numbers behind the admin's analytics, kept by the streams of `orders` and `ledger`.
//!
//! | key | attributes |
//! |---|---|
//! | `now#<mode>` | how many orders of the mode have each status, by the status' name |
//! | `day#<yyyy-mm-dd>#<mode>` | what happened on the day (UTC), by the figure's name |
//! | `seen#<change>` | that a change was counted; goes by itself after two days, since a stream keeps its records for one |
//!
//! Every key is known to whoever asks, so a range of days is read in one round trip and nothing is ever scanned.
//!
//! Counters are numbers, moved by `ADD`: DynamoDB keeps 38 digits exactly, and what an order adds is bounded so that no day
//! comes near (`descrow_domain::analytics`).
//!
//! A counter is one item and not several shards. It is moved once for a portion of up to some ninety changes, by one consumer
//! for each shard of the streams, so the 500 transactions a second that an item takes are enough for tens of thousands of
//! changes; two consumers that meet on an item try again after random times.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Timestamp,
    analytics::{AnalyticsView, Counter, Day, Days, Figure, Tally},
    order::{OrderStatus, PaymentMode},
};

use crate::{
    Store, StoreError, Table,
    access::absent,
    error::Refused,
    expression::{Expression, expr, number},
    item::id_key,
    transaction::Write,
};

/// How long it is remembered that a change was counted: longer than a stream keeps its records.
const SEEN_SECONDS: i64 = 48 * 60 * 60;
/// DynamoDB takes so many writes in one transaction.
const MAX_WRITES: usize = 100;
/// How often a transaction is tried that keeps meeting others.
const ATTEMPTS: u64 = 10;
/// What is waited at most before the second attempt; before the third twice that, and so on.
const PAUSE_MILLIS: u64 = 25;

/// A change and what it counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counting {
    /// Names the change: the same change told again has the same name, and no other change has it.
    pub change: String,
    /// What it counts for.
    pub tally: Tally,
}

/// Access to `counters`.
#[derive(Clone, Copy, Debug)]
pub struct Counters<'a>(pub(crate) &'a Store);

impl Counters<'_> {
    /// Counts each of `changes` that was not counted before. The counters move in the transactions that remember what was
    /// counted, so a change counts once however often it is told, and whatever dies in between.
    ///
    /// # Errors
    /// [`StoreError`], and the place of the first change that was not counted.
    pub async fn count(self, changes: &[Counting], now: Timestamp) -> Result<(), (usize, StoreError)> {
        let mut names = HashSet::new();
        let mut waiting: Vec<(usize, &Counting)> = changes.iter().enumerate().collect();
        waiting.retain(|(_, counting)| !counting.tally.is_empty() && names.insert(counting.change.as_str()));
        let mut rest = waiting.as_slice();
        while let Some((first, _)) = rest.first() {
            let (portion, after) = rest.split_at(fitting(rest));
            self.count_together(portion, now).await.map_err(|error| (*first, error))?;
            rest = after;
        }
        Ok(())
    }

    async fn count_together(self, portion: &[(usize, &Counting)], now: Timestamp) -> Result<(), StoreError> {
        let mut left: Vec<&Counting> = portion.iter().map(|(_, counting)| *counting).collect();
        let mut attempt = 1;
        while !left.is_empty() {
            let mut sum = Tally::default();
            for counting in &left {
                sum.merge(&counting.tally);
            }
            let mut writes: Vec<Write> = left.iter().map(|counting| seen(&counting.change, now)).collect();
            writes.extend(additions(&sum));
            match self.0.transact(&writes).await {
                Ok(()) => return Ok(()),
                Err(Refused::Condition(mut cancelled)) => {
                    let before = left.len();
                    let mut place = 0..;
                    left.retain(|_| place.next().is_none_or(|n| cancelled.at(n).is_none()));
                    if left.len() == before {
                        return Err(StoreError::Contention(Table::Counters));
                    }
                }
                Err(Refused::Store(StoreError::Contention(_))) if attempt < ATTEMPTS => {
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                }
                Err(Refused::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves the counters by `difference`, whatever they stand at. For a recount only: nothing keeps this from being
    /// done twice.
    ///
    /// # Errors
    /// [`StoreError`]; some of the counters may have moved.
    pub async fn correct(self, difference: &Tally) -> Result<(), StoreError> {
        for writes in additions(difference).chunks(MAX_WRITES) {
            match self.0.transact(writes).await {
                Ok(()) => {}
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Condition(_)) => return Err(StoreError::Contention(Table::Counters)),
            }
        }
        Ok(())
    }

    /// The counters of `days` and of the orders as they stand, in one round trip.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn tally(self, days: Days) -> Result<Tally, StoreError> {
        let now = PaymentMode::ALL.into_iter().map(now_id);
        let days = days.iter().flat_map(|day| PaymentMode::ALL.map(|mode| day_id(day, mode)));
        let keys: Vec<_> = now.chain(days).map(|id| (Table::Counters, id_key(id))).collect();
        let mut tally = Tally::default();
        for (_, item) in self.0.read_all(&keys).await? {
            tally.merge(&counters_of(&item)?);
        }
        Ok(tally)
    }

    /// [`Self::tally`] as an admin sees it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn read(self, days: Days) -> Result<AnalyticsView, StoreError> {
        Ok(AnalyticsView::new(days, &self.tally(days).await?))
    }
}

/// What an item of `counters` says; nothing where it is a mark.
///
/// # Errors
/// [`StoreError::Unreadable`] when it is neither mark nor counters.
pub fn counters_of<S: std::hash::BuildHasher>(item: &HashMap<String, AttributeValue, S>) -> Result<Tally, StoreError> {
    let id = item.get("id").and_then(|id| id.as_s().ok()).map_or("?", String::as_str);
    if id.starts_with("seen#") {
        return Ok(Tally::default());
    }
    let unreadable =
        |reason: &str| StoreError::Unreadable { table: Table::Counters, key: id.to_owned(), reason: reason.to_owned() };
    let columns = columns(id).ok_or_else(|| unreadable("unknown key"))?;
    let mut tally = Tally::default();
    for (name, value) in item.iter().filter(|(name, _)| *name != "id") {
        let counter = columns.get(name.as_str()).ok_or_else(|| unreadable("unknown counter"))?;
        let value = value.as_n().ok().and_then(|n| n.parse().ok()).ok_or_else(|| unreadable("not a whole number"))?;
        tally.add(*counter, value);
    }
    Ok(tally)
}

/// How many of the first of `waiting` fit one transaction: a mark for each, and each item of counters once. At least one.
fn fitting(waiting: &[(usize, &Counting)]) -> usize {
    let mut items = BTreeSet::new();
    let fits = |(n, (_, counting)): &(usize, &(usize, &Counting))| {
        items.extend(counting.tally.iter().map(|(counter, _)| place(counter).0));
        n + 1 + items.len() <= MAX_WRITES
    };
    waiting.iter().enumerate().take_while(fits).count().max(1)
}

fn seen(change: &str, now: Timestamp) -> Write {
    let mut item = id_key(format!("seen#{change}"));
    item.insert("expires_at".to_owned(), number(now.plus_seconds(SEEN_SECONDS).seconds()));
    Write::Put { table: Table::Counters, item, condition: absent("id") }
}

/// One update for each item of counters.
fn additions(tally: &Tally) -> Vec<Write> {
    let mut items: BTreeMap<String, Expression> = BTreeMap::new();
    for (counter, by) in tally.iter() {
        let (id, column) = place(counter);
        let value = format!(":{column}");
        let change = match items.remove(&id) {
            Some(change) => change.also(expr(format!("#{column} {value}"))),
            None => expr(format!("ADD #{column} {value}")),
        };
        items.insert(id, change.with(&value, number(by)));
    }
    let write = |(id, change): (String, Expression)| Write::Change { table: Table::Counters, key: id_key(id), change };
    items.into_iter().map(write).collect()
}

/// The item and the attribute of a counter.
fn place(counter: Counter) -> (String, &'static str) {
    match counter {
        Counter::Now(mode, status) => (now_id(mode), status.as_str()),
        Counter::Daily(day, mode, figure) => (day_id(day, mode), figure.as_str()),
    }
}

/// The counters of the item with this key, by their attributes.
fn columns(id: &str) -> Option<BTreeMap<&'static str, Counter>> {
    let mode = |name: &str| PaymentMode::ALL.into_iter().find(|mode| mode.as_str() == name);
    if let Some(name) = id.strip_prefix("now#") {
        let mode = mode(name)?;
        return Some(OrderStatus::ALL.map(|status| (status.as_str(), Counter::Now(mode, status))).into());
    }
    let (day, name) = id.strip_prefix("day#")?.split_once('#')?;
    let (day, mode) = (day.parse().ok()?, mode(name)?);
    Some(Figure::ALL.map(|figure| (figure.as_str(), Counter::Daily(day, mode, figure))).into())
}

fn now_id(mode: PaymentMode) -> String {
    format!("now#{}", mode.as_str())
}

fn day_id(day: Day, mode: PaymentMode) -> String {
    format!("day#{day}#{}", mode.as_str())
}

/// Two writers that wait for random times do not keep meeting.
fn pause(attempt: u64) -> Duration {
    let random = uuid::Uuid::new_v4().as_u64_pair().0;
    Duration::from_millis(random % (PAUSE_MILLIS * attempt + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{expression::string, item::Item};

    #[test]
    fn every_counter_is_found_again_where_it_is_put() {
        let day: Day = "2026-11-22".parse().unwrap();
        let daily = Figure::ALL.map(|figure| PaymentMode::ALL.map(|mode| Counter::Daily(day, mode, figure)));
        let now = OrderStatus::ALL.map(|status| PaymentMode::ALL.map(|mode| Counter::Now(mode, status)));
        for counter in daily.into_iter().chain(now).flatten() {
            let (id, column) = place(counter);
            assert_eq!(columns(&id).unwrap().get(column), Some(&counter), "{id} {column}");
        }
        for id in ["", "now#", "now#cash", "day#2026-11-22", "day#2026-13-01#dot", "seen#x"] {
            assert_eq!(columns(id), None, "{id}");
        }
    }

    #[test]
    fn an_item_that_holds_something_else_is_an_error_that_names_it() {
        let item = |id: &str, column: &str, value: AttributeValue| -> Item {
            let mut item = id_key(id);
            item.insert(column.to_owned(), value);
            item
        };
        let good = item("now#dot", "funded", number(-1));
        assert_eq!(
            counters_of(&good),
            Ok([(Counter::Now(PaymentMode::Dot, OrderStatus::Funded), -1)].into_iter().collect())
        );
        assert_eq!(counters_of(&item("seen#x", "expires_at", number(1))), Ok(Tally::default()));
        for (bad, reason) in [
            (item("now#dot", "funded", string("1")), "not a whole number"),
            (item("now#dot", "teleported", number(1)), "unknown counter"),
            (item("total", "funded", number(1)), "unknown key"),
        ] {
            let key = bad["id"].as_s().unwrap().clone();
            let expected = StoreError::Unreadable { table: Table::Counters, key, reason: reason.to_owned() };
            assert_eq!(counters_of(&bad), Err(expected));
        }
    }
}
