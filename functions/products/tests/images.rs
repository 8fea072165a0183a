//! The images that a product may show: those that are pinned by us.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_web::testing::Ask;
use sandbox::{Behaviour, Operation, Rule};
use serde_json::{Value, json};
use stage::{Stage, bag};

/// A CID that nobody pinned here.
const NOBODYS: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

fn list(stage: &Stage, key: &str, images: &Value) -> Ask {
    let mut body = bag();
    body["images"] = images.clone();
    Ask::new("POST", "/api/products").by(&stage.seller).key(key).json(&body)
}

fn change(stage: &Stage, id: &str, body: &Value) -> Ask {
    Ask::new("PUT", &format!("/api/products/{id}")).by(&stage.seller).json(body)
}

#[tokio::test]
async fn a_product_shows_only_what_is_pinned_here_and_every_other_image_is_named() {
    let stage = Stage::start().await;
    let (one, two) = (stage.picture(1).await, stage.picture(2).await);
    let refused = stage.send(list(&stage, "k", &json!([one, NOBODYS, two, NOBODYS]))).await;
    assert_eq!((refused.outcome(), refused.trips), ((400, "validation_failed"), 1), "{}", refused.text);
    let problem = |n: usize| json!({"field": format!("images[{n}]"), "message": "is not pinned here: upload it with POST /api/products/upload first"});
    assert_eq!(refused.body["details"], json!([problem(1), problem(3)]));
    assert_eq!(stage.pins().await, 2, "nothing was published of it");

    let listed = stage.send(list(&stage, "k", &json!([one, two, one]))).await;
    assert_eq!((listed.status.as_u16(), listed.trips), (201, 2), "{}", listed.text);
    let id = listed.body["id"].as_str().unwrap();
    let refused = stage.send(change(&stage, id, &json!({"images": [two, NOBODYS]}))).await;
    assert_eq!((refused.outcome(), refused.fields()), ((400, "validation_failed"), vec!["images[1]"]));
    let read = stage.send(Ask::new("GET", &format!("/api/products/{id}"))).await;
    assert_eq!((&read.body["version"], &read.body["images"]), (&json!(1), &listed.body["images"]));
    let kept = stage.send(change(&stage, id, &json!({"images": [two]}))).await;
    assert_eq!((kept.status.as_u16(), kept.trips), (200, 2), "{}", kept.text);
}

#[tokio::test]
async fn where_the_content_store_does_not_say_nothing_is_listed_and_images_that_stay_are_not_asked_about() {
    let stage = Stage::start().await;
    let (one, two) = (stage.picture(1).await, stage.picture(2).await);
    let id = stage.listed("k", |body| body["images"] = json!([one])).await;
    let down = || {
        let error = Behaviour::Error { status: 503, code: "DOWN".into(), message: "secret detail".into() };
        stage.world.misbehave(Rule::once(error).on(Operation::PinList));
    };
    down();
    let refused = stage.send(list(&stage, "l", &json!([two]))).await;
    assert_eq!(refused.outcome(), (502, "content_service_error"), "{}", refused.text);
    assert!(refused.header("retry-after") == Some("5") && !refused.text.contains("secret"), "{}", refused.text);
    assert_eq!(stage.send(list(&stage, "l", &json!([two]))).await.status, 201, "the key was not used up");
    down();
    let same = stage.send(change(&stage, &id, &json!({"images": [one, one], "title": "New"}))).await;
    assert_eq!(same.status, 200, "{}", same.text);
    let more = stage.send(change(&stage, &id, &json!({"images": [one, two]}))).await;
    assert_eq!(more.outcome(), (502, "content_service_error"), "{}", more.text);
}
