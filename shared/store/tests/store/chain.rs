//! `chain_commands` and `chain_state`.

use descrow_domain::{
    OrderId,
    command::{ChainCommand, Command, CommandStatus},
};
use descrow_store::{Replaced, Signed, SignerStep, testing::TestStore};

use crate::sample::{NOW, later};

fn command() -> ChainCommand {
    ChainCommand::new(OrderId::new(), Command::ConfirmDelivery, NOW)
}

fn signed() -> Signed {
    Signed { hash: "0xaa".into(), bytes: "0xbbbb".into(), nonce: 7, valid_until_block: 99 }
}

const STEP: SignerStep<'static> = SignerStep { account: "alice", from: None, next: 8, counted: 7, agreed_at: NOW };

#[tokio::test]
async fn a_command_is_committed_once_and_open_until_it_is_final() {
    let db = TestStore::start().await;
    let commands = db.store.chain_commands();
    let command = command();
    assert_eq!(commands.create(&command).await, Ok(true));
    let other = ChainCommand { command: Command::MarkShipped { tracking_cid: "b".into() }, ..command.clone() };
    assert_eq!(commands.create(&other).await, Ok(false));
    assert_eq!(commands.get(&command.id).await, Ok(Some(command.clone())));
    assert_eq!(commands.open(NOW, 10).await, Ok(vec![Ok(command.clone())]));
    assert_eq!(commands.open(later(-1), 10).await, Ok(vec![]), "it was touched since");
    assert_eq!(commands.mark_final(&command, 12, later(1)).await, Ok(Replaced::Done));
    assert_eq!(commands.open(later(9), 10).await, Ok(vec![]));
    let done = ChainCommand {
        status: CommandStatus::Final,
        block: Some(12),
        updated_at: later(1),
        version: 2,
        ..command.clone()
    };
    assert_eq!(commands.get(&command.id).await, Ok(Some(done.clone())));
    let late = commands.mark_final(&command, 13, later(2)).await;
    assert_eq!(late, Ok(Replaced::Stale(Some(Box::new(done)))));
}

#[tokio::test]
async fn signing_is_remembered_for_all_commands_of_the_extrinsic_and_the_signer_together() {
    let db = TestStore::start().await;
    let commands = db.store.chain_commands();
    let both = [command(), command()];
    for command in &both {
        commands.create(command).await.unwrap();
    }
    db.trips.take();
    assert_eq!(commands.mark_submitted(&both, &signed(), STEP, later(1)).await, Ok(true));
    assert_eq!(db.trips.take(), 1);
    for command in &both {
        let expected = ChainCommand {
            status: CommandStatus::Submitted,
            extrinsic_hash: Some("0xaa".into()),
            extrinsic_bytes: Some("0xbbbb".into()),
            nonce: Some(7),
            valid_until_block: Some(99),
            attempts: 1,
            updated_at: later(1),
            version: 2,
            ..command.clone()
        };
        assert_eq!(commands.get(&command.id).await, Ok(Some(expected)));
    }
    assert_eq!(db.store.chain_state().signer("alice").await.unwrap().unwrap().next, 8);
}

#[tokio::test]
async fn a_second_signer_and_a_changed_command_are_seen_before_anything_is_sent() {
    let db = TestStore::start().await;
    let commands = db.store.chain_commands();
    let (one, two) = (command(), command());
    for command in [&one, &two] {
        commands.create(command).await.unwrap();
    }
    let mark = async |command: &ChainCommand, step| {
        commands.mark_submitted(std::slice::from_ref(command), &signed(), step, later(1)).await.unwrap()
    };
    let (here, there) = tokio::join!(mark(&one, STEP), mark(&two, STEP));
    assert_ne!(here, there, "one nonce is used once");
    commands.mark_final(if here { &two } else { &one }, 5, later(1)).await.unwrap();
    let next = SignerStep { from: Some(8), next: 9, ..STEP };
    assert!(!mark(if here { &two } else { &one }, next).await);
    assert_eq!(db.store.chain_state().signer("alice").await.unwrap().unwrap().next, 8, "nothing was written");
}

#[tokio::test]
async fn what_we_remember_of_a_signer_can_be_corrected_by_one() {
    let db = TestStore::start().await;
    let state = db.store.chain_state();
    assert_eq!(state.signer("alice").await, Ok(None));
    assert_eq!(state.correct_signer(STEP).await, Ok(true));
    assert_eq!(state.correct_signer(STEP).await, Ok(false));
    assert_eq!(state.correct_signer(SignerStep { from: Some(8), next: 3, ..STEP }).await, Ok(true));
    assert_eq!(state.signer("alice").await.unwrap().unwrap().next, 3);
}

#[tokio::test]
async fn an_expired_command_is_queued_anew_without_its_signature() {
    let db = TestStore::start().await;
    let commands = db.store.chain_commands();
    let command = command();
    commands.create(&command).await.unwrap();
    commands.mark_submitted(std::slice::from_ref(&command), &signed(), STEP, later(1)).await.unwrap();
    let submitted = commands.get(&command.id).await.unwrap().unwrap();
    assert_eq!(commands.rearm(&submitted, later(9)).await, Ok(Replaced::Done));
    let expected = ChainCommand { attempts: 1, updated_at: later(9), version: 3, ..command };
    assert_eq!(commands.get(&expected.id).await, Ok(Some(expected)));
}

#[tokio::test]
async fn a_refused_command_keeps_the_reason_and_needs_no_order_that_waits() {
    let db = TestStore::start().await;
    let commands = db.store.chain_commands();
    let command = command();
    commands.create(&command).await.unwrap();
    let long = "x".repeat(600);
    assert_eq!(commands.mark_failed(&command, &long, later(1)).await, Ok(Replaced::Done));
    let failed = commands.get(&command.id).await.unwrap().unwrap();
    assert_eq!((failed.status, failed.error.map(|e| e.len())), (CommandStatus::Failed, Some(500)));
    assert!(matches!(commands.mark_failed(&command, "again", later(2)).await, Ok(Replaced::Stale(Some(_)))));
    assert_eq!(commands.open(later(9), 10).await, Ok(vec![]));
}

#[tokio::test]
async fn the_cursor_moves_from_where_it_is_only() {
    let db = TestStore::start().await;
    let state = db.store.chain_state();
    assert_eq!(state.cursor("0xc").await, Ok(None));
    assert_eq!(state.move_cursor("0xc", Some(1), 2, NOW).await, Ok(false));
    assert_eq!(state.move_cursor("0xc", None, 10, NOW).await, Ok(true));
    assert_eq!(state.move_cursor("0xc", None, 10, NOW).await, Ok(true), "the same again, as after a lost reply");
    assert_eq!(state.move_cursor("0xc", None, 12, NOW).await, Ok(false));
    let (one, two) =
        tokio::join!(state.move_cursor("0xc", Some(10), 11, NOW), state.move_cursor("0xc", Some(10), 12, NOW));
    assert_ne!(one, two);
    let at = state.cursor("0xc").await.unwrap().unwrap().block;
    assert_eq!(at, if one == Ok(true) { 11 } else { 12 });
    assert_eq!(state.cursor("0xd").await, Ok(None));
}

#[tokio::test]
async fn a_lease_has_one_holder_and_each_holder_a_higher_number() {
    let db = TestStore::start().await;
    let state = db.store.chain_state();
    let (one, two) = tokio::join!(
        state.acquire_lease("poller", "one", NOW, later(60)),
        state.acquire_lease("poller", "two", NOW, later(61))
    );
    let first = match (one.unwrap(), two.unwrap()) {
        (Some(lease), None) | (None, Some(lease)) => lease,
        other => panic!("{other:?}"),
    };
    assert_eq!(first.fence, 1);
    assert_eq!(state.renew_lease(&first, later(100)).await, Ok(true));
    assert_eq!(state.acquire_lease("poller", "three", later(99), later(200)).await, Ok(None));
    let second = state.acquire_lease("poller", "three", later(100), later(200)).await.unwrap().unwrap();
    assert_eq!(second.fence, 2);
    assert_eq!(state.renew_lease(&first, later(300)).await, Ok(false), "it was lost");
    state.release_lease(&first).await.unwrap();
    assert_eq!(
        state.acquire_lease("poller", "four", later(101), later(300)).await,
        Ok(None),
        "nor given back by a former holder"
    );
    state.release_lease(&second).await.unwrap();
    let third = state.acquire_lease("poller", "four", later(101), later(300)).await.unwrap().unwrap();
    assert_eq!((third.fence, third.holder.as_str()), (3, "four"));
}
