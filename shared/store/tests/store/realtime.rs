//! `notifications` and `connections`.

use descrow_domain::{
    Account, NotificationId, OrderId, Timestamp,
    notification::{Change, MessagePart, Notification, NotificationKind},
    realtime::MessageId,
};
use descrow_store::{Connection, Family, testing::TestStore};
use uuid::Uuid;

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
    let families = [(BUYER, Uuid::from_u128(1)), (SELLER, Uuid::from_u128(2))];
    for (user, family) in families {
        assert!(db.store.sessions().create_family(&Family::new(family, user, NOW, later(7_500))).await.unwrap());
    }
    let open = |id: &str, user_id| Connection {
        id: id.into(),
        user_id,
        family: families.iter().find(|(user, _)| *user == user_id).map(|(_, family)| *family),
        connected_at: NOW,
        expires_at: later(7_500).seconds(),
    };
    let (phone, laptop, other) = (open("a=", BUYER), open("b=", BUYER), open("c=", SELLER));
    for connection in [&phone, &laptop, &other, &phone] {
        assert_eq!(connections.open(connection, NOW).await, Ok(true));
    }
    let stolen = Connection { user_id: SELLER, ..phone.clone() };
    assert!(connections.open(&stolen, NOW).await.is_err(), "an id is somebody's");
    assert_eq!(connections.of_user(&BUYER).await, Ok(vec![phone.clone(), laptop.clone()]));
    assert_eq!(connections.get("a=").await, Ok(Some(phone.clone())));
    assert_eq!(connections.delete("a=").await, Ok(Some(phone)));
    assert_eq!(connections.delete("a=").await, Ok(None));
    assert_eq!(connections.of_user(&BUYER).await, Ok(vec![laptop]));
}

#[tokio::test]
async fn a_connection_opens_and_hears_while_its_session_stands() {
    let db = TestStore::start().await;
    let (connections, messages, family) = (db.store.connections(), db.store.messages(), Uuid::now_v7());
    db.store.sessions().create_family(&Family::new(family, BUYER, NOW, later(100))).await.unwrap();
    let phone = Connection {
        id: "a=".into(),
        user_id: BUYER,
        family: Some(family),
        connected_at: NOW,
        expires_at: later(7_500).seconds(),
    };
    let nameless = Connection { id: "b=".into(), family: None, ..phone.clone() };
    let unknown = Connection { id: "c=".into(), family: Some(Uuid::now_v7()), ..phone.clone() };
    assert_eq!(connections.open(&phone, later(100)).await, Ok(false), "the session is over");
    for (connection, stands) in [(&phone, true), (&nameless, false), (&unknown, false)] {
        db.trips.take();
        assert_eq!((connections.open(connection, NOW).await, db.trips.take() < 2), (Ok(stands), true));
        assert_eq!(connections.get(&connection.id).await, Ok(stands.then(|| connection.clone())));
        db.trips.take();
        let last = messages.last_for(connection, NOW).await;
        assert_eq!((last, db.trips.take() < 2), (Ok(stands.then_some(MessageId::ZERO)), true));
    }
    assert_eq!(messages.last_for(&phone, later(100)).await, Ok(None), "the session is over");
    db.store.sessions().revoke_family(family).await.unwrap();
    assert_eq!(messages.last_for(&phone, NOW).await, Ok(None));
    let tablet = Connection { id: "d=".into(), ..phone };
    assert_eq!(connections.open(&tablet, NOW).await, Ok(false));
}
