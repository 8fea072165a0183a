//! `orders`, and the transactions around them.

use descrow_domain::{
    Account, Kes, Planck, ProductId, Timestamp,
    command::{ChainCommand, Command, CommandStatus},
    ledger,
    order::{Order, OrderMove, OrderStatus, Transition, order_ref},
    payment::{Payment, PaymentStatus, ReviewReason},
    product::{Product, ProductStatus},
};
use descrow_store::{
    Applied, Begun, ChainChange, Created, FinalCommand, IdempotencyRecord, OrderList, OrdersOf, Referred, Requested,
    SellerTerms, StoreError, testing::TestStore,
};

use crate::sample::{BUYER, NOW, SELLER, collection, create_command, later, moving, order, payout, product};

/// The rows, none of which is unreadable.
pub(crate) fn read<T>(rows: Vec<Result<T, StoreError>>) -> Vec<T> {
    rows.into_iter().map(Result::unwrap).collect()
}

/// The orders that are due at `at`, none of which is unreadable.
pub(crate) async fn overdue(db: &TestStore, at: Timestamp) -> Vec<Order> {
    let due = read(db.store.orders().overdue(at, 10).await.unwrap());
    due.into_iter().map(|due| due.order).collect()
}

pub(crate) fn answer(key: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        id: IdempotencyRecord::id("orders", key),
        request_hash: "h".into(),
        outcome: Some("201".into()),
        locked_until: NOW,
        expires_at: later(86_400).seconds(),
    }
}

/// A committed order of one of `quantity` bicycles.
async fn committed(db: &TestStore, quantity: u32) -> (Order, Product) {
    let bicycle = product(quantity, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let order = order(&bicycle, NOW);
    let created =
        db.store.orders().create(&order, &bicycle, &create_command(&order), SellerTerms::default(), None).await;
    assert_eq!(created, Ok(Created::Done));
    db.trips.take();
    (order, bicycle)
}

/// A committed order as it is in a later status.
pub(crate) async fn in_status(db: &TestStore, status: OrderStatus) -> Order {
    let (order, _) = committed(db, 5).await;
    let order = Order { status, on_chain: true, version: 2, ..order };
    let change = ChainChange { order: &order, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
    assert_eq!(db.store.orders().apply_chain_event(&change, NOW).await, Ok(Applied::Done));
    db.trips.take();
    order
}

#[tokio::test]
async fn an_order_is_committed_with_stock_command_reference_and_answer_in_one_round_trip() {
    let db = TestStore::start().await;
    let bicycle = product(3, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let order = Order { quantity: 2, ..order(&bicycle, later(1)) };
    let command = create_command(&order);
    db.trips.take();
    let created =
        db.store.orders().create(&order, &bicycle, &command, SellerTerms::default(), Some(&answer("k"))).await;
    assert_eq!((created, db.trips.take()), (Ok(Created::Done), 1));
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(order.clone())));
    let left = Product { quantity: 1, version: 2, updated_at: later(1), ..bicycle.clone() };
    assert_eq!(db.store.products().get(bicycle.id).await, Ok(Some(left)));
    assert_eq!(db.store.chain_commands().get(&command.id).await, Ok(Some(command)));
    let referred = db.store.chain_state().referred("0xc", order_ref(order.id)).await;
    assert_eq!(referred, Ok(Referred { order: Ok(Some(order.id)), waits: false }));
    assert_eq!(db.store.limits().idempotency(&answer("k").id, NOW).await, Ok(Some(answer("k"))));
}

#[tokio::test]
async fn the_same_request_again_takes_nothing_and_gets_the_first_answer() {
    let db = TestStore::start().await;
    let bicycle = product(3, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    for expected in [Created::Done, Created::Replay(Box::new(answer("k")))] {
        let order = order(&bicycle, NOW);
        let created = db
            .store
            .orders()
            .create(&order, &bicycle, &create_command(&order), SellerTerms::default(), Some(&answer("k")))
            .await;
        assert_eq!(created, Ok(expected));
    }
    assert_eq!(db.store.products().get(bicycle.id).await.unwrap().unwrap().quantity, 2);
}

#[tokio::test]
async fn the_last_piece_is_sold_to_one_of_many_buyers() {
    let db = TestStore::start().await;
    let bicycle = product(3, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let buyers = (0..6u8).map(|n| {
        let (store, bicycle) = (db.store.clone(), bicycle.clone());
        tokio::spawn(async move {
            let order = Order { buyer_id: Account::from_bytes([n; 32]), ..order(&bicycle, NOW) };
            store
                .orders()
                .create(&order, &bicycle, &create_command(&order), SellerTerms::default(), None)
                .await
                .unwrap()
        })
    });
    let (mut sold, mut refused) = (0, 0);
    for buyer in buyers.collect::<Vec<_>>() {
        match buyer.await.unwrap() {
            Created::Done => sold += 1,
            Created::Unavailable(Some(left)) => {
                assert_eq!((left.quantity, left.status), (0, ProductStatus::Sold));
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sold, refused), (3, 3));
    let wanted = descrow_store::ProductList {
        seller: None,
        status: Some(ProductStatus::Sold),
        category: None,
        sort: descrow_store::ProductSort::Newest,
        position: None,
        limit: 5,
    };
    let listed = db.store.products().list(&wanted).await.unwrap().items;
    assert_eq!(listed.iter().map(|p| (p.id, p.quantity)).collect::<Vec<_>>(), [(bicycle.id, 0)]);
}

#[tokio::test]
async fn what_the_price_was_based_on_must_still_hold() {
    let db = TestStore::start().await;
    let bicycle = product(3, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let dearer = Product { price_dot: Planck(1), version: 2, ..bicycle.clone() };
    db.store.products().replace(&dearer).await.unwrap();
    let order = order(&bicycle, NOW);
    let create = async |product: &Product, order: &Order| {
        db.store.orders().create(order, product, &create_command(order), SellerTerms::default(), None).await.unwrap()
    };
    assert_eq!(create(&bicycle, &order).await, Created::Unavailable(Some(Box::new(dearer.clone()))));
    let greedy = Order { quantity: 4, ..order.clone() };
    assert_eq!(create(&dearer, &greedy).await, Created::Unavailable(Some(Box::new(dearer.clone()))));
    let unknown = Product { id: ProductId::new(), ..bicycle };
    assert_eq!(create(&unknown, &order).await, Created::Unavailable(None));
    // a change that leaves the price alone is no reason to refuse
    let described = Product { description: "Two good wheels.".parse().unwrap(), version: 3, ..dearer.clone() };
    db.store.products().replace(&described).await.unwrap();
    assert_eq!(create(&dearer, &order).await, Created::Done);
}

#[tokio::test]
async fn lists_follow_party_and_status() {
    let db = TestStore::start().await;
    let (first, _) = committed(&db, 1).await;
    let funded = in_status(&db, OrderStatus::Funded).await;
    let list = async |of: OrdersOf, status: Option<OrderStatus>, limit| {
        // The test's rows are of another day than the clock's.
        let position = (of == OrdersOf::Everybody && status.is_none()).then_some("01800000000001");
        let wanted = OrderList { of, status, mode: None, position, limit };
        db.store.orders().list(&wanted).await.unwrap().items
    };
    let mut both = vec![funded.clone(), first.clone()];
    both.sort_by_key(|o| std::cmp::Reverse(o.id.to_string()));
    assert_eq!(list(OrdersOf::Buyer(BUYER), None, 20).await, both);
    assert_eq!(list(OrdersOf::Seller(SELLER), None, 20).await, both);
    assert_eq!(list(OrdersOf::Seller(BUYER), None, 20).await, []);
    assert_eq!(list(OrdersOf::Buyer(BUYER), Some(OrderStatus::Funded), 20).await, std::slice::from_ref(&funded));
    assert_eq!(list(OrdersOf::Everybody, Some(OrderStatus::Funded), 20).await, [funded]);
    db.trips.take();
    assert_eq!((list(OrdersOf::Everybody, None, 20).await, db.trips.take()), (both.clone(), 1));
    assert_eq!(list(OrdersOf::Buyer(BUYER), None, 1).await, both[..1]);
}

#[tokio::test]
async fn only_the_deadline_in_force_makes_an_order_overdue() {
    let db = TestStore::start().await;
    let (order, _) = committed(&db, 1).await;
    assert_eq!(overdue(&db, later(1_799)).await, []);
    assert_eq!(overdue(&db, later(1_800)).await, std::slice::from_ref(&order));
    let mut funded = Order { status: OrderStatus::Funded, version: 2, ..order };
    funded.deadlines.shipping = Some(later(5_000));
    let change =
        ChainChange { order: &funded, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
    db.store.orders().apply_chain_event(&change, NOW).await.unwrap();
    assert_eq!(overdue(&db, later(4_999)).await, []);
    assert_eq!(overdue(&db, later(5_000)).await, [funded]);
}

#[tokio::test]
async fn an_order_that_is_looked_at_again_later_is_behind_the_others_and_as_it_was() {
    let db = TestStore::start().await;
    let (first, _) = committed(&db, 1).await;
    let (second, _) = committed(&db, 1).await;
    let orders = db.store.orders();
    let (due, again) = (later(1_800), later(1_860));
    db.trips.take();
    assert_eq!((orders.look_again(first.id, due, again).await, db.trips.take()), (Ok(true), 1));
    assert_eq!(orders.get(first.id).await, Ok(Some(first.clone())), "deadline and version are as they were");
    assert_eq!(overdue(&db, later(1_859)).await, std::slice::from_ref(&second));
    assert_eq!(overdue(&db, again).await, [second.clone(), first.clone()]);
    let at: Vec<_> = read(orders.overdue(again, 10).await.unwrap()).into_iter().map(|due| due.at).collect();
    assert_eq!(at, [due, again]);
    // Whoever read it before that finds it moved.
    assert_eq!(orders.look_again(first.id, due, later(9_999)).await, Ok(false));
    assert_eq!(overdue(&db, again).await, [second, first.clone()]);
    // A change of the order has its own window's end looked at.
    let mut funded = Order { status: OrderStatus::Funded, version: 2, ..first };
    funded.deadlines.shipping = Some(later(1_810));
    let change =
        ChainChange { order: &funded, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
    orders.apply_chain_event(&change, NOW).await.unwrap();
    assert_eq!(orders.look_again(funded.id, again, later(9_999)).await, Ok(false));
    assert_eq!(overdue(&db, later(1_810)).await.last(), Some(&funded));
}

#[tokio::test]
async fn orders_that_cannot_be_read_take_nobodys_place_among_those_that_are_due() {
    let db = TestStore::start().await;
    let (good, _) = committed(&db, 1).await;
    // Of the same partition of the index, and due before it.
    for n in 1..=9_u128 {
        let id = uuid::Uuid::from_u128(good.id.as_uuid().as_u128() - (n << 64));
        let text = |value: String| aws_sdk_dynamodb::types::AttributeValue::S(value);
        let shard = good.id.as_uuid().as_bytes()[15] % 4;
        let put = db.client.put_item().table_name("test-orders").item("id", text(id.to_string()));
        let put = put.item("due_shard", text(format!("due#{shard}")));
        let at = aws_sdk_dynamodb::types::AttributeValue::N(later(1_700).0.to_string());
        put.item("due_at", at).send().await.unwrap();
    }
    let due = db.store.orders().overdue(later(1_800), 2).await.unwrap();
    assert_eq!(due.iter().filter(|row| row.is_err()).count(), 9);
    let due: Vec<_> = due.into_iter().flatten().map(|due| due.order).collect();
    assert_eq!(due, [good]);
}

#[tokio::test]
async fn a_move_becomes_pending_together_with_its_command() {
    let db = TestStore::start().await;
    let funded = in_status(&db, OrderStatus::Funded).await;
    let shipped = Command::MarkShipped { tracking_cid: "bafy".into() };
    let (next, command) = moving(&funded, OrderMove::Ship, shipped);
    let request = async |key| db.store.orders().request_move(&next, &command, Some(&answer(key))).await.unwrap();
    assert_eq!((request("k").await, db.trips.take()), (Requested::Done, 1));
    assert_eq!(db.store.orders().get(funded.id).await, Ok(Some(next.clone())));
    assert_eq!(db.store.chain_commands().get(&command.id).await, Ok(Some(command.clone())));
    assert_eq!(request("k").await, Requested::Replay(Box::new(answer("k"))));
    assert_eq!(request("other").await, Requested::Stale(Some(Box::new(next.clone()))));
}

#[tokio::test]
async fn of_two_moves_at_once_one_becomes_pending() {
    let db = TestStore::start().await;
    let shipped = in_status(&db, OrderStatus::Shipped).await;
    let (one, command) = moving(&shipped, OrderMove::Deliver, Command::ConfirmDelivery);
    let (two, other) = moving(&shipped, OrderMove::Ship, Command::MarkShipped { tracking_cid: "b".into() });
    let orders = db.store.orders();
    let (a, b) = tokio::join!(orders.request_move(&one, &command, None), orders.request_move(&two, &other, None));
    let outcomes = [a.unwrap(), b.unwrap()];
    assert_eq!(outcomes.iter().filter(|o| **o == Requested::Done).count(), 1, "{outcomes:?}");
    let winner = db.store.orders().get(shipped.id).await.unwrap().unwrap();
    assert!(outcomes.contains(&Requested::Stale(Some(Box::new(winner)))), "{outcomes:?}");
}

#[tokio::test]
async fn a_move_that_the_contract_refused_can_be_asked_for_again() {
    let db = TestStore::start().await;
    let shipped = in_status(&db, OrderStatus::Shipped).await;
    let (pending, command) = moving(&shipped, OrderMove::Deliver, Command::ConfirmDelivery);
    db.store.orders().request_move(&pending, &command, None).await.unwrap();
    db.store.chain_commands().mark_failed(&command, "OrderNotShipped", later(2)).await.unwrap();
    let released = db.store.orders().get(shipped.id).await.unwrap().unwrap();
    assert_eq!((released.pending.clone(), released.version), (None, 4));
    let (again, command) = moving(&released, OrderMove::Deliver, Command::ConfirmDelivery);
    assert_eq!(db.store.orders().request_move(&again, &command, None).await, Ok(Requested::Done));
    let armed = db.store.chain_commands().get(&command.id).await.unwrap().unwrap();
    assert_eq!((armed.status, armed.version, armed.error), (CommandStatus::Queued, 3, None));
}

fn delivered(order: &Order, paid: &Payment) -> Order {
    let line = Transition {
        status: OrderStatus::Delivered,
        at: later(9),
        by: None,
        extrinsic: Some("0xab".into()),
        block: Some(7),
    };
    let mut next = Order {
        status: OrderStatus::Delivered,
        pending: None,
        payout_id: Some(paid.id),
        version: order.version + 1,
        updated_at: later(9),
        ..order.clone()
    };
    next.history.push(line);
    next
}

#[tokio::test]
async fn a_finalised_event_moves_order_command_and_payout_together_and_once() {
    let db = TestStore::start().await;
    let shipped = in_status(&db, OrderStatus::Shipped).await;
    let (pending, command) = moving(&shipped, OrderMove::Deliver, Command::ConfirmDelivery);
    db.store.orders().request_move(&pending, &command, None).await.unwrap();
    let payout = payout(&shipped);
    let next = delivered(&pending, &payout);
    let entries = ledger::escrow_released(shipped.id, Planck(5), NOW).unwrap();
    let change = ChainChange {
        order: &next,
        command: Some(FinalCommand { id: &command.id, block: 7, extrinsic: Some("0xab") }),
        payments: std::slice::from_ref(&payout),
        withdraw: None,
        stock: None,
        ledger: Some(&entries),
    };
    db.trips.take();
    assert_eq!(db.store.orders().apply_chain_event(&change, later(9)).await, Ok(Applied::Done));
    assert_eq!(db.trips.take(), 1);
    assert_eq!(db.store.orders().apply_chain_event(&change, later(9)).await, Ok(Applied::Done), "told twice");
    assert_eq!(db.store.orders().get(shipped.id).await, Ok(Some(next.clone())));
    let done = ChainCommand {
        status: CommandStatus::Final,
        block: Some(7),
        extrinsic_hash: Some("0xab".into()),
        updated_at: later(9),
        version: 2,
        ..command
    };
    assert_eq!(db.store.chain_commands().get(&done.id).await, Ok(Some(done.clone())));
    assert_eq!(db.store.chain_commands().open(later(99), 10).await.unwrap().len(), 1, "createOrder is left");
    assert_eq!(db.store.payments().get(payout.id).await, Ok(Some(payout)));
    assert_eq!(db.store.ledger().of_order(shipped.id).await, Ok(entries.to_vec()));
    let outdated = Order { on_chain: false, ..next.clone() };
    let change =
        ChainChange { order: &outdated, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
    let applied = db.store.orders().apply_chain_event(&change, NOW).await;
    assert_eq!(applied, Ok(Applied::Stale(Some(Box::new(next)))));
}

#[tokio::test]
async fn an_event_that_no_command_of_ours_caused_counts_all_the_same() {
    let db = TestStore::start().await;
    let shipped = in_status(&db, OrderStatus::Shipped).await;
    let next = delivered(&shipped, &payout(&shipped));
    let command = Some(FinalCommand { id: "confirm_delivery#nobody", block: 7, extrinsic: None });
    let change = ChainChange { order: &next, command, payments: &[], withdraw: None, stock: None, ledger: None };
    assert_eq!(db.store.orders().apply_chain_event(&change, NOW).await, Ok(Applied::Done));
    assert_eq!(db.store.orders().get(shipped.id).await, Ok(Some(next)));
    assert_eq!(db.store.chain_commands().get("confirm_delivery#nobody").await, Ok(None));
    let unknown = order(&product(1, NOW), NOW);
    let change =
        ChainChange { order: &unknown, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
    assert_eq!(db.store.orders().apply_chain_event(&change, NOW).await, Ok(Applied::Stale(None)));
}

fn paying(order: &Order, payment: &Payment) -> Order {
    Order { payment_id: Some(payment.id), version: order.version + 1, updated_at: payment.created_at, ..order.clone() }
}

#[tokio::test]
async fn a_payment_is_committed_with_its_order_before_the_push() {
    let db = TestStore::start().await;
    let (order, _) = committed(&db, 1).await;
    let payment = collection(&order, later(5));
    let next = paying(&order, &payment);
    let begin =
        async |key| db.store.orders().begin_payment(&next, &payment, None, Some(&answer(key)), later(5)).await.unwrap();
    assert_eq!((begin("k").await, db.trips.take()), (Begun::Done, 1));
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(next.clone())));
    assert_eq!(db.store.payments().get(payment.id).await, Ok(Some(payment.clone())));
    assert_eq!(begin("k").await, Begun::Replay(Box::new(answer("k"))));
    assert_eq!(begin("other").await, Begun::Stale(Some(Box::new(next.clone()))));
}

#[tokio::test]
async fn of_two_payments_at_once_one_rings_the_phone() {
    let db = TestStore::start().await;
    let (order, _) = committed(&db, 1).await;
    let (one, two) = (collection(&order, NOW), collection(&order, NOW));
    let (first, second) = (paying(&order, &one), paying(&order, &two));
    let orders = db.store.orders();
    let (a, b) = tokio::join!(
        orders.begin_payment(&first, &one, None, None, NOW),
        orders.begin_payment(&second, &two, None, None, NOW)
    );
    let outcomes = [a.unwrap(), b.unwrap()];
    assert_eq!(outcomes.iter().filter(|o| **o == Begun::Done).count(), 1, "{outcomes:?}");
    assert_eq!(db.store.payments().of_order(order.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_push_waits_for_the_end_of_the_one_before_and_for_the_cooldown() {
    let db = TestStore::start().await;
    let (order, _) = committed(&db, 1).await;
    let first = collection(&order, NOW);
    let order = paying(&order, &first);
    db.store.orders().begin_payment(&order, &first, None, None, NOW).await.unwrap();
    let second = collection(&order, later(60));
    let next = paying(&order, &second);
    let begin = async |at| db.store.orders().begin_payment(&next, &second, Some(first.id), None, at).await.unwrap();
    let mut known = first.clone();
    let mut set = async |status, review| {
        let next = Payment { status, review, version: known.version + 1, ..known.clone() };
        db.store.payments().replace(&next).await.unwrap();
        known = next.clone();
        next
    };
    assert_eq!(begin(later(999)).await, Begun::Previous(Box::new(first.clone())));
    let held = set(PaymentStatus::Review, Some(ReviewReason::WrongAmount)).await;
    assert_eq!(begin(later(999)).await, Begun::Previous(Box::new(held)));
    let failed = set(PaymentStatus::Failed, None).await;
    assert_eq!(begin(later(119)).await, Begun::Previous(Box::new(failed.clone())));
    assert_eq!(failed.new_push_allowed_at(), Some(later(120)));
    for (reason, free) in [(ReviewReason::Contradiction, false), (ReviewReason::NoAnswer, true)] {
        let reviewed = set(PaymentStatus::Review, Some(reason)).await;
        assert_eq!(reviewed.new_push_allowed_at().is_some(), free);
        if !free {
            assert_eq!(begin(later(999)).await, Begun::Previous(Box::new(reviewed)));
        }
    }
    assert_eq!(begin(later(120)).await, Begun::Done);
}

#[tokio::test]
async fn an_order_that_cannot_be_paid_takes_no_payment() {
    let db = TestStore::start().await;
    let cancelled = in_status(&db, OrderStatus::Cancelled).await;
    let payment = Payment { amount_kes: Kes(1), ..collection(&cancelled, NOW) };
    let begun = db.store.orders().begin_payment(&paying(&cancelled, &payment), &payment, None, None, NOW).await;
    assert_eq!(begun, Ok(Begun::Stale(Some(Box::new(cancelled)))));
    assert_eq!(db.store.payments().get(payment.id).await, Ok(None));
}
