//! `sessions`.

use descrow_store::{Challenge, Family, Rotation, Ticket, testing::TestStore};
use uuid::Uuid;

use crate::sample::{BUYER, NOW, later};

#[tokio::test]
async fn a_challenge_is_taken_by_one_of_two_who_race_for_it() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    let challenge = Challenge::new("n1", BUYER, "sign me".into(), later(300));
    assert_eq!(sessions.put_challenge(&challenge).await, Ok(true));
    let other = Challenge::new("n1", BUYER, "another".into(), later(300));
    assert_eq!(sessions.put_challenge(&other).await, Ok(false));
    let (one, two) = tokio::join!(sessions.take_challenge("n1", NOW), sessions.take_challenge("n1", NOW));
    let taken: Vec<_> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(taken, [challenge]);
}

#[tokio::test]
async fn what_is_over_is_not_taken_even_while_it_is_stored() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    sessions.put_challenge(&Challenge::new("n1", BUYER, "sign me".into(), later(300))).await.unwrap();
    assert_eq!(sessions.take_challenge("n1", later(300)).await, Ok(None));
    assert_eq!(sessions.take_challenge("n1", NOW).await, Ok(None), "and it is gone");
    sessions.put_ticket(&Ticket::new("t1", BUYER, later(60))).await.unwrap();
    assert_eq!(sessions.take_ticket("t1", later(60)).await, Ok(None));
}

#[tokio::test]
async fn a_ticket_admits_once() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    let ticket = Ticket::new("t1", BUYER, later(60));
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
    let rotated = {
        let mut next = family;
        (next.counter, next.expires_at) = (2, later(200).seconds());
        next
    };
    let mut outcomes = [one.unwrap(), two.unwrap()];
    outcomes.sort_by_key(|outcome| matches!(outcome, Rotation::Reused(_)));
    assert_eq!(outcomes, [Rotation::Rotated(rotated.clone()), Rotation::Reused(rotated)]);
    assert_eq!(sessions.rotate(id, 3, NOW, later(200)).await, Ok(Rotation::Gone), "a number from the future");
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
