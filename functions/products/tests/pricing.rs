//! Products priced in DOT alone: their dollars come from the rates of the moment.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Timestamp,
    rates::{Bounds, CurrentRates, Pricing, Rates},
};
use descrow_web::testing::Ask;
use serde_json::json;
use stage::{Stage, bag};

const BOUNDS: Bounds = Bounds { max_age: 1800, max_jump: 10, settle: 900 };

#[tokio::test]
async fn dollars_come_from_the_fetched_rates_and_without_them_only_a_price_in_both_is_taken() {
    let stage = Stage::priced(Some(Pricing::Fetched(BOUNDS))).await;
    let list = |key: &str, body| Ask::new("POST", "/api/products").by(&stage.seller).key(key).json(&body);
    let refused = stage.send(list("a", bag())).await;
    assert_eq!((refused.outcome(), refused.trips), ((503, "rates_unavailable"), 1), "{}", refused.text);
    assert_eq!(refused.header("retry-after"), Some("60"));
    let mut both = bag();
    both["priceUsd"] = json!("12.00");
    let listed = stage.send(list("b", both)).await;
    assert_eq!((listed.status.as_u16(), listed.trips), (201, 2), "{}", listed.text);
    let path = format!("/api/products/{}", listed.body["id"].as_str().unwrap());
    let change = async |body| stage.send(Ask::new("PUT", &path).by(&stage.seller).json(&body)).await;
    let refused = change(json!({"priceDot": "5"})).await;
    assert_eq!((refused.outcome(), refused.trips), ((503, "rates_unavailable"), 1), "{}", refused.text);

    let at = Timestamp::now();
    let rates = Rates { usd_per_dot: 5_00_000_000, kes_per_usd: 130_00_000_000, source: "test".into(), at };
    let judged = CurrentRates::judge(None, rates, BOUNDS, at);
    stage.bench.database.store.rates().save(judged.row().unwrap()).await.unwrap();
    let listed = stage.send(list("a", bag())).await;
    assert_eq!((listed.status.as_u16(), listed.trips), (201, 2), "{}", listed.text);
    assert_eq!(listed.body["priceUsd"], json!("12.50"));
    let changed = change(json!({"priceDot": "5"})).await;
    assert_eq!((changed.status.as_u16(), changed.trips), (200, 2), "{}", changed.text);
    assert_eq!(changed.body["priceUsd"], json!("25.00"));
}
