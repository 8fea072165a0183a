//! Finalised events that meet what is there already, and events that wait.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Planck,
    ledger::{self, Transaction},
    order::{Order, OrderStatus, order_ref},
    payment::{Decision, Payment, ReviewReason},
};
use descrow_store::{Applied, ChainChange, EventPosition, Referred, Settled, StoreError, Wanted, testing::TestStore};

use crate::{
    orders::in_status,
    sample::{NOW, collection, later, payout},
};

const CONTRACT: &str = "0xc0ffee";

fn at(block: u64, index: u32) -> EventPosition {
    EventPosition { block, index }
}

/// A collection that came when `order` could not take it, and what goes back.
async fn given_back(db: &TestStore, order: &Order) -> (Payment, Payment) {
    let payment = collection(order, NOW);
    assert_eq!(db.store.payments().create(&payment).await, Ok(true));
    let reason = ReviewReason::SecondPayment;
    let next = payment.after(Decision::Review { reason }, later(5)).unwrap();
    let refund = Payment::refund(&next, 1, next.amount_kes, later(5));
    assert_eq!(db.store.payments().give_back(&next, &refund).await, Ok(Settled::Done));
    (next, refund)
}

fn cancelling<'a>(order: &'a Order, payments: &'a [Payment], ledger: Option<&'a Transaction>) -> ChainChange<'a> {
    ChainChange { order, command: None, payments, withdraw: None, stock: None, ledger }
}

#[tokio::test]
async fn a_refund_that_is_owed_already_stands_in_the_way_of_no_event_and_is_owed_once() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Funded).await;
    let (payment, refund) = given_back(&db, &order).await;
    let next = Order { status: OrderStatus::Cancelled, version: order.version + 1, ..order.clone() };
    let again = [Payment::refund(&payment, 1, payment.amount_kes, later(9))];
    let released = ledger::escrow_released(order.id, Planck(7), later(9)).unwrap();
    let change = cancelling(&next, &again, Some(&released));
    assert_eq!(db.store.orders().apply_chain_event(&change, later(9)).await, Ok(Applied::Done));
    assert_eq!(db.store.orders().apply_chain_event(&change, later(9)).await, Ok(Applied::Done), "told twice");
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(next)));
    assert_eq!(db.store.payments().get(refund.id).await, Ok(Some(refund)), "as it was");
    assert_eq!(db.store.payments().of_order(order.id).await.unwrap().len(), 2);
    let book = db.store.ledger().of_order(order.id).await.unwrap();
    assert!(released.iter().all(|entry| book.contains(entry)));
    assert_eq!(book.len(), 4);
}

#[tokio::test]
async fn an_order_that_was_set_back_takes_its_events_anew_and_the_money_moves_once() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Shipped).await;
    let owed = [payout(&order)];
    let funded = ledger::escrow_funded(order.id, Planck(7), NOW).unwrap();
    let next = Order { status: OrderStatus::Delivered, version: order.version + 1, ..order.clone() };
    let change = cancelling(&next, &owed, Some(&funded));
    assert_eq!(db.store.orders().apply_chain_event(&change, NOW).await, Ok(Applied::Done));
    let sent = Payment { version: 2, ..owed[0].after(Decision::Succeed, later(2)).unwrap() };
    db.store.payments().replace(&sent).await.unwrap();
    // A human mends the row with what a backup had.
    let restored = Order { version: next.version + 1, ..order };
    assert_eq!(db.store.orders().apply_chain_event(&cancelling(&restored, &[], None), NOW).await, Ok(Applied::Done));
    let next = Order { status: OrderStatus::Delivered, version: restored.version + 1, ..restored };
    let later_entries = ledger::escrow_funded(next.id, Planck(7), later(99)).unwrap();
    let change = cancelling(&next, &owed, Some(&later_entries));
    assert_eq!(db.store.orders().apply_chain_event(&change, later(99)).await, Ok(Applied::Done));
    assert_eq!(db.store.payments().of_order(next.id).await, Ok(vec![sent]));
    assert_eq!(db.store.ledger().of_order(next.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn another_sum_under_the_same_id_is_not_taken_for_the_same_money() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Funded).await;
    let (payment, refund) = given_back(&db, &order).await;
    let next = Order { status: OrderStatus::Cancelled, version: order.version + 1, ..order.clone() };
    let other = [Payment::refund(&payment, 1, descrow_domain::Kes(1), later(9))];
    let applied = db.store.orders().apply_chain_event(&cancelling(&next, &other, None), later(9)).await;
    assert!(matches!(applied, Err(StoreError::Contention(_))), "{applied:?}");
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(order)));
    assert_eq!(db.store.payments().get(refund.id).await, Ok(Some(refund)));
}

#[tokio::test]
async fn whether_the_books_have_a_collection_is_read_with_the_other_rows() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Funded).await;
    let (payment, _) = given_back(&db, &order).await;
    let never = collection(&order, NOW);
    db.store.payments().create(&never).await.unwrap();
    for (id, booked) in [(payment.id, true), (never.id, false)] {
        db.trips.take();
        let wanted = Wanted { payment: Some(id), booked: Some((order.id, id)), ..Wanted::default() };
        let found = db.store.read_together(&wanted).await.unwrap();
        assert_eq!((found.payment.map(|p| p.id), found.booked, db.trips.take()), (Some(id), booked, 1));
    }
}

#[tokio::test]
async fn events_wait_in_the_order_of_the_chain_each_once_and_leave_from_the_front() {
    let db = TestStore::start().await;
    let state = db.store.chain_state();
    let order = in_status(&db, OrderStatus::Created).await;
    let reference = order_ref(order.id);
    db.trips.take();
    let referred = state.referred(CONTRACT, reference).await;
    assert_eq!((referred, db.trips.take()), (Ok(Referred { order: Ok(Some(order.id)), waits: false }), 1));
    for (position, reason, now) in
        [(at(9, 3), "unreadable_row", NOW), (at(10, 1), "behind", later(1)), (at(9, 3), "again", later(2))]
    {
        state.park(CONTRACT, reference, position, reason, now).await.unwrap();
    }
    // Of another order, and of another contract.
    state.park(CONTRACT, [7; 32], at(8, 0), "contention", later(3)).await.unwrap();
    state.park("0xother", reference, at(1, 0), "contention", later(3)).await.unwrap();
    assert!(state.referred(CONTRACT, reference).await.unwrap().waits);
    let listed = state.parked(CONTRACT, later(2), 9).await.unwrap();
    let [Ok(parked)] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((&parked.events, parked.reason.as_str()), (&vec![at(9, 3), at(10, 1)], "unreadable_row"));
    assert_eq!((parked.since, parked.tried_at, parked.attempts), (NOW, NOW, 0));
    assert_eq!(parked.reference, format!("0x{}", hex::encode(reference)));

    assert_eq!(state.still_parked(parked, "contention", later(10)).await, Ok(true));
    assert_eq!(state.still_parked(parked, "contention", later(11)).await, Ok(false), "it was somebody else's turn");
    assert!(matches!(state.unpark(parked).await, Err(StoreError::Contention(_))));
    let references = |rows: &[Result<descrow_store::Parked, _>]| -> Vec<String> {
        rows.iter().map(|row: &Result<_, StoreError>| row.as_ref().unwrap().reference.clone()).collect()
    };
    let listed = state.parked(CONTRACT, later(20), 9).await.unwrap();
    assert_eq!(references(&listed), [format!("0x{}", hex::encode([7; 32])), parked.reference.clone()]);
    let tried = listed[1].as_ref().unwrap();
    assert_eq!((tried.attempts, tried.reason.as_str(), tried.since), (1, "contention", NOW));

    let left = state.unpark(tried).await.unwrap().unwrap();
    assert_eq!(left.events, [at(10, 1)]);
    state.park(CONTRACT, reference, at(9, 3), "read again", later(30)).await.unwrap();
    assert_eq!(state.unpark(&left).await, Ok(None));
    assert!(!state.referred(CONTRACT, reference).await.unwrap().waits);
    assert!(state.referred("0xother", reference).await.unwrap().waits);
}

#[tokio::test]
async fn a_row_of_waiting_events_that_cannot_be_read_lets_nothing_overtake_and_hides_no_other() {
    let db = TestStore::start().await;
    let state = db.store.chain_state();
    for (reference, block) in [([1; 32], 1), ([2; 32], 2)] {
        state.park(CONTRACT, reference, at(block, 0), "contention", NOW).await.unwrap();
    }
    let key = AttributeValue::S(format!("parked#{CONTRACT}#0x{}", hex::encode([1; 32])));
    let spoil = db.client.update_item().table_name("test-chain_state").key("id", key);
    let spoil =
        spoil.update_expression("SET attempts = :x").expression_attribute_values(":x", AttributeValue::Bool(true));
    spoil.send().await.unwrap();
    assert_eq!(state.referred(CONTRACT, [1; 32]).await, Ok(Referred { order: Ok(None), waits: true }));
    state.park(CONTRACT, [1; 32], at(3, 0), "behind", later(1)).await.unwrap();
    let listed = state.parked(CONTRACT, later(9), 9).await.unwrap();
    let read: Vec<_> = listed.iter().map(|row| row.as_ref().map(|row| row.events.clone()).ok()).collect();
    assert_eq!((read.len(), read.contains(&None), read.contains(&Some(vec![at(2, 0)]))), (2, true, true));
}
