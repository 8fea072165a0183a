//! `products`.

use descrow_domain::{
    Account, Planck,
    product::{Product, ProductStatus},
};
use descrow_store::{
    IdempotencyRecord, Listed, ProductList, ProductSort, Replaced, StoreError, Table, testing::TestStore,
};
use proptest::prelude::*;

use crate::sample::{NOW, SELLER, later, product};

fn all<'a>() -> ProductList<'a> {
    let (seller, status, category, position) = (None, None, None, None);
    ProductList { seller, status, category, sort: ProductSort::Newest, position, limit: 20 }
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
async fn a_page_of_any_list_is_one_round_trip() {
    let db = TestStore::start().await;
    for _ in 0..3 {
        db.store.products().create(&product(1, NOW)).await.unwrap();
    }
    for (seller, category, requests) in
        [(None, None, 4), (None, Some("vehicles"), 4), (Some(SELLER), None, 3), (Some(SELLER), Some("vehicles"), 3)]
    {
        for sort in [ProductSort::Newest, ProductSort::PriceAscending, ProductSort::PriceDescending] {
            db.trips.take();
            let wanted = ProductList { seller, category, sort, limit: 2, ..all() };
            let page = db.store.products().list(&wanted).await.unwrap();
            assert_eq!((page.items.len(), page.next.is_some()), (2, true), "{wanted:?}");
            assert_eq!((db.trips.requests(), db.trips.take()), (requests, 1), "{wanted:?}");
        }
    }
}

#[tokio::test]
async fn a_change_of_price_or_status_moves_a_product_in_every_list() {
    let db = TestStore::start().await;
    let products = db.store.products();
    let priced = |dot: u128| Product { price_dot: Planck(dot), ..product(1, NOW) };
    // One digit more is more, although it begins with a smaller one.
    let (cheap, dear) = (priced(9), priced(10));
    for row in [&cheap, &dear] {
        products.create(row).await.unwrap();
    }
    let lists = [
        all(),
        ProductList { category: Some("vehicles"), ..all() },
        ProductList { seller: Some(SELLER), status: Some(ProductStatus::Active), ..all() },
        ProductList { seller: Some(SELLER), status: Some(ProductStatus::Active), category: Some("vehicles"), ..all() },
    ]
    .map(|list| ProductList { sort: ProductSort::PriceAscending, ..list });
    let seen = async |expected: &[&Product]| {
        for list in &lists {
            let found = products.list(list).await.unwrap().items;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{list:?}");
        }
    };
    seen(&[&cheap, &dear]).await;
    let dearest = Product { price_dot: Planck(11), version: 2, ..cheap };
    products.replace(&dearest).await.unwrap();
    seen(&[&dear, &dearest]).await;
    let gone = Product { status: ProductStatus::Inactive, version: 2, ..dear };
    products.replace(&gone).await.unwrap();
    seen(&[&dearest]).await;
    let elsewhere = Product { category: "books".parse().unwrap(), version: 3, ..dearest };
    products.replace(&elsewhere).await.unwrap();
    assert_eq!(products.list(&lists[1]).await.unwrap().items, []);
}

/// What tells products of a catalogue apart: few values of each, so that they meet.
fn kinds() -> impl Strategy<Value = Vec<(u8, u8, u8, u8)>> {
    prop::collection::vec((0..2u8, 0..2u8, 0..3u8, 0..5u8), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// The pages of any list, one after the other, are the whole list in its order.
    #[test]
    fn paging_loses_nothing_and_repeats_nothing(
        kinds in kinds(),
        limit in 1usize..9,
        seller in prop::option::of(0..2u8),
        category in prop::option::of(0..2u8),
        status in prop::option::of(0..3u8),
    ) {
        let sellers = [SELLER, Account::from_bytes([9; 32])];
        let categories = ["vehicles", "books#and more"];
        let statuses = [ProductStatus::Active, ProductStatus::Inactive, ProductStatus::Sold];
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let db = TestStore::start().await;
            let mut rows = Vec::new();
            for (n, (seller, category, status, price)) in kinds.into_iter().enumerate() {
                let row = Product {
                    seller_id: sellers[usize::from(seller)],
                    category: categories[usize::from(category)].parse().unwrap(),
                    status: statuses[usize::from(status)],
                    // From one planck to more than a u64 holds; several share a price.
                    price_dot: Planck(10_u128.pow(u32::from(price) * 5)),
                    // Several share an instant.
                    ..product(1, later(i64::try_from(n / 3).unwrap()))
                };
                db.store.products().create(&row).await.unwrap();
                rows.push(row);
            }
            let wanted = ProductList {
                seller: seller.map(|n| sellers[usize::from(n)]),
                category: category.map(|n| categories[usize::from(n)]),
                status: status.map(|n| statuses[usize::from(n)]),
                limit,
                ..all()
            };
            let shown = wanted.status.or_else(|| wanted.seller.is_none().then_some(ProductStatus::Active));
            rows.retain(|row| {
                wanted.seller.is_none_or(|seller| row.seller_id == seller)
                    && wanted.category.is_none_or(|category| row.category.as_str() == category)
                    && shown.is_none_or(|status| row.status == status)
            });
            for sort in [ProductSort::Newest, ProductSort::PriceAscending, ProductSort::PriceDescending] {
                match sort {
                    ProductSort::Newest => rows.sort_by_key(|p| std::cmp::Reverse((p.created_at, p.id.to_string()))),
                    ProductSort::PriceAscending => rows.sort_by_key(|p| (p.price_dot, p.id.to_string())),
                    ProductSort::PriceDescending => {
                        rows.sort_by_key(|p| std::cmp::Reverse((p.price_dot, p.id.to_string())));
                    }
                }
                let mut found = Vec::new();
                let mut position = None;
                for _ in 0..100 {
                    let wanted = ProductList { sort, position: position.as_deref(), ..wanted.clone() };
                    let page = db.store.products().list(&wanted).await.unwrap();
                    assert!(page.next.is_none() || page.items.len() == limit, "only the last page is short");
                    found.extend(page.items);
                    position = page.next;
                    if position.is_none() {
                        break;
                    }
                }
                assert_eq!(position, None, "it ends");
                assert_eq!(found, rows, "{sort:?}");
            }
        });
    }
}
