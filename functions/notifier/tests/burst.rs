//! A burst: 1,000 changes of 100 orders in one event, over a real table engine, with devices that count what is under way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use descrow_domain::{
    Account, OrderId, Timestamp,
    order::{Order, OrderMove, PendingAction},
    realtime::ServerMessage,
};
use descrow_platform::{Deadline, push::Pushed};
use descrow_store::{Appended, Asked, Connection, Family, Known, Store, StoreError, Telling, testing::TestStore};
use notifier::{
    batch::{PORTION, StreamEvent, process},
    fan_out::{Courier, Push},
    rows::Rows,
};
use uuid::Uuid;

const ORDERS: u128 = 100;
const CHANGES: u64 = 10;
const BUYERS: u128 = 60;
const SELLERS: u128 = 3;
/// A change of an order tells both parties of the order, and here of a notification each.
const MESSAGES: usize = 4;

fn buyer(n: u128) -> Account {
    Account::from_bytes([u8::try_from(n % BUYERS).unwrap(); 32])
}

fn seller(n: u128) -> Account {
    Account::from_bytes([200 + u8::try_from(n % SELLERS).unwrap(); 32])
}

fn sample() -> serde_json::Value {
    let path = format!("{}/../../events/notifier-order-created.json", env!("CARGO_MANIFEST_DIR"));
    let event: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    event["Records"][0].clone()
}

/// Order `n` after its change number `version`: a move begins to wait for the chain, or has not happened.
fn order(n: u128, version: u64) -> Order {
    let item: serde_dynamo::Item = serde_json::from_value(sample()["dynamodb"]["NewImage"].clone()).unwrap();
    let created: Order = serde_dynamo::from_item(item).unwrap();
    let updated_at = Timestamp(1_795_341_660_000 + i64::try_from(version).unwrap());
    let pending = PendingAction {
        action: OrderMove::Ship,
        command_id: "mark_shipped#1".into(),
        by: Some(seller(n)),
        at: updated_at,
    };
    Order {
        id: OrderId::from(uuid::Uuid::from_u128(n)),
        buyer_id: buyer(n),
        seller_id: seller(n),
        pending: version.is_multiple_of(2).then_some(pending),
        version,
        updated_at,
        ..created
    }
}

/// All changes, those of the orders interleaved as a stream has them.
fn burst() -> StreamEvent {
    let image = |n, version| serde_dynamo::to_item::<_, serde_dynamo::Item>(order(n, version)).unwrap();
    let mut records = Vec::new();
    for version in 1..=CHANGES {
        for n in 0..ORDERS {
            let mut record = sample();
            record["dynamodb"]["NewImage"] = serde_json::to_value(image(n, version)).unwrap();
            record["dynamodb"]["SequenceNumber"] = (records.len() + 1).to_string().into();
            if version > 1 {
                record["eventName"] = "MODIFY".into();
                record["dynamodb"]["OldImage"] = serde_json::to_value(image(n, version - 1)).unwrap();
            }
            records.push(record);
        }
    }
    serde_json::from_str(&serde_json::json!({ "Records": records }).to_string()).unwrap()
}

/// How many of something there are now, and were at most.
#[derive(Default)]
struct Gauge(AtomicUsize, AtomicUsize);

impl Gauge {
    fn add(&self, count: usize) {
        let now = self.0.fetch_add(count, Ordering::SeqCst) + count;
        self.1.fetch_max(now, Ordering::SeqCst);
    }
    fn sub(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::SeqCst);
    }
    fn peak(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

#[derive(Default)]
struct Gauges {
    users: Gauge,
    pushes: Gauge,
    /// Messages that were written and not yet taken by a phone.
    held: Gauge,
}

struct Counted<'a> {
    store: &'a Store,
    gauges: &'a Gauges,
}

impl Rows for Counted<'_> {
    async fn known(&self, asked: &Asked) -> Result<Known, StoreError> {
        self.store.known(asked).await
    }
    async fn append(&self, user: &Account, tellings: Vec<Telling>, known: &Known, now: Timestamp) -> Appended {
        self.gauges.users.add(1);
        let appended = Rows::append(self.store, user, tellings, known, now).await;
        self.gauges.users.sub(1);
        self.gauges.held.add(appended.kept.len());
        appended
    }
    async fn connections(&self, user: &Account) -> Result<Vec<Connection>, StoreError> {
        Rows::connections(self.store, user).await
    }
    async fn alive(&self, families: &[Uuid], now: Timestamp) -> Result<HashSet<Uuid>, StoreError> {
        Rows::alive(self.store, families, now).await
    }
    async fn forget_connection(&self, connection: &str) -> Result<(), StoreError> {
        self.store.forget_connection(connection).await
    }
}

struct Devices<'a> {
    gauges: &'a Gauges,
    got: Mutex<HashMap<String, Vec<ServerMessage>>>,
    /// Pushes that ended, in the order of their ends.
    ends: Mutex<Vec<String>>,
}

/// A push under way, answered or given up in the end.
struct UnderWay<'a>(&'a Devices<'a>, &'a str);

impl<'a> UnderWay<'a> {
    fn new(devices: &'a Devices<'_>, connection: &'a str) -> Self {
        devices.gauges.pushes.add(1);
        Self(devices, connection)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.ends.lock().unwrap().push(self.1.to_owned());
        self.0.gauges.pushes.sub(1);
    }
}

impl Push for Devices<'_> {
    async fn close(&self, connection: &str, _: Deadline) {
        panic!("{connection} was closed")
    }
    async fn push(&self, connection: &str, frames: &[String], deadline: Deadline) -> Pushed {
        let _under_way = UnderWay::new(self, connection);
        let messages: Vec<ServerMessage> = frames
            .iter()
            .flat_map(|frame| match serde_json::from_str(frame).unwrap() {
                ServerMessage::Batch { messages } => messages,
                message => vec![message],
            })
            .collect();
        if connection.starts_with("slow") {
            let _late = deadline.bound(std::future::pending::<()>()).await;
            Pushed::Failed
        } else if connection.starts_with("gone") {
            Pushed::Gone
        } else {
            tokio::task::yield_now().await;
            if connection.starts_with("phone") {
                self.gauges.held.sub(messages.len());
            }
            self.got.lock().unwrap().entry(connection.to_owned()).or_default().extend(messages);
            Pushed::Delivered
        }
    }
}

async fn connect(store: &Store, id: String, user: Account) {
    let family = Some(Uuid::from_u128(u128::from(user.as_bytes()[0])));
    let row = Connection { id, user_id: user, family, connected_at: Timestamp(0), expires_at: i64::MAX };
    assert!(store.connections().open(&row, Timestamp::now()).await.unwrap());
}

/// The versions of each order in the sequence in which a device saw them.
fn versions(messages: &[ServerMessage]) -> BTreeMap<OrderId, Vec<u64>> {
    let mut seen: BTreeMap<OrderId, Vec<u64>> = BTreeMap::new();
    for message in messages {
        if let ServerMessage::OrderUpdated { order, .. } = message {
            seen.entry(order.id).or_default().push(order.version);
        }
    }
    seen
}

fn id(message: &ServerMessage) -> u64 {
    match message {
        ServerMessage::OrderUpdated { id, .. } | ServerMessage::NotificationCreated { id, .. } => id.number(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_changes_reach_every_device_in_order_and_a_slow_one_delays_nobody() {
    let db = TestStore::start().await;
    let users: Vec<Account> = (0..BUYERS).map(buyer).chain((0..SELLERS).map(seller)).collect();
    let now = Timestamp::now();
    for user in &users {
        let family = Uuid::from_u128(u128::from(user.as_bytes()[0]));
        let family = Family::new(family, *user, now, now.plus_seconds(3_600));
        assert!(db.store.sessions().create_family(&family).await.unwrap());
        connect(&db.store, format!("phone-{user}"), *user).await;
        connect(&db.store, format!("laptop-{user}"), *user).await;
    }
    for user in [buyer(0), buyer(1), seller(0)] {
        connect(&db.store, format!("slow-{user}"), user).await;
        connect(&db.store, format!("gone-{user}"), user).await;
    }
    let gauges = Gauges::default();
    let rows = Counted { store: &db.store, gauges: &gauges };
    let courier = Courier::new(Devices { gauges: &gauges, got: Mutex::default(), ends: Mutex::default() });
    db.trips.take();
    let response = process(burst(), &rows, &courier, Deadline::after(Duration::from_secs(120))).await;
    assert_eq!(response.batch_item_failures.len(), 0);
    let requests = db.trips.requests();

    // Every device has everything, in order.
    let got = courier.push().got.lock().unwrap().clone();
    let mut orders: BTreeMap<OrderId, usize> = BTreeMap::new();
    for user in &users {
        let (phone, laptop) = (&got[&format!("phone-{user}")], &got[&format!("laptop-{user}")]);
        assert_eq!(phone, laptop);
        let ids: Vec<u64> = phone.iter().map(id).collect();
        assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "{user}");
        for (order, seen) in versions(phone) {
            assert_eq!(seen, (1..=CHANGES).collect::<Vec<_>>());
            *orders.entry(order).or_default() += 1;
        }
    }
    assert!(orders.len() == 100 && orders.values().all(|parties| *parties == 2), "{orders:?}");

    // A slow device is waited for once, after all others of its portion; one that is gone is forgotten.
    let ends = courier.push().ends.lock().unwrap().clone();
    let slow: Vec<usize> = (0..ends.len()).filter(|n| ends[*n].starts_with("slow")).collect();
    assert_eq!(slow.len(), 3);
    let first_portion = 2 * users.len() + 3;
    assert!(slow[0] >= first_portion, "{slow:?}");
    assert_eq!(ends.iter().filter(|end| end.starts_with("gone")).count(), 3);

    // What is under way and in memory does not grow with the burst.
    assert!((2..=32).contains(&gauges.users.peak()), "{}", gauges.users.peak());
    assert!((2..=256).contains(&gauges.pushes.peak()), "{}", gauges.pushes.peak());
    assert!(gauges.held.peak() <= 2 * PORTION * MESSAGES, "{}", gauges.held.peak());
    // A portion reads 63 counters and 200 marks in 3 requests, and 63 sessions in one; each of 63 users is looked up and written
    // once, a seller, with some 33 changes at four writes each, twice; three rows of gone devices are deleted.
    let portions = 10;
    assert_eq!(requests, portions * (3 + 63 + 63 + 3 + 1) + 3);
    println!(
        "1000 changes: {requests} requests, peaks: {} users, {} pushes, {} messages held",
        gauges.users.peak(),
        gauges.pushes.peak(),
        gauges.held.peak()
    );
}
