//! Exchange rates: what the source says is followed, and a jump stops the orders.

use std::time::{Duration, Instant};

use e2e::{
    Outcome,
    lab::{Lab, PATIENCE},
};
use serde_json::{Value, json};
use stack_client::market::Offer;

use crate::CALM;

/// Lets the fetcher run now. It fails where it leaves nothing to price with.
async fn fetch(lab: &Lab) -> Outcome<bool> {
    let fetcher = lab.stack.functions.get("rates-fetcher").ok_or("no rates-fetcher")?;
    Ok(lab.aws.invoke(fetcher).await.is_ok())
}

/// Waits until `GET /api/rates` says so: it may show for half a minute what it read before.
async fn wait_for_rates(lab: &Lab, quotable: bool) -> Outcome<Value> {
    let end = Instant::now() + PATIENCE;
    loop {
        let rates = lab.api.get("/api/rates").send().await?;
        if rates.get("quotable") == Some(&json!(quotable)) {
            return Ok(rates);
        }
        if Instant::now() > end {
            return Err(format!("the rates did not become quotable = {quotable}: {rates}").into());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_jump_of_the_source_stops_orders_until_it_is_back() -> Outcome<()> {
    // While it lasts, nobody can order anything.
    let _alone = CALM.write().await;
    let lab = Lab::open()?;
    let (seller, buyer) = tokio::try_join!(lab.user("seller"), lab.user("buyer"))?;
    let offer = Offer { title: "A lamp", price_dot: "0.5", price_usd: "2.00", quantity: 2 };
    let product = seller.session.offer(offer, &[]).await?;
    let before = lab.sandbox.price().await?;

    lab.sandbox.set_price(&json!({ "usd": 9.0, "kes": 1163.25 })).await?;
    let jumped = fetch(&lab).await;
    let shown = wait_for_rates(&lab, false).await;
    let refused = buyer.session.order(&product, &buyer.phone).await;
    // The next test needs its rates, whatever became of this one.
    lab.sandbox.set_price(&before).await?;
    let back = fetch(&lab).await;

    assert!(!jumped?, "a run that leaves nothing to price with fails");
    let shown = shown?;
    assert_eq!((&shown["reason"], &shown["usdPerDot"]), (&json!("jumped"), &json!("4.5")), "{shown}");
    assert!(shown["until"].is_string(), "{shown}");
    let refusal = refused.as_ref().err().and_then(|error| error.refusal());
    assert_eq!(refusal, Some((503, "rates_unavailable")), "{refused:?}");
    assert!(back?);
    let order = buyer.session.order(&product, &buyer.phone).await?;
    assert_eq!(order.pointer("/rates/kesPerUsd"), Some(&json!("129.25")), "{order}");
    Ok(())
}
