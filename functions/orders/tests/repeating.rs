//! Forms that are sent again: a browser writes each try of one form with another boundary.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{OrderId, order::OrderStatus};
use descrow_web::testing::{Answer, Ask};
use serde_json::Value;
use stage::Stage;

/// The form of a dispute or of evidence, with this file, as written with `boundary`.
fn form(tail: &str, file: &[u8], boundary: &str) -> Vec<u8> {
    let reason: &[(&str, &[u8])] = if tail == "dispute" { &[("reason", b"It broke.")] } else { &[] };
    let mut body = Vec::new();
    for (name, bytes) in reason {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"seen.txt\"\r\n");
    body.extend([head.as_bytes(), b"Content-Type: text/plain\r\n\r\n", file, b"\r\n"].concat());
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    body
}

async fn send(stage: &Stage, id: OrderId, tail: &str, file: &[u8], boundary: &str) -> Answer {
    let kind = format!("multipart/form-data; boundary={boundary}");
    let ask = Ask::new("POST", &format!("/api/orders/{id}/{tail}")).by(&stage.buyer).key("once");
    stage.send(ask.bytes(&kind, &form(tail, file, boundary))).await
}

async fn evidence(stage: &Stage, id: OrderId) -> Vec<Value> {
    let list = stage.send(Ask::new("GET", &format!("/api/orders/{id}/evidence")).by(&stage.buyer)).await;
    list.body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_form_that_is_sent_again_is_answered_again_and_done_once() {
    let stage = Stage::start().await;
    for (tail, status, code) in [("dispute", OrderStatus::Shipped, 202), ("evidence", OrderStatus::Disputed, 201)] {
        let id = stage.order(tail).await;
        stage.at(id, status).await;
        let first = send(&stage, id, tail, b"It is cracked.", "----WebKitFormBoundaryA").await;
        assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (code, None), "{}", first.text);
        let row = stage.row(id).await;

        let again = send(&stage, id, tail, b"It is cracked.", "----WebKitFormBoundaryB").await;
        assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (code, Some("true")), "{tail}");
        assert_eq!((&again.text, again.trips), (&first.text, 1), "{tail}");

        let other = send(&stage, id, tail, b"It is cracker.", "----WebKitFormBoundaryA").await;
        assert_eq!(other.outcome(), (422, "idempotency_key_reused"), "{tail}: one byte of the file is another");
        assert_eq!(stage.row(id).await, row, "{tail}");
        assert_eq!(evidence(&stage, id).await.len(), 1, "{tail}");
    }
}

#[tokio::test]
async fn the_evidence_of_one_order_goes_on_in_its_own_list_only() {
    let stage = Stage::start().await;
    let mut cursors = Vec::new();
    for key in ["a", "b"] {
        let id = stage.order(key).await;
        stage.at(id, OrderStatus::Disputed).await;
        for n in 0..2 {
            let ask = Ask::new("POST", &format!("/api/orders/{id}/evidence")).by(&stage.buyer).key(&n.to_string());
            let added = stage.send(ask.json(&serde_json::json!({"kind": "text", "text": format!("{key} {n}")}))).await;
            assert_eq!(added.status, 201, "{}", added.text);
        }
        let list = Ask::new("GET", &format!("/api/orders/{id}/evidence?limit=1")).by(&stage.buyer);
        let page = stage.send(list).await;
        cursors.push((id, page.body["nextCursor"].as_str().unwrap().to_owned()));
    }
    let [(one, of_one), (other, _)] = &cursors[..] else { panic!("{cursors:?}") };
    let follow = |id: &OrderId| Ask::new("GET", &format!("/api/orders/{id}/evidence?limit=1&cursor={of_one}"));
    let next = stage.send(follow(one).by(&stage.buyer)).await;
    assert_eq!((next.status.as_u16(), next.body["items"].as_array().unwrap().len()), (200, 1));
    let crossed = stage.send(follow(other).by(&stage.buyer)).await;
    assert_eq!(crossed.outcome(), (400, "invalid_cursor"));
}
