//! Batches of stream records with their sample events: rows in a real table engine, pushes into a list.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use aws_lambda_events::streams::DynamoDbEventResponse;
use descrow_domain::{
    Account, Kes, PaymentId, Timestamp,
    notification::{Notification, NotificationKind},
    payment::{Payment, PaymentStatus},
    realtime::ServerMessage,
};
use descrow_platform::{Deadline, push::Pushed};
use descrow_store::{Connection, Store, StoreError, Table, testing::TestStore};
use notifier::{
    batch::{StreamEvent, process},
    fan_out::Push,
    rows::Rows,
};

const ORDER: &str = "01998f00-1111-7000-8000-000000000001";
const PAYMENT: &str = "01998f00-3333-7000-8000-000000000003";

fn buyer() -> Account {
    "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty".parse().unwrap()
}

fn seller() -> Account {
    "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y".parse().unwrap()
}

fn sample(name: &str) -> serde_json::Value {
    let path = format!("{}/../../events/notifier-{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn event(samples: &[serde_json::Value]) -> StreamEvent {
    let records: Vec<_> = samples.iter().flat_map(|s| s["Records"].as_array().unwrap()).collect();
    serde_json::from_str(&serde_json::json!({ "Records": records }).to_string()).unwrap()
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn failed(response: &DynamoDbEventResponse) -> Vec<Option<String>> {
    response.batch_item_failures.iter().map(|failure| failure.item_identifier.clone()).collect()
}

/// Devices that remember what they got; one whose name begins with `slow` never answers, one with `gone` is gone.
#[derive(Default)]
struct Devices(Mutex<BTreeMap<String, Vec<ServerMessage>>>);

impl Push for Devices {
    async fn push(&self, connection: &str, messages: &[String], deadline: Deadline) -> Pushed {
        if connection.starts_with("gone") {
            return Pushed::Gone;
        }
        if connection.starts_with("slow") {
            let _timed_out = deadline.within(Duration::from_millis(800)).bound(std::future::pending::<()>()).await;
            return Pushed::Failed;
        }
        let messages = messages.iter().map(|text| serde_json::from_str(text).unwrap());
        self.0.lock().unwrap().entry(connection.to_owned()).or_default().extend(messages);
        Pushed::Delivered
    }
}

impl Devices {
    fn got(&self, connection: &str) -> Vec<ServerMessage> {
        self.0.lock().unwrap().get(connection).cloned().unwrap_or_default()
    }
}

async fn connect(store: &Store, id: &str, user: Account, connected_at: Timestamp) {
    let expires_at = connected_at.plus_seconds(7_800).seconds();
    store.connections().put(&Connection { id: id.into(), user_id: user, connected_at, expires_at }).await.unwrap();
}

async fn with_devices() -> TestStore {
    let db = TestStore::start().await;
    connect(&db.store, "buyer-phone", buyer(), Timestamp(0)).await;
    connect(&db.store, "buyer-laptop", buyer(), Timestamp(0)).await;
    connect(&db.store, "seller-phone", seller(), Timestamp(0)).await;
    db
}

async fn notifications(store: &Store, user: Account) -> Vec<Notification> {
    store.notifications().list(&user, None, 100).await.unwrap().items
}

fn titles(rows: &[Notification]) -> Vec<&str> {
    rows.iter().map(|row| row.title.as_str()).collect()
}

#[tokio::test]
async fn a_funded_order_is_told_to_both_parties_on_all_their_devices() {
    let db = with_devices().await;
    let phone = "254708374149".parse().unwrap();
    let order = ORDER.parse().unwrap();
    let mut payment = Payment::collection(order, buyer(), phone, Kes(816), Timestamp(0));
    payment.id = PAYMENT.parse().unwrap();
    payment.status = PaymentStatus::Succeeded;
    payment.receipt = Some("NLJ7RT61SV".into());
    assert!(db.store.payments().create(&payment).await.unwrap());
    let devices = Devices::default();
    let response = process(event(&[sample("order-funded")]), &db.store, &devices, soon()).await;
    assert_eq!(failed(&response), []);

    let rows = (notifications(&db.store, buyer()).await, notifications(&db.store, seller()).await);
    assert_eq!((titles(&rows.0), titles(&rows.1)), (vec!["Payment in escrow"], vec!["Order paid"]));
    assert!(rows.0[0].id.created_at() == Some(Timestamp(1_795_341_660_000)) && !rows.0[0].read);
    for (device, row, receipt) in [
        ("buyer-phone", &rows.0[0], Some("NLJ7RT61SV")),
        ("buyer-laptop", &rows.0[0], Some("NLJ7RT61SV")),
        ("seller-phone", &rows.1[0], None),
    ] {
        let got = devices.got(device);
        let [ServerMessage::OrderUpdated { id, order, .. }, ServerMessage::NotificationCreated { notification, .. }] =
            got.as_slice()
        else {
            panic!("{device} got {got:?}")
        };
        assert!(*id < notification.id, "{device}");
        assert_eq!(notification.id, row.id, "{device}");
        assert_eq!(order.payment.as_ref().unwrap().receipt.as_deref(), receipt, "{device}");
        assert!(!serde_json::to_string(&got).unwrap().contains("254708374149"), "{device}");
    }
}

#[tokio::test]
async fn a_record_that_comes_again_writes_nothing_and_its_messages_have_the_same_ids() {
    let db = with_devices().await;
    let devices = Devices::default();
    for _ in 0..2 {
        let response = process(event(&[sample("order-created")]), &db.store, &devices, soon()).await;
        assert_eq!(failed(&response), []);
        let row = &notifications(&db.store, buyer()).await[0];
        db.store.notifications().mark_read(&buyer(), row.id).await.unwrap();
    }
    let rows = notifications(&db.store, buyer()).await;
    assert_eq!(titles(&rows), ["Order placed"]);
    assert!(rows[0].read);
    let got = devices.got("buyer-phone");
    assert_eq!(got.len(), 4);
    assert_eq!(got[..2], got[2..]);
}

#[tokio::test]
async fn a_payment_is_told_to_its_owner_only() {
    let db = with_devices().await;
    let devices = Devices::default();
    let samples = [sample("payment-succeeded"), sample("payout-succeeded")];
    assert_eq!(failed(&process(event(&samples), &db.store, &devices, soon()).await), []);
    for (device, user, kind) in
        [("buyer-phone", buyer(), NotificationKind::Payment), ("seller-phone", seller(), NotificationKind::Payout)]
    {
        let got = devices.got(device);
        let [ServerMessage::PaymentUpdated { payment, .. }, ServerMessage::NotificationCreated { notification, .. }] =
            got.as_slice()
        else {
            panic!("{device} got {got:?}")
        };
        assert_eq!((payment.status, notification.kind), (PaymentStatus::Succeeded, kind));
        assert_eq!(notifications(&db.store, user).await.len(), 1);
        let text = serde_json::to_string(&got).unwrap();
        assert!(!text.contains("ws_CO_") && !text.contains("254708374149"), "{text}");
    }
}

#[tokio::test]
async fn a_change_that_nobody_sees_is_told_to_nobody() {
    let db = with_devices().await;
    let devices = Devices::default();
    assert_eq!(failed(&process(event(&[sample("order-unseen")]), &db.store, &devices, soon()).await), []);
    assert_eq!(notifications(&db.store, buyer()).await, []);
    assert_eq!(devices.got("buyer-phone"), []);
}

#[tokio::test]
async fn changes_of_an_order_arrive_in_their_order() {
    let db = with_devices().await;
    let devices = Devices::default();
    let samples = [sample("order-created"), sample("order-funded"), sample("order-pending")];
    assert_eq!(failed(&process(event(&samples), &db.store, &devices, soon()).await), []);
    let versions: Vec<u64> = devices
        .got("seller-phone")
        .iter()
        .filter_map(|message| match message {
            ServerMessage::OrderUpdated { order, .. } => Some(order.version),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [1, 3, 4]);
    let newest_first = notifications(&db.store, seller()).await;
    assert_eq!(titles(&newest_first), ["Being recorded", "Order paid", "New order"]);
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_blocks_nobody() {
    let db = with_devices().await;
    let devices = Devices::default();
    let mut samples = vec![sample("poison")];
    samples.insert(0, serde_json::json!({"Records": ["not a record", {"eventName": "INSERT"}]}));
    assert_eq!(failed(&process(event(&samples), &db.store, &devices, soon()).await), []);
    assert_eq!(titles(&notifications(&db.store, buyer()).await), ["Payment in escrow"]);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_forgotten_unless_it_is_just_arriving() {
    let db = with_devices().await;
    connect(&db.store, "gone-old", buyer(), Timestamp(0)).await;
    connect(&db.store, "gone-new", buyer(), Timestamp::now()).await;
    let devices = Devices::default();
    process(event(&[sample("order-created")]), &db.store, &devices, soon()).await;
    assert_eq!(db.store.connections().get("gone-old").await.unwrap(), None);
    assert!(db.store.connections().get("gone-new").await.unwrap().is_some());
    assert_eq!(devices.got("buyer-phone").len(), 2);
}

#[tokio::test]
async fn a_slow_device_costs_its_own_messages_only() {
    let db = with_devices().await;
    for number in 0..5 {
        connect(&db.store, &format!("slow-{number}"), buyer(), Timestamp(0)).await;
    }
    let devices = Devices::default();
    let samples = [sample("order-created"), sample("order-funded"), sample("order-pending")];
    assert_eq!(failed(&process(event(&samples), &db.store, &devices, soon()).await), []);
    assert_eq!((devices.got("buyer-phone").len(), devices.got("seller-phone").len()), (6, 6));
}

/// Rows of which those of one user cannot be written.
struct Broken {
    cannot_write: Option<Account>,
    cannot_look_up: Option<Account>,
    written: Mutex<Vec<(Account, String)>>,
}

impl Broken {
    fn new(cannot_write: Option<Account>, cannot_look_up: Option<Account>) -> Self {
        Self { cannot_write, cannot_look_up, written: Mutex::default() }
    }
}

impl Rows for Broken {
    async fn put_notification(&self, row: &Notification) -> Result<(), StoreError> {
        if self.cannot_write == Some(row.user_id) {
            return Err(StoreError::Contention(Table::Notifications));
        }
        self.written.lock().unwrap().push((row.user_id, row.title.clone()));
        Ok(())
    }
    async fn payment(&self, _: PaymentId) -> Result<Option<Payment>, StoreError> {
        Ok(None)
    }
    async fn connections(&self, user: &Account) -> Result<Vec<Connection>, StoreError> {
        if self.cannot_look_up == Some(*user) {
            return Err(StoreError::Contention(Table::Connections));
        }
        let connection =
            Connection { id: user.to_string(), user_id: *user, connected_at: Timestamp(0), expires_at: i64::MAX };
        Ok(vec![connection])
    }
    async fn forget_connection(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The record's place in its stream.
fn sequence_number(sample: &serde_json::Value) -> Option<String> {
    sample["Records"][0]["dynamodb"]["SequenceNumber"].as_str().map(ToOwned::to_owned)
}

/// The same change of another order.
fn of_another_order(sample: &serde_json::Value) -> serde_json::Value {
    let text = sample.to_string().replace(ORDER, "01998f00-1111-7000-8000-00000000000f");
    serde_json::from_str(&text.replace("SequenceNumber\":\"4", "SequenceNumber\":\"9")).unwrap()
}

#[tokio::test]
async fn the_first_record_that_failed_is_reported_and_other_orders_go_on() {
    let rows = Broken::new(Some(seller()), None);
    let (seen, created, funded) = (sample("order-unseen"), sample("order-created"), sample("order-funded"));
    let payment = sample("payment-succeeded");
    let mut other = of_another_order(&payment);
    other["Records"][0]["dynamodb"]["SequenceNumber"] = "9".into();
    let devices = Devices::default();
    let response = process(event(&[seen, created.clone(), funded, other]), &rows, &devices, soon()).await;
    assert_eq!(failed(&response), [sequence_number(&created)]);
    let got = devices.got(&buyer().to_string());
    assert!(matches!(
        got.as_slice(),
        [ServerMessage::PaymentUpdated { .. }, ServerMessage::NotificationCreated { .. }]
    ));
    // The order's later record waits for its earlier one.
    assert!(!rows.written.lock().unwrap().iter().any(|(_, title)| title == "Payment in escrow"));
}

#[tokio::test]
async fn a_user_whose_devices_cannot_be_looked_up_is_told_again_later() {
    let rows = Broken::new(None, Some(seller()));
    let devices = Devices::default();
    let created = sample("order-created");
    let response = process(event(&[sample("payment-succeeded"), created.clone()]), &rows, &devices, soon()).await;
    assert_eq!(failed(&response), [sequence_number(&created)]);
    assert_eq!(devices.got(&buyer().to_string()).len(), 4);
}

#[tokio::test]
async fn without_time_left_a_batch_is_given_back_from_its_beginning() {
    let rows = Broken::new(None, None);
    let created = sample("order-created");
    let response =
        process(event(std::slice::from_ref(&created)), &rows, &Devices::default(), Deadline::after(Duration::ZERO))
            .await;
    assert_eq!(failed(&response), [sequence_number(&created)]);
    assert_eq!(*rows.written.lock().unwrap(), []);
}
