//! Paying in DOT on a real chain, with a wallet of polkadot.js.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_chain::{
    OrderRef,
    event::ContractStatus,
    polkadot_js::{Changed, PolkadotJs, Sent},
};
use descrow_domain::{Planck, order::OrderStatus};
use serde_json::{Value, json};
use stage::{AMOUNT, Stage, World, deadline, key};

fn reported(sent: &Sent) -> Value {
    json!({"extrinsicHash": sent.extrinsic_hash, "blockHash": sent.block_hash})
}

async fn status(world: &World, order: OrderRef) -> ContractStatus {
    let head = world.chain.finalized_head(deadline()).await.unwrap();
    let at = world.chain.at(head, deadline()).await.unwrap();
    world.contract.order_state(&at, order, deadline()).await.unwrap().status
}

#[tokio::test]
async fn the_answer_is_signed_and_sent_as_it_is_and_the_report_tells_what_became_of_it() {
    let world = World::start().await;
    let stage = Stage::on(&world).await;
    let order = stage.order(|_| {}).await;
    let early = stage.send(stage.ask(order.id)).await;
    assert_eq!((early.outcome(), early.header("retry-after")), ((409, "order_not_on_chain"), Some("6")));
    world.open(&order).await;

    let answer = stage.send(stage.ask(order.id)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (200, 1), "{}", answer.text);
    let call = &answer.body["call"];
    let expected = json!({
        "orderId": order.id, "signer": stage.buyer.account, "contract": world.contract.address.to_string(),
        "genesisHash": format!("0x{}", "45".repeat(32)), "specName": "revive-dev-runtime", "specVersion": 0,
        "transactionVersion": 1, "prerequisite": null,
        "call": {
            "pallet": "Revive", "call": "call", "callData": call["callData"], "value": "25000000000", "valueDot": "2.5",
            "limits": call["limits"],
        },
        "payUntil": order.deadlines.payment.unwrap().rfc3339(),
    });
    assert_eq!(answer.body, expected);
    for limit in ["refTime", "proofSize", "storageDeposit"] {
        assert!(call["limits"][limit].as_str().unwrap().parse::<u64>().is_ok(), "{limit}: {call}");
    }
    // The contract and the order are in the bytes.
    let data = call["callData"].as_str().unwrap();
    for part in [hex::encode(world.contract.address.0), hex::encode(OrderRef::of(order.id).0)] {
        assert!(data.contains(&part), "{part} in {data}");
    }

    let wallet = PolkadotJs::new(&world.local.url, "//Bob").unwrap();
    let sent = wallet.pay(&answer.body, Changed::default()).await.unwrap();
    assert_eq!(sent.error, None);
    let report = stage.send(stage.report(order.id, &reported(&sent), "paid")).await;
    let told = json!({
        "orderId": order.id, "orderStatus": "created", "extrinsicHash": sent.extrinsic_hash,
        "blockHash": sent.block_hash, "outcome": "included", "failure": null,
    });
    assert_eq!((report.status.as_u16(), report.trips, &report.body), (202, 2, &told));
    // The contract holds it, and yet only its event funds the order.
    assert_eq!(status(&world, OrderRef::of(order.id)).await, ContractStatus::Funded);
    let row = stage.row(order.id).await;
    assert_eq!((row.status, row.dot_payment.unwrap().failure), (OrderStatus::Created, None));
    let ahead = stage.send(stage.ask(order.id)).await;
    let expected = json!({
        "error": "Payment in progress", "code": "payment_in_progress", "requestId": ahead.body["requestId"],
        "details": [
            {"field": "status", "message": "created"},
            {"field": "contract", "message": "has a payment for the order, or gave it up"},
            {"field": "allowedMoves", "message": "fund, cancel"},
        ],
    });
    assert_eq!((ahead.status.as_u16(), &ahead.body), (409, &expected));
}

#[tokio::test]
async fn too_little_and_too_much_are_reported_and_may_be_tried_again() {
    let world = World::start().await;
    let stage = Stage::on(&world).await;
    let order = stage.order(|_| {}).await;
    world.open(&order).await;
    let wallet = PolkadotJs::new(&world.local.url, "//Bob").unwrap();
    for (planck, code, message) in [
        (24_000_000_000, "Underpaid", "only 2.4 DOT were sent"),
        (26_000_000_000, "Overpaid", "2.6 DOT were sent, more than the price"),
    ] {
        let answer = stage.send(stage.ask(order.id)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let careless = Changed { value: Some(Planck(planck)), ..Changed::default() };
        let sent = wallet.pay(&answer.body, careless).await.unwrap();
        let report = stage.send(stage.report(order.id, &reported(&sent), code)).await;
        assert_eq!((report.status.as_u16(), &report.body["outcome"]), (202, &json!("failed")), "{}", report.text);
        assert_eq!(report.body["failure"], json!({"code": code, "message": message}));
        let row = stage.row(order.id).await;
        assert_eq!((row.status, row.dot_payment.unwrap().failure.as_deref()), (OrderStatus::Created, Some(code)));
        assert_eq!(status(&world, OrderRef::of(order.id)).await, ContractStatus::Created);
    }
    // A block that does not hold it tells nothing.
    let genesis =
        json!({"extrinsicHash": format!("0x{}", "11".repeat(32)), "blockHash": format!("0x{}", "45".repeat(32))});
    let unseen = stage.send(stage.report(order.id, &genesis, "unseen")).await;
    assert_eq!((unseen.status.as_u16(), &unseen.body["outcome"]), (202, &json!("unseen")));

    let answer = stage.send(stage.ask(order.id)).await;
    let sent = wallet.pay(&answer.body, Changed::default()).await.unwrap();
    let report = stage.send(stage.report(order.id, &reported(&sent), "paid")).await;
    assert_eq!(report.body["outcome"], "included", "{}", report.text);
}

#[tokio::test]
async fn nothing_is_given_out_while_the_contract_could_not_pay_the_seller() {
    let world = World::start().await;
    let stage = Stage::on(&world).await;
    let newcomer = key("Newcomer").account();
    let order = stage.order(|order| order.seller_id = newcomer).await;
    world.open(&order).await;
    let answer = stage.send(stage.ask(order.id)).await;
    assert_eq!((answer.outcome(), answer.trips), ((409, "seller_not_payable"), 1), "{}", answer.text);
    assert!(answer.body["message"].as_str().unwrap().contains(&newcomer.to_string()), "{}", answer.text);
    assert_eq!(stage.row(order.id).await, order);
    let wallet = PolkadotJs::new(&world.local.url, "//Newcomer").unwrap();
    assert_eq!(wallet.give(Planck(10_000_000_000_000)).await.unwrap().error, None);
    assert_eq!(stage.send(stage.ask(order.id)).await.status, 200);
}

#[tokio::test]
async fn nothing_is_given_out_for_an_account_that_cannot_pay() {
    let world = World::start().await;
    let stage = Stage::on(&world).await;
    let poor = stage.bench.registered(key("Poor").account(), 4, descrow_domain::user::Role::Buyer).await;
    let order = stage.order(|order| order.buyer_id = poor.account).await;
    world.open(&order).await;
    let answer = stage.send(stage.ask(order.id).by(&poor)).await;
    let message = format!("Your account has 0 DOT, and {} are needed, with the chain's fee on top.", AMOUNT.to_dot());
    assert_eq!((answer.outcome(), &answer.body["message"]), ((409, "balance_too_low"), &json!(message)));
}
