//! What happens in the market, counted: the numbers behind `GET /api/admin/analytics`.
//!
//! A row says all there is to count about it: an order carries its history, an entry of the books its event. So what a row
//! counts for is a pure function of the row ([`of_order`], [`of_entry`]), and a change of the row counts for the difference
//! ([`deltas`]). Differences sum up to what the last rows count for, in whatever order and portions they are added, as long as
//! each is added once; `cargo xtask recount` adds up the rows instead, and must come to the same numbers.

mod day;
mod view;

use std::{collections::BTreeMap, fmt};

pub use day::{DAYS_MAX, Day, Days, InvalidDay, InvalidDays};
pub use view::{AnalyticsDay, AnalyticsTotals, AnalyticsView, FiguresView, OrdersByStatus, OrdersNow};

use crate::{
    ledger::{LedgerAccount, LedgerEntry, LedgerEvent, Unit},
    order::{Order, OrderStatus, PaymentMode},
};

/// No chain holds more planck (10¹⁸ DOT), so no order is counted with more. A counter of 38 digits, DynamoDB's limit, then
/// has room for ten thousand million of the largest orders.
const PLANCK_COUNTED: u128 = 10_u128.pow(28);

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// How many orders of a mode have a status now.
    Now(PaymentMode, OrderStatus),
    /// What happened on a day to orders of a mode.
    Daily(Day, PaymentMode, Figure),
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(mode, status) => write!(f, "now {} {}", mode.as_str(), status.as_str()),
            Self::Daily(day, mode, figure) => write!(f, "{day} {} {}", mode.as_str(), figure.as_str()),
        }
    }
}

/// What is counted of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Orders made.
    Created,
    /// Orders whose payment was recorded on the contract.
    Funded,
    /// Seconds from creation to funding, of the orders funded.
    FundingSeconds,
    /// The price in shillings of the orders funded, by their quotes: what M-Pesa buyers paid, and what DOT was worth.
    VolumeKes,
    /// The same in planck: what DOT buyers paid, and what shillings were worth.
    VolumePlanck,
    /// Orders disputed.
    Disputed,
    /// Disputes decided.
    Resolved,
    /// Orders whose seller was paid.
    Completed,
    /// Orders given up.
    Cancelled,
    /// Payouts that reached sellers by M-Pesa.
    Payouts,
    /// Their shillings.
    PayoutKes,
    /// Refunds that reached buyers by M-Pesa.
    Refunds,
    /// Their shillings.
    RefundKes,
    /// Orders whose DOT the contract paid out, to whomever.
    Releases,
    /// That DOT, in planck.
    ReleasedPlanck,
}

impl Figure {
    /// Every figure.
    pub const ALL: [Self; 15] = [
        Self::Created,
        Self::Funded,
        Self::FundingSeconds,
        Self::VolumeKes,
        Self::VolumePlanck,
        Self::Disputed,
        Self::Resolved,
        Self::Completed,
        Self::Cancelled,
        Self::Payouts,
        Self::PayoutKes,
        Self::Refunds,
        Self::RefundKes,
        Self::Releases,
        Self::ReleasedPlanck,
    ];

    /// The name under which it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Funded => "funded",
            Self::FundingSeconds => "funding_seconds",
            Self::VolumeKes => "volume_kes",
            Self::VolumePlanck => "volume_planck",
            Self::Disputed => "disputed",
            Self::Resolved => "resolved",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Payouts => "payouts",
            Self::PayoutKes => "payout_kes",
            Self::Refunds => "refunds",
            Self::RefundKes => "refund_kes",
            Self::Releases => "releases",
            Self::ReleasedPlanck => "released_planck",
        }
    }
}

/// Counters and what they stand at, or by how much they change. A counter that is not there is zero, and none is there with
/// zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Counter, i128>);

impl Tally {
    /// Adds to one counter.
    pub fn add(&mut self, counter: Counter, by: i128) {
        let value = self.get(counter).saturating_add(by);
        if value == 0 {
            self.0.remove(&counter);
        } else {
            self.0.insert(counter, value);
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (counter, by) in other.iter() {
            self.add(counter, by);
        }
    }

    /// What is to be added to `other` to come to this.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut difference = self.clone();
        for (counter, by) in other.iter() {
            difference.add(counter, by.saturating_neg());
        }
        difference
    }

    /// What a counter stands at.
    pub fn get(&self, counter: Counter) -> i128 {
        self.0.get(&counter).copied().unwrap_or_default()
    }

    /// Every counter that is not zero, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, i128)> + '_ {
        self.0.iter().map(|(counter, value)| (*counter, *value))
    }

    /// Whether every counter is zero.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Counter, i128)> for Tally {
    fn from_iter<I: IntoIterator<Item = (Counter, i128)>>(counters: I) -> Self {
        let mut tally = Self::default();
        for (counter, by) in counters {
            tally.add(counter, by);
        }
        tally
    }
}

/// What an order counts for, with all its history.
pub fn of_order(order: &Order) -> Tally {
    // Volume is counted where the money was.
    let mode = order.paid_by();
    let mut tally = Tally::default();
    tally.add(Counter::Now(mode, order.status), 1);
    for line in &order.history {
        let mut on_its_day = |figure, by| tally.add(Counter::Daily(Day::of(line.at), mode, figure), by);
        match line.status {
            OrderStatus::Created => on_its_day(Figure::Created, 1),
            OrderStatus::Funded => {
                on_its_day(Figure::Funded, 1);
                let waited = line.at.millis_since(order.created_at).max(0) / 1000;
                on_its_day(Figure::FundingSeconds, i128::from(waited));
                on_its_day(Figure::VolumeKes, i128::from(order.quote.kes.0));
                on_its_day(Figure::VolumePlanck, planck(order.quote.amount.0));
            }
            OrderStatus::Disputed => on_its_day(Figure::Disputed, 1),
            OrderStatus::Resolved => on_its_day(Figure::Resolved, 1),
            OrderStatus::Completed => on_its_day(Figure::Completed, 1),
            OrderStatus::Cancelled => on_its_day(Figure::Cancelled, 1),
            OrderStatus::Shipped | OrderStatus::Delivered => {}
        }
    }
    tally
}

/// What an entry of the books counts for. A movement is two entries; the one of the world outside counts.
pub fn of_entry(entry: &LedgerEntry) -> Tally {
    let mut tally = Tally::default();
    let (number, sum) = match (entry.event, entry.account, entry.unit) {
        (LedgerEvent::PayoutSent, LedgerAccount::Mpesa, Unit::Kes) => (Figure::Payouts, Figure::PayoutKes),
        (LedgerEvent::RefundSent, LedgerAccount::Mpesa, Unit::Kes) => (Figure::Refunds, Figure::RefundKes),
        (LedgerEvent::EscrowReleased, LedgerAccount::Contract, Unit::Planck) => {
            (Figure::Releases, Figure::ReleasedPlanck)
        }
        _ => return tally,
    };
    let mode = match entry.unit {
        Unit::Kes => PaymentMode::Mpesa,
        Unit::Planck => PaymentMode::Dot,
    };
    let day = Day::of(entry.at);
    tally.add(Counter::Daily(day, mode, number), 1);
    tally.add(Counter::Daily(day, mode, sum), planck(entry.amount.0.unsigned_abs()));
    tally
}

/// By how much the counters change when an order does, or appears.
pub fn deltas(before: Option<&Order>, after: &Order) -> Tally {
    of_order(after).minus(&before.map(of_order).unwrap_or_default())
}

/// By how much the counters change when an entry appears. Entries never change.
pub fn ledger_deltas(entry: &LedgerEntry) -> Tally {
    of_entry(entry)
}

fn planck(amount: u128) -> i128 {
    i128::try_from(amount.min(PLANCK_COUNTED)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
