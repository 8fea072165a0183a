//! Many buyers of few pieces, and orders that end while others come: never more is sold than there is.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use descrow_domain::{
    Account,
    order::{Order, OrderStatus},
    product::ProductStatus,
};
use descrow_store::{Applied, ChainChange, Created, SellerTerms, StoreError, Table, testing::TestStore};

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

/// One buyer who wants a piece, as often as the database is too busy to say.
async fn buy(db: &TestStore, bicycle: &descrow_domain::product::Product, n: u8) -> Option<Order> {
    loop {
        let order = Order { buyer_id: Account::from_bytes([n; 32]), ..order(bicycle, NOW) };
        let command = create_command(&order);
        match db.store.orders().create(&order, bicycle, &command, SellerTerms::default(), None).await {
            Ok(Created::Done) => return Some(order),
            Ok(Created::Unavailable(Some(left))) => {
                assert_eq!((left.quantity, left.status), (0, ProductStatus::Sold));
                return None;
            }
            // Another buyer of the same product was faster several times in a row: the route answers 503, and the buyer comes again.
            Err(StoreError::Contention(Table::Products | Table::Orders)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_buyers_of_the_last_piece_exactly_one_gets_it() {
    let db = TestStore::start().await;
    let bicycle = product(1, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let buyers: Vec<_> = (0..50)
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
    assert_eq!((sold, left.quantity, left.status), (1, 0, ProductStatus::Sold));
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
