//! The rates through the router, over a database in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use descrow_domain::{
    Timestamp,
    rates::{Bounds, CurrentRates, Pricing, Rates as ExchangeRates},
};
use descrow_web::{
    App,
    testing::{Answer, Ask, Bench},
};
use rates::{Kept, Rates, RatesReport};
use serde_json::{Value, json};

const BOUNDS: Bounds = Bounds { max_age: 1800, max_jump: 10, settle: 900 };
const START: Timestamp = Timestamp(1_795_000_000_000);

fn app(bench: &Bench, pricing: Pricing) -> App {
    let (edge, store) = (bench.edge.clone(), bench.database.store.clone());
    rates::app(Rates { edge, store, pricing, kept: Kept::default() })
}

fn says(usd_per_dot: u64, at: Timestamp) -> ExchangeRates {
    ExchangeRates { usd_per_dot, kes_per_usd: 129_25_000_000, source: "api.coingecko.com".into(), at }
}

fn after(known: Option<&CurrentRates>, rates: ExchangeRates) -> CurrentRates {
    let now = rates.at;
    CurrentRates::judge(known, rates, BOUNDS, now).row().cloned().unwrap()
}

async fn ask(bench: &Bench, app: &App) -> Answer {
    bench.send(app, &Ask::event(include_str!("../../../events/rates.json"))).await
}

#[tokio::test]
async fn rates_are_read_once_in_half_a_minute_and_may_be_kept_as_long() {
    let bench = Bench::start().await;
    let app = app(&bench, Pricing::Fetched(BOUNDS));
    let now = Timestamp::now();
    let row = after(None, says(4_21_000_000, now));
    bench.database.store.rates().save(&row).await.unwrap();
    let answer = ask(&bench, &app).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (200, 1), "{}", answer.text);
    let mut body = answer.body.clone();
    assert!(body["ageSeconds"].as_u64().unwrap() < 30, "{}", answer.text);
    body["ageSeconds"] = Value::Null;
    let expected = json!({
        "usdPerDot": "4.21", "kesPerUsd": "129.25", "source": "api.coingecko.com", "at": now.rfc3339(), "ageSeconds": null,
        "quotable": true, "reason": null, "until": now.plus_seconds(1800).rfc3339(),
    });
    assert_eq!(body, expected);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=30"));
    assert_eq!(answer.header("age"), Some("0"));
    assert!(answer.header("etag").is_some() && answer.header("ratelimit").is_some());
    let jumped = after(Some(&row), says(8_42_000_000, now.plus_seconds(1)));
    bench.database.store.rates().save(&jumped).await.unwrap();
    assert_eq!(ask(&bench, &app).await.body["quotable"], json!(true), "what was read is kept");
    assert_eq!(bench.database.trips.take(), 0);
}

#[tokio::test]
async fn before_the_first_fetch_there_are_none() {
    let bench = Bench::start().await;
    let answer = ask(&bench, &app(&bench, Pricing::Fetched(BOUNDS))).await;
    let expected = json!({
        "usdPerDot": null, "kesPerUsd": null, "source": null, "at": null, "ageSeconds": null,
        "quotable": false, "reason": "missing", "until": null,
    });
    assert_eq!((answer.status.as_u16(), answer.body), (200, expected));
}

#[tokio::test]
async fn configured_rates_are_always_good() {
    let bench = Bench::start().await;
    let mut rates = says(4_20_000_000, START);
    rates.source = "configuration".into();
    let answer = ask(&bench, &app(&bench, Pricing::Configured(rates))).await;
    assert_eq!((answer.body["usdPerDot"].as_str(), answer.body["quotable"].as_bool()), (Some("4.2"), Some(true)));
    assert_eq!((&answer.body["source"], &answer.body["until"]), (&json!("configuration"), &Value::Null));
}

#[test]
fn what_stands_against_a_quote_is_said_with_its_end() {
    let row = after(None, says(4_21_000_000, START));
    let jumped = after(Some(&row), says(8_42_000_000, START.plus_seconds(300)));
    let report = |row: &CurrentRates, seconds| {
        let report = RatesReport::new(&Pricing::Fetched(BOUNDS), Some(row), START.plus_seconds(seconds));
        let body = serde_json::to_value(report).unwrap();
        ["usdPerDot", "ageSeconds", "quotable", "reason", "until"].map(|name| body[name].clone())
    };
    let settled = START.plus_seconds(1200).rfc3339();
    assert_eq!(report(&jumped, 310), [json!("4.21"), json!(310), json!(false), json!("jumped"), json!(settled)]);
    assert_eq!(report(&row, 1801), [json!("4.21"), json!(1801), json!(false), json!("aged"), Value::Null]);
    let aged = START.plus_seconds(1800).rfc3339();
    assert_eq!(report(&row, -5), [json!("4.21"), json!(0), json!(true), Value::Null, json!(aged)]);
}
