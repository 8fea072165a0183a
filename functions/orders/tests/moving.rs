//! Shipping and confirming, through the router, over a database and a Pinata in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    OrderId,
    command::Command,
    order::{OrderStatus, order_ref},
};
use descrow_web::testing::{Ask, Person};
use sandbox::{Behaviour, Operation, Rule};
use serde_json::json;
use stage::{Stage, sample};

const SHIP: &str = include_str!("../../../events/orders-ship.json");
const CONFIRM: &str = include_str!("../../../events/orders-confirm.json");

/// An order in `status`.
async fn order(stage: &Stage, key: &str, status: OrderStatus) -> OrderId {
    let id = stage.order(key).await;
    if status != OrderStatus::Created {
        stage.at(id, status).await;
    }
    id
}

fn ship(id: OrderId, who: &Person) -> Ask {
    sample(SHIP, id).by(who)
}

fn confirm(id: OrderId, who: &Person) -> Ask {
    sample(CONFIRM, id).by(who)
}

#[tokio::test]
async fn shipping_is_pending_with_its_document_published_and_its_command_committed() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Funded).await;
    let answer = stage.send(ship(id, &stage.seller)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (202, 2), "{}", answer.text);
    let row = stage.row(id).await;
    let cid = row.tracking.as_ref().unwrap().cid.clone();
    let pending = row.pending.as_ref().unwrap();
    assert_eq!(answer.body["pending"], json!({"action": "ship", "since": pending.at.rfc3339()}));
    assert_eq!((&answer.body["status"], &answer.body["allowedMoves"]), (&json!("funded"), &json!([])));
    let tracking = json!({"carrier": "G4S Kenya", "trackingNumber": "KE-20261122-7", "cid": cid, "document": null});
    assert_eq!(answer.body["tracking"], tracking);
    let order_ref = hex::encode(order_ref(id));
    let document =
        format!(r#"{{"carrier":"G4S Kenya","orderRef":"0x{order_ref}","trackingNumber":"KE-20261122-7","version":1}}"#);
    assert_eq!(stage.content(&cid).await, document);
    let command = stage.bench.database.store.chain_commands().get(&pending.command_id).await.unwrap().unwrap();
    assert_eq!(command.command, Command::MarkShipped { tracking_cid: cid });

    let again = stage.send(ship(id, &stage.seller)).await;
    assert_eq!((again.status.as_u16(), &again.body, again.trips), (202, &answer.body, 1));
    let other = ship(id, &stage.seller).json(&json!({"carrier": "Other", "trackingNumber": "1"}));
    assert_eq!(stage.send(other).await.outcome(), (409, "order_state"));
    assert_eq!(stage.row(id).await.version, row.version);
}

#[tokio::test]
async fn confirming_is_pending_and_twice_is_once() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Shipped).await;
    let ask = confirm(id, &stage.buyer);
    let answer = stage.send(ask.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (202, 2), "{}", answer.text);
    assert_eq!(answer.body["pending"]["action"], "deliver");
    let again = stage.send(ask).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &answer.body));
    let pending = stage.row(id).await.pending.unwrap();
    let command = stage.bench.database.store.chain_commands().get(&pending.command_id).await.unwrap().unwrap();
    assert_eq!((command.command, pending.by), (Command::ConfirmDelivery, Some(stage.buyer.account)));
}

#[tokio::test]
async fn two_confirmations_at_once_are_one() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Shipped).await;
    let ask = confirm(id, &stage.buyer);
    let (a, b) = tokio::join!(stage.send(ask.clone()), stage.send(ask));
    assert_eq!((a.status.as_u16(), b.status.as_u16()), (202, 202), "{} {}", a.text, b.text);
    assert_eq!(a.body, b.body);
}

#[tokio::test]
async fn only_the_seller_ships_and_only_the_buyer_confirms() {
    let stage = Stage::start().await;
    let funded = order(&stage, "k", OrderStatus::Funded).await;
    let shipped = order(&stage, "l", OrderStatus::Shipped).await;
    let unknown = OrderId::new();
    let nobody = Person { token: "nonsense".to_owned(), ..stage.stranger.clone() };
    let cases = [
        (ship(funded, &stage.buyer), (403, "wrong_role")),
        (ship(funded, &stage.stranger), (404, "not_found")),
        (ship(funded, &nobody), (401, "invalid_token")),
        (ship(unknown, &stage.seller), (404, "not_found")),
        (confirm(shipped, &stage.seller), (403, "wrong_role")),
        (confirm(shipped, &stage.stranger), (404, "not_found")),
        (confirm(shipped, &nobody), (401, "invalid_token")),
        (confirm(unknown, &stage.buyer), (404, "not_found")),
    ];
    for (n, (ask, outcome)) in cases.into_iter().enumerate() {
        assert_eq!(stage.send(ask).await.outcome(), outcome, "case {n}");
    }
    stage.bench.database.store.sessions().revoke_family(stage.seller.family).await.unwrap();
    let revoked = stage.send(ship(funded, &stage.seller)).await;
    assert_eq!(revoked.outcome(), (401, "session_revoked"));
    assert_eq!(stage.row(funded).await.pending, None);
    assert_eq!(stage.row(shipped).await.pending, None);
}

#[tokio::test]
async fn a_shipment_says_who_carries_it_under_which_number() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Funded).await;
    for (body, fields) in [
        (json!({}), vec!["carrier", "trackingNumber"]),
        (json!({"carrier": "", "trackingNumber": "x".repeat(101)}), vec!["carrier", "trackingNumber"]),
        (json!({"carrier": "a", "trackingNumber": 7}), vec!["trackingNumber"]),
        (json!({"carrier": "a", "trackingNumber": "7", "weight": 1}), vec!["weight"]),
    ] {
        let answer = stage.send(ship(id, &stage.seller).json(&body)).await;
        assert_eq!((answer.outcome(), answer.fields()), ((400, "validation_failed"), fields), "{body}");
    }
    assert_eq!(stage.row(id).await.pending, None);
}

#[tokio::test]
async fn nothing_is_pending_while_the_document_cannot_be_published() {
    let stage = Stage::start().await;
    let id = order(&stage, "k", OrderStatus::Funded).await;
    stage.world.misbehave(Rule::once(Behaviour::WrongCid).on(Operation::Pin));
    let answer = stage.send(ship(id, &stage.seller)).await;
    assert_eq!(answer.outcome(), (502, "content_service_error"));
    assert_eq!((stage.row(id).await.pending, stage.row(id).await.tracking), (None, None));
    assert_eq!(stage.send(ship(id, &stage.seller)).await.status, 202);
}
