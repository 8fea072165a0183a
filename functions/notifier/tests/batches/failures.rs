//! Rows that cannot be written, looked up or understood.

use std::{collections::HashSet, sync::Mutex, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Account, Timestamp,
    realtime::{MessageId, ServerMessage},
};
use descrow_platform::Deadline;
use descrow_store::{Appended, Asked, Connection, Kept, Known, StoreError, Table, Telling};
use notifier::{batch::process, rows::Rows};
use uuid::Uuid;

use crate::stage::{buyer, courier, event, failed, family, notifications, sample, seller, soon, titles, with_devices};

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
