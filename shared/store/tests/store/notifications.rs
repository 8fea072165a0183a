//! `notifications`: what is unread, and marking it.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    NotificationId, Timestamp,
    notification::{Notification, NotificationKind},
};
use descrow_store::{Notifications, testing::TestStore};
use futures_util::future::join_all;

use crate::sample::{BUYER, NOW, SELLER};

fn told(n: u16, read: bool) -> Notification {
    Notification {
        user_id: BUYER,
        id: format!("0193a1f0-{n:04x}-7000-8000-0000000000c1").parse().unwrap(),
        kind: NotificationKind::OrderStatus,
        order_id: None,
        title: "Paid".into(),
        message: "Your order was paid.".into(),
        read,
        created_at: Timestamp(NOW.0 + i64::from(n)),
    }
}

async fn tell(db: &TestStore, rows: &[Notification]) {
    for rows in rows.chunks(50) {
        let written = join_all(rows.iter().map(|row| db.store.notifications().put_if_absent(row))).await;
        assert!(written.into_iter().all(|written| written == Ok(true)));
    }
    db.trips.take();
}

fn ids(rows: &[Notification]) -> Vec<NotificationId> {
    rows.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn what_is_unread_is_found_by_one_request_among_a_thousand_that_are_read() {
    let db = TestStore::start().await;
    let mut rows: Vec<Notification> = (1..=1_000).map(|n| told(n, true)).collect();
    // The oldest of all.
    rows.push(told(0, false));
    let other = Notification { user_id: SELLER, ..told(5, false) };
    rows.push(other.clone());
    tell(&db, &rows).await;
    let notifications = db.store.notifications();
    let page = notifications.unread(&BUYER, None, Notifications::MARKED_TOGETHER).await.unwrap();
    assert_eq!((ids(&page.items), page.next), (vec![told(0, false).id], None));
    notifications.mark_all_read(&BUYER, &ids(&page.items)).await.unwrap();
    assert_eq!((db.trips.requests(), db.trips.take()), (2, 2));
    let read = notifications.list(&BUYER, None, 100).await.unwrap();
    assert!(read.items.iter().all(|row| row.read));
    assert_eq!(notifications.unread(&BUYER, None, 100).await.unwrap().items, []);
    assert_eq!(notifications.unread(&SELLER, None, 100).await.unwrap().items, [other]);
}

#[tokio::test]
async fn marking_is_all_or_nothing_and_the_same_again_changes_nothing() {
    let db = TestStore::start().await;
    let rows: Vec<Notification> = (0..3).map(|n| told(n, false)).collect();
    tell(&db, &rows).await;
    let notifications = db.store.notifications();
    let unread = async || ids(&notifications.unread(&BUYER, None, 10).await.unwrap().items);
    let with_nothing = [rows[0].id, told(9, false).id];
    assert!(notifications.mark_all_read(&BUYER, &with_nothing).await.is_err());
    assert!(notifications.mark_all_read(&SELLER, &[rows[0].id]).await.is_err(), "somebody else's");
    assert_eq!(unread().await, [rows[2].id, rows[1].id, rows[0].id]);
    assert_eq!(notifications.mark_read(&BUYER, rows[1].id).await, Ok(true));
    assert_eq!(unread().await, [rows[2].id, rows[0].id]);
    for _ in 0..2 {
        assert_eq!(notifications.mark_all_read(&BUYER, &ids(&rows)).await, Ok(()));
        assert_eq!(unread().await, []);
    }
    assert_eq!(notifications.mark_all_read(&BUYER, &[]).await, Ok(()));
    let all: Vec<Notification> = (0..3).rev().map(|n| told(n, true)).collect();
    assert_eq!(notifications.list(&BUYER, None, 10).await.unwrap().items, all);
}

#[tokio::test]
async fn a_row_that_a_release_without_this_list_wrote_is_put_in_its_place() {
    let db = TestStore::start().await;
    let (unread, read) = (told(1, false), told(2, false));
    tell(&db, &[unread.clone(), read.clone()]).await;
    let notifications = db.store.notifications();
    let text = AttributeValue::S;
    let row = |of: &Notification| {
        let row = db.client.update_item().table_name("test-notifications");
        row.key("user_id", text(BUYER.to_string())).key("id", text(of.id.to_string()))
    };
    row(&unread).update_expression("REMOVE unread_of").send().await.unwrap();
    let marked = row(&read).update_expression("SET #read = :yes").expression_attribute_names("#read", "read");
    marked.expression_attribute_values(":yes", AttributeValue::Bool(true)).send().await.unwrap();
    let read = Notification { read: true, ..read };
    let listed = async || notifications.unread(&BUYER, None, 10).await.unwrap().items;
    assert_eq!(listed().await, std::slice::from_ref(&read));
    for row in [&unread, &read] {
        assert_eq!(notifications.put_in_place(row).await, Ok(true), "{row:?}");
    }
    assert_eq!(listed().await, std::slice::from_ref(&unread));
    let read_since = Notification { read: false, ..read };
    assert_eq!(notifications.put_in_place(&read_since).await, Ok(false));
    assert_eq!(listed().await, [unread]);
}
