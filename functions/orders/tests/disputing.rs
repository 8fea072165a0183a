//! Disputes and their evidence, through the router, over a database, a bucket and a Pinata in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Kes, OrderId, Timestamp,
    command::Command,
    evidence::content::{CONTENT_LIMIT, IMAGE_LIMIT},
    image,
    order::{Order, OrderStatus, order_ref},
    payment::{Payment, PaymentStatus, ReviewReason},
};
use descrow_platform::http_client;
use descrow_store::Replaced;
use descrow_web::testing::{Answer, Ask, Person};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stage::{PHONE, Stage, sample};

const DISPUTE: &str = include_str!("../../../events/orders-dispute.json");
const EVIDENCE: &str = include_str!("../../../events/orders-evidence.json");
const LIST: &str = include_str!("../../../events/orders-evidence-list.json");
const UPLOADS: &str = include_str!("../../../events/orders-evidence-uploads.json");
const TRACKING: &str = include_str!("../../../events/orders-tracking.json");
const PHOTO: &[u8] = include_bytes!("../../../shared/domain/tests/images/photo.png");
const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";

const FORM: &str = "multipart/form-data; boundary=edge";

/// A form with these parts: a field's name and its bytes.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in parts {
        let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend(b"--edge--\r\n");
    body
}

/// An order in `status`.
async fn order(stage: &Stage, key: &str, status: OrderStatus) -> OrderId {
    let id = stage.order(key).await;
    stage.at(id, status).await;
    id
}

fn post(id: OrderId, tail: &str, who: &Person, key: &str) -> Ask {
    Ask::new("POST", &format!("/api/orders/{id}/{tail}")).by(who).key(key)
}

async fn evidence(stage: &Stage, id: OrderId, who: &Person) -> Vec<Value> {
    let answer = stage.send(sample(LIST, id).by(who)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (200, 1), "{}", answer.text);
    answer.body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_dispute_is_pending_with_its_evidence_published_and_named_to_the_contract() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Shipped).await;
    let ask = sample(DISPUTE, id).by(&stage.buyer);
    let answer = stage.send(ask.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (202, 2), "{}", answer.text);
    let row = stage.row(id).await;
    let pending = row.pending.clone().unwrap();
    let dispute = row.dispute.clone().unwrap();
    assert_eq!(answer.body["pending"], json!({"action": "dispute", "since": pending.at.rfc3339()}));
    let shown = json!({"reason": "The bag has a hole.", "by": stage.buyer.account.to_string(),
        "at": dispute.at.rfc3339(), "evidenceCid": dispute.evidence_cid, "evidenceClosedAt": null,
        "proposal": null, "decision": null});
    assert_eq!(answer.body["dispute"], shown);
    let command = stage.bench.database.store.chain_commands().get(&pending.command_id).await.unwrap().unwrap();
    assert_eq!(command.command, Command::RaiseDispute { evidence_cid: dispute.evidence_cid.clone() });

    let items = evidence(&stage, id, &stage.seller).await;
    let cid = items[0]["cid"].as_str().unwrap();
    let expected = json!([{"id": items[0]["id"], "orderId": id.to_string(), "by": stage.buyer.account.to_string(),
        "kind": "text", "description": null, "cid": cid, "url": format!("{}/ipfs/{cid}", stage.world.ipfs_url()),
        "size": 24, "mediaType": "text/plain; charset=utf-8", "createdAt": items[0]["createdAt"]}]);
    assert_eq!(json!(items), expected);
    assert_eq!(stage.content(cid).await, "It is as wide as a hand.");
    let order_ref = hex::encode(order_ref(id));
    let document = format!(
        r#"{{"evidence":{{"cid":"{cid}","mediaType":"text/plain; charset=utf-8","size":24}},"orderRef":"0x{order_ref}","version":1}}"#
    );
    assert_eq!(stage.content(&dispute.evidence_cid).await, document, "and nothing about the parties");

    let again = stage.send(ask).await;
    assert_eq!((again.status.as_u16(), &again.body, again.trips), (202, &answer.body, 1));
    let other = stage.send(sample(DISPUTE, id).by(&stage.buyer).key("another")).await;
    assert_eq!((other.outcome(), other.fields()), ((409, "order_state"), vec!["status", "pending", "allowedMoves"]));
    assert_eq!(stage.row(id).await, row);
    assert_eq!((evidence(&stage, id, &stage.buyer).await.len(), dispute.evidence_count), (1, 1));
}

#[tokio::test]
async fn a_dispute_may_come_as_a_form_with_a_picture_or_without_evidence() {
    let stage = Stage::start().await;
    let bare = order(&stage, "k", OrderStatus::Funded).await;
    let ask = post(bare, "dispute", &stage.seller, "d").json(&json!({"reason": "The address does not exist."}));
    assert_eq!(stage.send(ask).await.status, 202);
    let row = stage.row(bare).await;
    assert_eq!(row.dispute.unwrap().evidence_cid, "");
    assert_eq!(evidence(&stage, bare, &stage.buyer).await, Vec::<Value>::new());

    let shown = order(&stage, "l", OrderStatus::Shipped).await;
    let parts: [(&str, &[u8]); 3] = [("reason", b"It broke."), ("description", b"The hole"), ("file", PHOTO)];
    let ask = post(shown, "dispute", &stage.buyer, "e").bytes(FORM, &form(&parts));
    let answer = stage.send(ask).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let items = evidence(&stage, shown, &stage.admin).await;
    let cleaned = image::clean(PHOTO).unwrap().into_bytes();
    assert_eq!(
        (&items[0]["kind"], &items[0]["size"], &items[0]["description"]),
        (&json!("image"), &json!(cleaned.len()), &json!("The hole"))
    );
    assert!(stage.published(items[0]["cid"].as_str().unwrap()).await == cleaned, "without place and camera");
}

#[tokio::test]
async fn a_payout_that_is_not_sent_is_taken_back_and_one_that_is_stands_against_the_dispute() {
    for (status, review, outcome) in [
        (PaymentStatus::Queued, None, (202, "")),
        (PaymentStatus::Sending, None, (409, "order_state")),
        (PaymentStatus::Sent, None, (409, "order_state")),
        (PaymentStatus::Review, Some(ReviewReason::Unresolved), (409, "order_state")),
        // M-Pesa refused the request: nothing was paid, and nothing is left to take back.
        (PaymentStatus::Review, Some(ReviewReason::RequestRefused), (202, "")),
    ] {
        let stage = Stage::start().await;
        let id = stage.order("k").await;
        let row = stage.row(id).await;
        let seller = stage.seller.account;
        let payout = Payment::payout(id, 1, seller, PHONE.parse().unwrap(), Kes(1355), Timestamp::now());
        let payout = Payment { status, review, ..payout };
        let next =
            Order { status: OrderStatus::Delivered, payout_id: Some(payout.id), version: row.version + 1, ..row };
        stage.rewrite_with(&next, std::slice::from_ref(&payout)).await;
        let answer = stage.send(post(id, "dispute", &stage.buyer, "d").json(&json!({"reason": "It broke."}))).await;
        assert_eq!(answer.outcome(), outcome, "{status:?}");
        let now = stage.bench.database.store.payments().get(payout.id).await.unwrap().unwrap();
        if status == PaymentStatus::Queued {
            assert_eq!(now.status, PaymentStatus::Withdrawn);
            continue;
        }
        assert_eq!(now, payout);
        if outcome.0 == 202 {
            continue;
        }
        let details = json!([
            {"field": "status", "message": "delivered"},
            {"field": "payout", "message": "is under way or done"},
            {"field": "allowedMoves", "message": ""},
        ]);
        assert_eq!(answer.body["details"], details);
        assert_eq!(stage.row(id).await, next);
    }
}

#[tokio::test]
async fn both_parties_add_evidence_and_the_same_request_adds_it_once() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Disputed).await;
    let ask = sample(EVIDENCE, id).by(&stage.buyer);
    let answer = stage.send(ask.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (201, 2), "{}", answer.text);
    assert_eq!(answer.header("location"), Some(&*format!("/api/orders/{id}/evidence")));
    let again = stage.send(ask).await;
    assert_eq!((again.status.as_u16(), &again.body, again.trips), (201, &answer.body, 1));
    let pdf: &[u8] = b"%PDF-1.7\n%%EOF";
    for (n, (who, bytes, kind, media_type)) in [
        (&stage.seller, PHOTO, "image", "image/png"),
        (&stage.buyer, pdf, "document", "application/pdf"),
        (&stage.seller, MP4, "video", "video/mp4"),
        (&stage.seller, "Nilituma.\n".as_bytes(), "text", "text/plain; charset=utf-8"),
    ]
    .into_iter()
    .enumerate()
    {
        let ask = post(id, "evidence", who, &format!("e{n}")).bytes(FORM, &form(&[("file", bytes)]));
        let answer = stage.send(ask).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!((&answer.body["kind"], &answer.body["mediaType"]), (&json!(kind), &json!(media_type)));
    }
    let items = evidence(&stage, id, &stage.admin).await;
    let by: Vec<_> = items.iter().map(|item| item["by"].as_str().unwrap()).collect();
    let (buyer, seller) = (stage.buyer.account.to_string(), stage.seller.account.to_string());
    assert_eq!(by, [&buyer, &seller, &buyer, &seller, &seller]);
    assert_eq!(items[0], answer.body);
    let row = stage.row(id).await;
    assert_eq!(row.dispute.unwrap().evidence_count, 5);
    // Each piece tells the other side, once.
    for (who, other, count) in [(&stage.buyer, "seller", 3), (&stage.seller, "buyer", 2)] {
        let told = stage.bench.database.store.notifications().list(&who.account, None, 10).await.unwrap().items;
        let words =
            format!("The {other} handed in evidence about “{}”. You can answer it.", row.product_title.as_str());
        assert_eq!(told.len(), count);
        assert!(told.iter().all(|told| (told.order_id, &told.message) == (Some(id), &words)), "{told:?}");
    }
}

#[tokio::test]
async fn after_the_deadline_no_evidence_is_taken_nor_published() {
    let stage = Stage::start().await;
    let asked = async |what| stage.control(&format!("requests?operation={what}")).await["requests"].clone();
    let pins = async || (asked("pin").await, asked("pin_list").await);
    let in_time = order(&stage, "j", OrderStatus::Disputed).await;
    assert_eq!(stage.send(sample(EVIDENCE, in_time).by(&stage.seller)).await.status, 201);
    let before = pins().await;
    assert_eq!(before.0.as_array().unwrap().len(), 1);
    let id = order(&stage, "k", OrderStatus::Disputed).await;
    let row = stage.row(id).await;
    let mut late = Order { version: row.version + 1, ..row };
    let ended = Timestamp::now().plus_seconds(-1);
    late.deadlines.evidence = Some(ended);
    stage.rewrite(&late).await;
    let details = json!([
        {"field": "status", "message": "disputed"},
        {"field": "deadline", "message": ended.rfc3339()},
        {"field": "allowedMoves", "message": ""},
    ]);
    for tail in ["evidence", "evidence/uploads"] {
        let event = if tail == "evidence" { EVIDENCE } else { UPLOADS };
        let answer = stage.send(sample(event, id).by(&stage.seller)).await;
        assert_eq!((answer.outcome(), &answer.body["details"]), ((409, "evidence_closed"), &details), "{tail}");
    }
    assert_eq!(evidence(&stage, id, &stage.seller).await, Vec::<Value>::new());
    assert_eq!(pins().await, before, "the pinning service hears of nothing that is not taken");
}

#[tokio::test]
async fn evidence_of_a_dispute_that_the_contract_refused_still_counts_in_the_next_one() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Shipped).await;
    let commands = stage.bench.database.store.chain_commands();
    let bare = json!({"reason": "It broke."});
    let shown = json!({"reason": "It broke.", "evidence": {"kind": "text", "text": "It is as wide as a hand."}});
    for (key, body, count) in [("a", &shown, 1), ("b", &bare, 1), ("c", &shown, 2)] {
        let answer = stage.send(post(id, "dispute", &stage.buyer, key).json(body)).await;
        assert_eq!(answer.status, 202, "{key}: {}", answer.text);
        let row = stage.row(id).await;
        assert_eq!(evidence(&stage, id, &stage.seller).await.len(), count);
        assert_eq!(row.dispute.unwrap().evidence_count as usize, count, "{key}");
        let command = commands.get(&row.pending.unwrap().command_id).await.unwrap().unwrap();
        let failed = commands.mark_failed(&command, "WrongStatus", Timestamp::now()).await;
        assert_eq!(failed, Ok(Replaced::Done));
    }
    assert_eq!(stage.row(id).await.pending, None);
}

async fn put(permitted: &Value, bytes: Vec<u8>) -> u16 {
    let http = http_client::build(std::time::Duration::from_secs(20)).unwrap();
    let mut request = http.put(permitted["url"].as_str().unwrap());
    for (name, value) in permitted["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.body(bytes).send().await.unwrap().status().as_u16()
}

async fn upload(stage: &Stage, id: OrderId, who: &Person, kind: &str, bytes: &[u8]) -> String {
    let promise = json!({"contentType": kind, "size": bytes.len(), "sha256": hex::encode(Sha256::digest(bytes))});
    let permitted = stage.send(post(id, "evidence/uploads", who, "u").json(&promise)).await;
    assert_eq!((permitted.status.as_u16(), permitted.trips), (201, 1), "{}", permitted.text);
    assert_eq!(put(&permitted.body, bytes.to_vec()).await, 200);
    permitted.body["uploadId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_large_film_goes_through_the_bucket_onto_ipfs() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Disputed).await;
    let mut film = MP4.to_vec();
    film.resize(CONTENT_LIMIT, 7);
    let upload = upload(&stage, id, &stage.buyer, "video/mp4", &film).await;
    let body = json!({"kind": "video", "uploadId": upload, "description": "I open the parcel"});
    let theirs = stage.send(post(id, "evidence", &stage.seller, "e").json(&body)).await;
    assert_eq!((theirs.outcome(), theirs.fields()), ((400, "validation_failed"), vec!["uploadId"]));
    let wrong = json!({"kind": "image", "uploadId": upload});
    let wrong = stage.send(post(id, "evidence", &stage.buyer, "e0").json(&wrong)).await;
    assert_eq!((wrong.outcome(), wrong.fields()), ((400, "validation_failed"), vec!["kind"]));
    let added = stage.send(post(id, "evidence", &stage.buyer, "e").json(&body)).await;
    assert_eq!((added.status.as_u16(), added.trips), (201, 2), "{}", added.text);
    assert_eq!((&added.body["size"], &added.body["kind"]), (&json!(CONTENT_LIMIT), &json!("video")));
    assert!(stage.published(added.body["cid"].as_str().unwrap()).await == film);
    assert!(stage.bucket.objects().is_empty(), "nothing is left");
}

#[tokio::test]
async fn a_shipment_may_have_a_paper_which_the_tracking_document_names() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Funded).await;
    let before = stage.send(sample(TRACKING, id).by(&stage.buyer)).await;
    assert_eq!((before.status.as_u16(), before.trips, &before.body["tracking"]), (200, 1, &Value::Null));
    let film = upload(&stage, id, &stage.seller, "video/mp4", MP4).await;
    let mut body = json!({"carrier": "G4S Kenya", "trackingNumber": "7", "document": film});
    let refused = stage.send(post(id, "ship", &stage.seller, "s").json(&body)).await;
    assert_eq!((refused.outcome(), refused.fields()), ((400, "validation_failed"), vec!["document"]));
    body["document"] = json!(upload(&stage, id, &stage.seller, "image/png", PHOTO).await);
    let shipped = stage.send(post(id, "ship", &stage.seller, "s").json(&body)).await;
    assert_eq!((shipped.status.as_u16(), shipped.trips), (202, 2), "{}", shipped.text);
    let again = stage.send(post(id, "ship", &stage.seller, "s").json(&body)).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &shipped.body));

    let row = stage.row(id).await;
    let tracking = row.tracking.clone().unwrap();
    let paper = tracking.document.clone().unwrap();
    assert!(stage.published(&paper).await == image::clean(PHOTO).unwrap().into_bytes());
    let order_ref = hex::encode(order_ref(id));
    let document = format!(
        r#"{{"carrier":"G4S Kenya","document":"{paper}","orderRef":"0x{order_ref}","trackingNumber":"7","version":1}}"#
    );
    assert_eq!(stage.content(&tracking.cid).await, document);
    let answer = stage.send(sample(TRACKING, id).by(&stage.buyer)).await;
    let ipfs = |cid: &str| format!("{}/ipfs/{cid}", stage.world.ipfs_url());
    let expected = json!({
        "orderId": id.to_string(), "status": "funded",
        "pending": {"action": "ship", "since": row.pending.unwrap().at.rfc3339()},
        "tracking": {"carrier": "G4S Kenya", "trackingNumber": "7", "cid": tracking.cid, "document": paper},
        "trackingUrl": ipfs(&tracking.cid), "documentUrl": ipfs(&paper),
        "deadlines": {"payment": row.deadlines.payment.unwrap().rfc3339(), "shipping": null, "inspection": null,
            "evidence": null},
        "history": [{"status": "created", "at": row.created_at.rfc3339(), "by": stage.buyer.account.to_string(),
            "extrinsic": null, "block": null}],
    });
    assert_eq!((answer.body, answer.trips), (expected, 1));
}

fn problem(answer: &Answer) -> (u16, &str, Vec<&str>) {
    let (status, code) = answer.outcome();
    (status, code, answer.fields())
}

#[tokio::test]
async fn what_is_no_dispute_or_no_evidence_is_refused_with_every_field_and_nothing_is_kept() {
    let stage = Stage::start().await;
    let shipped = order(&stage, "k", OrderStatus::Shipped).await;
    let before = stage.row(shipped).await;
    for (body, fields) in [
        (json!({}), vec!["reason"]),
        (json!({"reason": "ab"}), vec!["reason"]),
        (json!({"reason": "x".repeat(1001), "evidence": []}), vec!["reason", "evidence"]),
        (
            json!({"reason": "It broke.", "evidence": {"kind": "text", "words": "x"}}),
            vec!["evidence.words", "evidence.text"],
        ),
        (json!({"reason": "It broke.", "evidence": {"kind": "text"}}), vec!["evidence.text"]),
        (json!({"reason": "It broke.", "evidence": {"kind": "image"}}), vec!["evidence.uploadId"]),
        (
            json!({"reason": "It broke.", "evidence": {"kind": "song", "uploadId": "x"}}),
            vec!["evidence.kind", "evidence.uploadId"],
        ),
        (json!({"reason": "It broke.", "evidence": {"kind": "image", "text": "x"}}), vec!["evidence.kind"]),
        (
            json!({"reason": "It broke.", "evidence": {"kind": "image", "uploadId": "0".repeat(64)}}),
            vec!["evidence.uploadId"],
        ),
        (json!({"reason": "It broke.", "evidence": {"kind": "text", "text": "bell \u{7}"}}), vec!["evidence.text"]),
        (json!({"reason": "It broke.", "resolution": "refund"}), vec!["resolution"]),
    ] {
        let answer = stage.send(post(shipped, "dispute", &stage.buyer, "d").json(&body)).await;
        assert_eq!(problem(&answer), (400, "validation_failed", fields), "{body}");
    }
    let keyless = Ask::new("POST", &format!("/api/orders/{shipped}/dispute")).by(&stage.buyer);
    let keyless = stage.send(keyless.json(&json!({"reason": "It broke."}))).await;
    assert_eq!(keyless.fields(), ["Idempotency-Key"]);
    assert_eq!(stage.row(shipped).await, before);

    let disputed = order(&stage, "l", OrderStatus::Disputed).await;
    let large = vec![b'x'; 4 * 1024 * 1024 + 1];
    for (content_type, body, expected) in [
        (FORM, form(&[]), (400, "validation_failed", vec!["file"])),
        (FORM, form(&[("file", b"\x7FELF\x02")]), (400, "validation_failed", vec!["file"])),
        (FORM, form(&[("file", &PHOTO[..100])]), (400, "validation_failed", vec!["file"])),
        (FORM, form(&[("file", b"a"), ("file", b"b")]), (400, "validation_failed", vec!["file"])),
        (FORM, form(&[("file", b"a"), ("kind", b"image")]), (400, "validation_failed", vec!["kind"])),
        (FORM, form(&[("file", b"a"), ("description", b"")]), (400, "validation_failed", vec!["description"])),
        (FORM, form(&[("file", &large)]), (413, "body_too_large", vec![])),
        ("image/png", PHOTO.to_vec(), (415, "unsupported_media_type", vec![])),
    ] {
        let answer = stage.send(post(disputed, "evidence", &stage.buyer, "e").bytes(content_type, &body)).await;
        assert_eq!(problem(&answer), expected);
    }
    assert_eq!(evidence(&stage, disputed, &stage.buyer).await, Vec::<Value>::new());
    let sha = "0".repeat(64);
    for (body, fields) in [
        (json!({}), vec!["contentType", "size", "sha256"]),
        (json!({"contentType": "image/gif", "size": 1, "sha256": sha}), vec!["contentType"]),
        (json!({"contentType": "image/png", "size": IMAGE_LIMIT + 1, "sha256": sha}), vec!["size"]),
        (json!({"contentType": "video/mp4", "size": CONTENT_LIMIT + 1, "sha256": sha}), vec!["size"]),
    ] {
        let answer = stage.send(post(disputed, "evidence/uploads", &stage.buyer, "u").json(&body)).await;
        assert_eq!(problem(&answer), (400, "validation_failed", fields), "{body}");
    }
}
