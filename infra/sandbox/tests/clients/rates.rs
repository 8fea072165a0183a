//! The source of exchange rates, as CoinGecko answers.

use serde_json::{Value, json};

use crate::support::{Rig, rig};

async fn price(rig: &Rig, query: &str) -> (u16, String) {
    let url = format!("{}/simple/price?{query}", rig.sandbox.rates_url());
    let response = rig.http.get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

const ALL: &str = "ids=polkadot&vs_currencies=usd,kes&include_last_updated_at=true&precision=full";

#[tokio::test]
async fn prices_are_answered_as_they_were_set_and_at_the_time_they_were_set_to() {
    let rig = rig().await;
    let text = r#"{"usd":4.20000000000000004,"kes":-0,"lastUpdatedAt":1700000000}"#;
    let url = format!("{}/control/rates", rig.sandbox.daraja_url());
    let set = rig.http.put(&url).header("content-type", "application/json").body(text).send().await.unwrap();
    assert_eq!(set.status(), 200);
    assert_eq!(rig.http.get(&url).send().await.unwrap().text().await.unwrap(), text);
    let expected = r#"{"polkadot":{"usd":4.20000000000000004,"kes":-0,"last_updated_at":1700000000}}"#;
    assert_eq!(price(&rig, ALL).await, (200, expected.to_owned()));
    assert_eq!(rig.tell("POST", "reset", json!({})).await, 204);
    let (_, body) = price(&rig, ALL).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["polkadot"]["usd"], &body["polkadot"]["kes"]), (&json!(4.5), &json!(581.625)));
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_answered_and_a_bad_day_can_be_had() {
    let rig = rig().await;
    for query in ["ids=bitcoin&vs_currencies=usd,kes&include_last_updated_at=true", "ids=polkadot&vs_currencies=usd"] {
        assert_eq!(price(&rig, query).await, (200, "{}".to_owned()));
    }
    let rule = json!({"kind": "error", "operation": "rates", "status": 429, "code": "429", "message": "Throttled"});
    assert_eq!(rig.tell("POST", "behaviours", rule).await, 200);
    let throttled = r#"{"status":{"error_code":429,"error_message":"Throttled"}}"#;
    assert_eq!(price(&rig, ALL).await, (429, throttled.to_owned()));
    assert_eq!(price(&rig, ALL).await.0, 200);
    assert_eq!(rig.count("rates").await, 4);
}
