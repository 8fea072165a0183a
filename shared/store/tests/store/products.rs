//! `products`.

use descrow_domain::{
    Account,
    product::{Product, ProductStatus},
};
use descrow_store::{IdempotencyRecord, Listed, ProductList, Replaced, StoreError, Table, testing::TestStore};
use proptest::prelude::*;

use crate::sample::{NOW, SELLER, later, product};

fn all<'a>() -> ProductList<'a> {
    ProductList { seller: None, status: None, category: None, position: None, limit: 20 }
}

#[tokio::test]
async fn a_product_is_listed_once_and_read_back_whole() {
    let db = TestStore::start().await;
    let products = db.store.products();
    let bicycle = product(3, NOW);
    assert_eq!(products.create(&bicycle).await, Ok(true));
    assert_eq!(products.create(&Product { quantity: 9, ..bicycle.clone() }).await, Ok(false));
    assert_eq!(products.get(bicycle.id).await, Ok(Some(bicycle)));
}

#[tokio::test]
async fn the_answer_to_a_listing_is_kept_with_it() {
    let db = TestStore::start().await;
    let products = db.store.products();
    let record = IdempotencyRecord {
        id: IdempotencyRecord::id("products", "key"),
        request_hash: "h".into(),
        outcome: Some("201".into()),
        locked_until: NOW,
        expires_at: later(86_400).seconds(),
    };
    let (first, second) = (product(1, NOW), product(1, NOW));
    assert_eq!(products.create_once(&first, &record).await, Ok(Listed::Done));
    assert_eq!(products.create_once(&second, &record).await, Ok(Listed::Replay(Box::new(record.clone()))));
    assert_eq!(products.get(second.id).await, Ok(None));
    let other = IdempotencyRecord { id: IdempotencyRecord::id("products", "other"), ..record };
    assert_eq!(products.create_once(&first, &other).await, Err(StoreError::Contention(Table::Products)));
}

#[tokio::test]
async fn only_the_version_it_is_based_on_is_replaced_and_only_by_its_seller() {
    let db = TestStore::start().await;
    let products = db.store.products();
    let bicycle = product(3, NOW);
    products.create(&bicycle).await.unwrap();
    let dearer = Product { quantity: 4, version: 2, ..bicycle.clone() };
    let cheaper = Product { quantity: 5, version: 2, ..bicycle.clone() };
    db.trips.take();
    assert_eq!(products.replace(&dearer).await, Ok(Replaced::Done));
    assert_eq!(products.replace(&dearer).await, Ok(Replaced::Done), "the same again, as after a lost reply");
    assert_eq!(products.replace(&cheaper).await, Ok(Replaced::Stale(Some(Box::new(dearer.clone())))));
    assert_eq!(db.trips.take(), 3);
    let thief = Product { seller_id: Account::from_bytes([9; 32]), version: 3, ..dearer.clone() };
    assert_eq!(products.replace(&thief).await, Ok(Replaced::Stale(Some(Box::new(dearer)))));
    assert_eq!(products.replace(&product(1, NOW)).await, Ok(Replaced::Stale(None)));
}

#[tokio::test]
async fn lists_are_newest_first_and_follow_seller_status_and_category() {
    let db = TestStore::start().await;
    let products = db.store.products();
    let (other, old, new) = (Account::from_bytes([9; 32]), product(1, NOW), product(1, later(1)));
    let inactive = Product { status: ProductStatus::Inactive, ..product(1, later(2)) };
    let book = Product { category: "books".parse().unwrap(), seller_id: other, ..product(1, later(3)) };
    for row in [&old, &new, &inactive, &book] {
        products.create(row).await.unwrap();
    }
    let list = async |wanted: ProductList<'_>| products.list(&wanted).await.unwrap().items;
    assert_eq!(list(all()).await, [book.clone(), new.clone(), old.clone()]);
    assert_eq!(list(ProductList { category: Some("books"), ..all() }).await, std::slice::from_ref(&book));
    assert_eq!(
        list(ProductList { status: Some(ProductStatus::Inactive), ..all() }).await,
        std::slice::from_ref(&inactive)
    );
    let sellers = ProductList { seller: Some(SELLER), ..all() };
    assert_eq!(list(sellers.clone()).await, [inactive.clone(), new.clone(), old.clone()]);
    assert_eq!(list(ProductList { status: Some(ProductStatus::Active), ..sellers.clone() }).await, [new, old]);
    assert_eq!(list(ProductList { category: Some("books"), ..sellers }).await, []);
    assert_eq!(list(ProductList { seller: Some(other), status: Some(ProductStatus::Sold), ..all() }).await, []);
}

#[tokio::test]
async fn a_page_over_all_shards_is_one_round_trip() {
    let db = TestStore::start().await;
    db.store.products().create(&product(1, NOW)).await.unwrap();
    db.trips.take();
    db.store.products().list(&all()).await.unwrap();
    assert_eq!((db.trips.requests(), db.trips.take()), (4, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Paging through any number of products with any page size, filtered or not, gives each exactly once, newest first.
    #[test]
    fn paging_loses_nothing_and_repeats_nothing(books in prop::collection::vec(any::<bool>(), 0..40), limit in 1usize..9, filtered: bool) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let db = TestStore::start().await;
            let mut expected = Vec::new();
            for (n, book) in books.into_iter().enumerate() {
                let category = if book { "books" } else { "vehicles" }.parse().unwrap();
                // several share an instant
                let row = Product { category, ..product(1, later(i64::try_from(n / 3).unwrap())) };
                db.store.products().create(&row).await.unwrap();
                if book || !filtered {
                    expected.push(row);
                }
            }
            expected.sort_by_key(|p| std::cmp::Reverse((p.created_at, p.id.to_string())));
            let mut found = Vec::new();
            let mut position = None;
            for _ in 0..100 {
                let category = filtered.then_some("books");
                let wanted = ProductList { category, position: position.as_deref(), limit, ..all() };
                let page = db.store.products().list(&wanted).await.unwrap();
                assert!(page.items.len() <= limit);
                found.extend(page.items);
                position = page.next;
                if position.is_none() {
                    break;
                }
            }
            assert_eq!(position, None, "it ends");
            assert_eq!(found, expected);
        });
    }
}
