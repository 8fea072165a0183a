//! An order whose row cannot be read: its events wait, those of other orders go on, and what was mended catches up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

#[path = "../../oracle-submitter/tests/world/mod.rs"]
mod world;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chain_poller::{Poller, consequence::Windows};
use descrow_chain::{Connector, EscrowCall, OrderRef, local_chain::Blocks};
use descrow_domain::{
    Timestamp,
    order::{Order, OrderStatus, PaymentMode},
};
use descrow_platform::Deadline;
use descrow_store::{EventPosition, Parked};
use world::{World, deadline};

const ORDERS: &str = "test-orders";

fn poller(world: &World) -> Poller {
    Poller {
        store: world.db.store.clone(),
        connector: Connector::new(&world.local.url),
        contract: world.submitter.contract.clone(),
        windows: Windows { shipping: 604_800, inspection: 259_200, evidence: 259_200 },
        from_block: Some(world.deployment.from_block),
    }
}

/// Polls, as often as it takes on a busy machine, until the cursor is at the chain's head.
async fn poll(poller: &Poller, world: &World) {
    let (contract, patience) = (poller.contract.address.to_string(), deadline());
    let head = world.head().await.block.number;
    loop {
        poller.follow(Deadline::after(Duration::from_secs(4))).await.unwrap().unwrap();
        let cursor = world.db.store.chain_state().cursor(&contract).await.unwrap();
        if cursor.is_some_and(|cursor| cursor.block >= head) {
            return;
        }
        assert!(patience.allows(Duration::from_secs(4)), "the cursor does not move");
    }
}

async fn row(world: &World, order: &Order) -> Order {
    world.db.store.orders().get(order.id).await.unwrap().unwrap()
}

async fn parked(poller: &Poller) -> Vec<Parked> {
    let contract = poller.contract.address.to_string();
    let rows = poller.store.chain_state().parked(&contract, Timestamp::now(), 9).await.unwrap();
    rows.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_an_unreadable_order_wait_in_order_and_stop_no_other_and_are_applied_once_when_it_is_mended() {
    let world = World::start(Blocks::Instant).await;
    let poller = poller(&world);
    let used = world.used_nonces().await;
    let (spoilt, create_spoilt) = world.order(PaymentMode::Mpesa).await;
    let (whole, create_whole) = world.order(PaymentMode::Mpesa).await;
    for (n, create) in [(1, &create_spoilt), (2, &create_whole)] {
        world.deliver(&[&create.id]).await;
        world.wait_for_nonces(used + n).await;
    }
    poll(&poller, &world).await;
    assert!(row(&world, &spoilt).await.on_chain && row(&world, &whole).await.on_chain);

    let table = &world.db.client;
    let id = AttributeValue::S(spoilt.id.to_string());
    let item = table.get_item().table_name(ORDERS).key("id", id.clone()).send().await.unwrap().item.unwrap();
    let spoil = table.update_item().table_name(ORDERS).key("id", id).update_expression("SET quote = :x");
    spoil.expression_attribute_values(":x", AttributeValue::Bool(true)).send().await.unwrap();
    // Both in one extrinsic, so in one block, the spoilt one first.
    let (first, second) = (world.payment(spoilt.id).await, world.payment(whole.id).await);
    world.deliver(&[&first.id, &second.id]).await;
    world.wait_for_nonces(used + 3).await;
    let funded_in = world.head().await.block.number;
    ship(&world, &spoilt).await;
    poll(&poller, &world).await;

    // In the same block, and in a later one.
    let funded = row(&world, &whole).await;
    assert_eq!((funded.status, funded.history.last().unwrap().block), (OrderStatus::Funded, Some(funded_in)));
    ship(&world, &whole).await;
    poll(&poller, &world).await;
    assert_eq!(row(&world, &whole).await.status, OrderStatus::Shipped);
    let waiting = parked(&poller).await;
    let [waiting] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!(
        (waiting.reference.clone(), waiting.reason.as_str()),
        (OrderRef::of(spoilt.id).to_string(), "unreadable_row")
    );
    let blocks: Vec<u64> = waiting.events.iter().map(|EventPosition { block, .. }| *block).collect();
    assert_eq!(blocks, [funded_in, funded_in + 1], "what came behind waits behind");
    assert!(waiting.attempts > 0, "tried again, in vain");

    table.put_item().table_name(ORDERS).set_item(Some(item)).send().await.unwrap();
    poll(&poller, &world).await;
    let mended = row(&world, &spoilt).await;
    let reached: Vec<_> = mended.history.iter().map(|line| (line.status, line.block)).collect();
    assert_eq!(reached, [(OrderStatus::Funded, Some(funded_in)), (OrderStatus::Shipped, Some(funded_in + 1))]);
    assert_eq!(parked(&poller).await, []);

    // As if the poller had died before each cursor.
    let cursor = AttributeValue::S(format!("cursor#{}", poller.contract.address));
    table.delete_item().table_name("test-chain_state").key("id", cursor).send().await.unwrap();
    poll(&poller, &world).await;
    assert_eq!((row(&world, &spoilt).await, parked(&poller).await), (mended, vec![]));
}

/// The seller tells the contract, from a wallet.
async fn ship(world: &World, order: &Order) {
    let call = EscrowCall::MarkShipped { order: OrderRef::of(order.id), tracking_cid: "bafytracking".into() };
    world.tell("Charlie", &call).await;
}
