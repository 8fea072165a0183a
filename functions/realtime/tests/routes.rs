//! The WebSocket's routes with their sample events, over a real table engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use descrow_domain::{
    Account, Timestamp,
    notification::{Change, MessagePart, NotificationKind},
    realtime::{ErrorCode, MAX_FRAME_BYTES, MessageId, ServerMessage},
    view::NotificationView,
};
use descrow_platform::Deadline;
use descrow_store::{Connection, Family, Kept, Known, Store, StoreError, Table, Telling, Ticket, testing::TestStore};
use realtime::{
    route::{Answer, Routed, route},
    rows::Rows,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_795_341_600_000);
const CONNECTION: &str = "Pq1xZd7soAMCJtw=";
const TICKET: &str = "5f0c1f6f8c7d4f0f9a3e2b1c0d9e8f7a";
const USER: Account = Account::from_bytes([7; 32]);
const FAMILY: Uuid = Uuid::from_u128(7);

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
    Routed { frames: Vec::new(), close: false, answer: Answer { status_code } }
}

/// The connection is closed: the client comes back with another ticket, if it gets one.
fn closed() -> Routed {
    Routed { close: true, ..silent(410) }
}

/// A session with a ticket.
async fn with_ticket(expires: Timestamp) -> TestStore {
    let db = TestStore::start().await;
    let family = Family::new(FAMILY, USER, NOW, NOW.plus_seconds(30 * 24 * 3600));
    assert!(db.store.sessions().create_family(&family).await.unwrap());
    assert!(db.store.sessions().put_ticket(&Ticket::new(TICKET, USER, FAMILY, expires)).await.unwrap());
    db.trips.take();
    db
}

/// A user is told something of so many characters, at this time.
async fn tell(store: &Store, user: Account, number: u64, length: usize, at: Timestamp) -> Vec<Kept> {
    let change = Change { at, version: number, row: "orders/a" };
    let notification = NotificationView {
        id: change.id(&user, MessagePart::Notification),
        kind: NotificationKind::OrderStatus,
        order_id: Some("01998f00-1111-7000-8000-000000000001".parse().unwrap()),
        title: format!("Number {number}"),
        message: "x".repeat(length),
        read: false,
        created_at: at.rfc3339(),
    };
    let message = ServerMessage::NotificationCreated { id: MessageId::ZERO, at: at.rfc3339(), notification };
    let telling = Telling { key: change.id(&user, MessagePart::Subject), messages: vec![message], notification: None };
    let appended = store.messages().append(&user, vec![telling], &Known::default(), at).await;
    assert_eq!(appended.failed, None);
    appended.kept
}

/// The messages in a route's frames, byte for byte.
fn unpacked(routed: &Routed) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Batch<'a> {
        #[serde(borrow)]
        messages: Vec<&'a serde_json::value::RawValue>,
    }
    assert!(routed.frames.iter().all(|frame| frame.len() <= MAX_FRAME_BYTES));
    let one = |frame: &String| match serde_json::from_str::<Batch<'_>>(frame) {
        Ok(batch) => batch.messages.iter().map(|message| message.get().to_owned()).collect(),
        Err(_) => vec![frame.clone()],
    };
    routed.frames.iter().flat_map(one).collect()
}

/// What a client at `after` is told: the messages, and how the replay ended.
async fn resume(store: &Store, after: u64, now: Timestamp) -> (Vec<String>, ServerMessage) {
    let mut event = event("resume");
    event.body = Some(format!(r#"{{"action":"resume","after":"{after}"}}"#));
    let routed = route(&event, now, store, soon()).await;
    assert_eq!(routed.answer, Answer { status_code: 200 });
    let mut messages = unpacked(&routed);
    let end = serde_json::from_str(&messages.pop().unwrap()).unwrap();
    (messages, end)
}

fn resumed(replayed: usize, last: u64, more: bool, complete: bool) -> ServerMessage {
    ServerMessage::Resumed { at: NOW.rfc3339(), replayed, last: MessageId::new(last), more, complete }
}

#[tokio::test]
async fn a_ticket_opens_one_connection_in_two_round_trips() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    assert_eq!(call("connect", &db.store).await, silent(200));
    assert_eq!(db.trips.take(), 2);
    let expected = Connection {
        id: CONNECTION.into(),
        user_id: USER,
        family: Some(FAMILY),
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
async fn a_ping_is_answered_with_the_newest_id() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    db.trips.take();
    for last in 0..3 {
        let pong = serde_json::json!({"type": "pong", "at": NOW.rfc3339(), "last": last.to_string()});
        let routed = call("ping", &db.store).await;
        assert_eq!(db.trips.take(), 2);
        let told: Vec<serde_json::Value> =
            routed.frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
        assert_eq!((told, routed.answer), (vec![pong], Answer { status_code: 200 }));
        tell(&db.store, USER, last + 1, 10, NOW).await;
        db.trips.take();
    }
}

#[tokio::test]
async fn what_is_not_understood_is_answered_with_a_code() {
    let db = TestStore::start().await;
    for (name, code) in [("unknown", ErrorCode::UnknownAction), ("malformed", ErrorCode::InvalidMessage)] {
        let routed = call(name, &db.store).await;
        assert_eq!(routed.answer, Answer { status_code: 200 });
        let told: Vec<ServerMessage> = routed.frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
        let [ServerMessage::Error { code: found, at, .. }] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((*found, at), (code, &NOW.rfc3339()));
    }
}

#[tokio::test]
async fn resume_replays_the_user_s_own_messages_byte_for_byte() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    let mut mine = Vec::new();
    for number in 1..=3 {
        mine.extend(tell(&db.store, USER, number, 10, NOW).await.into_iter().map(|kept| kept.text));
        tell(&db.store, Account::from_bytes([8; 32]), number, 10, NOW).await;
    }
    assert_eq!(resume(&db.store, 0, NOW).await, (mine.clone(), resumed(3, 3, false, true)));
    assert_eq!(resume(&db.store, 2, NOW).await, (mine[2..].to_vec(), resumed(1, 3, false, true)));
    assert_eq!(resume(&db.store, 3, NOW).await, (vec![], resumed(0, 3, false, true)));
    // The sample begins after the second.
    let sample = unpacked(&call("resume", &db.store).await);
    assert_eq!(sample[..1], mine[2..]);
}

#[tokio::test]
async fn a_long_absence_is_replayed_in_portions_and_frames() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    let mut all = Vec::new();
    for number in 1..=530 {
        all.extend(tell(&db.store, USER, number, 10, NOW).await.into_iter().map(|kept| kept.text));
    }
    assert_eq!(resume(&db.store, 0, NOW).await, (all[..500].to_vec(), resumed(500, 500, true, true)));
    assert_eq!(resume(&db.store, 500, NOW).await, (all[500..].to_vec(), resumed(30, 530, false, true)));
    // Long ones come in as many frames as they need, and not all at once: what follows from there does.
    for number in 531..=550 {
        all.extend(tell(&db.store, USER, number, 100_000, NOW).await.into_iter().map(|kept| kept.text));
    }
    let (mut got, mut after) = (Vec::new(), 530);
    for _ in 0..2 {
        let (messages, end) = resume(&db.store, after, NOW).await;
        after += u64::try_from(messages.len()).unwrap();
        assert_eq!(end, resumed(messages.len(), after, after < 550, true));
        got.extend(messages);
    }
    assert!(after == 550 && got == all[530..], "{after}");
}

#[tokio::test]
async fn who_was_away_for_more_than_a_day_is_told_to_reload() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    let day = 24 * 60 * 60;
    for (number, age) in [(1, 2 * day), (2, day), (3, day - 1), (4, 0)] {
        tell(&db.store, USER, number, 10, NOW.plus_seconds(-age)).await;
    }
    let (messages, end) = resume(&db.store, 0, NOW).await;
    assert_eq!((messages.len(), end), (2, resumed(2, 4, false, false)));
    let (messages, end) = resume(&db.store, 2, NOW).await;
    assert_eq!((messages.len(), end), (2, resumed(2, 4, false, true)));
    // Nothing at all is kept.
    let much_later = NOW.plus_seconds(2 * day);
    let (messages, end) = resume(&db.store, 1, much_later).await;
    let ServerMessage::Resumed { replayed: 0, last, more: false, complete: false, .. } = end else { panic!("{end:?}") };
    assert_eq!((messages, last), (vec![], MessageId::new(4)));
    // An id that was never given.
    assert_eq!(resume(&db.store, 9, NOW).await, (vec![], resumed(0, 4, false, false)));
}

#[tokio::test]
async fn a_connection_that_nobody_knows_is_told_nothing_and_closed() {
    let db = TestStore::start().await;
    for name in ["resume", "ping"] {
        assert_eq!(call(name, &db.store).await, closed(), "{name}");
    }
}

#[tokio::test]
async fn when_its_session_ends_a_connection_is_told_nothing_more_and_closed() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    assert_eq!(call("connect", &db.store).await, silent(200));
    tell(&db.store, USER, 1, 10, NOW).await;
    assert_eq!(unpacked(&call("resume", &db.store).await).len(), 1, "the end of a replay");
    db.store.sessions().revoke_family(FAMILY).await.unwrap();
    for name in ["resume", "ping"] {
        db.trips.take();
        assert_eq!((call(name, &db.store).await, db.trips.take()), (closed(), 2), "{name}");
    }
}

#[tokio::test]
async fn a_session_that_was_not_used_for_too_long_ends_its_connection() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    let over = NOW.plus_seconds(30 * 24 * 3600);
    assert_eq!(route(&event("ping"), over, &db.store, soon()).await, closed());
}

#[tokio::test]
async fn a_ticket_of_a_session_that_has_ended_opens_nothing() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    db.store.sessions().revoke_family(FAMILY).await.unwrap();
    assert_eq!(call("connect", &db.store).await, silent(401));
    assert_eq!(db.store.connections().get(CONNECTION).await.unwrap(), None);
}

#[tokio::test]
async fn a_ticket_and_a_connection_from_before_sessions_were_kept_with_them_are_good_for_nothing() {
    let db = with_ticket(NOW.plus_seconds(60)).await;
    call("connect", &db.store).await;
    db.store.sessions().put_ticket(&Ticket::new("old", USER, FAMILY, NOW.plus_seconds(60))).await.unwrap();
    for (table, id) in [("test-connections", CONNECTION), ("test-sessions", "ticket#old")] {
        let id = aws_sdk_dynamodb::types::AttributeValue::S(id.into());
        let strip = db.client.update_item().table_name(table).key("id", id).update_expression("REMOVE #f");
        strip.expression_attribute_names("#f", "family").send().await.unwrap();
    }
    assert_eq!(call("ping", &db.store).await, closed());
    let mut connect = event("connect");
    connect.query_string_parameters = std::collections::HashMap::from([("ticket".to_owned(), "old".to_owned())]).into();
    connect.request_context.connection_id = Some("another".into());
    assert_eq!(route(&connect, NOW, &db.store, soon()).await, silent(401));
    assert_eq!(db.store.connections().get("another").await.unwrap(), None);
}

/// Tables that do not answer.
struct Down;

impl Rows for Down {
    async fn take_ticket(&self, _: &str, _: Timestamp) -> Result<Option<Ticket>, StoreError> {
        Err(StoreError::Contention(Table::Sessions))
    }
    async fn open(&self, _: &Connection, _: Timestamp) -> Result<bool, StoreError> {
        Err(StoreError::Contention(Table::Connections))
    }
    async fn close(&self, _: &str) -> Result<(), StoreError> {
        std::future::pending().await
    }
    async fn connection(&self, _: &str) -> Result<Option<Connection>, StoreError> {
        std::future::pending().await
    }
    async fn last(&self, _: &Connection, _: Timestamp) -> Result<Option<MessageId>, StoreError> {
        std::future::pending().await
    }
    async fn after(
        &self,
        _: &Account,
        _: MessageId,
        _: usize,
        _: Timestamp,
    ) -> Result<(Vec<Kept>, Option<MessageId>), StoreError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_tables_fail_or_are_silent_the_client_is_told_to_try_again() {
    assert_eq!(route(&event("connect"), NOW, &Down, soon()).await, silent(500));
    assert_eq!(route(&event("disconnect"), NOW, &Down, soon()).await, silent(500));
    for action in ["resume", "ping"] {
        let routed = route(&event(action), NOW, &Down, soon()).await;
        assert_eq!(routed.answer, Answer { status_code: 500 });
        let told: ServerMessage = serde_json::from_str(&routed.frames[0]).unwrap();
        assert!(matches!(told, ServerMessage::Error { code: ErrorCode::Unavailable, .. }), "{told:?}");
    }
}
