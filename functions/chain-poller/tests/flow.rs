//! Submitter and poller together, between a real chain and a real (in-process) database.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

#[path = "../../oracle-submitter/tests/world/mod.rs"]
mod world;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chain_poller::{Poller, consequence::Windows, follow::Followed};
use descrow_chain::{Connector, EscrowCall, OrderRef, local_chain::Blocks};
use descrow_domain::{
    Kes, Timestamp,
    command::{ChainCommand, Command, CommandKind, CommandStatus},
    order::{Order, OrderMove, OrderStatus, PaymentMode, PendingAction},
    payment::{Decision, Payment, PaymentStatus},
    user::{KycStatus, Role, User},
};
use descrow_platform::{Config, Deadline, config::ConfigError};
use descrow_store::{Settled, testing::sample};
use world::{AMOUNT, World, buyer, seller};

const WINDOWS: Windows = Windows { shipping: 604_800, inspection: 259_200, evidence: 259_200 };

fn poller(world: &World) -> Poller {
    Poller {
        store: world.db.store.clone(),
        connector: Connector::new(&world.local.url),
        contract: world.submitter.contract.clone(),
        windows: WINDOWS,
        from_block: Some(world.deployment.from_block),
    }
}

/// Polls for a short while.
async fn poll(poller: &Poller) -> Followed {
    poller.follow(Deadline::after(Duration::from_secs(5))).await.unwrap().unwrap()
}

async fn order(world: &World, order: &Order) -> Order {
    world.db.store.orders().get(order.id).await.unwrap().unwrap()
}

async fn register_seller(world: &World) {
    let now = Timestamp::now();
    let user = User {
        kyc_status: KycStatus::Verified,
        phone: Some("254708374149".parse().unwrap()),
        ..sample::user(seller(), Role::Seller, now)
    };
    assert_eq!(world.db.store.users().create(&user).await.unwrap(), None);
}

/// Asks for a move as the API does, and lets the submitter send it.
async fn ask(world: &World, order: &Order, action: OrderMove, command: Command) {
    let command = ChainCommand::new(order.id, command, Timestamp::now());
    let mut next = self::order(world, order).await;
    next.version += 1;
    let by = Some(if action == OrderMove::Ship { seller() } else { buyer() });
    next.pending = Some(PendingAction { action, command_id: command.id.clone(), by, at: Timestamp::now() });
    world.db.store.orders().request_move(&next, &command, None).await.unwrap();
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_by_phone_follows_the_chain_from_creation_to_its_payout() {
    let world = World::start(Blocks::Instant).await;
    let poller = poller(&world);
    register_seller(&world).await;
    let used = world.used_nonces().await;
    let (ours, create) = world.order(PaymentMode::Mpesa).await;
    world.deliver(&[&create.id]).await;
    world.wait_for_nonces(used + 1).await;
    assert_eq!(poll(&poller).await.events, 1);
    assert!(order(&world, &ours).await.on_chain);
    let phone = "254711000002".parse().unwrap();
    let payment = Payment::collection(ours.id, ours.buyer_id, phone, Kes(2_719), Timestamp::now());
    assert!(world.db.store.payments().create(&payment).await.unwrap());
    let paid = payment.after(Decision::Succeed, Timestamp::now()).unwrap();
    assert_eq!(world.db.store.payments().settle_collection(&paid).await, Ok(Settled::Done));
    world.deliver(&[&CommandKind::RecordPayment.id(ours.id)]).await;
    world.wait_for_nonces(used + 2).await;
    poll(&poller).await;
    ask(&world, &ours, OrderMove::Ship, Command::MarkShipped { tracking_cid: "bafytracking".into() }).await;
    world.wait_for_nonces(used + 3).await;
    poll(&poller).await;
    ask(&world, &ours, OrderMove::Deliver, Command::ConfirmDelivery).await;
    world.wait_for_nonces(used + 4).await;
    poll(&poller).await;

    let done = order(&world, &ours).await;
    let reached: Vec<_> = done.history.iter().map(|line| (line.status, line.by)).collect();
    assert_eq!(
        reached,
        [
            (OrderStatus::Funded, Some(buyer())),
            (OrderStatus::Shipped, Some(seller())),
            (OrderStatus::Delivered, Some(buyer())),
        ]
    );
    assert_eq!((done.status, done.pending.as_ref()), (OrderStatus::Delivered, None));
    assert_eq!(done.funded_by, Some(PaymentMode::Mpesa));
    let kinds = ["record_payment", "mark_shipped", "confirm_delivery"];
    for (line, kind) in done.history.iter().zip(kinds) {
        let command = world.command(&format!("{kind}#{}", ours.id)).await;
        assert_eq!(command.status, CommandStatus::Final, "{kind}");
        assert_eq!((command.extrinsic_hash, command.block), (line.extrinsic.clone(), line.block), "{kind}");
    }
    assert_eq!(world.command(&create.id).await.status, CommandStatus::Final);
    assert_eq!(done.deadlines.shipping, Some(done.history[0].at.plus_seconds(WINDOWS.shipping)));
    assert_eq!(done.deadlines.inspection, Some(done.history[1].at.plus_seconds(WINDOWS.inspection)));
    let payout = world.db.store.payments().get(done.payout_id.unwrap()).await.unwrap().unwrap();
    assert_eq!((payout.status, payout.amount_kes, payout.user_id), (PaymentStatus::Queued, Kes(2_719), seller()));

    // Everything once more from the beginning: as if the poller had died before each cursor.
    let contract = poller.contract.address.to_string();
    let cursor = world.db.store.chain_state().cursor(&contract).await.unwrap().unwrap();
    let key = AttributeValue::S(format!("cursor#{contract}"));
    world.db.client.delete_item().table_name("test-chain_state").key("id", key).send().await.unwrap();
    let again = poll(&poller).await;
    assert_eq!((again.events, again.blocks), (4, cursor.block - world.deployment.from_block + 1));
    assert_eq!(order(&world, &ours).await, done);
    assert_eq!(world.db.store.chain_state().cursor(&contract).await.unwrap().unwrap().block, cursor.block);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_in_dot_is_completed_by_the_contract_and_entered_in_the_books() {
    let world = World::start(Blocks::Instant).await;
    let poller = poller(&world);
    let used = world.used_nonces().await;
    let (ours, create) = world.order(PaymentMode::Dot).await;
    world.deliver(&[&create.id]).await;
    world.wait_for_nonces(used + 1).await;
    let reference = OrderRef::of(ours.id);
    // By the parties' own wallets: no command of ours.
    for (who, call) in [
        ("Bob", EscrowCall::Fund { order: reference, amount: AMOUNT }),
        ("Charlie", EscrowCall::MarkShipped { order: reference, tracking_cid: String::new() }),
        ("Bob", EscrowCall::ConfirmDelivery { order: reference }),
    ] {
        world.tell(who, &call).await;
    }
    assert_eq!(poll(&poller).await.events, 5);
    let done = order(&world, &ours).await;
    assert_eq!((done.status, done.payout_id), (OrderStatus::Completed, None));
    assert_eq!(done.history.len(), 4);
    let book = world.db.store.ledger().of_order(ours.id).await.unwrap();
    assert_eq!(book.len(), 4);
    assert_eq!(book.iter().map(|entry| entry.amount.0).sum::<i128>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_poller_works_at_a_time_and_another_order_than_ours_is_passed_over() {
    let world = World::start(Blocks::Instant).await;
    let used = world.used_nonces().await;
    let (first, second) = (poller(&world), poller(&world));
    let (ours, create) = world.order(PaymentMode::Mpesa).await;
    world.deliver(&[&create.id]).await;
    world.wait_for_nonces(used + 1).await;
    // Nobody knows the order by its reference any more.
    let key = AttributeValue::S(format!("order#{}", OrderRef::of(ours.id)));
    world.db.client.delete_item().table_name("test-chain_state").key("id", key).send().await.unwrap();
    // On a busy machine the connection alone takes seconds.
    let until = Deadline::after(Duration::from_secs(12));
    let (one, two) = tokio::join!(first.follow(until), second.follow(until));
    let worked: Vec<Followed> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(worked.iter().filter(|followed| followed.events == 1).count(), 1, "{worked:?}");
    assert_eq!(worked.iter().map(|followed| followed.events).sum::<u64>(), 1, "{worked:?}");
    assert!(!order(&world, &ours).await.on_chain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_came_too_early_is_woken_when_its_order_is_on_the_chain() {
    let world = World::start(Blocks::Instant).await;
    let used = world.used_nonces().await;
    let (ours, create) = world.order(PaymentMode::Mpesa).await;
    let payment = world.payment(ours.id).await;
    assert_eq!(world.deliver(&[&payment.id]).await, Vec::<String>::new());
    world.deliver(&[&create.id]).await;
    world.wait_for_nonces(used + 1).await;
    poll(&poller(&world)).await;
    let woken = world.command(&payment.id).await;
    // A new version in status queued is what the outbox sends on.
    assert_eq!((woken.status, woken.version), (CommandStatus::Queued, payment.version + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_at_work_reads_the_blocks_that_come() {
    let world = World::start(Blocks::Instant).await;
    let poller = poller(&world);
    let (ours, create) = world.order(PaymentMode::Mpesa).await;
    let watching = async {
        // Time for the poller to find nothing and to wait.
        tokio::time::sleep(Duration::from_secs(3)).await;
        world.deliver(&[&create.id]).await;
        while !order(&world, &ours).await.on_chain {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        ended = poller.follow(Deadline::after(Duration::from_secs(60))) => panic!("it ended without the event: {ended:?}"),
        () = watching => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_event_starts_a_poll() {
    let world = World::start(Blocks::Instant).await;
    let sample: serde_json::Value = serde_json::from_str(include_str!("../../../events/chain-poller.json")).unwrap();
    let event: lambda_runtime::LambdaEvent<serde_json::Value> =
        lambda_runtime::LambdaEvent::new(sample, lambda_runtime::Context::default());
    assert_eq!(event.payload["source"], "aws.scheduler");
    let answer = poller(&world).handle(Deadline::after(Duration::from_secs(4))).await.unwrap();
    assert_eq!(answer["events"], 0);
    assert!(answer["blocks"].as_u64().unwrap() >= 1);
}

#[test]
fn bad_configuration_is_named_and_not_shown() {
    let values = [("CONTRACT_FROM_BLOCK", "hunter2"), ("WINDOW_SHIPPING", "60"), ("TABLE_ORDERS", "t")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let refused = Config::from_values(values, chain_poller::settings::poller).unwrap_err();
    let expected = [
        "TABLE_USERS is not set",
        "TABLE_PRODUCTS is not set",
        "TABLE_CHAIN_COMMANDS is not set",
        "TABLE_CHAIN_STATE is not set",
        "TABLE_MPESA_TRANSACTIONS is not set",
        "TABLE_LEDGER is not set",
        "POLKADOT_WS_URL is not set",
        "CONTRACT_ADDRESS is not set",
        "WINDOW_INSPECTION is not set",
        "WINDOW_EVIDENCE is not set",
        "CONTRACT_FROM_BLOCK is not a valid u64",
    ];
    assert_eq!(refused, ConfigError(expected.map(String::from).to_vec()));
}
