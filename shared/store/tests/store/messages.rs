//! `messages`: numbered without holes, written once, by several writers at once.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Account, NotificationId, Timestamp,
    notification::{Change, MessagePart, Notification, NotificationKind},
    realtime::{MessageId, ServerMessage},
    view::NotificationView,
};
use descrow_store::{Asked, Kept, Known, Store, StoreError, Table, Telling, testing::TestStore};

use crate::sample::{BUYER, NOW, SELLER, later};

/// What change number `n` of a row tells `user`: two messages and a row.
fn telling(user: Account, row: &str, n: u64) -> Telling {
    let change = Change { at: later(i64::try_from(n).unwrap()), version: n, row };
    let notification = Notification {
        user_id: user,
        id: change.id(&user, MessagePart::Notification),
        kind: NotificationKind::OrderStatus,
        order_id: None,
        title: format!("{row} {n}"),
        message: "Something happened.".into(),
        read: false,
        created_at: change.at,
    };
    let message = ServerMessage::NotificationCreated {
        id: MessageId::ZERO,
        at: change.at.rfc3339(),
        notification: NotificationView::from(&notification),
    };
    Telling {
        key: change.id(&user, MessagePart::Subject),
        messages: vec![message.clone(), message],
        notification: Some(notification),
    }
}

async fn known(store: &Store, user: Account, tellings: &[Telling]) -> Known {
    let keys = tellings.iter().map(|telling| telling.key).collect();
    store.messages().known(&Asked { payments: vec![], users: vec![user], keys }).await.unwrap()
}

/// Reads what is known, and tells.
async fn tell(store: &Store, user: Account, tellings: Vec<Telling>) -> Vec<Kept> {
    let known = known(store, user, &tellings).await;
    let appended = store.messages().append(&user, tellings, &known, NOW).await;
    assert_eq!(appended.failed, None);
    appended.kept
}

fn numbers(kept: &[Kept]) -> Vec<u64> {
    kept.iter().map(|message| message.id.number()).collect()
}

/// What is kept for `user`, oldest first, and how it is titled.
async fn titles(store: &Store, user: Account) -> Vec<String> {
    let (kept, _) = store.messages().after(&user, MessageId::ZERO, 10_000, NOW).await.unwrap();
    assert_eq!(numbers(&kept), (1..=kept.len() as u64).collect::<Vec<_>>(), "a hole");
    assert_eq!(store.messages().last(&user).await, Ok(MessageId::new(kept.len() as u64)));
    let title = |message: Kept| match serde_json::from_str(&message.text).unwrap() {
        ServerMessage::NotificationCreated { id, notification, .. } => {
            assert_eq!(id, message.id);
            notification.title
        }
        other => panic!("{other:?}"),
    };
    kept.into_iter().map(title).collect()
}

/// The titles of these changes, each twice.
fn twice(row: &str, numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().flat_map(|n| [format!("{row} {n}"), format!("{row} {n}")]).collect()
}

#[tokio::test]
async fn messages_are_numbered_per_user_and_written_with_their_rows_in_one_transaction() {
    let db = TestStore::start().await;
    let list: Vec<Telling> = (1..=3).map(|n| telling(BUYER, "a", n)).collect();
    let known = known(&db.store, BUYER, &list).await;
    db.trips.take();
    let appended = db.store.messages().append(&BUYER, list, &known, NOW).await;
    assert_eq!((numbers(&appended.kept), appended.failed, db.trips.requests()), (vec![1, 2, 3, 4, 5, 6], None, 1));
    assert_eq!(numbers(&tell(&db.store, SELLER, vec![telling(SELLER, "a", 1)]).await), [1, 2]);
    assert_eq!(titles(&db.store, BUYER).await, twice("a", 1..=3));
    let rows = db.store.notifications().list(&BUYER, None, 10).await.unwrap().items;
    assert_eq!(rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(), ["a 3", "a 2", "a 1"]);
    let (page, reached) = db.store.messages().after(&BUYER, MessageId::new(2), 3, NOW).await.unwrap();
    assert_eq!((page, reached), (appended.kept[2..5].to_vec(), Some(MessageId::new(5))));
}

#[tokio::test]
async fn what_is_told_again_is_written_once_and_has_the_ids_it_had() {
    let db = TestStore::start().await;
    let list = |numbers: &[u64]| numbers.iter().map(|n| telling(BUYER, "a", *n)).collect::<Vec<_>>();
    let first = tell(&db.store, BUYER, list(&[1, 2])).await;
    // All of it; a part with something new; the part alone; and by a writer who does not know that it was told.
    assert_eq!(tell(&db.store, BUYER, list(&[1, 2])).await, first);
    let more = tell(&db.store, BUYER, list(&[2, 3])).await;
    assert_eq!((&more[..2], numbers(&more)), (&first[2..], vec![3, 4, 5, 6]));
    assert_eq!(tell(&db.store, BUYER, list(&[1])).await, first[..2]);
    let blind = db.store.messages().append(&BUYER, list(&[1, 2, 3, 4]), &Known::default(), NOW).await;
    assert_eq!((numbers(&blind.kept), blind.failed), ((1..=8).collect(), None));
    assert_eq!((&blind.kept[..4], &blind.kept[4..6]), (&first[..], &more[2..]));
    assert_eq!(titles(&db.store, BUYER).await, twice("a", 1..=4));
    assert_eq!(db.store.notifications().list(&BUYER, None, 10).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn a_change_that_comes_twice_in_one_batch_is_told_once() {
    let db = TestStore::start().await;
    let list = || [1, 2, 1, 3, 2].map(|n| telling(BUYER, "a", n)).to_vec();
    let first = tell(&db.store, BUYER, list()).await;
    assert_eq!(numbers(&first), [1, 2, 3, 4, 5, 6]);
    assert_eq!(tell(&db.store, BUYER, list()).await, first);
    assert_eq!(titles(&db.store, BUYER).await, twice("a", 1..=3));
}

#[tokio::test]
async fn a_row_that_is_there_already_keeps_its_state_and_is_told() {
    let db = TestStore::start().await;
    let told = telling(BUYER, "a", 1);
    let row = told.notification.clone().unwrap();
    db.store.notifications().put_if_absent(&row).await.unwrap();
    db.store.notifications().mark_read(&BUYER, row.id).await.unwrap();
    assert_eq!(numbers(&tell(&db.store, BUYER, vec![told]).await), [1, 2]);
    let rows = db.store.notifications().list(&BUYER, None, 10).await.unwrap().items;
    assert_eq!(rows, [Notification { read: true, ..row }]);
}

#[tokio::test]
async fn more_than_one_transaction_takes_is_split_between_tellings() {
    let db = TestStore::start().await;
    let list: Vec<Telling> = (1..=60).map(|n| telling(BUYER, "a", n)).collect();
    let known = known(&db.store, BUYER, &list).await;
    db.trips.take();
    let appended = db.store.messages().append(&BUYER, list, &known, NOW).await;
    // Each telling is four writes, and each transaction moves the counter: 24 fit.
    assert_eq!((numbers(&appended.kept), appended.failed, db.trips.requests()), ((1..=120).collect(), None, 3));
    assert_eq!(titles(&db.store, BUYER).await, twice("a", 1..=60));
}

#[tokio::test]
async fn writers_that_meet_take_turns_and_leave_no_hole() {
    let db = TestStore::start().await;
    let writers = ["a", "b", "c", "d"].map(|row| {
        let store = db.store.clone();
        tokio::spawn(async move {
            for n in 1..=8 {
                let list = vec![telling(BUYER, row, n)];
                // Who never gets a turn gives up and is called again, as the stream does.
                loop {
                    let known = known(&store, BUYER, &list).await;
                    match store.messages().append(&BUYER, list.clone(), &known, NOW).await.failed {
                        None => break,
                        Some((0, StoreError::Contention(Table::Messages))) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let told = titles(&db.store, BUYER).await;
    assert_eq!(told.len(), 64);
    for row in ["a", "b", "c", "d"] {
        let of_row: Vec<String> = told.iter().filter(|title| title.starts_with(row)).cloned().collect();
        assert_eq!(of_row, twice(row, 1..=8));
    }
}

#[tokio::test]
async fn two_writers_of_the_same_change_write_it_once() {
    let db = TestStore::start().await;
    let list: Vec<Telling> = (1..=5).map(|n| telling(BUYER, "a", n)).collect();
    let (one, two) = tokio::join!(tell(&db.store, BUYER, list.clone()), tell(&db.store, BUYER, list));
    assert_eq!(one, two);
    assert_eq!(titles(&db.store, BUYER).await, twice("a", 1..=5));
}

#[tokio::test]
async fn a_message_is_kept_for_a_day_and_never_told_again_within_two() {
    let db = TestStore::start().await;
    let day = |days: i64| Timestamp(NOW.0 + days * 24 * 60 * 60 * 1000);
    tell(&db.store, BUYER, vec![telling(BUYER, "a", 1)]).await;
    let kept = |now| {
        let store = db.store.clone();
        async move { store.messages().after(&BUYER, MessageId::ZERO, 10, now).await.unwrap().0.len() }
    };
    assert_eq!((kept(Timestamp(day(1).0 - 1000)).await, kept(day(1)).await), (2, 0));
    let list = vec![telling(BUYER, "a", 1), telling(BUYER, "a", 2)];
    let known = known(&db.store, BUYER, &list).await;
    let appended = db.store.messages().append(&BUYER, list, &known, day(1)).await;
    assert_eq!((numbers(&appended.kept), appended.failed), (vec![3, 4], None));
    let expiry = db
        .client
        .query()
        .table_name("test-messages")
        .key_condition_expression("user_id = :id")
        .expression_attribute_values(":id", AttributeValue::S(format!("told#{}", telling(BUYER, "a", 1).key)))
        .send()
        .await
        .unwrap();
    let marked = expiry.items()[0]["expires_at"].as_n().unwrap().parse::<i64>().unwrap();
    assert_eq!(marked, day(2).seconds());
}

#[tokio::test]
async fn what_is_known_of_many_is_one_round_trip() {
    let db = TestStore::start().await;
    let users: Vec<Account> = (0..=254).map(|n| Account::from_bytes([n; 32])).collect();
    tell(&db.store, users[7], vec![telling(users[7], "a", 1)]).await;
    let keys: Vec<NotificationId> = users.iter().map(|user| telling(*user, "a", 1).key).collect();
    db.trips.take();
    let known = db.store.messages().known(&Asked { payments: vec![], users: users.clone(), keys }).await.unwrap();
    assert_eq!((db.trips.requests(), db.trips.take()), (6, 1));
    assert_eq!(known.last.into_iter().collect::<Vec<_>>(), [(users[7], MessageId::new(2))]);
}

/// Spoils the item under this key of `messages`.
async fn spoil(db: &TestStore, partition: String, attribute: &str) {
    let (partition, seq) = (AttributeValue::S(partition), AttributeValue::N("0".into()));
    let spoil = db.client.update_item().table_name("test-messages").key("user_id", partition).key("seq", seq);
    let spoil = spoil.update_expression("SET #a = :a").expression_attribute_names("#a", attribute);
    spoil.expression_attribute_values(":a", AttributeValue::S("spoilt".into())).send().await.unwrap();
}

#[tokio::test]
async fn a_user_whose_counter_cannot_be_read_is_told_nothing_and_all_others_are() {
    let db = TestStore::start().await;
    let list = |user| vec![telling(user, "a", 1)];
    spoil(&db, BUYER.to_string(), "last").await;
    let keys = [BUYER, SELLER].map(|user| telling(user, "a", 1).key).to_vec();
    let asked = Asked { payments: vec![], users: vec![BUYER, SELLER], keys };
    let known = db.store.messages().known(&asked).await.unwrap();
    assert_eq!(known.unreadable.len(), 1);
    let refused = db.store.messages().append(&BUYER, list(BUYER), &known, NOW).await;
    assert_eq!((refused.kept, refused.failed), (vec![], Some((0, known.unreadable[0].clone()))));
    assert!(matches!(known.unreadable[0], StoreError::Unreadable { table: Table::Messages, .. }), "{known:?}");
    assert_eq!(db.store.notifications().list(&BUYER, None, 10).await.unwrap().items, []);
    let told = db.store.messages().append(&SELLER, list(SELLER), &known, NOW).await;
    assert_eq!((numbers(&told.kept), told.failed), (vec![1, 2], None));
}

#[tokio::test]
async fn what_was_told_under_a_mark_that_cannot_be_read_is_not_told_twice_and_the_rest_is_told() {
    let db = TestStore::start().await;
    let list = |numbers: &[u64]| numbers.iter().map(|n| telling(BUYER, "a", *n)).collect::<Vec<_>>();
    tell(&db.store, BUYER, list(&[1])).await;
    spoil(&db, format!("told#{}", telling(BUYER, "a", 1).key), "first").await;
    let known = known(&db.store, BUYER, &list(&[1, 2])).await;
    assert_eq!(known.unreadable.len(), 1);
    let appended = db.store.messages().append(&BUYER, list(&[1, 2]), &known, NOW).await;
    assert_eq!((numbers(&appended.kept), appended.failed), (vec![3, 4], None));
    assert_eq!(titles(&db.store, BUYER).await, twice("a", 1..=2));
}
