//! The submitter between a real chain and a real (in-process) database.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

mod world;

use descrow_chain::{EscrowCall, OrderRef, event::ContractStatus, local_chain::Blocks};
use descrow_domain::{
    Planck, Timestamp,
    command::{ChainCommand, Command, CommandStatus},
    order::{OrderMove, PaymentMode, PendingAction},
};
use descrow_platform::{Config, config::ConfigError};
use descrow_store::{Signed, SignerStep};
use world::{World, buyer, deadline, seller};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_signed_once_however_often_its_message_comes() {
    let world = World::start(Blocks::OnDemand).await;
    let used = world.used_nonces().await;
    let (order, command) = world.order(PaymentMode::Mpesa).await;
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    let first = world.command(&command.id).await;
    assert_eq!((first.status, first.attempts, first.nonce), (CommandStatus::Submitted, 1, Some(used)));
    // Killed right after submitting: the message comes again, before and after the block.
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    world.local.make_block().await.unwrap();
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    world.local.make_block().await.unwrap();
    assert_eq!(world.command(&command.id).await, first);
    assert_eq!(world.used_nonces().await, used + 1);
    assert_eq!(world.state(order.id).await.status, ContractStatus::Created);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_were_stored_and_not_sent_are_the_ones_that_are_sent() {
    let world = World::start(Blocks::Instant).await;
    let used = world.used_nonces().await;
    let (order, command) = world.order(PaymentMode::Mpesa).await;
    let stored = store_without_sending(&world, &command, used).await;
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    world.wait_for_nonces(used + 1).await;
    assert_eq!(world.state(order.id).await.status, ContractStatus::Created);
    let after = world.command(&command.id).await;
    assert_eq!((after.extrinsic_hash, after.attempts), (Some(stored.hash), 1));
}

/// Signs `command` and dies before it is sent.
async fn store_without_sending(world: &World, command: &ChainCommand, nonce: u64) -> Signed {
    let at = world.head().await;
    let call = oracle_submitter::call::message(command).unwrap();
    let signer = &world.submitter.signer;
    let contract = &world.submitter.contract;
    let dry_run = contract.dry_run(&at, &call, &signer.account(), deadline()).await.unwrap();
    let extrinsic = contract.sign(&at, &call, &dry_run, signer, nonce, 64).unwrap();
    let stored = Signed {
        hash: format!("0x{}", hex::encode(extrinsic.hash)),
        bytes: format!("0x{}", hex::encode(&extrinsic.bytes)),
        nonce,
        valid_until_block: extrinsic.valid_until_block,
    };
    let account = signer.account().to_string();
    let step =
        SignerStep { account: &account, from: None, next: nonce + 1, counted: nonce, agreed_at: Timestamp::now() };
    let commands = world.db.store.chain_commands();
    assert!(commands.mark_submitted(std::slice::from_ref(command), &stored, step, Timestamp::now()).await.unwrap());
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_no_longer_be_included_and_did_not_happen_is_signed_anew() {
    let world = World::start(Blocks::Instant).await;
    let used = world.used_nonces().await;
    let (order, command) = world.order(PaymentMode::Mpesa).await;
    // Signed with the nonce of the deployment: no block will ever hold it.
    let lost = store_without_sending(&world, &command, used - 1).await;
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    let queued = world.command(&command.id).await;
    assert_eq!((queued.status, queued.extrinsic_hash, queued.attempts), (CommandStatus::Queued, None, 1));
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    world.wait_for_nonces(used + 1).await;
    let again = world.command(&command.id).await;
    assert_eq!((again.status, again.attempts, again.nonce), (CommandStatus::Submitted, 2, Some(used)));
    assert_ne!(again.extrinsic_hash, Some(lost.hash));
    assert_eq!(world.state(order.id).await.status, ContractStatus::Created);
    // Its nonce is used as well now, but it did happen: it is left to the poller.
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    assert_eq!(world.command(&command.id).await, again);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_contract_refuses_fails_without_a_fee_and_ends_the_pending_move() {
    let world = World::start(Blocks::Instant).await;
    let (order, create) = world.order(PaymentMode::Mpesa).await;
    let used = world.used_nonces().await;
    world.deliver(&[&create.id]).await;
    world.wait_for_nonces(used + 1).await;
    send_directly(&world, &EscrowCall::Cancel { order: OrderRef::of(order.id) }).await;
    let confirm = ChainCommand::new(order.id, Command::ConfirmDelivery, Timestamp::now());
    let mut pending = order.clone();
    pending.version += 1;
    pending.pending = Some(PendingAction {
        action: OrderMove::Deliver,
        command_id: confirm.id.clone(),
        by: Some(buyer()),
        at: Timestamp::now(),
    });
    world.db.store.orders().request_move(&pending, &confirm, None).await.unwrap();
    assert_eq!(world.deliver(&[&confirm.id]).await, Vec::<String>::new());
    let failed = world.command(&confirm.id).await;
    let reference = OrderRef::of(order.id);
    assert_eq!(failed.status, CommandStatus::Failed);
    assert_eq!(failed.error, Some(format!("WrongStatus(orderId: {reference}, status: 8)")));
    assert_eq!(world.db.store.orders().get(order.id).await.unwrap().unwrap().pending, None);
    assert_eq!(world.used_nonces().await, used + 2, "the creation and the cancellation");
    // A dead command stays dead.
    assert_eq!(world.deliver(&[&confirm.id]).await, Vec::<String>::new());
    assert_eq!(world.command(&confirm.id).await, failed);
}

/// Sends a call around the submitter, as another client of the same key would.
async fn send_directly(world: &World, call: &EscrowCall) {
    let signer = &world.submitter.signer;
    let nonce = loop {
        let at = world.head().await;
        let tried = world.submitter.contract.dry_run(&at, call, &signer.account(), deadline()).await;
        let Ok(dry_run) = tried else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let nonce = world.chain.next_nonce(&signer.account(), deadline()).await.unwrap();
        let extrinsic = world.submitter.contract.sign(&at, call, &dry_run, signer, nonce, 64).unwrap();
        world.chain.submit(&extrinsic.bytes, deadline()).await.unwrap();
        break nonce;
    };
    world.wait_for_nonces(nonce + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_on_the_contract_already_needs_no_extrinsic_and_another_is_refused() {
    let world = World::start(Blocks::Instant).await;
    let (order, create) = world.order(PaymentMode::Mpesa).await;
    let call = |amount| EscrowCall::CreateOrder {
        order: OrderRef::of(order.id),
        buyer: buyer(),
        seller: seller(),
        amount,
        metadata_cid: String::new(),
    };
    send_directly(&world, &call(world::AMOUNT)).await;
    let used = world.used_nonces().await;
    assert_eq!(world.deliver(&[&create.id]).await, Vec::<String>::new());
    assert_eq!(world.command(&create.id).await, create);
    assert_eq!(world.used_nonces().await, used);
    let (other, create) = world.order(PaymentMode::Mpesa).await;
    send_directly(
        &world,
        &EscrowCall::CreateOrder {
            order: OrderRef::of(other.id),
            buyer: buyer(),
            seller: seller(),
            amount: Planck(1),
            metadata_cid: String::new(),
        },
    )
    .await;
    assert_eq!(world.deliver(&[&create.id]).await, Vec::<String>::new());
    let failed = world.command(&create.id).await;
    assert_eq!(failed.error, Some(format!("OrderExists(orderId: {})", OrderRef::of(other.id))));
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_of_one_batch_share_an_extrinsic() {
    let world = World::start(Blocks::Instant).await;
    let (first, create_first) = world.order(PaymentMode::Mpesa).await;
    let (second, create_second) = world.order(PaymentMode::Mpesa).await;
    let (unknown, create_unknown) = world.order(PaymentMode::Mpesa).await;
    let mut payments = Vec::new();
    for order in [&first, &second, &unknown] {
        payments.push(world.payment(order.id).await);
    }
    let used = world.used_nonces().await;
    // A payment whose order the contract has not heard of waits.
    assert_eq!(world.deliver(&[&payments[2].id]).await, Vec::<String>::new());
    assert_eq!(world.command(&payments[2].id).await, payments[2]);
    assert_eq!(world.deliver(&[&create_first.id, &create_second.id]).await, Vec::<String>::new());
    world.wait_for_nonces(used + 2).await;
    let ids = [&payments[0].id, &payments[2].id, &payments[1].id];
    assert_eq!(world.deliver(&ids.map(String::as_str)).await, Vec::<String>::new());
    world.wait_for_nonces(used + 3).await;
    let (one, two) = (world.command(&payments[0].id).await, world.command(&payments[1].id).await);
    assert_eq!((one.status, two.status), (CommandStatus::Submitted, CommandStatus::Submitted));
    assert_eq!(one.extrinsic_hash, two.extrinsic_hash);
    for order in [&first, &second] {
        assert_eq!(world.state(order.id).await.status, ContractStatus::Funded);
    }
    assert_eq!(world.command(&payments[2].id).await, payments[2]);
    assert_eq!(world.command(&create_unknown.id).await.status, CommandStatus::Queued);
    assert_eq!(world.used_nonces().await, used + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_waits_for_the_block_that_holds_its_order() {
    let world = World::start(Blocks::Every(1_000)).await;
    let (order, create) = world.order(PaymentMode::Mpesa).await;
    let payment = world.payment(order.id).await;
    let used = world.used_nonces().await;
    assert_eq!(world.deliver(&[&create.id, &payment.id]).await, Vec::<String>::new());
    // On a loaded machine the block may be later than the submitter is patient: the payment is then woken again.
    world.wait_for_nonces(used + 1).await;
    if world.command(&payment.id).await.status == CommandStatus::Queued {
        assert_eq!(world.deliver(&[&payment.id]).await, Vec::<String>::new());
    }
    world.wait_for_nonces(used + 2).await;
    assert_eq!(world.state(order.id).await.status, ContractStatus::Funded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_the_nonces_heals() {
    let world = World::start(Blocks::Instant).await;
    let used = world.used_nonces().await;
    let account = world.submitter.signer.account().to_string();
    // We believe to have signed far more than the chain has heard of.
    let state = world.db.store.chain_state();
    let now = Timestamp::now();
    let step = SignerStep { account: &account, from: None, next: used + 40, counted: used, agreed_at: now };
    assert!(state.correct_signer(step).await.unwrap());
    let (order, command) = world.order(PaymentMode::Mpesa).await;
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    assert_eq!(world.command(&command.id).await.nonce, Some(used + 40));
    // When the node has not agreed for a while, its count is the true one.
    let step = SignerStep {
        account: &account,
        from: Some(used + 41),
        next: used + 41,
        counted: used,
        agreed_at: now.plus_seconds(-30),
    };
    assert!(state.correct_signer(step).await.unwrap());
    let (second, command) = world.order(PaymentMode::Mpesa).await;
    assert_eq!(world.deliver(&[&command.id]).await, Vec::<String>::new());
    assert_eq!(world.command(&command.id).await.nonce, Some(used));
    world.wait_for_nonces(used + 1).await;
    assert_eq!(world.state(second.id).await.status, ContractStatus::Created);
    assert_eq!(world.state(order.id).await.status, ContractStatus::None);
    assert_eq!(state.signer(&account).await.unwrap().unwrap().next, used + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_messages_are_understood() {
    let world = World::start(Blocks::Instant).await;
    let event = |json: &str| serde_json::from_str(json).unwrap();
    let sample = event(include_str!("../../../events/oracle-submitter.json"));
    let response = world.submitter.handle(sample, deadline()).await;
    assert_eq!(response.batch_item_failures.len(), 0, "there is no such command, and nothing to come again for");
    let sample = event(include_str!("../../../events/oracle-submitter-unknown-version.json"));
    let response = world.submitter.handle(sample, deadline()).await;
    let failed: Vec<_> = response.batch_item_failures.into_iter().map(|f| f.item_identifier).collect();
    assert_eq!(failed, ["5b1f4f0e-2a2d-4a3e-8a0f-0f9a3b8f9d21"]);
}

#[test]
fn bad_configuration_is_named_and_not_shown() {
    let pairs = [("POLKADOT_WS_URL", "ws://127.0.0.1:9944"), ("CONTRACT_ADDRESS", "0xzz"), ("ORACLE_SEED", "hunter2")];
    let values = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let refused = Config::from_values(values, oracle_submitter::settings::submitter).unwrap_err();
    assert_eq!(
        refused,
        ConfigError(
            [
                "TABLE_CHAIN_COMMANDS is not set",
                "TABLE_CHAIN_STATE is not set",
                "TABLE_ORDERS is not set",
                "TABLE_MPESA_TRANSACTIONS is not set",
                "CONTRACT_ADDRESS is not a valid Address",
                "ORACLE_SEED must be a secret URI (a phrase or //Name) or 0x followed by 64 hex digits",
            ]
            .map(String::from)
            .to_vec()
        )
    );
}
