//! Orders at rates that are fetched: good ones price, others refuse.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Timestamp,
    rates::{Bounds, CurrentRates, Pricing, Rates},
};
use descrow_web::testing::{Answer, Ask};
use serde_json::json;
use stage::{Stage, wish};

const BOUNDS: Bounds = Bounds { max_age: 1800, max_jump: 10, settle: 900 };

/// What the source says at `at`: 4.20 dollars times `factor`, and 130 shillings for a dollar.
fn says(factor: u64, at: Timestamp) -> Rates {
    Rates { usd_per_dot: 4_20_000_000 * factor, kes_per_usd: 130_00_000_000, source: "api.coingecko.com".into(), at }
}

async fn fetched(stage: &Stage, rates: Rates) {
    let table = stage.bench.database.store.rates();
    let known = table.current().await.unwrap();
    let now = rates.at;
    let judged = CurrentRates::judge(known.as_ref(), rates, BOUNDS, now);
    table.save(judged.row().unwrap()).await.unwrap();
}

async fn order(stage: &Stage, key: &str) -> Answer {
    stage.send(Ask::new("POST", "/api/orders").by(&stage.buyer).key(key).json(&wish())).await
}

#[tokio::test]
async fn an_order_is_priced_with_the_row_of_its_moment_in_two_round_trips() {
    let stage = Stage::priced(Pricing::Fetched(BOUNDS)).await;
    let now = Timestamp::now();
    fetched(&stage, says(1, now)).await;
    let answer = order(&stage, "k").await;
    assert_eq!((answer.status.as_u16(), answer.trips), (201, 2), "{}", answer.text);
    assert_eq!(answer.body["amountKes"], json!(1365));
    let rates = json!({"usdPerDot": "4.2", "kesPerUsd": "130", "source": "api.coingecko.com", "at": now.rfc3339()});
    assert_eq!(answer.body["rates"], rates);
}

#[tokio::test]
async fn rates_that_are_missing_old_or_jumped_price_no_order_and_the_same_request_succeeds_later() {
    let stage = Stage::priced(Pricing::Fetched(BOUNDS)).await;
    let refused = async |retry: &str| {
        let answer = order(&stage, "k").await;
        assert_eq!((answer.outcome(), answer.trips), ((503, "rates_unavailable"), 1), "{}", answer.text);
        assert!(answer.header("retry-after").unwrap().starts_with(retry), "{:?}", answer.headers);
        let message = "Exchange rates are not available, so nothing can be priced now. GET /api/rates says why.";
        assert_eq!(answer.body["message"], json!(message));
    };
    let now = Timestamp::now();
    refused("60").await;
    fetched(&stage, says(1, now.plus_seconds(-1801))).await;
    refused("60").await;
    fetched(&stage, says(1, now.plus_seconds(-20))).await;
    fetched(&stage, says(2, now.plus_seconds(-10))).await;
    // 890 s until the jump has settled, less what the test takes.
    refused("8").await;
    fetched(&stage, says(1, now)).await;
    assert_eq!(order(&stage, "k").await.status, 201);
    let answered = order(&stage, "k").await;
    assert_eq!(answered.header("idempotency-replayed"), Some("true"));
    fetched(&stage, says(3, now.plus_seconds(1))).await;
    assert_eq!(order(&stage, "k").await.status, 201, "an order that was made needs no rates to be shown again");
}

#[tokio::test]
async fn a_rate_of_zero_is_our_fault_and_not_the_buyers() {
    let zero = Rates { kes_per_usd: 0, ..says(1, Timestamp::now()) };
    let answer = order(&Stage::priced(Pricing::Configured(zero)).await, "k").await;
    assert_eq!(answer.outcome(), (503, "rates_unavailable"), "{}", answer.text);
}
