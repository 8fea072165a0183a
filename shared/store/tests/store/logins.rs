//! Challenges, and what they become.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_sdk_dynamodb::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextMut},
    error::BoxError,
};
use aws_smithy_runtime_api::{
    client::orchestrator::Metadata,
    http::{Response, StatusCode},
};
use descrow_store::{
    Challenge, Family, Rotation, SignedUp, Store, StoreError, Tables,
    testing::{STACK, TestStore},
};
use uuid::Uuid;

use crate::sample::{BUYER, NOW, SELLER, later, user};

fn challenge(nonce: &str) -> Challenge {
    Challenge::new(nonce, BUYER, "sign me".into(), later(300))
}

fn family() -> (Uuid, Family) {
    let id = Uuid::now_v7();
    (id, Family::new(id, BUYER, NOW, later(100)))
}

#[tokio::test]
async fn a_challenge_is_read_until_it_is_spent_or_over() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    assert_eq!(sessions.put_challenge(&challenge("n1")).await, Ok(true));
    let other = Challenge::new("n1", BUYER, "another".into(), later(300));
    assert_eq!(sessions.put_challenge(&other).await, Ok(false));
    for _ in 0..2 {
        assert_eq!(sessions.challenge("n1", NOW).await, Ok(Some(challenge("n1"))));
    }
    assert_eq!(sessions.challenge("n1", later(300)).await, Ok(None), "although it is stored");
    for _ in 0..2 {
        sessions.spend_challenge("n1").await.unwrap();
        assert_eq!(sessions.challenge("n1", NOW).await, Ok(None));
    }
}

#[tokio::test]
async fn of_fifty_who_race_for_one_challenge_one_gets_a_session_and_the_others_leave_nothing() {
    let db = TestStore::start().await;
    db.store.sessions().put_challenge(&challenge("n1")).await.unwrap();
    let racing = (0..50).map(|_| {
        let store = db.store.clone();
        tokio::spawn(async move {
            let (id, family) = family();
            (id, store.sessions().sign_in("n1", &family).await)
        })
    });
    let mut outcomes = HashMap::new();
    for racer in racing.collect::<Vec<_>>() {
        let (id, outcome) = racer.await.unwrap();
        outcomes.insert(id, outcome.unwrap());
    }
    let won: Vec<_> = outcomes.iter().filter(|(_, won)| **won).collect();
    assert_eq!(won.len(), 1);
    for (id, won) in &outcomes {
        assert_eq!(db.store.sessions().family(*id).await.unwrap().is_some(), *won);
    }
    assert_eq!(db.store.sessions().challenge("n1", NOW).await, Ok(None));
}

#[tokio::test]
async fn a_registration_is_whole_or_leaves_nothing() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    sessions.put_challenge(&challenge("n1")).await.unwrap();
    let ((first, family_one), (second, family_two)) = (family(), family());
    db.trips.take();
    assert_eq!(sessions.sign_up("n1", &user(BUYER), &family_one).await, Ok(SignedUp::Done));
    assert_eq!(db.trips.take(), 1);
    assert_eq!(sessions.family(first).await, Ok(Some(family_one)));
    assert_eq!(db.store.users().get(&BUYER).await, Ok(Some(user(BUYER))));

    assert_eq!(sessions.sign_up("n1", &user(SELLER), &family_two).await, Ok(SignedUp::Spent));
    sessions.put_challenge(&challenge("n2")).await.unwrap();
    assert_eq!(sessions.sign_up("n2", &user(BUYER), &family_two).await, Ok(SignedUp::Taken));
    assert_eq!(sessions.sign_up("n3", &user(BUYER), &family_two).await, Ok(SignedUp::Spent), "there never was one");
    assert_eq!(db.store.users().get(&SELLER).await, Ok(None));
    assert_eq!(sessions.family(second).await, Ok(None));
}

/// Turns the first so many replies to these operations into the failure that makes the SDK repeat the request.
#[derive(Clone, Debug)]
pub(crate) struct RepliesLost {
    operations: &'static [&'static str],
    many: usize,
    /// How often the request was sent.
    pub(crate) sent: Arc<AtomicUsize>,
}

impl RepliesLost {
    pub(crate) fn of(operations: &'static [&'static str], many: usize) -> Self {
        Self { operations, many, sent: Arc::default() }
    }

    /// A store that loses them.
    pub(crate) fn store(&self, db: &TestStore) -> Store {
        let config = db.client.config().to_builder().interceptor(self.clone()).build();
        Store::new(Client::from_conf(config), Tables::of_stack(STACK))
    }
}

impl Intercept for RepliesLost {
    fn name(&self) -> &'static str {
        "RepliesLost"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let this = bag.load::<Metadata>().is_some_and(|metadata| self.operations.contains(&metadata.name()));
        if this && self.sent.fetch_add(1, Ordering::SeqCst) < self.many {
            *context.response_mut() = Response::new(StatusCode::try_from(500)?, "".into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_login_whose_reply_was_lost_is_one() {
    let db = TestStore::start().await;
    db.store.sessions().put_challenge(&challenge("n1")).await.unwrap();
    let (id, family) = family();
    let lost = RepliesLost::of(&["TransactWriteItems"], 1);
    assert_eq!(lost.store(&db).sessions().sign_in("n1", &family).await, Ok(true));
    assert_eq!(lost.sent.load(Ordering::SeqCst), 2, "the request was sent twice");
    assert_eq!(db.store.sessions().family(id).await, Ok(Some(family)));
}

#[tokio::test]
async fn a_use_of_a_refresh_token_of_which_every_reply_was_lost_is_known_by_the_row() {
    let db = TestStore::start().await;
    let (id, family) = family();
    db.store.sessions().create_family(&family).await.unwrap();
    let lost = RepliesLost::of(&["UpdateItem"], usize::MAX);
    let outcome = lost.store(&db).sessions().rotate(id, 1, NOW, later(200)).await.unwrap();
    let stored = db.store.sessions().family(id).await.unwrap().unwrap();
    assert_eq!((stored.counter, outcome), (2, Rotation::Rotated(stored)));

    // Neither the write nor the question is answered: nothing is known, and nothing is claimed.
    let silent = RepliesLost::of(&["UpdateItem", "GetItem"], usize::MAX);
    let outcome = silent.store(&db).sessions().rotate(id, 2, NOW, later(300)).await;
    assert!(matches!(outcome, Err(StoreError::Failed { operation: "UpdateItem", .. })), "{outcome:?}");
}
