//! Reads of several items at once, and the round trips of whole requests.

use descrow_domain::{OrderId, PaymentId, ProductId};
use descrow_store::{Family, Found, IdempotencyRecord, SellerTerms, Wanted, testing::TestStore};
use uuid::Uuid;

use crate::sample::{BUYER, NOW, SELLER, collection, create_command, later, order, product, user};

#[tokio::test]
async fn a_request_learns_all_it_needs_in_one_round_trip() {
    let db = TestStore::start().await;
    let bicycle = product(2, NOW);
    let order = order(&bicycle, NOW);
    let payment = collection(&order, NOW);
    let family_id = Uuid::now_v7();
    let family = Family::new(family_id, BUYER, NOW, later(100));
    db.store.sessions().create_family(&family).await.unwrap();
    for account in [BUYER, SELLER] {
        db.store.users().create(&user(account)).await.unwrap();
    }
    db.store.products().create(&bicycle).await.unwrap();
    let record = IdempotencyRecord {
        id: IdempotencyRecord::id("orders", "key"),
        request_hash: "h".into(),
        outcome: Some("201".into()),
        locked_until: NOW,
        expires_at: later(86_400).seconds(),
    };
    db.store
        .orders()
        .create(&order, &bicycle, &create_command(&order), SellerTerms::default(), Some(&record))
        .await
        .unwrap();
    db.store.payments().create(&payment).await.unwrap();
    let left = db.store.products().get(bicycle.id).await.unwrap();
    db.trips.take();
    let wanted = Wanted {
        family: Some(family_id),
        user: Some(BUYER),
        other_user: Some(SELLER),
        order: Some(order.id),
        product: Some(bicycle.id),
        payment: Some(payment.id),
        payout: Some(payment.id),
        booked: Some((order.id, payment.id)),
        command: Some(create_command(&order).id),
        idempotency: Some(record.id.clone()),
        rates: true,
    };
    let found = db.store.read_together(&wanted).await.unwrap();
    assert_eq!((db.trips.requests(), db.trips.take()), (1, 1));
    let expected = Found {
        family: Some(family),
        user: Some(user(BUYER)),
        other_user: Some(user(SELLER)),
        command: Some(create_command(&order)),
        order: Some(order),
        product: left,
        payout: Some(payment.clone()),
        booked: false,
        payment: Some(payment),
        idempotency: Some(record),
        rates: None,
    };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_nothing_wanted_costs_nothing() {
    let db = TestStore::start().await;
    let wanted = Wanted {
        family: Some(Uuid::now_v7()),
        user: Some(BUYER),
        order: Some(OrderId::new()),
        product: Some(ProductId::new()),
        payment: Some(PaymentId::new()),
        ..Wanted::default()
    };
    assert_eq!(db.store.read_together(&wanted).await, Ok(Found::default()));
    db.trips.take();
    assert_eq!(db.store.read_together(&Wanted::default()).await, Ok(Found::default()));
    assert_eq!(db.trips.take(), 0);
}
