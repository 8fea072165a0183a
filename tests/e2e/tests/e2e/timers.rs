//! Windows that end by themselves, and money that goes back: the clock is moved by making an order's deadline an earlier one.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Timestamp,
    order::OrderStatus,
    payment::{PaymentStatus, ReviewReason},
};
use e2e::{
    Outcome,
    books::{Money, Story},
    lab::{Lab, PATIENCE, Trade},
};
use serde_json::{Value, json};
use stack_client::socket::text;

use crate::CALM;

/// Ends the window that runs for the trade, which spares the test the wait, and lets the reconciler look.
async fn time_passes(lab: &Lab, trade: &Trade, deadline: &str) -> Outcome<()> {
    let table = lab.stack.tables.get("orders").ok_or("no such table")?;
    let key = AttributeValue::S(trade.order_id()?.to_string());
    let earlier = AttributeValue::N(Timestamp::now().plus_seconds(-1).0.to_string());
    let update = lab.dynamodb.update_item().table_name(table).key("id", key);
    update
        .update_expression("SET deadlines.#deadline = :at, due_at = :at")
        .expression_attribute_names("#deadline", deadline)
        .expression_attribute_values(":at", earlier)
        .send()
        .await?;
    reconcile(lab).await
}

async fn reconcile(lab: &Lab) -> Outcome<()> {
    let reconciler = lab.stack.functions.get("reconciler").ok_or("no reconciler")?;
    lab.aws.invoke(reconciler).await?;
    Ok(())
}

/// What the trade's product has left, as everybody sees it.
async fn stock(trade: &Trade) -> Outcome<(u64, String)> {
    let order = trade.buyer.session.see_order(&trade.order).await?;
    let path = format!("/api/products/{}", text(&order, "/productId"));
    let product = trade.seller.session.get(&path).send().await?;
    let left = product.get("quantity").and_then(Value::as_u64).ok_or("a product without quantity")?;
    Ok((left, text(&product, "/status").to_owned()))
}

#[tokio::test]
async fn an_order_that_nobody_pays_is_cancelled_and_its_piece_is_for_others_again() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    assert_eq!(stock(&trade).await?, (0, "sold".to_owned()));
    time_passes(&lab, &trade, "payment").await?;
    let cancelled = trade.buyer.socket.wait_for_status(&trade.order, "cancelled", PATIENCE).await?;
    let last = cancelled.pointer("/history").and_then(Value::as_array).and_then(|lines| lines.last()).cloned();
    let last = last.ok_or("an order without history")?;
    assert_eq!((text(&last, "/status"), last.get("by")), ("cancelled", Some(&Value::Null)), "{last}");
    assert_eq!(stock(&trade).await?, (1, "active".to_owned()));
    assert_eq!(lab.story(&trade).await?, Story::default());
    Ok(())
}

#[tokio::test]
async fn a_paid_order_that_nobody_ships_is_cancelled_and_the_buyer_gets_the_money_back_once() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    lab.pay(&trade).await?;
    trade.funded().await?;
    time_passes(&lab, &trade, "shipping").await?;
    trade.buyer.socket.wait_for_status(&trade.order, "cancelled", PATIENCE).await?;
    let refund = lab.refunded(&trade).await?;
    assert_eq!(refund.phone.digits(), trade.buyer.phone);
    assert_eq!(lab.store.orders().get(trade.order_id()?).await?.and_then(|order| order.refund_id), Some(refund.id));
    // The row's wake-up comes once more, as SQS may.
    let queue = lab.stack.queues.get("payouts").ok_or("no queue")?;
    lab.aws.wake(queue, &refund.id.to_string(), Some(&trade.order)).await?;
    reconcile(&lab).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Refunded));
    Ok(())
}

#[tokio::test]
async fn goods_that_nobody_complains_about_are_accepted_and_the_seller_is_paid() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    lab.pay(&trade).await?;
    trade.funded().await?;
    trade.seller.session.ship(&trade.order).await?;
    trade.buyer.socket.wait_for_status(&trade.order, "shipped", PATIENCE).await?;
    time_passes(&lab, &trade, "inspection").await?;
    trade.buyer.socket.wait_for_status(&trade.order, "completed", PATIENCE).await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::PaidOut));
    Ok(())
}

#[tokio::test]
async fn a_success_that_comes_after_the_cancellation_goes_back_by_itself() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    lab.sandbox.misbehave(&trade.buyer.phone, "stk_push", 1, json!({ "kind": "callback_late", "ms": 15_000 })).await?;
    trade.buyer.session.pay_by_mpesa(&trade.order).await?;
    lab.sandbox.wait_for_prompt(&trade.buyer.phone, PATIENCE).await?;
    // The payment window ends while the phone rings: the order waits for the payment.
    time_passes(&lab, &trade, "payment").await?;
    assert_eq!(trade.status().await?, "created");
    // M-Pesa says that it failed, and later that it was paid after all (DARAJA.md §13.3).
    let payment = lab.store.payments().of_order(trade.order_id()?).await?.pop().ok_or("no payment")?;
    lab.store
        .payments()
        .amend(payment, |current| current.after(descrow_domain::payment::Decision::Fail, Timestamp::now()))
        .await?;
    lab.sandbox.answer(&trade.buyer.phone, "pay").await?;
    // An order that waits is looked at again a minute later: the clock is moved once more.
    time_passes(&lab, &trade, "payment").await?;
    trade.buyer.socket.wait_for_status(&trade.order, "cancelled", PATIENCE).await?;
    let refund = lab.refunded(&trade).await?;
    let collection = refund.refund_of.ok_or("a refund of nothing")?;
    let collection = lab.store.payments().get(collection).await?.ok_or("no payment")?;
    assert_eq!((collection.status, collection.review), (PaymentStatus::Review, Some(ReviewReason::OrderClosed)));
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::GivenBack));
    let order = lab.store.orders().get(trade.order_id()?).await?.ok_or("no order")?;
    assert_eq!((order.status, order.pending), (OrderStatus::Cancelled, None));
    Ok(())
}
