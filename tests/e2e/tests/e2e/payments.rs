//! Payments that go as customers make them go.

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{
    Outcome,
    books::{Money, Story},
    lab::{Lab, PATIENCE, new_phone},
};
use serde_json::{Value, json};
use stack_client::socket::text;

use crate::CALM;

#[tokio::test]
async fn a_paid_order_runs_to_its_payout_and_everybody_tells_the_same_story() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    lab.pay(&trade).await?;
    trade.funded().await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Held));
    lab.complete(&trade).await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::PaidOut));
    Ok(())
}

#[tokio::test]
async fn a_payment_cancelled_on_the_phone_fails_and_the_order_can_be_paid_again() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let payment = trade.buyer.session.pay_by_mpesa(&trade.order).await?;
    lab.sandbox.wait_for_prompt(&trade.buyer.phone, PATIENCE).await?;
    lab.sandbox.answer(&trade.buyer.phone, "cancel").await?;
    let failed = trade.buyer.socket.wait_for_payment(&trade.order, "failed", PATIENCE).await?;
    assert_eq!((text(&failed, "/id"), text(&failed, "/reason")), (text(&payment, "/id"), "cancelled"));
    assert_eq!(trade.status().await?, "created");
    assert_eq!(lab.story(&trade).await?, Story::default());

    // M-Pesa wants two minutes between two pushes.
    let refused = trade.buyer.session.pay_by_mpesa(&trade.order).await.err().ok_or("a push within two minutes")?;
    assert_eq!(refused.refusal(), Some((429, "rate_limited")));
    two_minutes_pass(&lab, text(&payment, "/id")).await?;
    let other_phone = new_phone();
    let path = format!("/api/orders/{}/pay/mpesa", trade.order);
    let call = trade.buyer.session.post(&path, &json!({ "phoneNumber": other_phone }));
    call.header("Idempotency-Key", "second-attempt").send().await?;
    lab.sandbox.wait_for_prompt(&other_phone, PATIENCE).await?;
    lab.sandbox.answer(&other_phone, "pay").await?;
    trade.funded().await?;
    let expected = Story { phone_paid: 0, ..Story::expected(&trade, Money::Held) };
    assert_eq!(lab.story(&trade).await?, expected);
    Ok(())
}

/// Makes a payment older, which spares the test the wait.
async fn two_minutes_pass(lab: &Lab, payment: &str) -> Outcome<()> {
    let table = lab.stack.tables.get("mpesa_transactions").ok_or("no such table")?;
    let update = lab.dynamodb.update_item().table_name(table).key("id", AttributeValue::S(payment.to_owned()));
    let earlier = AttributeValue::N("-121000".to_owned());
    update.update_expression("ADD created_at :ago").expression_attribute_values(":ago", earlier).send().await?;
    Ok(())
}

#[tokio::test]
async fn two_requests_to_pay_at_once_ring_the_phone_once() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let pay = || trade.buyer.session.pay_by_mpesa(&trade.order);
    let answers: (Result<Value, _>, Result<Value, _>) = tokio::join!(pay(), pay());
    let refused = match answers {
        (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
        other => return Err(format!("one of two should be refused: {other:?}").into()),
    };
    assert_eq!(refused.refusal(), Some((409, "payment_in_progress")));
    lab.sandbox.wait_for_prompt(&trade.buyer.phone, PATIENCE).await?;
    assert_eq!(lab.sandbox.prompts(&trade.buyer.phone).await?.len(), 1);
    lab.sandbox.answer(&trade.buyer.phone, "pay").await?;
    trade.funded().await?;
    let late = pay().await.err().ok_or("a funded order was paid again")?;
    assert_eq!(late.refusal().map(|(status, _)| status), Some(409), "{late}");
    assert_eq!(lab.sandbox.prompts(&trade.buyer.phone).await?.len(), 1);
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Held));
    Ok(())
}

#[tokio::test]
async fn the_same_request_to_pay_twice_is_one_payment() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let path = format!("/api/orders/{}/pay/mpesa", trade.order);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let call = trade.buyer.session.post(&path, &json!({})).header("Idempotency-Key", "once");
        answers.push(text(&call.send().await?, "/payment/id").to_owned());
    }
    assert!(!answers.concat().is_empty() && answers.windows(2).all(|pair| pair.first() == pair.last()), "{answers:?}");
    lab.sandbox.wait_for_prompt(&trade.buyer.phone, PATIENCE).await?;
    assert_eq!(lab.sandbox.prompts(&trade.buyer.phone).await?.len(), 1);
    Ok(())
}
