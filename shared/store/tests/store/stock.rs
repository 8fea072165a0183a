//! Many buyers of few pieces, and orders that end while others come: never more is sold than there is.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use descrow_domain::{
    Account, Planck, UsdCents,
    order::{Order, OrderStatus},
    product::{Product, ProductStatus},
};
use descrow_store::{
    Applied, ChainChange, Created, ProductList, ProductSort, Replaced, SellerTerms, StoreError, testing::TestStore,
};

use crate::sample::{NOW, create_command, later, order, product};

/// Cancels `order` as the contract's event does: status and stock in one transaction, anew while others change the product.
async fn cancel(db: &TestStore, order: &Order) {
    loop {
        let stock = db.store.products().get(order.product_id).await.unwrap().unwrap();
        let back = stock.restocked(order.quantity, later(9));
        let next = Order { status: OrderStatus::Cancelled, version: order.version + 1, ..order.clone() };
        let change = ChainChange {
            order: &next,
            command: None,
            payments: &[],
            withdraw: None,
            stock: Some(&back),
            ledger: None,
        };
        match db.store.orders().apply_chain_event(&change, later(9)).await {
            Ok(Applied::Done) => return,
            Ok(Applied::Elsewhere) | Err(StoreError::Contention(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// One buyer who wants a piece, and is told at once whether there is one.
async fn buy(db: &TestStore, bicycle: &Product, n: u8) -> Option<Order> {
    let order = Order { buyer_id: Account::from_bytes([n; 32]), ..order(bicycle, NOW) };
    let command = create_command(&order);
    match db.store.orders().create(&order, bicycle, &command, SellerTerms::default(), None).await.unwrap() {
        Created::Done => Some(order),
        Created::Unavailable(Some(left)) => {
            assert_eq!((left.quantity, left.status), (0, ProductStatus::Sold));
            None
        }
        other => panic!("{other:?}"),
    }
}

/// How many of so many buyers at once get one of the pieces, and what is left.
async fn rush(buyers: u8, pieces: u32) -> (u32, Product) {
    let db = TestStore::start().await;
    let bicycle = product(pieces, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let buyers: Vec<_> = (0..buyers)
        .map(|n| {
            let (db, bicycle) = (db.clone(), bicycle.clone());
            tokio::spawn(async move { buy(&db, &bicycle, n).await.is_some() })
        })
        .collect();
    let mut sold = 0;
    for buyer in buyers {
        sold += u32::from(buyer.await.unwrap());
    }
    let left = db.store.products().get(bicycle.id).await.unwrap().unwrap();
    let on_sale = ProductList {
        seller: None,
        status: None,
        category: None,
        sort: ProductSort::Newest,
        position: None,
        limit: 10,
    };
    let listed = db.store.products().list(&on_sale).await.unwrap().items;
    assert_eq!(listed.len(), usize::from(left.status == ProductStatus::Active), "{listed:?}");
    (sold, left)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_buyers_of_the_last_piece_exactly_one_gets_it() {
    let (sold, left) = rush(50, 1).await;
    assert_eq!((sold, left.quantity, left.status, left.version), (1, 0, ProductStatus::Sold, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_buyers_of_fifty_pieces_each_gets_one_and_then_it_is_sold() {
    let (sold, left) = rush(50, 50).await;
    assert_eq!((sold, left.quantity, left.status, left.version), (50, 0, ProductStatus::Sold, 51));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixty_buyers_of_forty_pieces_forty_get_one() {
    let (sold, left) = rush(60, 40).await;
    assert_eq!((sold, left.quantity, left.status), (40, 0, ProductStatus::Sold));
}

#[tokio::test]
async fn whatever_others_took_meanwhile_an_order_needs_one_round_trip_while_enough_is_left() {
    let db = TestStore::start().await;
    let bicycle = product(10, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    for n in 0..8 {
        db.trips.take();
        assert!(buy(&db, &bicycle, n).await.is_some());
        assert_eq!(db.trips.take(), 1, "{n}");
    }
    let two = Order { quantity: 2, ..order(&bicycle, NOW) };
    let created = db.store.orders().create(&two, &bicycle, &create_command(&two), SellerTerms::default(), None).await;
    assert_eq!((created, db.trips.take()), (Ok(Created::Done), 2), "the last ones are taken as they are now");
    let left = db.store.products().get(bicycle.id).await.unwrap().unwrap();
    assert_eq!((left.quantity, left.status, left.version), (0, ProductStatus::Sold, 10));
}

#[tokio::test]
async fn a_product_that_was_taken_off_or_priced_anew_meanwhile_is_not_sold_however_much_is_left() {
    for change in [
        (|product| product.status = ProductStatus::Inactive) as fn(&mut Product),
        |product| product.price_dot = Planck(7),
        |product| product.price_usd = UsdCents(7),
    ] {
        let db = TestStore::start().await;
        let bicycle = product(10, NOW);
        db.store.products().create(&bicycle).await.unwrap();
        let mut changed = Product { version: 2, ..bicycle.clone() };
        change(&mut changed);
        assert_eq!(db.store.products().replace(&changed).await, Ok(Replaced::Done));
        let order = order(&bicycle, NOW);
        let command = create_command(&order);
        let created = db.store.orders().create(&order, &bicycle, &command, SellerTerms::default(), None).await;
        assert_eq!(created, Ok(Created::Unavailable(Some(Box::new(changed.clone())))));
        assert_eq!(db.store.products().get(bicycle.id).await, Ok(Some(changed)));
        assert_eq!(db.store.orders().get(order.id).await, Ok(None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_cancellations_between_fifty_buyers_never_more_is_sold_than_there_is() {
    let db = TestStore::start().await;
    let bicycle = product(1, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let (held, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let buyers: Vec<_> = (0..50u8)
        .map(|n| {
            let (db, bicycle, held, most) = (db.clone(), bicycle.clone(), Arc::clone(&held), Arc::clone(&most));
            tokio::spawn(async move {
                let Some(order) = buy(&db, &bicycle, n).await else { return (0, 0) };
                most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                if n % 7 == 0 {
                    return (1, 0);
                }
                // Counted out before the piece is given back: what others get afterwards is theirs.
                held.fetch_sub(1, Ordering::SeqCst);
                cancel(&db, &order).await;
                // The event is read again: the order is cancelled already, so nothing comes back twice.
                let again = Order { status: OrderStatus::Cancelled, version: order.version + 1, ..order.clone() };
                let stock = db.store.products().get(order.product_id).await.unwrap().unwrap();
                let twice = stock.restocked(1, later(99));
                let change = ChainChange {
                    order: &Order { updated_at: later(99), ..again },
                    command: None,
                    payments: &[],
                    withdraw: None,
                    stock: Some(&twice),
                    ledger: None,
                };
                let applied = db.store.orders().apply_chain_event(&change, later(99)).await;
                assert!(matches!(applied, Ok(Applied::Stale(_)) | Err(StoreError::Contention(_))), "{applied:?}");
                (1, 1)
            })
        })
        .collect();
    let (mut sold, mut cancelled) = (0u32, 0u32);
    for buyer in buyers {
        let (one, back) = buyer.await.unwrap();
        sold += one;
        cancelled += back;
    }
    let left = db.store.products().get(bicycle.id).await.unwrap().unwrap();
    assert_eq!(left.quantity + sold - cancelled, 1, "{sold} sold, {cancelled} came back");
    assert!(sold >= 1 && most.load(Ordering::SeqCst) <= 1);
    let expected = if left.quantity == 0 { ProductStatus::Sold } else { ProductStatus::Active };
    assert_eq!(left.status, expected);
}
