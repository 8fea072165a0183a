//! Reading and marking notifications, and tickets, through the router and over a database in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use descrow_domain::{
    NotificationId, OrderId, Timestamp,
    notification::{Notification, NotificationKind},
    realtime::{MessageId, ServerMessage},
    user::Role,
    view::NotificationView,
};
use descrow_store::{Known, Telling};
use descrow_web::{
    App,
    testing::{Answer, Ask, Bench, Person},
};
use notifications::Notifications;
use serde_json::json;

const SAMPLE: &str = "0193a1f0-0000-7000-8000-0000000000c1";

struct Stage {
    bench: Bench,
    app: App,
    user: Person,
    stranger: Person,
}

impl Stage {
    async fn start() -> Self {
        let bench = Bench::start().await;
        let app = notifications::app(Notifications {
            edge: bench.edge.clone(),
            store: bench.database.store.clone(),
            websocket: Arc::new("wss://ws.descrow.test/live".parse().unwrap()),
        });
        let (user, stranger) = (bench.person(1, Role::Buyer).await, bench.person(2, Role::Seller).await);
        Self { bench, app, user, stranger }
    }

    async fn send(&self, ask: Ask) -> Answer {
        self.bench.send(&self.app, &ask).await
    }

    async fn told(&self, id: NotificationId, title: &str) -> NotificationId {
        self.told_before(id, title, false).await
    }

    /// What the user was told, and whether it read it since.
    async fn told_before(&self, id: NotificationId, title: &str, read: bool) -> NotificationId {
        let row = Notification {
            user_id: self.user.account,
            id,
            kind: NotificationKind::OrderStatus,
            order_id: Some(OrderId::new()),
            title: title.to_owned(),
            message: "Your order was paid.".to_owned(),
            read,
            created_at: Timestamp(1_795_000_000_000),
        };
        assert!(self.bench.database.store.notifications().put_if_absent(&row).await.unwrap());
        id
    }
}

#[tokio::test]
async fn a_user_reads_what_it_was_told_newest_first() {
    let stage = Stage::start().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(
            stage.told(format!("0193a1f0-000{n}-7000-8000-0000000000c1").parse().unwrap(), &format!("n{n}")).await,
        );
    }
    let page = stage.send(Ask::new("GET", "/api/notifications?limit=2").by(&stage.user)).await;
    assert_eq!((page.status.as_u16(), page.trips), (200, 1), "{}", page.text);
    let titles = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(&page), ["n2", "n1"]);
    let cursor = page.body["nextCursor"].as_str().unwrap();
    let last =
        stage.send(Ask::new("GET", &format!("/api/notifications?limit=2&cursor={cursor}")).by(&stage.user)).await;
    assert_eq!((titles(&last), &last.body["nextCursor"]), (vec!["n0".to_owned()], &json!(null)));
    let shown = &last.body["items"][0];
    let expected = json!({"id": ids[0], "type": "order_status", "orderId": shown["orderId"], "title": "n0",
        "message": "Your order was paid.", "read": false, "createdAt": "2026-11-18T11:06:40Z"});
    assert_eq!(shown, &expected);
    let stolen = Ask::new("GET", &format!("/api/notifications?limit=2&cursor={cursor}")).by(&stage.stranger);
    assert_eq!(stage.send(stolen).await.outcome(), (400, "invalid_cursor"));
    let sample = Ask::event(include_str!("../../../events/notifications-list.json"));
    assert_eq!(stage.send(sample.by(&stage.stranger)).await.body, json!({"items": [], "nextCursor": null}));
}

#[tokio::test]
async fn what_is_about_the_account_names_no_order() {
    let stage = Stage::start().await;
    let row = Notification {
        user_id: stage.user.account,
        id: SAMPLE.parse().unwrap(),
        kind: NotificationKind::Security,
        order_id: None,
        title: "Signed out".to_owned(),
        message: "A token was used twice.".to_owned(),
        read: false,
        created_at: Timestamp(1_795_000_000_000),
    };
    assert!(stage.bench.database.store.notifications().put_if_absent(&row).await.unwrap());
    let page = stage.send(Ask::new("GET", "/api/notifications").by(&stage.user)).await;
    let shown = json!({"id": SAMPLE, "type": "security", "orderId": null, "title": "Signed out",
        "message": "A token was used twice.", "read": false, "createdAt": "2026-11-18T11:06:40Z"});
    assert_eq!(page.body, json!({"items": [shown], "nextCursor": null}));
}

#[tokio::test]
async fn only_its_user_marks_a_notification_as_read() {
    let stage = Stage::start().await;
    let id = stage.told(SAMPLE.parse().unwrap(), "n").await;
    let sample = Ask::event(include_str!("../../../events/notifications-read.json"));
    assert_eq!(stage.send(sample.clone().by(&stage.stranger)).await.outcome(), (404, "not_found"));
    for _ in 0..2 {
        let marked = stage.send(sample.clone().by(&stage.user)).await;
        assert_eq!((marked.status.as_u16(), marked.trips, marked.text.as_str()), (204, 2, ""));
    }
    let page = stage.bench.database.store.notifications().list(&stage.user.account, None, 10).await.unwrap();
    assert_eq!(page.items.iter().map(|n| (n.id, n.read)).collect::<Vec<_>>(), [(id, true)]);
    let nonsense = Ask::new("POST", "/api/notifications/nonsense/read").by(&stage.user);
    assert_eq!(stage.send(nonsense).await.outcome(), (404, "not_found"));
}

#[tokio::test]
async fn all_are_marked_as_read_at_once_and_nobody_elses() {
    let stage = Stage::start().await;
    for n in 0..25 {
        stage.told(NotificationId::new(), &format!("n{n}")).await;
    }
    let sample = Ask::event(include_str!("../../../events/notifications-read-all.json"));
    let none = json!({"marked": 0, "more": false});
    assert_eq!(stage.send(sample.clone().by(&stage.stranger)).await.body, none);
    let marked = stage.send(sample.clone().by(&stage.user)).await;
    assert_eq!((marked.trips, marked.body), (2, json!({"marked": 25, "more": false})));
    assert_eq!(stage.send(sample.by(&stage.user)).await.body, none);
    let page = stage.bench.database.store.notifications().list(&stage.user.account, None, 50).await.unwrap();
    assert!(page.items.len() == 25 && page.items.iter().all(|n| n.read));
}

#[tokio::test]
async fn a_long_list_is_marked_a_hundred_at_a_time_whatever_was_read_before() {
    let stage = Stage::start().await;
    for n in 0..230 {
        stage.told(NotificationId::new(), &format!("n{n}")).await;
    }
    // Newer ones that are read stand between the client and what is unread.
    for _ in 0..300 {
        stage.told_before(NotificationId::new(), "read", true).await;
    }
    let sample = Ask::event(include_str!("../../../events/notifications-read-all.json")).by(&stage.user);
    for (marked, more) in [(100, true), (100, true), (30, false), (0, false)] {
        let answer = stage.send(sample.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!({"marked": marked, "more": more})));
        assert!(answer.trips <= 2);
    }
}

#[tokio::test]
async fn what_is_unread_is_listed_by_itself() {
    let stage = Stage::start().await;
    let mut unread = Vec::new();
    for n in 0..6 {
        let id = stage.told_before(NotificationId::new(), "n", n % 2 == 0).await;
        if n % 2 == 1 {
            unread.insert(0, id.to_string());
        }
    }
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let page = stage.send(Ask::new("GET", "/api/notifications?unread=true&limit=2").by(&stage.user)).await;
    assert_eq!((page.status.as_u16(), page.trips, ids(&page)), (200, 1, unread[..2].to_vec()), "{}", page.text);
    let cursor = page.body["nextCursor"].as_str().unwrap();
    let next = format!("/api/notifications?unread=true&limit=2&cursor={cursor}");
    let last = stage.send(Ask::new("GET", &next).by(&stage.user)).await;
    assert_eq!((ids(&last), &last.body["nextCursor"]), (unread[2..].to_vec(), &json!(null)));
    let read = format!("/api/notifications/{}/read", unread[0]);
    assert_eq!(stage.send(Ask::new("POST", &read).by(&stage.user)).await.status, 204);
    let rest = stage.send(Ask::new("GET", "/api/notifications?unread=true").by(&stage.user)).await;
    assert_eq!(ids(&rest), unread[1..]);
    for all in ["/api/notifications", "/api/notifications?unread=false"] {
        assert_eq!(ids(&stage.send(Ask::new("GET", all).by(&stage.user)).await).len(), 6);
    }
    let nonsense = stage.send(Ask::new("GET", "/api/notifications?unread=maybe").by(&stage.user)).await;
    assert_eq!((nonsense.outcome(), nonsense.fields()), ((400, "validation_failed"), vec!["unread"]));
}

#[tokio::test]
async fn a_ticket_lets_its_user_connect_once_within_a_minute() {
    let stage = Stage::start().await;
    let sample = Ask::event(include_str!("../../../events/notifications-ticket.json"));
    let answer = stage.send(sample.clone().by(&stage.user)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (201, 2), "{}", answer.text);
    assert_eq!((&answer.body["url"], &answer.body["expiresIn"]), (&json!("wss://ws.descrow.test/live"), &json!(60)));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let secret = answer.body["ticket"].as_str().unwrap();
    let sessions = stage.bench.database.store.sessions();
    let taken = sessions.take_ticket(secret, Timestamp::now()).await.unwrap();
    let whose = taken.map(|ticket| (ticket.account, ticket.family));
    assert_eq!(whose, Some((stage.user.account, Some(stage.user.family))), "it is good while the session stands");
    assert_eq!(sessions.take_ticket(secret, Timestamp::now()).await.unwrap(), None);
    let late = stage.send(sample.by(&stage.user)).await;
    let secret = late.body["ticket"].as_str().unwrap();
    assert_eq!(sessions.take_ticket(secret, Timestamp::now().plus_seconds(61)).await.unwrap(), None);
}

#[tokio::test]
async fn a_ticket_says_after_which_message_its_user_resumes() {
    let stage = Stage::start().await;
    let sample = Ask::event(include_str!("../../../events/notifications-ticket.json"));
    let last = async |person: &Person| stage.send(sample.clone().by(person)).await.body["lastId"].clone();
    assert_eq!(last(&stage.user).await, json!("0"));
    let messages = stage.bench.database.store.messages();
    let now = Timestamp::now();
    for id in ["1", "2"] {
        stage.told(NotificationId::new(), id).await;
        let row = stage
            .bench
            .database
            .store
            .notifications()
            .list(&stage.user.account, None, 1)
            .await
            .unwrap()
            .items
            .remove(0);
        let created = ServerMessage::NotificationCreated {
            id: MessageId::ZERO,
            at: now.rfc3339(),
            notification: NotificationView::from(&row),
        };
        let telling = Telling { key: row.id, messages: vec![created], notification: None };
        let appended = messages.append(&stage.user.account, vec![telling], &Known::default(), now).await;
        assert_eq!((appended.kept.len(), appended.failed), (1, None));
        assert_eq!(last(&stage.user).await, json!(id));
    }
    assert_eq!(last(&stage.stranger).await, json!("0"), "everybody's messages are counted by themselves");
}

#[tokio::test]
async fn every_route_wants_a_token_of_a_session_that_stands() {
    let stage = Stage::start().await;
    let gone = stage.bench.person(3, Role::Buyer).await;
    stage.bench.database.store.sessions().revoke_family(gone.family).await.unwrap();
    let expired = Timestamp::now().plus_seconds(-3600);
    let expired = Person {
        token: stage.bench.token(stage.user.account, stage.user.family, Role::Buyer, expired),
        ..stage.user.clone()
    };
    for (method, path) in [
        ("GET", "/api/notifications".to_owned()),
        ("POST", format!("/api/notifications/{SAMPLE}/read")),
        ("POST", "/api/notifications/read-all".to_owned()),
        ("POST", "/api/realtime/ticket".to_owned()),
    ] {
        let ask = Ask::new(method, &path);
        assert_eq!(stage.send(ask.clone()).await.outcome(), (401, "missing_token"), "{path}");
        assert_eq!(stage.send(ask.clone().by(&expired)).await.outcome(), (401, "token_expired"), "{path}");
        if method == "POST" {
            assert_eq!(stage.send(ask.by(&gone)).await.outcome(), (401, "session_revoked"), "{path}");
        }
    }
}
