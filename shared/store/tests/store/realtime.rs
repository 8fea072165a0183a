//! `notifications` and `connections`.

use descrow_domain::{
    Account, NotificationId, OrderId, Timestamp,
    notification::{Change, MessagePart, Notification, NotificationKind},
};
use descrow_store::{Connection, testing::TestStore};

use crate::sample::{BUYER, NOW, SELLER, later};

fn notification(user: Account, at: Timestamp) -> Notification {
    let change = Change { at, version: 1, row: "orders/a" };
    Notification {
        user_id: user,
        id: change.id(&user, MessagePart::Notification),
        kind: NotificationKind::OrderStatus,
        order_id: Some(OrderId::derived(&uuid::Uuid::nil(), "a")),
        title: "Paid".into(),
        message: "The payment is on the contract.".into(),
        read: false,
        created_at: at,
    }
}

#[tokio::test]
async fn a_notification_is_written_once_and_keeps_being_read() {
    let db = TestStore::start().await;
    let notifications = db.store.notifications();
    let paid = notification(BUYER, NOW);
    assert_eq!(notifications.put_if_absent(&paid).await, Ok(true));
    assert_eq!(notifications.mark_read(&BUYER, paid.id).await, Ok(true));
    assert_eq!(notifications.put_if_absent(&paid).await, Ok(false), "delivered twice");
    let page = notifications.list(&BUYER, None, 20).await.unwrap();
    assert_eq!(page.items, [Notification { read: true, ..paid.clone() }]);
    assert_eq!(notifications.mark_read(&SELLER, paid.id).await, Ok(false), "somebody else's");
    assert_eq!(notifications.mark_read(&BUYER, NotificationId::new()).await, Ok(false));
    assert_eq!(notifications.list(&SELLER, None, 20).await.unwrap().items, []);
}

#[tokio::test]
async fn notifications_are_listed_newest_first() {
    let db = TestStore::start().await;
    let notifications = db.store.notifications();
    let rows: Vec<_> = (0..5).map(|n| notification(BUYER, later(n))).collect();
    for row in &rows {
        notifications.put_if_absent(row).await.unwrap();
    }
    let first = notifications.list(&BUYER, None, 3).await.unwrap();
    assert_eq!(first.items, [rows[4].clone(), rows[3].clone(), rows[2].clone()]);
    let second = notifications.list(&BUYER, first.next.as_deref(), 3).await.unwrap();
    assert_eq!((second.items, second.next), (vec![rows[1].clone(), rows[0].clone()], None));
}

#[tokio::test]
async fn connections_are_known_by_user_until_they_end() {
    let db = TestStore::start().await;
    let connections = db.store.connections();
    let open = |id: &str, user_id| Connection {
        id: id.into(),
        user_id,
        connected_at: NOW,
        expires_at: later(7_500).seconds(),
    };
    let (phone, laptop, other) = (open("a=", BUYER), open("b=", BUYER), open("c=", SELLER));
    for connection in [&phone, &laptop, &other, &phone] {
        connections.put(connection).await.unwrap();
    }
    assert_eq!(connections.of_user(&BUYER).await, Ok(vec![phone.clone(), laptop.clone()]));
    assert_eq!(connections.get("a=").await, Ok(Some(phone.clone())));
    assert_eq!(connections.delete("a=").await, Ok(Some(phone)));
    assert_eq!(connections.delete("a=").await, Ok(None));
    assert_eq!(connections.of_user(&BUYER).await, Ok(vec![laptop]));
}
