//! `mpesa_transactions`: changes, due work, and settlements.

use descrow_domain::{
    Kes, PaymentId, Timestamp,
    command::{ChainCommand, Command, CommandStatus},
    ledger::{LedgerAccount, LedgerEntry},
    order::{Order, OrderMove, OrderStatus, PendingAction, Transition, payment_hash},
    payment::{Decision, Payment, PaymentStatus},
};
use descrow_store::{
    Applied, ChainChange, Created, Replaced, SellerTerms, Settled, StoreError, Table, testing::TestStore,
};

use crate::orders::read;
use crate::sample::{NOW, collection, create_command, later, order, payout, product, touched};

async fn committed(db: &TestStore, status: OrderStatus) -> Order {
    let bicycle = product(9, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let order = order(&bicycle, NOW);
    let created =
        db.store.orders().create(&order, &bicycle, &create_command(&order), SellerTerms::default(), None).await;
    assert_eq!(created, Ok(Created::Done));
    if status == OrderStatus::Created {
        return order;
    }
    let order = Order { status, version: 2, ..order };
    let change = ChainChange { order: &order, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
    assert_eq!(db.store.orders().apply_chain_event(&change, NOW).await, Ok(Applied::Done));
    order
}

async fn stored(db: &TestStore, payment: Payment) -> Payment {
    assert_eq!(db.store.payments().create(&payment).await, Ok(true));
    db.trips.take();
    payment
}

fn succeeded(payment: &Payment, receipt: Option<&str>, at: Timestamp) -> Payment {
    let next = payment.after(Decision::Succeed, at).unwrap();
    Payment { receipt: receipt.map(ToOwned::to_owned), ..next }
}

fn held(book: &[LedgerEntry]) -> i128 {
    book.iter().filter(|e| e.account == LedgerAccount::Escrow).map(|e| e.amount.0).sum()
}

#[tokio::test]
async fn a_payment_reads_back_whole_and_is_replaced_by_version() {
    let db = TestStore::start().await;
    let order = order(&product(1, NOW), NOW);
    let payment = stored(&db, collection(&order, NOW)).await;
    assert_eq!(db.store.payments().get(payment.id).await, Ok(Some(payment.clone())));
    let pending = Payment {
        checkout_request_id: Some("ws_1".into()),
        ..payment.after(Decision::Retry { at: later(15) }, later(1)).unwrap()
    };
    let failed = payment.after(Decision::Fail, later(1)).unwrap();
    assert_eq!(db.store.payments().replace(&pending).await, Ok(Replaced::Done));
    assert_eq!(
        db.store.payments().replace(&pending).await,
        Ok(Replaced::Done),
        "the same again, as after a lost reply"
    );
    assert_eq!(db.store.payments().replace(&failed).await, Ok(Replaced::Stale(Some(Box::new(pending.clone())))));
    let unknown = Payment { id: PaymentId::new(), ..pending.clone() };
    assert_eq!(db.store.payments().replace(&unknown).await, Ok(Replaced::Stale(None)));
    assert_eq!(db.store.payments().get_all(&[payment.id, unknown.id]).await, Ok(vec![pending]));
}

#[tokio::test]
async fn a_change_is_decided_again_when_somebody_was_faster() {
    let db = TestStore::start().await;
    let payment = stored(&db, collection(&order(&product(1, NOW), NOW), NOW)).await;
    let confirming = Payment { status: PaymentStatus::Confirming, ..touched(&payment, later(1)) };
    db.store.payments().replace(&confirming).await.unwrap();
    db.trips.take();
    // The answer to the push comes after the callback, and the caller still knows the row as it was before.
    let amended = db
        .store
        .payments()
        .amend(payment.clone(), |p| {
            Some(Payment {
                checkout_request_id: Some("ws_1".into()),
                submitted_at: Some(later(2)),
                ..touched(p, later(2))
            })
        })
        .await
        .unwrap();
    assert_eq!(db.trips.take(), 2);
    let expected = Payment {
        checkout_request_id: Some("ws_1".into()),
        submitted_at: Some(later(2)),
        ..touched(&confirming, later(2))
    };
    assert_eq!(amended, (expected.clone(), true));
    let nothing = db.store.payments().amend(expected.clone(), |_| None).await.unwrap();
    assert_eq!((nothing, db.trips.take()), ((expected, false), 0));
    let unknown = Payment { id: PaymentId::new(), ..payment };
    let gone = db.store.payments().amend(unknown, |p| Some(touched(p, NOW))).await;
    assert_eq!(gone, Err(StoreError::Contention(Table::MpesaTransactions)));
}

#[tokio::test]
async fn concurrent_changes_are_all_made() {
    let db = TestStore::start().await;
    let payment = stored(&db, collection(&order(&product(1, NOW), NOW), NOW)).await;
    let counts = (0..4).map(|n| {
        let (store, payment) = (db.store.clone(), payment.clone());
        let change = move |p: &Payment| Some(Payment { attempts: p.attempts + 1, ..touched(p, later(n)) });
        tokio::spawn(async move { store.payments().amend(payment, change).await.unwrap() })
    });
    for count in counts.collect::<Vec<_>>() {
        count.await.unwrap();
    }
    let end = db.store.payments().get(payment.id).await.unwrap().unwrap();
    assert_eq!((end.attempts, end.version), (4, 5));
}

#[tokio::test]
async fn only_payments_that_are_due_are_found_the_longest_overdue_first() {
    let db = TestStore::start().await;
    let order = order(&product(1, NOW), NOW);
    let mut expected = Vec::new();
    for n in 0..8 {
        let payment = collection(&order, later(n));
        expected.push(stored(&db, Payment { next_check_at: Some(later(100 - n)), ..payment }).await);
    }
    stored(&db, Payment { next_check_at: None, ..collection(&order, NOW) }).await;
    expected.reverse();
    let due = async |at, limit| read(db.store.payments().due(at, limit).await.unwrap());
    assert_eq!(due(later(92), 20).await, []);
    assert_eq!(due(later(95), 20).await, expected[..3]);
    assert_eq!(due(later(100), 20).await, expected);
    assert_eq!(due(later(100), 2).await, expected[..2]);
    db.trips.take();
    due(later(100), 2).await;
    assert_eq!(db.trips.take(), 1, "all shards at once");
    let settled = Payment { status: PaymentStatus::Failed, next_check_at: None, ..touched(&expected[0], NOW) };
    db.store.payments().replace(&settled).await.unwrap();
    assert_eq!(due(later(100), 20).await, expected[1..], "what is over leaves the index");
}

#[tokio::test]
async fn a_confirmed_payment_books_funds_and_commands_in_one_round_trip() {
    let db = TestStore::start().await;
    let order = committed(&db, OrderStatus::Created).await;
    let payment = stored(&db, collection(&order, NOW)).await;
    let next = succeeded(&payment, Some("NLJ7RT61SV"), later(20));
    assert_eq!((db.store.payments().settle_collection(&next).await, db.trips.take()), (Ok(Settled::Done), 1));
    assert_eq!(db.store.payments().get(payment.id).await, Ok(Some(next.clone())));
    let command_id = format!("record_payment#{}", order.id);
    let expected = Order {
        payment_id: Some(payment.id),
        pending: Some(PendingAction {
            action: OrderMove::Fund,
            command_id: command_id.clone(),
            by: Some(order.buyer_id),
            at: later(20),
        }),
        updated_at: later(20),
        version: 2,
        ..order.clone()
    };
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(expected)));
    let tx_hash = format!("0x{}", hex::encode(payment_hash(payment.id, Some("NLJ7RT61SV"))));
    let command = ChainCommand::new(order.id, Command::RecordPayment { payment_id: payment.id, tx_hash }, later(20));
    assert_eq!(db.store.chain_commands().get(&command_id).await, Ok(Some(command)));
    let book = db.store.ledger().of_order(order.id).await.unwrap();
    assert_eq!((book.len(), held(&book)), (2, 1_500));
    // told again: by a repeated transaction, and by somebody who still knows the old row
    assert_eq!(db.store.payments().settle_collection(&next).await, Ok(Settled::Done));
    let late = succeeded(&payment, None, later(30));
    assert_eq!(db.store.payments().settle_collection(&late).await, Ok(Settled::Stale(Some(Box::new(next)))));
    assert_eq!(db.store.ledger().of_order(order.id).await, Ok(book));
}

#[tokio::test]
async fn two_who_settle_the_same_payment_settle_it_once() {
    let db = TestStore::start().await;
    let order = committed(&db, OrderStatus::Created).await;
    let payment = stored(&db, collection(&order, NOW)).await;
    let (one, two) = (succeeded(&payment, Some("NLJ7RT61SV"), later(1)), succeeded(&payment, None, later(2)));
    let payments = db.store.payments();
    let (a, b) = tokio::join!(payments.settle_collection(&one), payments.settle_collection(&two));
    let outcomes = [a.unwrap(), b.unwrap()];
    let winner = payments.get(payment.id).await.unwrap().unwrap();
    assert!(outcomes.contains(&Settled::Done), "{outcomes:?}");
    assert!(outcomes.contains(&Settled::Stale(Some(Box::new(winner)))), "{outcomes:?}");
    assert_eq!(held(&db.store.ledger().of_order(order.id).await.unwrap()), 1_500);
}

#[tokio::test]
async fn a_second_payment_and_one_for_a_closed_order_change_nothing_and_say_why() {
    let db = TestStore::start().await;
    let order = committed(&db, OrderStatus::Created).await;
    let (first, second) = (stored(&db, collection(&order, NOW)).await, stored(&db, collection(&order, later(1))).await);
    let settle = async |p: &Payment, receipt| {
        db.store.payments().settle_collection(&succeeded(p, Some(receipt), later(20))).await.unwrap()
    };
    assert_eq!(settle(&first, "R1").await, Settled::Done);
    let paid = db.store.orders().get(order.id).await.unwrap().unwrap();
    assert_eq!(settle(&second, "R2").await, Settled::OrderRefuses(Some(Box::new(paid))));
    assert_eq!(db.store.payments().get(second.id).await, Ok(Some(second)));
    let cancelled = committed(&db, OrderStatus::Cancelled).await;
    let late = stored(&db, collection(&cancelled, NOW)).await;
    assert_eq!(settle(&late, "R3").await, Settled::OrderRefuses(Some(Box::new(cancelled.clone()))));
    assert_eq!(db.store.ledger().of_order(cancelled.id).await, Ok(vec![]));
}

#[tokio::test]
async fn the_late_success_of_an_earlier_push_pays_the_order() {
    let db = TestStore::start().await;
    let order = committed(&db, OrderStatus::Created).await;
    let (first, second) = (stored(&db, collection(&order, NOW)).await, collection(&order, later(200)));
    let named = Order { payment_id: Some(second.id), version: 2, ..order.clone() };
    db.store.orders().begin_payment(&named, &second, None, None, later(200)).await.unwrap();
    let settled = db.store.payments().settle_collection(&succeeded(&first, Some("R1"), later(201))).await;
    assert_eq!(settled, Ok(Settled::Done));
    assert_eq!(db.store.orders().get(order.id).await.unwrap().unwrap().payment_id, Some(first.id));
}

#[tokio::test]
async fn a_receipt_counts_once() {
    let db = TestStore::start().await;
    let (one, two) = (committed(&db, OrderStatus::Created).await, committed(&db, OrderStatus::Created).await);
    let (first, second) = (stored(&db, collection(&one, NOW)).await, stored(&db, collection(&two, NOW)).await);
    let payments = db.store.payments();
    assert_eq!(payments.settle_collection(&succeeded(&first, Some("R1"), later(1))).await, Ok(Settled::Done));
    let again = payments.settle_collection(&succeeded(&second, Some("R1"), later(1))).await;
    assert_eq!(again, Ok(Settled::ReceiptReused));
    assert_eq!(db.store.orders().get(two.id).await, Ok(Some(two)));
}

#[tokio::test]
async fn a_receipt_that_comes_after_the_settlement_is_kept_and_taken() {
    let db = TestStore::start().await;
    let (one, two) = (committed(&db, OrderStatus::Created).await, committed(&db, OrderStatus::Created).await);
    let (first, second) = (stored(&db, collection(&one, NOW)).await, stored(&db, collection(&two, NOW)).await);
    let payments = db.store.payments();
    let paid = succeeded(&first, None, later(1));
    assert_eq!(payments.settle_collection(&paid).await, Ok(Settled::Done));
    let known = Payment { receipt: Some("R1".into()), ..touched(&paid, later(9)) };
    assert_eq!(payments.attach_receipt(&known).await, Ok(Settled::Done));
    assert_eq!(payments.get(first.id).await, Ok(Some(known)));
    let forged = succeeded(&second, Some("R1"), later(10));
    assert_eq!(payments.settle_collection(&forged).await, Ok(Settled::ReceiptReused));
    let stale = Payment { receipt: Some("R2".into()), ..touched(&paid, later(11)) };
    assert!(matches!(payments.attach_receipt(&stale).await, Ok(Settled::Stale(Some(_)))));
}

#[tokio::test]
async fn a_command_that_failed_before_is_armed_again_by_a_new_payment() {
    let db = TestStore::start().await;
    let order = committed(&db, OrderStatus::Created).await;
    let (first, second) = (stored(&db, collection(&order, NOW)).await, stored(&db, collection(&order, later(1))).await);
    let payments = db.store.payments();
    payments.settle_collection(&succeeded(&first, Some("R1"), later(2))).await.unwrap();
    let id = format!("record_payment#{}", order.id);
    let command = db.store.chain_commands().get(&id).await.unwrap().unwrap();
    db.store.chain_commands().mark_failed(&command, "refused", later(3)).await.unwrap();
    assert_eq!(payments.settle_collection(&succeeded(&second, Some("R2"), later(4))).await, Ok(Settled::Done));
    let armed = db.store.chain_commands().get(&id).await.unwrap().unwrap();
    assert_eq!((armed.status, armed.version), (CommandStatus::Queued, 3));
    assert!(matches!(armed.command, Command::RecordPayment { payment_id, .. } if payment_id == second.id));
}

#[tokio::test]
async fn a_paid_payout_completes_its_order_and_empties_the_escrow() {
    let db = TestStore::start().await;
    let order = committed(&db, OrderStatus::Created).await;
    let paid = stored(&db, collection(&order, NOW)).await;
    db.store.payments().settle_collection(&succeeded(&paid, Some("R1"), later(1))).await.unwrap();
    let funded = db.store.orders().get(order.id).await.unwrap().unwrap();
    let out = payout(&order);
    let delivered =
        Order { status: OrderStatus::Delivered, pending: None, payout_id: Some(out.id), version: 3, ..funded };
    let change = ChainChange {
        order: &delivered,
        command: None,
        payments: std::slice::from_ref(&out),
        withdraw: None,
        stock: None,
        ledger: None,
    };
    db.store.orders().apply_chain_event(&change, NOW).await.unwrap();
    db.trips.take();
    let next = succeeded(&out, Some("SG632NMUAB"), later(50));
    assert_eq!((db.store.payments().settle_payout(&next).await, db.trips.take()), (Ok(Settled::Done), 1));
    let mut completed = Order { status: OrderStatus::Completed, updated_at: later(50), version: 4, ..delivered };
    let line = Transition { status: OrderStatus::Completed, at: later(50), by: None, extrinsic: None, block: None };
    completed.history.push(line);
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(completed.clone())));
    let book = db.store.ledger().of_order(order.id).await.unwrap();
    assert_eq!((book.len(), held(&book)), (4, 0));
    assert_eq!(db.store.payments().settle_payout(&next).await, Ok(Settled::Done), "told twice");
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(completed)));
    assert_eq!(db.store.ledger().of_order(order.id).await, Ok(book));
    let of_order = db.store.payments().of_order(order.id).await.unwrap();
    assert_eq!(of_order.iter().map(|p| p.id).collect::<std::collections::HashSet<_>>(), [paid.id, out.id].into());
}

#[tokio::test]
async fn a_payout_that_left_is_booked_even_when_its_order_was_disputed() {
    let db = TestStore::start().await;
    let disputed = committed(&db, OrderStatus::Disputed).await;
    let out = stored(&db, payout(&disputed)).await;
    let settled = db.store.payments().settle_payout(&succeeded(&out, Some("R9"), later(5))).await;
    assert_eq!(settled, Ok(Settled::WithoutOrder(Box::new(disputed.clone()))));
    assert_eq!(db.store.orders().get(disputed.id).await, Ok(Some(disputed.clone())));
    assert_eq!(held(&db.store.ledger().of_order(disputed.id).await.unwrap()), -1_500);
    let orphan = stored(&db, Payment { amount_kes: Kes(10), ..payout(&order(&product(1, NOW), NOW)) }).await;
    let settled = db.store.payments().settle_payout(&succeeded(&orphan, None, later(5))).await;
    assert_eq!(settled, Ok(Settled::OrderRefuses(None)));
}

#[tokio::test]
async fn a_payout_is_committed_once() {
    let db = TestStore::start().await;
    let order = order(&product(1, NOW), NOW);
    assert_eq!(db.store.payments().create(&payout(&order)).await, Ok(true));
    let again = Payment { amount_kes: Kes(9), ..payout(&order) };
    assert_eq!(db.store.payments().create(&again).await, Ok(false));
    assert_eq!(db.store.payments().get(again.id).await, Ok(Some(payout(&order))));
}
