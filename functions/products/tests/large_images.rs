//! Images too large for a form: permitted, uploaded to a bucket that checks what S3 checks, and pinned.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::image::IMAGE_LIMIT;
use descrow_platform::http_client;
use descrow_web::testing::{Answer, Ask};
use sandbox::{Behaviour, Operation, Rule};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stage::Stage;

const PNG: &[u8] = include_bytes!("../../../shared/domain/tests/images/photo.png");

/// The photo with a chunk of `size` bytes that a picture may have.
fn large_png(size: usize) -> Vec<u8> {
    let (name, data) = (b"IDAT", vec![0; size]);
    let crc = name.iter().chain(&data).fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 })
    });
    let length = u32::try_from(size).unwrap().to_be_bytes();
    [&PNG[..33], &length, &name[..], &data, &(!crc).to_be_bytes(), &PNG[33..]].concat()
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

async fn permit(stage: &Stage, bytes: &[u8]) -> Answer {
    let promise = json!({"contentType": "image/png", "size": bytes.len(), "sha256": hash(bytes)});
    stage.send(Ask::new("POST", "/api/products/uploads").by(&stage.seller).json(&promise)).await
}

/// Does what a client does with a permission, and gives S3's status.
async fn put(permitted: &Value, bytes: Vec<u8>) -> u16 {
    let http = http_client::build(std::time::Duration::from_secs(20)).unwrap();
    let mut request = http.put(permitted["url"].as_str().unwrap());
    for (name, value) in permitted["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.body(bytes).send().await.unwrap().status().as_u16()
}

fn pin(stage: &Stage, ids: &[&str]) -> Ask {
    Ask::new("POST", "/api/products/upload").by(&stage.seller).json(&json!({"uploads": ids}))
}

#[tokio::test]
async fn a_large_image_goes_through_the_bucket_onto_ipfs() {
    let stage = Stage::start().await;
    let image = large_png(5 << 20);
    let permitted = permit(&stage, &image).await;
    assert_eq!((permitted.status.as_u16(), permitted.trips), (201, 1), "{}", permitted.text);
    assert_eq!(permitted.body["uploadId"], hash(&image));
    assert_eq!(permitted.header("location"), permitted.body["url"].as_str());
    assert_eq!(put(&permitted.body, image.clone()).await, 200);
    let id = permitted.body["uploadId"].as_str().unwrap();
    assert_eq!(
        stage.bucket.objects().into_keys().collect::<Vec<_>>(),
        [format!("uploads/{}/{id}", stage.seller.account)]
    );

    let pinned = stage.send(pin(&stage, &[id])).await;
    assert_eq!((pinned.status.as_u16(), pinned.trips), (201, 1), "{}", pinned.text);
    let cleaned = descrow_domain::image::clean(&image).unwrap().into_bytes();
    let shown = &pinned.body["images"][0];
    assert_eq!((&shown["size"], &shown["contentType"]), (&json!(cleaned.len()), &json!("image/png")));
    let published = stage.content(shown["cid"].as_str().unwrap()).await;
    assert!(published == cleaned && !String::from_utf8_lossy(&published).contains("Private maker"));
    assert_eq!(pinned.header("location"), shown["url"].as_str());
    let again = stage.send(pin(&stage, &[id])).await;
    assert_eq!((again.status.as_u16(), &again.text), (201, &pinned.text), "who lost the answer asks again");
    assert_eq!(stage.pins().await, 1);
}

#[tokio::test]
async fn a_bad_upload_costs_no_good_one_and_every_bad_one_is_named() {
    let stage = Stage::start().await;
    let (good, svg, missing) = (hash(PNG), hash(b"<svg/>"), "0".repeat(64));
    let key = |id: &str| format!("uploads/{}/{id}", stage.seller.account);
    stage.bucket.put(&key(&good), "image/png", PNG);
    stage.bucket.put(&key(&svg), "image/png", b"<svg/>");
    let refused = stage.send(pin(&stage, &[&good, &svg, &missing, &svg])).await;
    assert_eq!(refused.outcome(), (400, "validation_failed"), "{}", refused.text);
    let problem = |n: usize, message: &str| json!({"field": format!("uploads[{n}]"), "message": message});
    let no_image = "must be a JPEG, PNG or WebP image";
    let expected = [problem(1, no_image), problem(2, "is not there: upload it first, or again"), problem(3, no_image)];
    assert_eq!(refused.body["details"], json!(expected));

    let alone = stage.send(pin(&stage, &[&good])).await;
    assert_eq!(alone.status, 201, "{}", alone.text);
    let cid = descrow_ipfs::ContentId::of(descrow_domain::image::clean(PNG).unwrap().bytes()).to_string();
    assert_eq!(alone.body["images"][0]["cid"], cid);
    let twice = stage.send(pin(&stage, &[&good, &good])).await;
    let image = &alone.body["images"][0];
    assert_eq!((twice.status.as_u16(), &twice.body["images"]), (201, &json!([image, image])));
    assert_eq!(stage.pins().await, 1);
}

#[tokio::test]
async fn a_store_that_fails_is_named_unless_the_client_has_something_to_mend() {
    let stage = Stage::start().await;
    let (good, missing) = (hash(PNG), "0".repeat(64));
    stage.bucket.put(&format!("uploads/{}/{good}", stage.seller.account), "image/png", PNG);
    let refusal = Behaviour::Error { status: 401, code: "INVALID_CREDENTIALS".into(), message: "no".into() };
    stage.world.misbehave(Rule::once(refusal.clone()).on(Operation::Pin));
    let both = stage.send(pin(&stage, &[&good, &missing])).await;
    assert_eq!((both.outcome(), both.fields()), ((400, "validation_failed"), vec!["uploads[1]"]));
    stage.world.misbehave(Rule::once(refusal).on(Operation::Pin));
    assert_eq!(stage.send(pin(&stage, &[&good])).await.outcome(), (502, "content_service_error"));
    assert_eq!(stage.send(pin(&stage, &[&good])).await.status, 201, "nothing was lost");
}

#[tokio::test]
async fn the_samples_of_both_events_are_taken() {
    let stage = Stage::start().await;
    let event = include_str!("../../../events/products-uploads.json");
    let permitted = stage.send(Ask::event(event).by(&stage.seller)).await;
    assert_eq!(permitted.status, 201, "{}", permitted.text);
    assert_eq!(permitted.body["uploadId"], hash(PNG), "the sample promises the photo of the tests");
    assert_eq!(put(&permitted.body, PNG.to_vec()).await, 200);
    let event = include_str!("../../../events/products-upload-stored.json");
    let pinned = stage.send(Ask::event(event).by(&stage.seller)).await;
    assert_eq!(pinned.status, 201, "{}", pinned.text);
}

#[tokio::test]
async fn a_promise_that_no_image_could_keep_is_refused_with_every_field() {
    let stage = Stage::start().await;
    let sha = hash(PNG);
    let limit = u64::try_from(IMAGE_LIMIT).unwrap();
    for (promise, fields) in [
        (json!({}), vec!["contentType", "size", "sha256"]),
        (json!({"contentType": "image/gif", "size": 0, "sha256": "x"}), vec!["contentType", "size", "sha256"]),
        (json!({"contentType": "image/png", "size": limit + 1, "sha256": sha}), vec!["size"]),
        (json!({"contentType": "image/png", "size": limit, "sha256": sha.to_uppercase()}), vec!["sha256"]),
        (json!({"contentType": "image/png", "size": limit, "sha256": sha, "key": "kyc/x"}), vec!["key"]),
    ] {
        let answer = stage.send(Ask::new("POST", "/api/products/uploads").by(&stage.seller).json(&promise)).await;
        assert_eq!((answer.outcome(), answer.fields()), ((400, "validation_failed"), fields), "{promise}");
    }
    let largest = json!({"contentType": "image/png", "size": limit, "sha256": sha});
    let ask = |person| Ask::new("POST", "/api/products/uploads").by(person).json(&largest);
    assert_eq!(stage.send(ask(&stage.seller)).await.status, 201);
    assert_eq!(stage.send(ask(&stage.buyer)).await.outcome(), (403, "wrong_role"));
}

#[tokio::test]
async fn the_bucket_takes_nothing_but_what_was_promised() {
    let stage = Stage::start().await;
    let permitted = permit(&stage, PNG).await.body;
    let other = [PNG, b"x"].concat();
    assert_ne!(put(&permitted, other).await, 200, "of another size");
    let mut flipped = PNG.to_vec();
    flipped[40] ^= 1;
    assert_ne!(put(&permitted, flipped).await, 200, "of another hash");
    let mut elsewhere = permitted.clone();
    elsewhere["url"] = json!(permitted["url"].as_str().unwrap().replace("/uploads/", "/kyc/"));
    assert_ne!(put(&elsewhere, PNG.to_vec()).await, 200, "in another place");
    assert!(stage.bucket.objects().is_empty());
}

#[tokio::test]
async fn what_is_not_the_promised_image_is_refused_and_nothing_is_pinned() {
    let stage = Stage::start().await;
    let stranger = "0".repeat(64);
    let key = |id: &str| format!("uploads/{}/{id}", stage.seller.account);
    let text = hash(b"<svg/>");
    stage.bucket.put(&key(&text), "image/png", b"<svg/>");
    let lie = hash(PNG);
    stage.bucket.put(&key(&lie), "image/png", &PNG[..100]);
    let huge = vec![0; IMAGE_LIMIT + 1];
    let large = hash(&huge);
    stage.bucket.put(&key(&large), "image/png", &huge);
    let theirs = "1".repeat(64);
    stage.bucket.put(&format!("uploads/{}/{theirs}", stage.buyer.account), "image/png", PNG);
    let five = [stranger.as_str(); 5];
    for (what, ids, field) in [
        ("not there", vec![stranger.as_str()], "uploads[0]"),
        ("text", vec![text.as_str()], "uploads[0]"),
        ("another content", vec![lie.as_str()], "uploads[0]"),
        ("too large", vec![large.as_str()], "uploads[0]"),
        ("somebody else's", vec![theirs.as_str()], "uploads[0]"),
        ("a path", vec!["../kyc/x"], "uploads[0]"),
        ("none", vec![], "uploads"),
        ("too many", five.to_vec(), "uploads"),
    ] {
        let answer = stage.send(pin(&stage, &ids)).await;
        assert_eq!((answer.outcome(), answer.fields()), ((400, "validation_failed"), vec![field]), "{what}");
    }
    assert_eq!(stage.pins().await, 0);
}
