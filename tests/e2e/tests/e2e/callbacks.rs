//! Callbacks that come late, twice, early, wrong or from strangers, and one that never comes.

use std::time::Duration;

use e2e::{
    Outcome,
    books::{Money, Story},
    lab::{Lab, PATIENCE, Trade},
};
use serde_json::{Value, json};
use stack_client::{api::Api, socket::text};

use crate::CALM;

/// A receipt that M-Pesa never gave.
const FORGED_RECEIPT: &str = "FORGED0001";

/// Trades whose callback misbehaves as `kind` says, paid on the phone.
async fn paid_with(lab: &Lab, behaviour: Value) -> Outcome<Trade> {
    let trade = lab.trade().await?;
    lab.sandbox.misbehave(&trade.buyer.phone, "stk_push", 1, behaviour).await?;
    trade.buyer.session.pay_by_mpesa(&trade.order).await?;
    lab.sandbox.wait_for_prompt(&trade.buyer.phone, PATIENCE).await?;
    lab.sandbox.answer(&trade.buyer.phone, "pay").await?;
    Ok(trade)
}

#[tokio::test]
async fn a_callback_that_never_comes_is_found_by_the_reconciler() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = paid_with(&lab, json!({ "kind": "callback_never" })).await?;
    // The first look is due a quarter of a minute after the push.
    tokio::time::sleep(Duration::from_secs(16)).await;
    let reconciler = lab.stack.functions.get("reconciler").ok_or("no reconciler")?;
    lab.aws.invoke(reconciler).await?;
    let payment = trade.buyer.socket.wait_for_payment(&trade.order, "succeeded", PATIENCE).await?;
    // A status query tells no receipt.
    assert_eq!(payment.get("receipt"), Some(&Value::Null));
    trade.funded().await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Held));
    Ok(())
}

#[tokio::test]
async fn a_callback_that_comes_twice_pays_once() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = paid_with(&lab, json!({ "kind": "callback_twice" })).await?;
    trade.funded().await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Held));
    Ok(())
}

#[tokio::test]
async fn a_callback_that_comes_before_the_push_is_answered_counts() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    lab.sandbox.misbehave(&trade.buyer.phone, "stk_push", 1, json!({ "kind": "callback_first" })).await?;
    trade.buyer.session.pay_by_mpesa(&trade.order).await?;
    trade.buyer.socket.wait_for_payment(&trade.order, "succeeded", PATIENCE).await?;
    trade.funded().await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Held));
    Ok(())
}

#[tokio::test]
async fn a_callback_with_another_amount_goes_to_a_human_and_funds_nothing() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = paid_with(&lab, json!({ "kind": "callback_amount", "amount": "1.00" })).await?;
    let payment = trade.buyer.socket.wait_for_payment(&trade.order, "review", PATIENCE).await?;
    assert_eq!(text(&payment, "/reason"), "wrong_amount");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(trade.status().await?, "created");
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Unrecorded { paid: 1 }));
    Ok(())
}

#[tokio::test]
async fn forged_callbacks_fund_nothing_and_the_true_one_still_does() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    trade.buyer.session.pay_by_mpesa(&trade.order).await?;
    let prompt = lab.sandbox.wait_for_prompt(&trade.buyer.phone, PATIENCE).await?;
    let claim = success(&prompt, trade.amount_kes);

    // A stranger does not know the token; what is answered does not tell whether one was right.
    let url = text(&prompt, "/callbackUrl");
    let (base, payment) = url.rsplit_once('/').ok_or("a callback URL without a path")?;
    let (base, _token) = base.rsplit_once('/').ok_or("a callback URL without a token")?;
    let accepted = json!({ "ResultCode": 0, "ResultDesc": "Accepted" });
    let stranger = Api::new(&format!("{base}/{}/{payment}", "0".repeat(32)))?;
    assert_eq!(stranger.post("", &claim).answer().await?, (reqwest::StatusCode::OK, accepted.clone()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let heard = trade.buyer.socket.heard();
    assert!(!heard.iter().any(|message| text(message, "/payment/status") == "confirming"), "{heard:?}");

    // Somebody who knows the URL claims a success that M-Pesa does not know of.
    assert_eq!(Api::new(url)?.post("", &claim).answer().await?, (reqwest::StatusCode::OK, accepted));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(trade.status().await?, "created");
    assert_eq!(lab.story(&trade).await?, Story::default());

    let answered = lab.sandbox.answer(&trade.buyer.phone, "pay").await?;
    let funded = trade.funded().await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Held));
    assert_eq!(text(&funded, "/payment/receipt"), text(&answered, "/outcome/receipt"));
    Ok(())
}

/// The callback of a success that did not happen.
fn success(prompt: &Value, amount: u64) -> Value {
    json!({ "Body": { "stkCallback": {
        "MerchantRequestID": text(prompt, "/merchantRequestId"),
        "CheckoutRequestID": text(prompt, "/checkoutRequestId"),
        "ResultCode": 0, "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": { "Item": [
            { "Name": "Amount", "Value": amount }, { "Name": "MpesaReceiptNumber", "Value": FORGED_RECEIPT },
            { "Name": "TransactionDate", "Value": 20_261_122_101_010_u64 },
            { "Name": "PhoneNumber", "Value": 254_700_000_000_u64 },
        ] },
    } } })
}
