//! The windows of orders, with a clock that the tests move: a second before the end nothing happens, at the end what the domain
//! says, and that once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use descrow_domain::{
    Account, Kes, Msisdn, Timestamp,
    command::{ChainCommand, Command, CommandKind, CommandStatus},
    dispute::Dispute,
    evidence::{Evidence, EvidenceKind},
    order::{Deadlines, DotPayment, Order, OrderMove, OrderStatus, PaymentMode, PendingAction},
    payment::{Decision, Payment, PaymentStatus},
    product::{Product, ProductStatus},
};
use descrow_platform::Deadline;
use descrow_store::{
    Applied, ChainChange, EvidenceAdded,
    testing::{TestStore, sample},
};
use reconciler::{Ended, end_windows};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Every window of these tests ends so many seconds after [`NOW`].
const WINDOW: i64 = 1_800;
const BUYER: Account = Account::from_bytes([1; 32]);
const SELLER: Account = Account::from_bytes([2; 32]);

fn later(seconds: i64) -> Timestamp {
    NOW.plus_seconds(seconds)
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

fn order(product: &Product, payment_mode: PaymentMode) -> Order {
    let deadlines = Deadlines { payment: Some(later(WINDOW)), ..Deadlines::default() };
    Order { quantity: 2, payment_mode, deadlines, ..sample::order(product, BUYER, NOW) }
}

/// An order as its route commits it, and its product with all pieces taken.
async fn committed(db: &TestStore, mode: PaymentMode) -> (Order, Product) {
    let product = Product { quantity: 2, ..sample::product(SELLER, NOW) };
    let order = order(&product, mode);
    db.commit(&order, &product).await;
    (order, product)
}

/// The next version of `order`, as the chain's events left it.
async fn stored(db: &TestStore, order: &Order, payments: &[Payment], change: impl FnOnce(&mut Order)) -> Order {
    let mut next = Order { on_chain: true, version: order.version + 1, ..order.clone() };
    change(&mut next);
    let written = ChainChange { order: &next, command: None, payments, withdraw: None, stock: None, ledger: None };
    assert_eq!(db.store.orders().apply_chain_event(&written, NOW).await, Ok(Applied::Done));
    next
}

/// An order in `status`, whose window there ends [`WINDOW`] after [`NOW`].
async fn in_status(db: &TestStore, status: OrderStatus, mode: PaymentMode) -> Order {
    let (order, _) = committed(db, mode).await;
    let ends = Some(later(WINDOW));
    stored(db, &order, &[], |order| {
        order.status = status;
        order.deadlines = Deadlines { payment: ends, shipping: ends, inspection: ends, evidence: ends };
        if status == OrderStatus::Disputed {
            order.dispute = Some(Dispute::raised(None, Some(BUYER), String::new(), NOW));
        }
    })
    .await
}

async fn run(db: &TestStore, at: Timestamp) -> Ended {
    end_windows(&db.store, at, soon()).await.unwrap()
}

async fn now(db: &TestStore, order: &Order) -> Order {
    db.store.orders().get(order.id).await.unwrap().unwrap()
}

/// A second before the end nothing; at the end the move is pending in nobody's name, with its command; a second run finds it.
async fn asks_once(status: OrderStatus, action: OrderMove, command: Command, expected: Ended) {
    for mode in PaymentMode::ALL {
        let db = TestStore::start().await;
        let order = in_status(&db, status, mode).await;
        assert_eq!(run(&db, later(WINDOW - 1)).await, Ended::default(), "{status:?}");
        assert_eq!(now(&db, &order).await, order);
        assert_eq!(run(&db, later(WINDOW)).await, expected, "{status:?} {mode:?}");
        let command = ChainCommand::new(order.id, command.clone(), later(WINDOW));
        let pending = PendingAction { action, command_id: command.id.clone(), by: None, at: later(WINDOW) };
        let asked =
            Order { pending: Some(pending), version: order.version + 1, updated_at: later(WINDOW), ..order.clone() };
        assert_eq!(now(&db, &order).await, asked);
        assert_eq!(db.store.chain_commands().get(&command.id).await, Ok(Some(command)));
        assert_eq!(run(&db, later(WINDOW + 60)).await, Ended::default(), "it is asked for already");
        assert_eq!(now(&db, &order).await, asked);
    }
}

#[tokio::test]
async fn an_order_that_nobody_pays_is_cancelled_when_its_payment_window_ends() {
    let expected = Ended { cancelled: 1, ..Ended::default() };
    asks_once(OrderStatus::Created, OrderMove::Cancel, Command::Cancel, expected).await;
}

#[tokio::test]
async fn a_paid_order_that_nobody_ships_is_cancelled_when_its_shipping_window_ends() {
    let expected = Ended { cancelled: 1, ..Ended::default() };
    asks_once(OrderStatus::Funded, OrderMove::Cancel, Command::Cancel, expected).await;
}

#[tokio::test]
async fn a_shipped_order_that_nobody_confirms_is_delivered_when_its_inspection_window_ends() {
    let expected = Ended { delivered: 1, ..Ended::default() };
    asks_once(OrderStatus::Shipped, OrderMove::Deliver, Command::ConfirmDelivery, expected).await;
}

fn evidence(order: &Order, at: Timestamp) -> Evidence {
    Evidence {
        id: descrow_domain::EvidenceId::new(),
        order_id: order.id,
        by: BUYER,
        kind: EvidenceKind::Text,
        description: Some("It never came.".parse().unwrap()),
        cid: "bafy".into(),
        size: 14,
        media_type: "text/plain".into(),
        created_at: at,
    }
}

#[tokio::test]
async fn a_dispute_takes_no_evidence_when_its_evidence_window_ends_and_no_money_moves() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Disputed, PaymentMode::Mpesa).await;
    assert_eq!(run(&db, later(WINDOW - 1)).await, Ended::default());
    let add = async |at| db.store.evidence().add(&evidence(&order, at), None, None, at).await.unwrap();
    assert_eq!(add(later(WINDOW - 1)).await, EvidenceAdded::Done);
    assert_eq!(run(&db, later(WINDOW)).await, Ended { closed: 1, ..Ended::default() });
    let closed = now(&db, &order).await;
    assert_eq!(closed.dispute.as_ref().unwrap().evidence_closed_at, Some(later(WINDOW)));
    assert_eq!((closed.status, &closed.pending, closed.version), (OrderStatus::Disputed, &None, order.version + 2));
    // Even for a clock that runs behind.
    assert_eq!(add(later(WINDOW - 1)).await, EvidenceAdded::Closed(Some(Box::new(closed.clone()))));
    assert_eq!(run(&db, later(WINDOW + 60)).await, Ended::default(), "it is out of the index");
    assert_eq!(now(&db, &order).await, closed);
}

#[tokio::test]
async fn an_order_is_not_cancelled_while_a_payment_of_it_is_under_way() {
    let db = TestStore::start().await;
    let (order, _) = committed(&db, PaymentMode::Mpesa).await;
    let phone = "254708374149".parse().unwrap();
    let payment = Payment::collection(order.id, BUYER, phone, Kes(1_500), later(WINDOW - 5));
    let order = stored(&db, &order, std::slice::from_ref(&payment), |order| order.payment_id = Some(payment.id)).await;
    for at in [WINDOW, WINDOW + 60] {
        assert_eq!(run(&db, later(at)).await, Ended { waiting: 1, ..Ended::default() });
        assert_eq!(now(&db, &order).await, order);
    }
    let failed = payment.after(Decision::Fail, later(WINDOW + 90)).unwrap();
    db.store.payments().replace(&failed).await.unwrap();
    assert_eq!(run(&db, later(WINDOW + 120)).await, Ended { cancelled: 1, ..Ended::default() });
}

#[tokio::test]
async fn a_reported_payment_in_dot_is_waited_for_as_long_as_it_can_come() {
    let db = TestStore::start().await;
    let (order, _) = committed(&db, PaymentMode::Dot).await;
    let reported =
        |failure| DotPayment { extrinsic_hash: "0xab".into(), block_hash: None, at: later(WINDOW - 1), failure };
    let order = stored(&db, &order, &[], |order| order.dot_payment = Some(reported(None))).await;
    assert_eq!(run(&db, later(WINDOW + 598)).await, Ended { waiting: 1, ..Ended::default() });
    assert_eq!(run(&db, later(WINDOW + 599)).await, Ended { cancelled: 1, ..Ended::default() });
    let (other, _) = committed(&db, PaymentMode::Dot).await;
    stored(&db, &other, &[], |order| order.dot_payment = Some(reported(Some("Underpaid".into())))).await;
    assert_eq!(run(&db, later(WINDOW)).await, Ended { cancelled: 1, ..Ended::default() });
    assert!(now(&db, &order).await.pending.is_some());
}

#[tokio::test]
async fn reports_of_a_payment_in_dot_that_follow_one_another_gain_no_time() {
    let db = TestStore::start().await;
    let (mut order, _) = committed(&db, PaymentMode::Dot).await;
    // The last ones as the function of yesterday would still have noted them.
    for seconds in [WINDOW - 540, WINDOW - 1, WINDOW + 539, WINDOW + 599] {
        let payment = DotPayment { extrinsic_hash: "0xab".into(), block_hash: None, at: later(seconds), failure: None };
        order = stored(&db, &order, &[], |order| order.dot_payment = Some(payment)).await;
        let waiting = usize::from(seconds >= WINDOW);
        assert_eq!(run(&db, later(seconds)).await, Ended { waiting, ..Ended::default() });
        assert_eq!(now(&db, &order).await, order);
    }
    assert_eq!(run(&db, later(WINDOW + 600)).await, Ended { cancelled: 1, ..Ended::default() });
}

#[tokio::test]
async fn orders_that_wait_take_nobodys_turn_however_many_they_are() {
    let db = TestStore::start().await;
    let phone: Msisdn = "254708374149".parse().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..201 {
        let (order, _) = committed(&db, PaymentMode::Mpesa).await;
        let payment = Payment::collection(order.id, BUYER, phone.clone(), Kes(1_500), later(WINDOW));
        let payments = std::slice::from_ref(&payment);
        waiting.push(stored(&db, &order, payments, |order| order.payment_id = Some(payment.id)).await);
    }
    let shipped = in_status(&db, OrderStatus::Shipped, PaymentMode::Mpesa).await;
    let shipped = stored(&db, &shipped, &[], |order| order.deadlines.inspection = Some(later(WINDOW + 1))).await;
    assert_eq!(run(&db, later(WINDOW + 1)).await, Ended { waiting: 201, delivered: 1, ..Ended::default() });
    assert!(now(&db, &shipped).await.pending.is_some());
    // They are out of the way of the next run, too, and nothing that anybody sees of them has changed.
    assert_eq!(run(&db, later(WINDOW + 60)).await, Ended::default());
    for order in &waiting {
        assert_eq!(now(&db, order).await, *order);
    }
    assert_eq!(run(&db, later(WINDOW + 61)).await, Ended { waiting: 201, ..Ended::default() });
}

#[tokio::test]
async fn while_mpesa_is_asked_seldom_its_order_is_looked_at_every_quarter_of_an_hour() {
    let db = TestStore::start().await;
    let (order, _) = committed(&db, PaymentMode::Mpesa).await;
    let phone = "254708374149".parse().unwrap();
    let payment = Payment::collection(order.id, BUYER, phone, Kes(1_500), NOW);
    let payment = Payment { next_check_at: Some(later(WINDOW + 4 * 3_600)), ..payment };
    stored(&db, &order, std::slice::from_ref(&payment), |order| order.payment_id = Some(payment.id)).await;
    for (at, waiting) in [(0, 1), (899, 0), (900, 1), (1_799, 0)] {
        assert_eq!(run(&db, later(WINDOW + at)).await, Ended { waiting, ..Ended::default() }, "{at}");
    }
    let failed = payment.after(Decision::Fail, later(WINDOW + 1_799)).unwrap();
    db.store.payments().replace(&failed).await.unwrap();
    assert_eq!(run(&db, later(WINDOW + 1_800)).await, Ended { cancelled: 1, ..Ended::default() });
}

#[tokio::test]
async fn an_order_that_fails_is_tried_again_a_minute_later_and_then_done() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Shipped, PaymentMode::Mpesa).await;
    // Its command is under way, and nothing on the order says so.
    let command = ChainCommand::new(order.id, Command::ConfirmDelivery, NOW);
    assert!(db.store.chain_commands().create(&command).await.unwrap());
    for (at, failed) in [(0, 1), (59, 0), (60, 1)] {
        assert_eq!(run(&db, later(WINDOW + at)).await, Ended { failed, ..Ended::default() }, "{at}");
        assert_eq!(now(&db, &order).await, order);
    }
    db.store.chain_commands().mark_failed(&command, "Busy", later(WINDOW + 61)).await.unwrap();
    assert_eq!(run(&db, later(WINDOW + 120)).await, Ended { delivered: 1, ..Ended::default() });
}

#[tokio::test]
async fn two_runs_at_once_ask_once() {
    for status in [OrderStatus::Created, OrderStatus::Funded, OrderStatus::Shipped, OrderStatus::Disputed] {
        let db = TestStore::start().await;
        let order = in_status(&db, status, PaymentMode::Mpesa).await;
        let (one, two) = tokio::join!(run(&db, later(WINDOW)), run(&db, later(WINDOW + 1)));
        let did = |ended: Ended| ended.cancelled + ended.delivered + ended.closed;
        assert_eq!((did(one) + did(two), one.failed + two.failed), (1, 0), "{status:?} {one:?} {two:?}");
        assert_eq!(now(&db, &order).await.version, order.version + 1);
    }
}

#[tokio::test]
async fn a_move_that_the_contract_refused_is_asked_for_again() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Shipped, PaymentMode::Mpesa).await;
    run(&db, later(WINDOW)).await;
    let id = CommandKind::ConfirmDelivery.id(order.id);
    let command = db.store.chain_commands().get(&id).await.unwrap().unwrap();
    db.store.chain_commands().mark_failed(&command, "Busy", later(WINDOW + 9)).await.unwrap();
    assert_eq!(run(&db, later(WINDOW + 60)).await, Ended { delivered: 1, ..Ended::default() });
    let again = db.store.chain_commands().get(&id).await.unwrap().unwrap();
    assert_eq!((again.status, again.error), (CommandStatus::Queued, None));
}

/// Gives up `createOrder`, as the submitter does when the contract refuses it.
async fn refused(db: &TestStore, order: &Order) {
    let id = CommandKind::CreateOrder.id(order.id);
    let command = db.store.chain_commands().get(&id).await.unwrap().unwrap();
    db.store.chain_commands().mark_failed(&command, "OrderExists", later(1)).await.unwrap();
}

#[tokio::test]
async fn an_order_that_the_contract_never_took_is_cancelled_without_it_and_gives_back_what_it_held() {
    let db = TestStore::start().await;
    let (order, product) = committed(&db, PaymentMode::Mpesa).await;
    assert_eq!(db.store.products().get(product.id).await.unwrap().unwrap().status, ProductStatus::Sold);
    refused(&db, &order).await;
    assert_eq!(run(&db, later(WINDOW)).await, Ended { cancelled: 1, ..Ended::default() });
    let cancelled = now(&db, &order).await;
    assert_eq!((cancelled.status, cancelled.pending, cancelled.refund_id), (OrderStatus::Cancelled, None, None));
    let stock = db.store.products().get(product.id).await.unwrap().unwrap();
    assert_eq!((stock.quantity, stock.status), (2, ProductStatus::Active));
    assert_eq!(run(&db, later(WINDOW + 60)).await, Ended::default());
}

#[tokio::test]
async fn a_payment_that_counted_for_an_order_that_the_contract_never_took_goes_back_once() {
    let db = TestStore::start().await;
    let (order, _) = committed(&db, PaymentMode::Mpesa).await;
    refused(&db, &order).await;
    let phone = "254708374149".parse().unwrap();
    let payment = Payment::collection(order.id, BUYER, phone, Kes(1_500), NOW);
    let payment = Payment { status: PaymentStatus::Succeeded, next_check_at: None, ..payment };
    let order = stored(&db, &order, std::slice::from_ref(&payment), |order| {
        order.payment_id = Some(payment.id);
        order.on_chain = false;
    })
    .await;
    let (one, two) = tokio::join!(run(&db, later(WINDOW)), run(&db, later(WINDOW + 1)));
    assert_eq!((one.cancelled + two.cancelled, one.failed + two.failed), (1, 0));
    let cancelled = now(&db, &order).await;
    let refund = Payment::refund(&payment, 1, Kes(1_500), cancelled.updated_at);
    assert_eq!(cancelled.refund_id, Some(refund.id));
    assert_eq!(db.store.payments().of_order(order.id).await.unwrap(), [payment, refund]);
}

#[tokio::test]
async fn one_bad_order_never_stops_the_others() {
    let db = TestStore::start().await;
    let bad = in_status(&db, OrderStatus::Shipped, PaymentMode::Dot).await;
    let good = in_status(&db, OrderStatus::Shipped, PaymentMode::Dot).await;
    let key = aws_sdk_dynamodb::types::AttributeValue::S(bad.id.to_string());
    let nonsense = aws_sdk_dynamodb::types::AttributeValue::S("no mode".into());
    let spoilt = db.client.update_item().table_name("test-orders").key("id", key);
    spoilt
        .update_expression("SET payment_mode = :mode")
        .expression_attribute_values(":mode", nonsense)
        .send()
        .await
        .unwrap();
    assert_eq!(run(&db, later(WINDOW)).await, Ended { delivered: 1, failed: 1, ..Ended::default() });
    assert!(now(&db, &good).await.pending.is_some());
}

#[tokio::test]
async fn nothing_is_begun_after_the_deadline() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Funded, PaymentMode::Mpesa).await;
    let ended = end_windows(&db.store, later(WINDOW), Deadline::after(Duration::ZERO)).await.unwrap();
    assert_eq!(ended, Ended { failed: 1, ..Ended::default() });
    assert_eq!(now(&db, &order).await, order);
}

#[tokio::test]
async fn an_order_costs_a_read_and_a_write() {
    let db = TestStore::start().await;
    in_status(&db, OrderStatus::Shipped, PaymentMode::Mpesa).await;
    db.trips.take();
    run(&db, later(WINDOW)).await;
    assert_eq!(db.trips.take(), 2, "the index, and the move with its command");
}
