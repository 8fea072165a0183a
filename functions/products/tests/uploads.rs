//! Images onto IPFS, through the router with events as API Gateway writes them, over a Pinata in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_web::form::FORM_LIMIT;
use descrow_web::testing::Ask;
use sandbox::{Behaviour, Operation, Rule};
use serde_json::json;
use stage::Stage;

const JPEG: &[u8] = include_bytes!("../../../shared/domain/tests/images/photo.jpg");
const PNG: &[u8] = include_bytes!("../../../shared/domain/tests/images/photo.png");
const WEBP: &[u8] = include_bytes!("../../../shared/domain/tests/images/photo.webp");
const FORM: &str = "multipart/form-data; boundary=edge";

/// A form with these parts: a field's name and its bytes.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in parts {
        let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x.txt\"\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend(b"--edge--\r\n");
    body
}

fn upload(stage: &Stage, content_type: &str, body: &[u8]) -> Ask {
    Ask::new("POST", "/api/products/upload").by(&stage.seller).bytes(content_type, body)
}

#[tokio::test]
async fn images_are_recognised_by_their_bytes_and_published_without_metadata() {
    let stage = Stage::start().await;
    let body = form(&[("image", JPEG), ("image", PNG), ("image", WEBP)]);
    let answer = stage.send(upload(&stage, FORM, &body)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (201, 1), "{}", answer.text);
    let images = answer.body["images"].as_array().unwrap();
    let types: Vec<_> = images.iter().map(|i| i["contentType"].as_str().unwrap()).collect();
    assert_eq!(types, ["image/jpeg", "image/png", "image/webp"]);
    for (image, original) in images.iter().zip([JPEG, PNG, WEBP]) {
        let cid = image["cid"].as_str().unwrap();
        let published = stage.content(cid).await;
        assert_eq!(published, descrow_domain::image::clean(original).unwrap().into_bytes());
        assert!(!String::from_utf8_lossy(&published).contains("Private maker"));
        let url = format!("{}/ipfs/{cid}", stage.world.ipfs_url());
        assert_eq!((&image["size"], &image["url"]), (&json!(published.len()), &json!(url)));
    }
    assert_eq!(answer.header("location"), images[0]["url"].as_str());
}

#[tokio::test]
async fn an_uploaded_image_can_be_shown_with_a_product() {
    let stage = Stage::start().await;
    let event = include_str!("../../../events/products-upload.json");
    let uploaded = stage.send(Ask::event(event).by(&stage.seller)).await;
    assert_eq!(uploaded.status, 201, "{}", uploaded.text);
    let image = &uploaded.body["images"][0];
    let id = stage.listed("k", |body| body["images"] = json!([image["cid"]])).await;
    let shown = stage.send(Ask::new("GET", &format!("/api/products/{id}"))).await;
    assert_eq!(shown.body["images"], json!([{"cid": image["cid"], "url": image["url"]}]));
}

#[tokio::test]
async fn the_same_picture_is_pinned_once() {
    let stage = Stage::start().await;
    let tail = [JPEG, b"another tail"].concat();
    let answer = stage.send(upload(&stage, FORM, &form(&[("image", JPEG), ("image", &tail)]))).await;
    assert_eq!(answer.body["images"][0], answer.body["images"][1]);
    assert_eq!(stage.pins().await, 1);
}

#[tokio::test]
async fn the_same_picture_is_pinned_once_by_all_requests_and_instances() {
    let stage = Stage::start().await;
    let ask = || upload(&stage, FORM, &form(&[("image", JPEG)]));
    let first = stage.send(ask()).await;
    let again = stage.send(ask()).await;
    let elsewhere = stage.send_elsewhere(ask()).await;
    assert_eq!((first.status.as_u16(), &first.text), (201, &again.text));
    assert_eq!(first.text, elsewhere.text);
    assert_eq!(stage.pins().await, 1);
}

/// A PNG whose header announces `side` by `side` pixels.
fn bomb(side: u32) -> Vec<u8> {
    let header = [b"IHDR".as_slice(), &side.to_be_bytes(), &side.to_be_bytes(), b"\x08\x02\0\0\0"].concat();
    let crc = header.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 })
    });
    [&PNG[..12], &header, &(!crc).to_be_bytes(), &PNG[33..]].concat()
}

#[tokio::test]
async fn what_is_no_image_is_refused_and_nothing_is_pinned() {
    let stage = Stage::start().await;
    let eleven = vec![("image", JPEG); 11];
    let large = [JPEG, &vec![0; FORM_LIMIT]].concat();
    let halves = vec![0; FORM_LIMIT / 2 + 1];
    let whole = form(&[("image", JPEG)]);
    let text = form(&[("image", b"<svg/>"), ("image", JPEG), ("image", &JPEG[..300])]);
    let named_png = String::from_utf8(form(&[("image", b"just text")])).unwrap().replace("x.txt", "x.png").into_bytes();
    let nameless = String::from_utf8(form(&[("image", b"x")])).unwrap().replace("name=\"image\"; ", "").into_bytes();
    let long = format!("multipart/form-data; boundary={}", "b".repeat(5_000));
    let cases = [
        ("JSON", "application/json", b"{}".to_vec(), (400, "validation_failed"), vec!["uploads"]),
        ("no type", "", whole.clone(), (415, "unsupported_media_type"), vec![]),
        ("an image alone", "image/jpeg", JPEG.to_vec(), (415, "unsupported_media_type"), vec![]),
        ("no boundary", "multipart/form-data", whole.clone(), (415, "unsupported_media_type"), vec![]),
        ("empty", FORM, vec![], (400, "validation_failed"), vec!["body"]),
        (
            "another boundary",
            "multipart/form-data; boundary=other",
            whole.clone(),
            (400, "validation_failed"),
            vec!["body"],
        ),
        ("cut off", FORM, whole[..whole.len() - 40].to_vec(), (400, "validation_failed"), vec!["body"]),
        ("no parts", FORM, form(&[]), (400, "validation_failed"), vec!["image"]),
        ("another field", FORM, form(&[("photo", JPEG)]), (400, "validation_failed"), vec!["photo"]),
        ("too many", FORM, form(&eleven), (400, "validation_failed"), vec!["image"]),
        ("not images", FORM, text, (400, "validation_failed"), vec!["image[0]", "image[2]"]),
        ("an empty file", FORM, form(&[("image", b"")]), (400, "validation_failed"), vec!["image[0]"]),
        ("a text named .png", FORM, named_png, (400, "validation_failed"), vec!["image[0]"]),
        ("a bomb", FORM, form(&[("image", &bomb(60_000))]), (400, "validation_failed"), vec!["image[0]"]),
        (
            "truncated images",
            FORM,
            form(&[("image", &JPEG[..JPEG.len() / 2]), ("image", &PNG[..PNG.len() / 2]), ("image", &WEBP[..40])]),
            (400, "validation_failed"),
            vec!["image[0]", "image[1]", "image[2]"],
        ),
        (
            "another file with a picture in it",
            FORM,
            form(&[("image", &[b"%PDF-1.7\n", JPEG].concat()), ("image", &[b"GIF89a", PNG].concat())]),
            (400, "validation_failed"),
            vec!["image[0]", "image[1]"],
        ),
        ("a part without a name", FORM, nameless, (400, "validation_failed"), vec![""]),
        ("not UTF-8", FORM, b"--edge\r\n\xFF\xFE: \xC0\r\n\r\n".to_vec(), (400, "validation_failed"), vec!["body"]),
        ("a boundary too long", &long, whole.clone(), (400, "validation_failed"), vec!["body"]),
        ("JSON with nothing", "application/json", b"".to_vec(), (400, "malformed_json"), vec!["body"]),
        ("too large", FORM, form(&[("image", &large)]), (413, "body_too_large"), vec![]),
        ("too large together", FORM, form(&[("image", &halves), ("image", &halves)]), (413, "body_too_large"), vec![]),
    ];
    for (what, content_type, body, outcome, fields) in cases {
        let answer = stage.send(upload(&stage, content_type, &body)).await;
        assert_eq!((answer.outcome(), answer.fields()), (outcome, fields), "{what}");
    }
    let mut two: serde_json::Value =
        serde_json::from_str(include_str!("../../../events/products-upload.json")).unwrap();
    let kind = two["multiValueHeaders"]["Content-Type"][0].clone();
    two["multiValueHeaders"]["Content-Type"] = json!([kind, "image/png"]);
    // As API Gateway writes it: the last one is the one that counts.
    two["headers"]["Content-Type"] = json!("image/png");
    let answer = stage.send(Ask::event(&two.to_string()).by(&stage.seller)).await;
    assert_eq!(answer.outcome(), (415, "unsupported_media_type"), "two types");
    assert_eq!(stage.pins().await, 0);
}

#[tokio::test]
async fn only_a_seller_uploads() {
    let stage = Stage::start().await;
    let body = form(&[("image", JPEG)]);
    let anybody = Ask::new("POST", "/api/products/upload").bytes(FORM, &body);
    assert_eq!(stage.send(anybody.clone()).await.outcome(), (401, "missing_token"));
    assert_eq!(stage.send(anybody.by(&stage.buyer)).await.outcome(), (403, "wrong_role"));
    assert_eq!(stage.pins().await, 0);
}

#[tokio::test]
async fn a_failing_content_store_is_named_as_such_and_no_more() {
    let stage = Stage::start().await;
    let refused = Behaviour::Error { status: 401, code: "INVALID_CREDENTIALS".into(), message: "secret detail".into() };
    stage.world.misbehave(Rule::once(refused).on(Operation::Pin));
    let answer = stage.send(upload(&stage, FORM, &form(&[("image", JPEG)]))).await;
    assert_eq!(answer.outcome(), (502, "content_service_error"));
    assert!(!answer.text.contains("secret detail") && !answer.text.contains("401"), "{}", answer.text);
    stage.world.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::Pin));
    assert_eq!(stage.send(upload(&stage, FORM, &form(&[("image", JPEG)]))).await.status, 201);
}
