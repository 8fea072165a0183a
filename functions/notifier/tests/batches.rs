//! Batches of stream records with their sample events: rows in a real table engine, pushes into a list.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::{BTreeMap, HashSet},
    sync::Mutex,
    time::Duration,
};

use aws_lambda_events::streams::DynamoDbEventResponse;
use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Account, Kes, Timestamp,
    notification::{Notification, NotificationKind},
    payment::{Payment, PaymentStatus},
    realtime::{MessageId, ServerMessage},
};
use descrow_platform::{Deadline, push::Pushed};
use descrow_store::{
    Appended, Asked, Connection, Family, Kept, Known, Store, StoreError, Table, Telling, testing::TestStore,
};
use notifier::{
    batch::{StreamEvent, process},
    fan_out::{Courier, Push},
    rows::Rows,
};
use uuid::Uuid;

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
struct Devices {
    got: Mutex<BTreeMap<String, Vec<ServerMessage>>>,
    asked: Mutex<BTreeMap<String, usize>>,
    closed: Mutex<Vec<String>>,
}

fn courier() -> Courier<Devices> {
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
    fn got(&self, connection: &str) -> Vec<ServerMessage> {
        self.got.lock().unwrap().get(connection).cloned().unwrap_or_default()
    }
}

/// The session that a user's devices belong to.
fn family(user: Account) -> Uuid {
    Uuid::from_u128(u128::from(user.as_bytes()[0]))
}

async fn connect(store: &Store, id: &str, user: Account, connected_at: Timestamp) {
    connect_in(store, id, user, family(user), connected_at).await;
}

/// A device of `user` whose session is `family`.
async fn connect_in(store: &Store, id: &str, user: Account, family: Uuid, connected_at: Timestamp) {
    let (now, expires_at) = (Timestamp::now(), connected_at.plus_seconds(7_800).seconds());
    store.sessions().create_family(&Family::new(family, user, now, now.plus_seconds(3_600))).await.unwrap();
    let row = Connection { id: id.into(), user_id: user, family: Some(family), connected_at, expires_at };
    assert!(store.connections().open(&row, now).await.unwrap());
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
    let courier = courier();
    let response = process(event(&[sample("order-funded")]), &db.store, &courier, soon()).await;
    assert_eq!(failed(&response), []);

    let rows = (notifications(&db.store, buyer()).await, notifications(&db.store, seller()).await);
    assert_eq!((titles(&rows.0), titles(&rows.1)), (vec!["Payment in escrow"], vec!["Order paid"]));
    assert!(rows.0[0].id.created_at() == Some(Timestamp(1_795_341_660_000)) && !rows.0[0].read);
    for (device, row, receipt) in [
        ("buyer-phone", &rows.0[0], Some("NLJ7RT61SV")),
        ("buyer-laptop", &rows.0[0], Some("NLJ7RT61SV")),
        ("seller-phone", &rows.1[0], None),
    ] {
        let got = courier.push().got(device);
        let [
            ServerMessage::OrderUpdated { id, order, .. },
            ServerMessage::NotificationCreated { id: second, notification, .. },
        ] = got.as_slice()
        else {
            panic!("{device} got {got:?}")
        };
        assert_eq!((*id, *second), (MessageId::new(1), MessageId::new(2)), "{device}");
        assert_eq!(notification.id, row.id, "{device}");
        assert_eq!(order.payment.as_ref().unwrap().receipt.as_deref(), receipt, "{device}");
        assert!(!serde_json::to_string(&got).unwrap().contains("254708374149"), "{device}");
    }
}

#[tokio::test]
async fn a_record_that_comes_again_writes_nothing_and_its_messages_are_the_same() {
    let db = with_devices().await;
    let courier = courier();
    for _ in 0..2 {
        let response = process(event(&[sample("order-created")]), &db.store, &courier, soon()).await;
        assert_eq!(failed(&response), []);
        let row = &notifications(&db.store, buyer()).await[0];
        db.store.notifications().mark_read(&buyer(), row.id).await.unwrap();
    }
    let rows = notifications(&db.store, buyer()).await;
    assert_eq!(titles(&rows), ["Order placed"]);
    assert!(rows[0].read);
    let got = courier.push().got("buyer-phone");
    assert_eq!(got.len(), 4);
    assert_eq!(got[..2], got[2..]);
}

#[tokio::test]
async fn parts_of_a_batch_that_come_again_in_any_order_write_nothing_new() {
    let names = ["order-created", "order-funded", "order-pending", "payment-succeeded", "payout-succeeded"];
    let db = with_devices().await;
    let courier = courier();
    let all = names.map(sample);
    assert_eq!(failed(&process(event(&all), &db.store, &courier, soon()).await), []);
    let first = (courier.push().got("buyer-phone"), courier.push().got("seller-phone"));
    assert_eq!((first.0.len(), first.1.len()), (8, 8));
    let rows = (notifications(&db.store, buyer()).await, notifications(&db.store, seller()).await);
    let reversed: Vec<_> = all.iter().rev().cloned().collect();
    for again in [&all[..], &all[2..], &all[..1], &all[3..4], &reversed] {
        assert_eq!(failed(&process(event(again), &db.store, &courier, soon()).await), []);
        for (device, first) in [("buyer-phone", &first.0), ("seller-phone", &first.1)] {
            let news: Vec<_> = courier.push().got(device).into_iter().filter(|m| !first.contains(m)).collect();
            assert_eq!(news, [], "{device}");
        }
    }
    assert_eq!((notifications(&db.store, buyer()).await, notifications(&db.store, seller()).await), rows);
    for user in [buyer(), seller()] {
        assert_eq!(db.store.messages().last(&user).await, Ok(MessageId::new(8)));
    }
}

#[tokio::test]
async fn what_another_function_wrote_for_a_user_is_pushed_once() {
    let db = with_devices().await;
    let courier = courier();
    for _ in 0..2 {
        assert_eq!(failed(&process(event(&[sample("security")]), &db.store, &courier, soon()).await), []);
    }
    let got = courier.push().got("buyer-phone");
    let [ServerMessage::NotificationCreated { id, notification, .. }, again] = got.as_slice() else {
        panic!("{got:?}")
    };
    assert_eq!((*id, notification.kind, notification.order_id), (MessageId::new(1), NotificationKind::Security, None));
    assert_eq!(*again, got[0]);
    assert_eq!((courier.push().got("seller-phone"), db.store.messages().last(&buyer()).await), (vec![], Ok(*id)));
    // A row that is marked as read, and one that the notifier wrote itself, are no news.
    let mut read = sample("security");
    read["Records"][0]["eventName"] = "MODIFY".into();
    let mut own = sample("security");
    own["Records"][0]["dynamodb"]["NewImage"].as_object_mut().unwrap().remove("push");
    own["Records"][0]["dynamodb"]["NewImage"]["id"]["S"] = "01998f00-7777-7000-8000-000000000008".into();
    assert_eq!(failed(&process(event(&[read, own]), &db.store, &courier, soon()).await), []);
    assert_eq!(courier.push().got("buyer-phone").len(), 2);
}

#[tokio::test]
async fn only_what_others_write_is_marked_to_be_pushed() {
    let db = with_devices().await;
    process(event(&[sample("order-created")]), &db.store, &courier(), soon()).await;
    let image = sample("security")["Records"][0]["dynamodb"]["NewImage"].clone();
    let row: Notification =
        serde_dynamo::from_item(serde_json::from_value::<serde_dynamo::Item>(image).unwrap()).unwrap();
    db.store.notifications().put_if_absent(&row).await.unwrap();
    let found = db.client.scan().table_name("test-notifications").send().await.unwrap();
    let mut due: Vec<(String, bool)> =
        found.items().iter().map(|item| (item["title"].as_s().unwrap().clone(), item.contains_key("push"))).collect();
    due.sort();
    assert_eq!(due, [("New order".into(), false), ("Order placed".into(), false), (row.title, true)]);
}

#[tokio::test]
async fn a_payment_is_told_to_its_owner_only() {
    let db = with_devices().await;
    let courier = courier();
    let samples = [sample("payment-succeeded"), sample("payout-succeeded")];
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), []);
    for (device, user, kind) in
        [("buyer-phone", buyer(), NotificationKind::Payment), ("seller-phone", seller(), NotificationKind::Payout)]
    {
        let got = courier.push().got(device);
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
    let courier = courier();
    assert_eq!(failed(&process(event(&[sample("order-unseen")]), &db.store, &courier, soon()).await), []);
    assert_eq!(notifications(&db.store, buyer()).await, []);
    assert_eq!(courier.push().got("buyer-phone"), []);
}

#[tokio::test]
async fn changes_of_an_order_arrive_in_their_order() {
    let db = with_devices().await;
    let courier = courier();
    let samples = [sample("order-created"), sample("order-funded"), sample("order-pending")];
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), []);
    let versions: Vec<u64> = courier
        .push()
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
    let courier = courier();
    let mut samples = vec![sample("poison")];
    samples.insert(0, serde_json::json!({"Records": ["not a record", {"eventName": "INSERT"}]}));
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), []);
    assert_eq!(titles(&notifications(&db.store, buyer()).await), ["Payment in escrow"]);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_forgotten_unless_it_is_just_arriving() {
    let db = with_devices().await;
    connect(&db.store, "gone-old", buyer(), Timestamp(0)).await;
    connect(&db.store, "gone-new", buyer(), Timestamp::now()).await;
    let courier = courier();
    process(event(&[sample("order-created")]), &db.store, &courier, soon()).await;
    assert_eq!(db.store.connections().get("gone-old").await.unwrap(), None);
    assert!(db.store.connections().get("gone-new").await.unwrap().is_some());
    assert_eq!(courier.push().got("buyer-phone").len(), 2);
}

#[tokio::test]
async fn a_device_whose_session_ended_is_pushed_nothing_and_closed_and_the_user_s_others_go_on() {
    let db = with_devices().await;
    let stolen = Uuid::now_v7();
    connect_in(&db.store, "stolen", buyer(), stolen, Timestamp::now()).await;
    let courier = courier();
    process(event(&[sample("order-created")]), &db.store, &courier, soon()).await;
    assert_eq!(courier.push().got("stolen").len(), 2);
    db.store.sessions().revoke_family(stolen).await.unwrap();
    let response = process(event(&[sample("order-funded")]), &db.store, &courier, soon()).await;
    assert_eq!(failed(&response), []);
    assert_eq!((courier.push().got("stolen").len(), courier.push().got("buyer-phone").len()), (2, 4));
    assert_eq!(*courier.push().closed.lock().unwrap(), ["stolen"]);
    assert_eq!(db.store.connections().get("stolen").await, Ok(None));
}

#[tokio::test]
async fn a_device_that_does_not_know_its_session_is_pushed_nothing_and_closed() {
    let db = with_devices().await;
    let key = AttributeValue::S("buyer-laptop".into());
    let strip = db.client.update_item().table_name("test-connections").key("id", key);
    let strip = strip.update_expression("REMOVE #f").expression_attribute_names("#f", "family");
    strip.send().await.unwrap();
    let courier = courier();
    process(event(&[sample("order-created")]), &db.store, &courier, soon()).await;
    assert_eq!((courier.push().got("buyer-laptop").len(), courier.push().got("buyer-phone").len()), (0, 2));
    assert_eq!(*courier.push().closed.lock().unwrap(), ["buyer-laptop"]);
}

#[tokio::test]
async fn a_user_whose_rows_cannot_be_read_costs_nobody_else_anything() {
    let db = with_devices().await;
    let (user, seq) = (AttributeValue::S(buyer().to_string()), AttributeValue::N("0".into()));
    let spoil = db.client.update_item().table_name("test-messages").key("user_id", user).key("seq", seq);
    let spoil = spoil.update_expression("SET #l = :l").expression_attribute_names("#l", "last");
    spoil.expression_attribute_values(":l", AttributeValue::S("spoilt".into())).send().await.unwrap();
    let courier = courier();
    let samples = [sample("order-created"), sample("order-funded"), sample("payout-succeeded")];
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), [], "no retry changes that");
    assert_eq!((courier.push().got("buyer-phone").len(), courier.push().got("seller-phone").len()), (0, 6));
    assert_eq!(notifications(&db.store, buyer()).await, []);
    assert_eq!(titles(&notifications(&db.store, seller()).await).len(), 3);
}

#[tokio::test]
async fn a_slow_device_costs_its_own_messages_only() {
    let db = with_devices().await;
    for number in 0..5 {
        connect(&db.store, &format!("slow-{number}"), buyer(), Timestamp(0)).await;
    }
    let courier = courier();
    let samples = [sample("order-created"), sample("order-funded"), sample("order-pending")];
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), []);
    assert_eq!((courier.push().got("buyer-phone").len(), courier.push().got("seller-phone").len()), (6, 6));
    // It is left alone for a while: the next batch does not wait for it.
    let payment = event(&[sample("payment-succeeded")]);
    assert_eq!(failed(&process(payment, &db.store, &courier, soon()).await), []);
    assert_eq!(courier.push().got("buyer-phone").len(), 8);
    let asked = courier.push().asked.lock().unwrap().clone();
    assert_eq!((asked["slow-0"], asked["slow-4"], asked["buyer-phone"]), (1, 1, 2));
}

/// Rows of which those of one user cannot be written.
struct Broken {
    cannot_write: Option<Account>,
    cannot_look_up: Option<Account>,
    sessions_are_down: bool,
    written: Mutex<Vec<(Account, String)>>,
}

impl Broken {
    fn new(cannot_write: Option<Account>, cannot_look_up: Option<Account>) -> Self {
        Self { cannot_write, cannot_look_up, sessions_are_down: false, written: Mutex::default() }
    }
}

impl Rows for Broken {
    async fn known(&self, _: &Asked) -> Result<Known, StoreError> {
        Ok(Known::default())
    }
    async fn append(&self, user: &Account, tellings: Vec<Telling>, _: &Known, _: Timestamp) -> Appended {
        let mut appended = Appended::default();
        for (place, telling) in tellings.into_iter().enumerate() {
            // The first of the seller's is written, and nothing after it.
            if self.cannot_write == Some(*user) && place > 0 {
                appended.failed = Some((place, StoreError::Contention(Table::Messages)));
                break;
            }
            self.written.lock().unwrap().push((*user, telling.notification.unwrap().title));
            let text = |message: &ServerMessage| Kept { id: MessageId::ZERO, text: message.text().unwrap() };
            appended.kept.extend(telling.messages.iter().map(text));
        }
        appended
    }
    async fn connections(&self, user: &Account) -> Result<Vec<Connection>, StoreError> {
        if self.cannot_look_up == Some(*user) {
            return Err(StoreError::Contention(Table::Connections));
        }
        let id = user.to_string();
        let (family, connected_at) = (Some(family(*user)), Timestamp(0));
        Ok(vec![Connection { id, user_id: *user, family, connected_at, expires_at: i64::MAX }])
    }
    async fn alive(&self, families: &[Uuid], _: Timestamp) -> Result<HashSet<Uuid>, StoreError> {
        if self.sessions_are_down {
            return Err(StoreError::Contention(Table::Sessions));
        }
        Ok(families.iter().copied().collect())
    }
    async fn forget_connection(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The record's place in its stream.
fn sequence_number(sample: &serde_json::Value) -> Option<String> {
    sample["Records"][0]["dynamodb"]["SequenceNumber"].as_str().map(ToOwned::to_owned)
}

#[tokio::test]
async fn the_first_record_that_failed_is_reported_and_other_users_go_on() {
    let rows = Broken::new(Some(seller()), None);
    let [seen, created, funded, payment] =
        ["order-unseen", "order-created", "order-funded", "payment-succeeded"].map(sample);
    let courier = courier();
    let response = process(event(&[seen, created, funded.clone(), payment]), &rows, &courier, soon()).await;
    assert_eq!(failed(&response), [sequence_number(&funded)]);
    assert_eq!(courier.push().got(&buyer().to_string()).len(), 6);
    // What was written before is pushed.
    assert_eq!(courier.push().got(&seller().to_string()).len(), 2);
    let written = rows.written.lock().unwrap().clone();
    let of_seller: Vec<&str> =
        written.iter().filter(|(user, _)| *user == seller()).map(|(_, title)| title.as_str()).collect();
    assert_eq!(of_seller, ["New order"]);
}

#[tokio::test]
async fn a_user_whose_devices_cannot_be_looked_up_is_told_again_later() {
    let rows = Broken::new(None, Some(seller()));
    let courier = courier();
    let created = sample("order-created");
    let response = process(event(&[sample("payment-succeeded"), created.clone()]), &rows, &courier, soon()).await;
    assert_eq!(failed(&response), [sequence_number(&created)]);
    assert_eq!(courier.push().got(&buyer().to_string()).len(), 4);
}

#[tokio::test]
async fn while_it_is_not_known_whose_sessions_stand_nothing_is_pushed_and_all_comes_again() {
    let rows = Broken { sessions_are_down: true, ..Broken::new(None, None) };
    let courier = courier();
    let (unseen, created) = (sample("order-unseen"), sample("order-created"));
    let response = process(event(&[unseen, created.clone()]), &rows, &courier, soon()).await;
    assert_eq!(failed(&response), [sequence_number(&created)]);
    assert!(courier.push().asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_time_left_a_batch_is_given_back_from_its_beginning() {
    let rows = Broken::new(None, None);
    let created = sample("order-created");
    let response =
        process(event(std::slice::from_ref(&created)), &rows, &courier(), Deadline::after(Duration::ZERO)).await;
    assert_eq!(failed(&response), [sequence_number(&created)]);
    assert_eq!(*rows.written.lock().unwrap(), []);
}
