//! Sample events, users with devices, and what these got.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use aws_lambda_events::streams::DynamoDbEventResponse;
use descrow_domain::{Account, Timestamp, notification::Notification, realtime::ServerMessage};
use descrow_platform::{Deadline, push::Pushed};
use descrow_store::{Connection, Family, Store, testing::TestStore};
use notifier::{
    batch::StreamEvent,
    fan_out::{Courier, Push},
};
use uuid::Uuid;

pub(crate) const ORDER: &str = "01998f00-1111-7000-8000-000000000001";
pub(crate) const PAYMENT: &str = "01998f00-3333-7000-8000-000000000003";

pub(crate) fn buyer() -> Account {
    "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty".parse().unwrap()
}

pub(crate) fn seller() -> Account {
    "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y".parse().unwrap()
}

pub(crate) fn sample(name: &str) -> serde_json::Value {
    let path = format!("{}/../../events/notifier-{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn event(samples: &[serde_json::Value]) -> StreamEvent {
    let records: Vec<_> = samples.iter().flat_map(|s| s["Records"].as_array().unwrap()).collect();
    serde_json::from_str(&serde_json::json!({ "Records": records }).to_string()).unwrap()
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

pub(crate) fn failed(response: &DynamoDbEventResponse) -> Vec<Option<String>> {
    response.batch_item_failures.iter().map(|failure| failure.item_identifier.clone()).collect()
}

/// Devices that remember what they got; one whose name begins with `slow` never answers, one with `gone` is gone.
#[derive(Default)]
pub(crate) struct Devices {
    pub(crate) got: Mutex<BTreeMap<String, Vec<ServerMessage>>>,
    pub(crate) asked: Mutex<BTreeMap<String, usize>>,
    pub(crate) closed: Mutex<Vec<String>>,
}

pub(crate) fn courier() -> Courier<Devices> {
    Courier::new(Devices::default())
}

impl Push for Devices {
    async fn close(&self, connection: &str, _: Deadline) {
        self.closed.lock().unwrap().push(connection.to_owned());
    }
    async fn push(&self, connection: &str, frames: &[String], deadline: Deadline) -> Pushed {
        *self.asked.lock().unwrap().entry(connection.to_owned()).or_default() += 1;
        if connection.starts_with("gone") {
            return Pushed::Gone;
        }
        if connection.starts_with("slow") {
            let _timed_out = deadline.within(Duration::from_millis(800)).bound(std::future::pending::<()>()).await;
            return Pushed::Failed;
        }
        let messages = frames.iter().flat_map(|frame| match serde_json::from_str(frame).unwrap() {
            ServerMessage::Batch { messages } => messages,
            message => vec![message],
        });
        self.got.lock().unwrap().entry(connection.to_owned()).or_default().extend(messages);
        Pushed::Delivered
    }
}

impl Devices {
    pub(crate) fn got(&self, connection: &str) -> Vec<ServerMessage> {
        self.got.lock().unwrap().get(connection).cloned().unwrap_or_default()
    }
}

/// The session that a user's devices belong to.
pub(crate) fn family(user: Account) -> Uuid {
    Uuid::from_u128(u128::from(user.as_bytes()[0]))
}

pub(crate) async fn connect(store: &Store, id: &str, user: Account, connected_at: Timestamp) {
    connect_in(store, id, user, family(user), connected_at).await;
}

/// A device of `user` whose session is `family`.
pub(crate) async fn connect_in(store: &Store, id: &str, user: Account, family: Uuid, connected_at: Timestamp) {
    let (now, expires_at) = (Timestamp::now(), connected_at.plus_seconds(7_800).seconds());
    store.sessions().create_family(&Family::new(family, user, now, now.plus_seconds(3_600))).await.unwrap();
    let row = Connection { id: id.into(), user_id: user, family: Some(family), connected_at, expires_at };
    assert!(store.connections().open(&row, now).await.unwrap());
}

pub(crate) async fn with_devices() -> TestStore {
    let db = TestStore::start().await;
    connect(&db.store, "buyer-phone", buyer(), Timestamp(0)).await;
    connect(&db.store, "buyer-laptop", buyer(), Timestamp(0)).await;
    connect(&db.store, "seller-phone", seller(), Timestamp(0)).await;
    db
}

pub(crate) async fn notifications(store: &Store, user: Account) -> Vec<Notification> {
    store.notifications().list(&user, None, 100).await.unwrap().items
}

pub(crate) fn titles(rows: &[Notification]) -> Vec<&str> {
    rows.iter().map(|row| row.title.as_str()).collect()
}
