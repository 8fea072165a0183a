use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    Kes, OrderId, PaymentId, Planck, Timestamp, ledger,
    order::{Transition, tests::order},
};

fn at(day: &str, seconds: i64) -> Timestamp {
    let midnight =
        time::OffsetDateTime::parse(&format!("{day}T00:00:00Z"), &time::format_description::well_known::Rfc3339);
    Timestamp(midnight.unwrap().unix_timestamp() * 1000).plus_seconds(seconds)
}

fn line(status: OrderStatus, at: Timestamp) -> Transition {
    Transition { status, at, by: None, extrinsic: None, block: None }
}

fn new_order(mode: PaymentMode, kes: u32, amount: u128, created_at: Timestamp) -> Order {
    let mut order = order();
    order.id = OrderId::new();
    order.payment_mode = mode;
    order.status = OrderStatus::Created;
    order.quote.kes = Kes(kes);
    order.quote.amount = Planck(amount);
    order.history = vec![line(OrderStatus::Created, created_at)];
    order.created_at = created_at;
    order.version = 1;
    order
}

/// The next version, which has another status.
fn moved(order: &Order, status: OrderStatus, at: Timestamp) -> Order {
    let mut next = order.clone();
    next.status = status;
    next.history.push(line(status, at));
    next.version += 1;
    next
}

fn daily(day: &str, mode: PaymentMode, figure: Figure) -> Counter {
    Counter::Daily(day.parse().unwrap(), mode, figure)
}

#[test]
fn an_order_counts_with_the_money_that_paid_it() {
    let created = new_order(PaymentMode::Mpesa, 1_500, 75, at("2026-11-22", 0));
    let funded = moved(&created, OrderStatus::Funded, at("2026-11-22", 20));
    let from_a_wallet = Order { funded_by: Some(PaymentMode::Dot), ..funded };
    let mut total = deltas(None, &created);
    total.merge(&deltas(Some(&created), &from_a_wallet));
    let meant = Order { payment_mode: PaymentMode::Dot, funded_by: None, ..from_a_wallet };
    assert_eq!(total, of_order(&meant), "and nowhere else");
}

#[test]
fn each_step_of_an_order_counts_on_the_day_it_was_made() {
    let (mode, before_midnight) = (PaymentMode::Mpesa, at("2026-11-22", 86_390));
    let created = new_order(mode, 1_500, 75, before_midnight);
    let funded = moved(&created, OrderStatus::Funded, at("2026-11-23", 20));
    let disputed = moved(&funded, OrderStatus::Disputed, at("2026-11-23", 30));
    let expected: Tally =
        [(Counter::Now(mode, OrderStatus::Created), 1), (daily("2026-11-22", mode, Figure::Created), 1)]
            .into_iter()
            .collect();
    assert_eq!(deltas(None, &created), expected);
    let expected: Tally = [
        (Counter::Now(mode, OrderStatus::Created), -1),
        (Counter::Now(mode, OrderStatus::Funded), 1),
        (daily("2026-11-23", mode, Figure::Funded), 1),
        (daily("2026-11-23", mode, Figure::FundingSeconds), 30),
        (daily("2026-11-23", mode, Figure::VolumeKes), 1_500),
        (daily("2026-11-23", mode, Figure::VolumePlanck), 75),
    ]
    .into_iter()
    .collect();
    assert_eq!(deltas(Some(&created), &funded), expected);
    let expected: Tally = [
        (Counter::Now(mode, OrderStatus::Funded), -1),
        (Counter::Now(mode, OrderStatus::Disputed), 1),
        (daily("2026-11-23", mode, Figure::Disputed), 1),
    ]
    .into_iter()
    .collect();
    assert_eq!(deltas(Some(&funded), &disputed), expected);
}

#[test]
fn a_change_that_leaves_the_status_as_it_is_counts_for_nothing() {
    let created = new_order(PaymentMode::Dot, 1, 1, Timestamp(0));
    let seen_on_chain = Order { version: 2, on_chain: !created.on_chain, ..created.clone() };
    assert!(deltas(Some(&created), &seen_on_chain).is_empty());
}

#[test]
fn of_a_movement_of_money_the_side_of_the_world_counts_once() {
    let (order, payment, now) = (OrderId::new(), PaymentId::new(), at("2026-11-22", 5));
    let both = |entries: ledger::Transaction| {
        let mut tally = Tally::default();
        for entry in &entries {
            tally.merge(&ledger_deltas(entry));
        }
        tally
    };
    let sent = |number, sum, mode, amount| -> Tally {
        [(daily("2026-11-22", mode, number), 1), (daily("2026-11-22", mode, sum), amount)].into_iter().collect()
    };
    let payout = both(ledger::payout_sent(order, payment, Kes(1_500), now));
    assert_eq!(payout, sent(Figure::Payouts, Figure::PayoutKes, PaymentMode::Mpesa, 1_500));
    let refund = both(ledger::refund_sent(order, payment, Kes(7), now));
    assert_eq!(refund, sent(Figure::Refunds, Figure::RefundKes, PaymentMode::Mpesa, 7));
    let release = both(ledger::escrow_released(order, Planck(9), now).unwrap());
    assert_eq!(release, sent(Figure::Releases, Figure::ReleasedPlanck, PaymentMode::Dot, 9));
    assert!(both(ledger::collection_received(order, payment, Kes(7), now)).is_empty());
    assert!(both(ledger::escrow_funded(order, Planck(9), now).unwrap()).is_empty());
}

#[test]
fn figures_have_names_of_their_own() {
    let names: BTreeSet<_> = Figure::ALL.iter().map(|figure| figure.as_str()).collect();
    assert_eq!(names.len(), Figure::ALL.len());
}

#[test]
fn ten_thousand_million_orders_of_any_size_fit_the_digits_of_a_counter() {
    let funded = moved(&new_order(PaymentMode::Dot, 1, u128::MAX, Timestamp(0)), OrderStatus::Funded, Timestamp(0));
    let counted = of_order(&funded).get(daily("1970-01-01", PaymentMode::Dot, Figure::VolumePlanck));
    assert!(counted.checked_mul(10_000_000_000 - 1).unwrap().to_string().len() <= 38);
}

/// A life of an order: its versions, made by any moves that are legal, some of which change no status.
fn life() -> impl Strategy<Value = Vec<Order>> {
    let steps = prop::collection::vec((any::<prop::sample::Index>(), 0i64..200_000, any::<bool>()), 0..8);
    (any::<bool>(), 1u32..250_000, any::<u128>(), 0i64..1_000_000, steps).prop_map(|(dot, kes, amount, born, steps)| {
        let mode = if dot { PaymentMode::Dot } else { PaymentMode::Mpesa };
        let mut now = at("2026-11-22", born);
        let mut versions = vec![new_order(mode, kes, amount, now)];
        for (choice, later, moves) in steps {
            let Some(last) = versions.last() else { continue };
            now = now.plus_seconds(later);
            let allowed = last.status.allowed();
            let next = if moves && !allowed.is_empty() {
                moved(last, last.status.after(*choice.get(&allowed)).unwrap(), now)
            } else {
                Order { version: last.version + 1, updated_at: now, ..last.clone() }
            };
            versions.push(next);
        }
        versions
    })
}

proptest! {
    #[test]
    fn the_sum_of_all_changes_is_the_count_of_the_last_rows_however_they_are_batched_and_ordered(
        lives in prop::collection::vec(life(), 1..6),
        shuffle in prop::collection::vec(any::<u64>(), 60),
        batch in 1usize..7,
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut changes: Vec<(Option<&Order>, &Order)> = Vec::new();
        for versions in &lives {
            changes.extend(versions.iter().enumerate().map(|(n, after)| (n.checked_sub(1).map(|n| &versions[n]), after)));
        }
        let mut order: Vec<usize> = (0..changes.len()).collect();
        order.extend(again.iter().map(|index| index.index(changes.len())));
        order.sort_by_key(|n| shuffle[n % shuffle.len()]);
        // As the store does: a change that was counted is not counted again.
        let (mut counted, mut seen) = (Tally::default(), BTreeSet::new());
        for portion in order.chunks(batch) {
            let mut together = Tally::default();
            for n in portion {
                let (before, after) = changes[*n];
                if seen.insert((after.id, after.version)) {
                    together.merge(&deltas(before, after));
                }
            }
            counted.merge(&together);
        }
        let mut recounted = Tally::default();
        for versions in &lives {
            recounted.merge(&of_order(versions.last().unwrap()));
        }
        prop_assert_eq!(&counted, &recounted);

        // And both are what somebody who only watched the statuses would have counted.
        for mode in [PaymentMode::Dot, PaymentMode::Mpesa] {
            for status in OrderStatus::ALL {
                let stand = lives.iter().filter(|l| l[0].payment_mode == mode && l.last().unwrap().status == status).count();
                prop_assert_eq!(counted.get(Counter::Now(mode, status)), i128::try_from(stand).unwrap());
            }
            let funded = lives.iter().filter(|l| l[0].payment_mode == mode && l.iter().any(|o| o.status == OrderStatus::Funded));
            let (mut number, mut kes) = (0, 0);
            for life in funded {
                number += 1;
                kes += i128::from(life[0].quote.kes.0);
            }
            let total = |wanted| -> i128 {
                let of = |(counter, value)| match counter {
                    Counter::Daily(_, of, figure) if of == mode && figure == wanted => value,
                    _ => 0,
                };
                counted.iter().map(of).sum()
            };
            prop_assert_eq!((total(Figure::Funded), total(Figure::VolumeKes)), (number, kes));
        }
    }
}
