//! The shared token against Daraja's rules (DARAJA.md §2, §13.1).

use std::{sync::Arc, time::Duration};

use crate::support::{client, rig, soon};
use descrow_mpesa::{CallError, MemoryTokens, TokenStore};
use sandbox::{Behaviour, CONSUMER_SECRET, Operation, Rule};

#[tokio::test]
async fn many_containers_share_one_token() {
    let rig = rig().await;
    let clients: Vec<_> = (0..5).map(|_| client(&rig.sandbox, rig.tokens.clone(), CONSUMER_SECRET)).collect();
    let pushes: Vec<_> = (0..5).map(|i| rig.push_for(&format!("25470000000{i}"), 10).1).collect();
    let calls = clients.iter().zip(&pushes).map(|(client, push)| client.stk_push(&rig.stk, push, soon()));
    for result in futures_util::future::join_all(calls).await {
        result.unwrap();
    }
    assert_eq!((rig.count("oauth").await, rig.count("stk_push").await), (1, 5));
}

#[tokio::test]
async fn a_token_that_died_in_mid_life_is_replaced_once_for_all() {
    let rig = rig().await;
    let other = client(&rig.sandbox, rig.tokens.clone(), CONSUMER_SECRET);
    rig.daraja.stk_push(&rig.stk, &rig.push_for("254700000001", 10).1, soon()).await.unwrap();
    other.stk_push(&rig.stk, &rig.push_for("254700000002", 10).1, soon()).await.unwrap();
    rig.tell("POST", "token/revoke", serde_json::Value::Null).await;
    // Both hold the dead token in their cache; the second finds the first one's replacement.
    rig.daraja.stk_push(&rig.stk, &rig.push_for("254700000003", 10).1, soon()).await.unwrap();
    other.stk_push(&rig.stk, &rig.push_for("254700000004", 10).1, soon()).await.unwrap();
    assert_eq!(rig.count("oauth").await, 2);
    assert_eq!(rig.tokens.read().await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn expires_in_may_be_a_number() {
    let rig = rig().await;
    rig.sandbox.misbehave(Rule::once(Behaviour::NumericExpiry));
    rig.daraja.stk_push(&rig.stk, &rig.push_for("254700000001", 10).1, soon()).await.unwrap();
    assert_eq!(rig.tokens.read().await.unwrap().unwrap().token.lifetime_s, 3599);
}

#[tokio::test]
async fn a_token_refused_again_and_again_is_not_refreshed_in_a_loop() {
    let rig = rig().await;
    rig.sandbox.misbehave(Rule::once(Behaviour::TokenRefused).on(Operation::B2c).always());
    let result = rig.daraja.payout(&rig.b2c, &rig.payout(10).1, soon()).await;
    assert_eq!(result, Err(CallError::Unauthorised));
    assert_eq!((rig.count("oauth").await, rig.count("b2c").await), (2, 2));
}

#[tokio::test]
async fn a_wrong_secret_is_a_configuration_error_and_html_is_not() {
    let rig = rig().await;
    let wrong = client(&rig.sandbox, Arc::new(MemoryTokens::default()), "wrong");
    let (_, push) = rig.push_for("254700000001", 10);
    assert_eq!(wrong.stk_push(&rig.stk, &push, soon()).await, Err(CallError::BadCredentials));
    rig.sandbox.misbehave(Rule::once(Behaviour::Html { status: 503 }).on(Operation::Oauth));
    assert_eq!(rig.daraja.stk_push(&rig.stk, &push, soon()).await, Err(CallError::NoToken));
    // The failed refresh gave the lock back: the next call need not wait for its end.
    let quick = descrow_platform::Deadline::after(Duration::from_secs(2));
    rig.daraja.stk_push(&rig.stk, &push, quick).await.unwrap();
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_asked_for_again_without_losing_the_call() {
    let rig = rig().await;
    rig.sandbox.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::Oauth));
    let (_, push) = rig.push_for("254700000001", 10);
    assert_eq!(rig.daraja.stk_push(&rig.stk, &push, soon()).await, Err(CallError::NoToken));
    rig.daraja.stk_push(&rig.stk, &push, soon()).await.unwrap();
    assert_eq!(rig.count("stk_push").await, 1);
}
