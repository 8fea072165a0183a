//! The analytics' counters.

use descrow_domain::{
    analytics::{Counter, Day, Figure},
    order::{OrderStatus, PaymentMode},
};
use e2e::{
    Outcome,
    lab::{Lab, PATIENCE},
};
use recount::Recount;

use crate::CALM;

/// Runs alone: what it waits for is that nothing moves.
#[tokio::test]
async fn the_counters_of_all_that_happened_agree_with_a_recount_of_every_row() -> Outcome<()> {
    let _alone = CALM.write().await;
    let lab = Lab::open()?;
    let (client, stack) = (&lab.dynamodb, lab.stack.stack_name.as_str());
    let before = Recount::settled(client, stack, PATIENCE).await?.last;
    assert!(before.difference().is_empty(), "{before}");

    let trade = lab.trade().await?;
    lab.pay(&trade).await?;
    trade.funded().await?;
    lab.complete(&trade).await?;
    let after = Recount::settled(client, stack, PATIENCE).await?.last;
    assert!(after.difference().is_empty(), "{after}");

    let order = lab.store.orders().get(trade.order_id()?).await?.ok_or("the order is gone")?;
    let moved = after.counted.minus(&before.counted);
    let completed = order.history.last().ok_or("the order has no history")?;
    let today = |figure| moved.get(Counter::Daily(Day::of(completed.at), PaymentMode::Mpesa, figure));
    assert!(moved.get(Counter::Now(PaymentMode::Mpesa, OrderStatus::Completed)) >= 1, "{after}");
    assert!(today(Figure::Completed) >= 1 && today(Figure::Payouts) >= 1, "{after}");
    assert!(today(Figure::PayoutKes) >= i128::from(trade.amount_kes), "{after}");
    Ok(())
}
