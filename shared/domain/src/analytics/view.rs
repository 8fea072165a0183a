//! The counters as an admin sees them.

use serde::{Deserialize, Serialize};

use super::{Counter, Day, Days, Figure, Tally};
use crate::{
    Planck,
    order::{OrderStatus, PaymentMode},
};

/// The whole of a rate in basis points.
const WHOLE_BPS: u64 = 10_000;

/// How the market does: orders as they stand now, and what happened on each of some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AnalyticsView {
    /// The first day (UTC).
    #[cfg_attr(feature = "openapi", schema(format = "date"))]
    pub from: String,
    /// The last day (UTC).
    #[cfg_attr(feature = "openapi", schema(format = "date"))]
    pub to: String,
    /// Orders by mode and status, as they stand now.
    pub orders: OrdersNow,
    /// The figures of all the days together.
    pub totals: AnalyticsTotals,
    /// The figures of each day, the first day first.
    pub days: Vec<AnalyticsDay>,
}

/// Orders by mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrdersNow {
    /// Orders paid in DOT.
    pub dot: OrdersByStatus,
    /// Orders paid by M-Pesa.
    pub mpesa: OrdersByStatus,
}

/// How many orders have each status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "each field is the status of its name")]
pub struct OrdersByStatus {
    pub created: u64,
    pub funded: u64,
    pub shipped: u64,
    pub delivered: u64,
    pub completed: u64,
    pub disputed: u64,
    pub resolved: u64,
    pub cancelled: u64,
}

/// The figures of all the days together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AnalyticsTotals {
    /// Of orders paid in DOT.
    pub dot: FiguresView,
    /// Of orders paid by M-Pesa.
    pub mpesa: FiguresView,
    /// Of all orders.
    pub all: FiguresView,
}

/// The figures of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AnalyticsDay {
    /// The day (UTC).
    #[cfg_attr(feature = "openapi", schema(format = "date"))]
    pub date: String,
    /// Of orders paid in DOT.
    pub dot: FiguresView,
    /// Of orders paid by M-Pesa.
    pub mpesa: FiguresView,
}

/// What happened in a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FiguresView {
    /// Orders made.
    pub created: u64,
    /// Orders whose payment was recorded on the contract.
    pub funded: u64,
    /// Seconds from creation to funding, summed over the orders funded.
    pub funding_seconds: u64,
    /// Their mean, rounded down; `null` where none was funded.
    pub mean_funding_seconds: Option<u64>,
    /// The price of the orders funded in whole shillings, by their quotes.
    pub volume_kes: u64,
    /// The same in DOT, a decimal.
    pub volume_dot: String,
    /// Orders disputed.
    pub disputed: u64,
    /// Orders disputed for 10,000 orders funded in the same time, rounded down; `null` where none was funded. May exceed 10,000,
    /// since an order may be funded on one day and disputed on another.
    pub dispute_rate_bps: Option<u64>,
    /// Disputes decided.
    pub resolved: u64,
    /// Orders whose seller was paid.
    pub completed: u64,
    /// Orders given up.
    pub cancelled: u64,
    /// Payouts that reached sellers by M-Pesa.
    pub payouts: u64,
    /// Their whole shillings.
    pub payout_kes: u64,
    /// Refunds that reached buyers by M-Pesa.
    pub refunds: u64,
    /// Their whole shillings.
    pub refund_kes: u64,
    /// Orders whose DOT the contract paid out, to seller, buyer or both.
    pub releases: u64,
    /// That DOT, a decimal.
    pub released_dot: String,
}

impl AnalyticsView {
    /// The counters of `days`, and of the orders as they stand.
    pub fn new(days: Days, tally: &Tally) -> Self {
        let figures = |days: &[Day], modes: &[PaymentMode]| FiguresView::new(days, modes, tally);
        let (dot, mpesa) = (PaymentMode::Dot, PaymentMode::Mpesa);
        let all: Vec<Day> = days.iter().collect();
        Self {
            from: days.first().to_string(),
            to: days.last().to_string(),
            orders: OrdersNow { dot: OrdersByStatus::new(dot, tally), mpesa: OrdersByStatus::new(mpesa, tally) },
            totals: AnalyticsTotals {
                dot: figures(&all, &[dot]),
                mpesa: figures(&all, &[mpesa]),
                all: figures(&all, &[dot, mpesa]),
            },
            days: all
                .iter()
                .map(|day| AnalyticsDay {
                    date: day.to_string(),
                    dot: figures(&[*day], &[dot]),
                    mpesa: figures(&[*day], &[mpesa]),
                })
                .collect(),
        }
    }
}

impl OrdersByStatus {
    fn new(mode: PaymentMode, tally: &Tally) -> Self {
        let count = |status| shown(tally.get(Counter::Now(mode, status)));
        Self {
            created: count(OrderStatus::Created),
            funded: count(OrderStatus::Funded),
            shipped: count(OrderStatus::Shipped),
            delivered: count(OrderStatus::Delivered),
            completed: count(OrderStatus::Completed),
            disputed: count(OrderStatus::Disputed),
            resolved: count(OrderStatus::Resolved),
            cancelled: count(OrderStatus::Cancelled),
        }
    }
}

impl FiguresView {
    fn new(days: &[Day], modes: &[PaymentMode], tally: &Tally) -> Self {
        let sum = |figure: Figure| -> i128 {
            let of_day = |day: &Day| -> i128 {
                modes.iter().map(|mode| tally.get(Counter::Daily(*day, *mode, figure))).fold(0, i128::saturating_add)
            };
            days.iter().map(of_day).fold(0, i128::saturating_add)
        };
        let number = |figure| shown(sum(figure));
        let dot = |figure| Planck(u128::try_from(sum(figure)).unwrap_or_default()).to_dot();
        let (funded, disputed) = (number(Figure::Funded), number(Figure::Disputed));
        let funding_seconds = number(Figure::FundingSeconds);
        Self {
            created: number(Figure::Created),
            funded,
            funding_seconds,
            mean_funding_seconds: funding_seconds.checked_div(funded),
            volume_kes: number(Figure::VolumeKes),
            volume_dot: dot(Figure::VolumePlanck),
            disputed,
            dispute_rate_bps: disputed.saturating_mul(WHOLE_BPS).checked_div(funded),
            resolved: number(Figure::Resolved),
            completed: number(Figure::Completed),
            cancelled: number(Figure::Cancelled),
            payouts: number(Figure::Payouts),
            payout_kes: number(Figure::PayoutKes),
            refunds: number(Figure::Refunds),
            refund_kes: number(Figure::RefundKes),
            releases: number(Figure::Releases),
            released_dot: dot(Figure::ReleasedPlanck),
        }
    }
}

/// A counter is below zero only for the moment in which a later change was counted and an earlier one waits to be.
fn shown(value: i128) -> u64 {
    u64::try_from(value.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_two_days_are_shown_apart_and_together() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let (first, last) = (day("2026-11-21"), day("2026-11-22"));
        let (dot, mpesa) = (PaymentMode::Dot, PaymentMode::Mpesa);
        let tally: Tally = [
            (Counter::Now(mpesa, OrderStatus::Completed), 2),
            (Counter::Now(mpesa, OrderStatus::Shipped), 1),
            (Counter::Now(dot, OrderStatus::Funded), -1),
            (Counter::Daily(first, mpesa, Figure::Created), 4),
            (Counter::Daily(first, mpesa, Figure::Funded), 2),
            (Counter::Daily(first, mpesa, Figure::FundingSeconds), 61),
            (Counter::Daily(first, mpesa, Figure::VolumeKes), 3_000),
            (Counter::Daily(first, mpesa, Figure::VolumePlanck), 15_000_000_000),
            (Counter::Daily(last, mpesa, Figure::Funded), 1),
            (Counter::Daily(last, mpesa, Figure::Disputed), 1),
            (Counter::Daily(last, mpesa, Figure::Payouts), 1),
            (Counter::Daily(last, mpesa, Figure::PayoutKes), 1_500),
            (Counter::Daily(last, dot, Figure::Funded), 1),
            (Counter::Daily(last, dot, Figure::VolumePlanck), 1),
            (Counter::Daily(day("2026-11-20"), mpesa, Figure::Created), 100),
        ]
        .into_iter()
        .collect();
        let shown = AnalyticsView::new(Days::new(first, last).unwrap(), &tally);

        let nothing = FiguresView::new(&[], &[], &tally);
        let first_mpesa = FiguresView {
            created: 4,
            funded: 2,
            funding_seconds: 61,
            mean_funding_seconds: Some(30),
            volume_kes: 3_000,
            volume_dot: "1.5".into(),
            dispute_rate_bps: Some(0),
            ..nothing.clone()
        };
        let last_mpesa = FiguresView {
            funded: 1,
            mean_funding_seconds: Some(0),
            disputed: 1,
            dispute_rate_bps: Some(10_000),
            payouts: 1,
            payout_kes: 1_500,
            ..nothing.clone()
        };
        let last_dot = FiguresView {
            funded: 1,
            mean_funding_seconds: Some(0),
            volume_dot: "0.0000000001".into(),
            dispute_rate_bps: Some(0),
            ..nothing.clone()
        };
        let mpesa_total = FiguresView {
            funded: 3,
            mean_funding_seconds: Some(20),
            disputed: 1,
            dispute_rate_bps: Some(3_333),
            payouts: 1,
            payout_kes: 1_500,
            ..first_mpesa.clone()
        };
        let all = FiguresView {
            funded: 4,
            mean_funding_seconds: Some(15),
            volume_dot: "1.5000000001".into(),
            dispute_rate_bps: Some(2_500),
            ..mpesa_total.clone()
        };
        let none = OrdersByStatus::new(dot, &Tally::default());
        let expected = AnalyticsView {
            from: "2026-11-21".into(),
            to: "2026-11-22".into(),
            orders: OrdersNow { dot: none.clone(), mpesa: OrdersByStatus { completed: 2, shipped: 1, ..none } },
            totals: AnalyticsTotals { dot: last_dot.clone(), mpesa: mpesa_total, all },
            days: vec![
                AnalyticsDay { date: "2026-11-21".into(), dot: nothing, mpesa: first_mpesa },
                AnalyticsDay { date: "2026-11-22".into(), dot: last_dot, mpesa: last_mpesa },
            ],
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_time_in_which_nothing_happened_has_no_rates() {
        let json = serde_json::json!({
            "created": 0, "funded": 0, "fundingSeconds": 0, "meanFundingSeconds": null, "volumeKes": 0, "volumeDot": "0",
            "disputed": 0, "disputeRateBps": null, "resolved": 0, "completed": 0, "cancelled": 0, "payouts": 0, "payoutKes": 0,
            "refunds": 0, "refundKes": 0, "releases": 0, "releasedDot": "0",
        });
        assert_eq!(serde_json::to_value(FiguresView::new(&[], &[], &Tally::default())).unwrap(), json);
    }
}
