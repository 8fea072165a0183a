//! `sessions`.

use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::notification::{Change, MessagePart, Notification, NotificationKind};
use descrow_store::{Family, Rotation, Ticket, testing::TestStore};
use uuid::Uuid;

use crate::{
    logins::RepliesLost,
    sample::{BUYER, NOW, later},
};

#[tokio::test]
async fn a_ticket_that_is_over_admits_nobody_even_while_it_is_stored() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    sessions.put_ticket(&Ticket::new("t1", BUYER, Uuid::from_u128(1), later(60))).await.unwrap();
    assert_eq!(sessions.take_ticket("t1", later(60)).await, Ok(None));
}

#[tokio::test]
async fn a_ticket_admits_once() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    let ticket = Ticket::new("t1", BUYER, Uuid::from_u128(1), later(60));
    assert_eq!(sessions.put_ticket(&ticket).await, Ok(true));
    assert_eq!(sessions.take_ticket("t1", NOW).await, Ok(Some(ticket)));
    assert_eq!(sessions.take_ticket("t1", NOW).await, Ok(None));
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_is_seen() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    let id = Uuid::now_v7();
    let family = Family::new(id, BUYER, NOW, later(100));
    assert_eq!(sessions.create_family(&family).await, Ok(true));
    let (one, two) = tokio::join!(sessions.rotate(id, 1, NOW, later(200)), sessions.rotate(id, 1, NOW, later(200)));
    let mut outcomes = [one.unwrap(), two.unwrap()];
    outcomes.sort_by_key(|outcome| matches!(outcome, Rotation::Reused(_)));
    let stored = sessions.family(id).await.unwrap().unwrap();
    assert!(stored.rotation.is_some());
    let rotated = {
        let mut next = family;
        (next.counter, next.rotation, next.expires_at) = (2, stored.rotation, later(200).seconds());
        next
    };
    assert_eq!(outcomes, [Rotation::Rotated(rotated.clone()), Rotation::Reused(rotated)]);
    assert_eq!(sessions.rotate(id, 3, NOW, later(200)).await, Ok(Rotation::Gone), "a number from the future");
}

#[tokio::test]
async fn a_use_whose_reply_was_lost_is_not_taken_for_a_second_one() {
    let db = TestStore::start().await;
    let id = Uuid::now_v7();
    db.store.sessions().create_family(&Family::new(id, BUYER, NOW, later(100))).await.unwrap();
    let lost = RepliesLost::of(&["UpdateItem"], 1);
    let outcome = lost.store(&db).sessions().rotate(id, 1, NOW, later(200)).await.unwrap();
    assert_eq!(lost.sent.load(Ordering::SeqCst), 2, "the request was sent twice");
    let stored = db.store.sessions().family(id).await.unwrap().unwrap();
    assert_eq!((stored.counter, stored.expires_at), (2, later(200).seconds()));
    assert_eq!(outcome, Rotation::Rotated(stored.clone()));
    let second = db.store.sessions().rotate(id, 1, NOW, later(300)).await.unwrap();
    assert_eq!(second, Rotation::Reused(stored), "another use of the same token is one");
}

#[tokio::test]
async fn a_reuse_ends_the_family_and_tells_its_user_once() {
    let db = TestStore::start().await;
    let (sessions, id) = (db.store.sessions(), Uuid::now_v7());
    sessions.create_family(&Family::new(id, BUYER, NOW, later(100))).await.unwrap();
    let notice = |at| Notification {
        user_id: BUYER,
        id: Change { at, version: 1, row: "sessions/a" }.id(&BUYER, MessagePart::Notification),
        kind: NotificationKind::Security,
        order_id: None,
        title: "Signed out".into(),
        message: "A refresh token was used twice.".into(),
        read: false,
        created_at: at,
    };
    sessions.end_reused(id, &notice(NOW)).await.unwrap();
    assert!(sessions.family(id).await.unwrap().unwrap().revoked);
    sessions.end_reused(id, &notice(later(1))).await.expect("it was ended already");
    let told = db.store.notifications().list(&BUYER, None, 10).await.unwrap();
    assert_eq!(told.items, [notice(NOW)]);
}

#[tokio::test]
async fn a_revoked_family_and_one_that_is_over_prove_nothing() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    let (revoked, over) = (Uuid::now_v7(), Uuid::now_v7());
    for id in [revoked, over] {
        sessions.create_family(&Family::new(id, BUYER, NOW, later(100))).await.unwrap();
    }
    sessions.revoke_family(revoked).await.unwrap();
    assert_eq!(sessions.rotate(revoked, 1, NOW, later(200)).await, Ok(Rotation::Gone));
    assert_eq!(sessions.rotate(over, 1, later(100), later(200)).await, Ok(Rotation::Gone));
    let family = sessions.family(revoked).await.unwrap().unwrap();
    assert!(family.revoked && !family.alive(NOW));
    sessions.revoke_family(Uuid::now_v7()).await.expect("an unknown family needs no ending");
}

#[tokio::test]
async fn many_families_are_asked_for_in_one_round_trip_and_those_that_stand_are_named() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    let ids: Vec<Uuid> = (0..230).map(Uuid::from_u128).collect();
    let [stands, revoked, over, spoilt] = [ids[0], ids[101], ids[202], ids[203]];
    for (id, expires) in [(stands, later(100)), (revoked, later(100)), (over, later(1)), (spoilt, later(100))] {
        sessions.create_family(&Family::new(id, BUYER, NOW, expires)).await.unwrap();
    }
    sessions.revoke_family(revoked).await.unwrap();
    let key = AttributeValue::S(format!("family#{spoilt}"));
    let spoil = db.client.update_item().table_name("test-sessions").key("id", key).update_expression("REMOVE #a");
    spoil.expression_attribute_names("#a", "account").send().await.unwrap();
    db.trips.take();
    assert_eq!(sessions.alive(&ids, later(1)).await, Ok(std::collections::HashSet::from([stands])));
    assert_eq!((db.trips.requests(), db.trips.take()), (3, 1));
    assert_eq!(sessions.alive(&[], NOW).await, Ok(std::collections::HashSet::new()));
    assert_eq!(db.trips.take(), 0);
}
