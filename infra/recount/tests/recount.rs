//! The recount against rows and counters that the function itself kept.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use descrow_domain::{
    Account, NotificationId, Timestamp,
    analytics::{Counter, Tally},
    notification::{Notification, NotificationKind},
    order::{OrderStatus, PaymentMode},
};
use descrow_platform::Deadline;
use descrow_store::{
    OrderList, OrdersOf,
    testing::{STACK, TestStore},
};
use recount::{Placed, Recount, Settled, repair};

const FUNDED: Counter = Counter::Now(PaymentMode::Mpesa, OrderStatus::Funded);

fn records() -> Vec<EventRecord> {
    let samples =
        [include_str!("../../../events/analytics-orders.json"), include_str!("../../../events/analytics-ledger.json")];
    samples.iter().flat_map(|sample| serde_json::from_str::<Event>(sample).unwrap().records).collect()
}

/// Makes the tables what the records say they are.
async fn write_rows(db: &TestStore) {
    for record in records() {
        let image = record.change.new_image;
        let table = if image.get("entry_id").is_some() { "ledger" } else { "orders" };
        let request = db.client.put_item().table_name(format!("{STACK}-{table}")).set_item(Some(image.into()));
        request.send().await.unwrap();
    }
}

/// Lets the function count the records.
async fn count(db: &TestStore) {
    let mut event = Event::default();
    event.records = records();
    let deadline = Deadline::after(Duration::from_secs(20));
    let response = analytics::batch::process(event, &db.store, deadline).await;
    assert_eq!(response.batch_item_failures.len(), 0);
}

#[tokio::test]
async fn what_the_function_counted_agrees_with_the_rows() {
    let db = TestStore::start().await;
    write_rows(&db).await;
    count(&db).await;
    let found = Recount::once(&db.client, STACK).await.unwrap();
    assert_eq!((found.orders, found.entries, found.counted.get(FUNDED)), (1, 2, 1));
    assert_eq!(found.counted, found.recounted);
    let shown = found.to_string();
    assert!(shown.ends_with("1 orders and 2 entries of the books recounted: the counters agree"), "{shown}");
    assert!(!shown.contains("DIFFERS"), "{shown}");
}

#[tokio::test]
async fn what_was_not_counted_or_counted_wrongly_is_found_and_repaired() {
    let db = TestStore::start().await;
    write_rows(&db).await;
    count(&db).await;
    let wrong: Tally = [(FUNDED, 5), (Counter::Now(PaymentMode::Dot, OrderStatus::Created), 1)].into_iter().collect();
    db.store.counters().correct(&wrong).await.unwrap();
    let settled = Recount::settled(&db.client, STACK, Duration::ZERO).await.unwrap();
    assert_eq!(settled.last.difference(), Tally::default().minus(&wrong));
    let shown = settled.last.to_string();
    let line = shown.lines().find(|line| line.contains("now mpesa funded") && line.contains("DIFFERS")).unwrap();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>(),
        ["now", "mpesa", "funded", "6", "1", "DIFFERS", "by", "-5"]
    );

    let moving = Settled { steady: false, ..settled.clone() };
    assert!(repair(&db.client, STACK, &moving).await.is_err());
    assert_eq!(Recount::once(&db.client, STACK).await.unwrap(), settled.last);
    repair(&db.client, STACK, &settled).await.unwrap();
    assert_eq!(Recount::once(&db.client, STACK).await.unwrap().difference(), Tally::default());
}

#[tokio::test]
async fn rows_that_nobody_counted_are_the_difference() {
    let db = TestStore::start().await;
    write_rows(&db).await;
    let found = Recount::once(&db.client, STACK).await.unwrap();
    assert_eq!((found.counted.is_empty(), found.difference()), (true, found.recounted.clone()));
    assert_eq!(found.recounted.get(FUNDED), 1);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let db = TestStore::start().await;
    let mut image = records().remove(0).change.new_image;
    image.remove("quote");
    db.client.put_item().table_name(format!("{STACK}-orders")).set_item(Some(image.into())).send().await.unwrap();
    let error = Recount::once(&db.client, STACK).await.unwrap_err();
    assert_eq!(error.to_string(), "row 01998f00-1111-7000-8000-000000000001 of orders is unreadable");
}

#[tokio::test]
async fn rows_from_before_an_index_get_their_place_in_it_once() {
    let db = TestStore::start().await;
    write_rows(&db).await;
    let told = Notification {
        user_id: Account::from_bytes([1; 32]),
        id: NotificationId::new(),
        kind: NotificationKind::OrderStatus,
        order_id: None,
        title: "Paid".to_owned(),
        message: "Your order was paid.".to_owned(),
        read: false,
        created_at: Timestamp(0),
    };
    let read = Notification { id: NotificationId::new(), read: true, ..told.clone() };
    for row in [&told, &read] {
        let item = Some(serde_dynamo::to_item(row).unwrap());
        db.client.put_item().table_name(format!("{STACK}-notifications")).set_item(item).send().await.unwrap();
    }
    let unread = async || db.store.notifications().unread(&told.user_id, None, 10).await.unwrap().items;
    assert_eq!(unread().await, []);
    assert_eq!(Placed::all(&db.client, STACK).await.unwrap(), Placed { orders: 1, notifications: 1 });
    assert_eq!(unread().await, std::slice::from_ref(&told));
    let id = "01998f00-1111-7000-8000-000000000001".parse().unwrap();
    let order = db.store.orders().get(id).await.unwrap().unwrap();
    let wanted = OrderList {
        of: OrdersOf::Buyer(order.buyer_id),
        status: Some(order.status),
        mode: None,
        position: None,
        limit: 10,
    };
    assert_eq!(db.store.orders().list(&wanted).await.unwrap().items, [order]);
    assert_eq!(Placed::all(&db.client, STACK).await.unwrap(), Placed::default());
}
