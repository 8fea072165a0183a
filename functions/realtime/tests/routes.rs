//! The WebSocket's routes with their sample events, over a real table engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use descrow_domain::{
    Account, NotificationId, Timestamp,
    notification::{Change, MessagePart, Notification, NotificationKind},
    realtime::{ErrorCode, ServerMessage},
    view::NotificationView,
};
use descrow_platform::Deadline;
use descrow_store::{Connection, Page, Store, StoreError, Table, Ticket, testing::TestStore};
use realtime::{
    route::{Answer, Routed, route},
    rows::Rows,
};

const NOW: Timestamp = Timestamp(1_795_341_600_000);
const CONNECTION: &str = "Pq1xZd7soAMCJtw=";
const TICKET: &str = "5f0c1f6f8c7d4f0f9a3e2b1c0d9e8f7a";
const USER: Account = Account::from_bytes([7; 32]);

fn event(name: &str) -> ApiGatewayWebsocketProxyRequest {
    let path = format!("{}/../../events/realtime-{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

async fn call(name: &str, store: &Store) -> Routed {
    route(&event(name), NOW, store, soon()).await
}

fn soon() -> Deadline {
    Deadline::after(std::time::Duration::from_secs(10))
}

fn silent(status_code: u16) -> Routed {
    Routed { messages: Vec::new(), answer: Answer { status_code } }
}

async fn with_ticket(expires: Timestamp) -> TestStore {
    let db = TestStore::start().await;
    assert!(db.store.sessions().put_ticket(&Ticket::new(TICKET, USER, expires)).await.unwrap());
    db.trips.take();
    db
}

fn notification(user: Account, number: u64) -> Notification {
    let at = Timestamp(NOW.0 + i64::try_from(number).unwrap());
    let change = Change { at, version: number, row: "orders/a" };
    Notification {
        user_id: user,
        id: change.id(&user, MessagePart::Notification),
        kind: NotificationKind::OrderStatus,
        order_id: Some("01998f00-1111-7000-8000-000000000001".parse().unwrap()),
        title: format!("Number {number}"),
        message: "Something happened.".into(),
        read: false,
        created_at: at,
    }
}

fn created(row: &Notification) -> ServerMessage {
    ServerMessage::NotificationCreated {
        id: row.id,
        at: row.created_at.rfc3339(),
        notification: NotificationView::from(row),
    }
}

#[tokio::test]
async fn a_ticket_opens_one_connection_in_two_round_trips() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    assert_eq!(call("connect", &db.store).await, silent(200));
    assert_eq!(db.trips.take(), 2);
    let expected = Connection {
        id: CONNECTION.into(),
        user_id: USER,
        connected_at: NOW,
        expires_at: NOW.seconds() + 2 * 3600 + 600,
    };
    assert_eq!(db.store.connections().get(CONNECTION).await.unwrap(), Some(expected));
    assert_eq!(call("connect", &db.store).await, silent(401));
}

#[tokio::test]
async fn no_ticket_and_an_expired_one_are_refused() {
    let db = with_ticket(NOW).await;
    assert_eq!(call("connect-without-ticket", &db.store).await, silent(401));
    assert_eq!(db.trips.take(), 0);
    assert_eq!(call("connect", &db.store).await, silent(401));
    assert_eq!(db.store.connections().get(CONNECTION).await.unwrap(), None);
}

#[tokio::test]
async fn a_disconnect_forgets_the_connection_however_often_it_comes() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    for _ in 0..2 {
        assert_eq!(call("disconnect", &db.store).await, silent(200));
        assert_eq!(db.store.connections().get(CONNECTION).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_ping_is_answered_without_a_look_at_the_tables() {
    let db = TestStore::start().await;
    let pong = ServerMessage::Pong { at: NOW.rfc3339() };
    assert_eq!(call("ping", &db.store).await, Routed { messages: vec![pong], ..silent(200) });
    assert_eq!(db.trips.take(), 0);
}

#[tokio::test]
async fn what_is_not_understood_is_answered_with_a_code() {
    let db = TestStore::start().await;
    for (name, code) in [("unknown", ErrorCode::UnknownAction), ("malformed", ErrorCode::InvalidMessage)] {
        let routed = call(name, &db.store).await;
        assert_eq!(routed.answer, Answer { status_code: 200 });
        let [ServerMessage::Error { code: found, at, .. }] = routed.messages.as_slice() else {
            panic!("{:?}", routed.messages)
        };
        assert_eq!((*found, at), (code, &NOW.rfc3339()));
    }
}

#[tokio::test]
async fn resume_replays_the_user_s_own_notifications_in_order() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    let mine: Vec<_> = (1..=3).map(|n| notification(USER, n)).collect();
    for row in mine.iter().rev().chain([&notification(Account::from_bytes([8; 32]), 2)]) {
        db.store.notifications().put_if_absent(row).await.unwrap();
    }
    let resumed = |replayed, more| ServerMessage::Resumed { at: NOW.rfc3339(), replayed, more };
    let all: Vec<_> = mine.iter().map(created).chain([resumed(3, false)]).collect();
    assert_eq!(call("resume", &db.store).await, Routed { messages: all, ..silent(200) });

    let mut later = event("resume");
    later.body = Some(format!(r#"{{"action":"resume","after":"{}"}}"#, mine[1].id));
    let rest = vec![created(&mine[2]), resumed(1, false)];
    assert_eq!(route(&later, NOW, &db.store, soon()).await, Routed { messages: rest, ..silent(200) });
}

#[tokio::test]
async fn a_long_absence_is_replayed_in_portions() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    for number in 1..=230 {
        db.store.notifications().put_if_absent(&notification(USER, number)).await.unwrap();
    }
    let first = call("resume", &db.store).await.messages;
    assert_eq!(first.len(), 201);
    let Some(ServerMessage::Resumed { replayed: 200, more: true, .. }) = first.last() else {
        panic!("{:?}", first.last())
    };
    let ServerMessage::NotificationCreated { id, .. } = first[199] else { panic!("{:?}", first[199]) };
    let mut later = event("resume");
    later.body = Some(format!(r#"{{"action":"resume","after":"{id}"}}"#));
    let rest = route(&later, NOW, &db.store, soon()).await.messages;
    let expected: Vec<_> = (201..=230).map(|n| created(&notification(USER, n))).collect();
    assert_eq!(rest[..30], expected);
    assert_eq!(rest[30..], [ServerMessage::Resumed { at: NOW.rfc3339(), replayed: 30, more: false }]);
}

#[tokio::test]
async fn a_connection_that_nobody_knows_replays_nothing() {
    let db = TestStore::start().await;
    assert_eq!(call("resume", &db.store).await, silent(410));
}

/// Tables that do not answer.
struct Down;

impl Rows for Down {
    async fn take_ticket(&self, _: &str, _: Timestamp) -> Result<Option<Account>, StoreError> {
        Err(StoreError::Contention(Table::Sessions))
    }
    async fn open(&self, _: &Connection) -> Result<(), StoreError> {
        Err(StoreError::Contention(Table::Connections))
    }
    async fn close(&self, _: &str) -> Result<(), StoreError> {
        std::future::pending().await
    }
    async fn owner(&self, _: &str) -> Result<Option<Account>, StoreError> {
        std::future::pending().await
    }
    async fn notifications_after(
        &self,
        _: &Account,
        _: NotificationId,
        _: usize,
    ) -> Result<Page<Notification>, StoreError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_tables_fail_or_are_silent_the_client_is_told_to_try_again() {
    assert_eq!(route(&event("connect"), NOW, &Down, soon()).await, silent(500));
    assert_eq!(route(&event("disconnect"), NOW, &Down, soon()).await, silent(500));
    let routed = route(&event("resume"), NOW, &Down, soon()).await;
    assert_eq!(routed.answer, Answer { status_code: 500 });
    assert!(matches!(routed.messages.as_slice(), [ServerMessage::Error { code: ErrorCode::Unavailable, .. }]));
}
