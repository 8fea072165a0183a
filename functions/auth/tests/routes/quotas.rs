//! A request that its quota refuses has no effect, and one that cannot be counted is refused.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::stage::{Stack, Wallet, set_header, with_body};

/// A login of `wallet` with a challenge that it signed.
async fn signed(stack: &Stack, wallet: &Wallet) -> Value {
    let (nonce, message) = stack.challenge(&wallet.account()).await;
    with_body("auth-login", &json!({"account": wallet.account(), "nonce": nonce, "signature": wallet.sign(&message)}))
}

#[tokio::test]
async fn a_challenge_beyond_the_quota_writes_nothing() {
    let stack = Stack::with(&[("RATE_LIMIT_IP", "1/900")]).await;
    let wallet = Wallet::new(1);
    stack.challenge(&wallet.account()).await;
    let before = stack.rows("sessions").await;
    assert_eq!(before.len(), 1);
    let over = stack.send(with_body("auth-challenge", &json!({"account": wallet.account()}))).await;
    assert_eq!((over.status, over.code()), (429, "rate_limited"));
    assert_eq!(stack.rows("sessions").await, before);
}

#[tokio::test]
async fn a_login_or_registration_beyond_the_quota_keeps_its_challenge() {
    let stack = Stack::new().await;
    let wallet = Wallet::new(1);
    let mut register = signed(&stack, &wallet).await;
    let mut body: Value = serde_json::from_str(register["body"].as_str().unwrap()).unwrap();
    body["role"] = json!("buyer");
    register = with_body("auth-register", &body);
    for (request, good) in [(register, 201), (Value::Null, 200)] {
        let request = if request.is_null() { signed(&stack, &wallet).await } else { request };
        let before = stack.rows("sessions").await;
        stack.use_up_quotas().await;
        let over = stack.send(request.clone()).await;
        assert_eq!((over.status, over.code()), (429, "rate_limited"));
        assert_eq!(stack.rows("sessions").await, before);
        stack.free_quotas().await;
        let again = stack.send(request.clone()).await;
        assert_eq!(again.status, good, "{}", again.body);
        let spent = stack.send(request).await;
        assert_eq!((spent.status, spent.code()), (401, "invalid_challenge"));
    }
}

#[tokio::test]
async fn a_logout_beyond_the_quota_ends_nothing() {
    let stack = Stack::new().await;
    let token = stack.register(&Wallet::new(1)).await.text("/accessToken");
    // Counts the account, too.
    assert_eq!(stack.as_user("auth-profile-get", &token).await.status, 200);
    stack.use_up_quotas().await;
    let over = stack.as_user("auth-logout", &token).await;
    assert_eq!((over.status, over.code()), (429, "rate_limited"));
    stack.free_quotas().await;
    assert_eq!(stack.as_user("auth-profile-put", &token).await.status, 200, "the session stands");
    assert_eq!(stack.as_user("auth-logout", &token).await.status, 204);
}

#[tokio::test]
async fn of_fifty_logins_with_one_challenge_one_wins_and_one_session_is_there() {
    let stack = Stack::with(&[("RATE_LIMIT_IP", "1000/900")]).await;
    let wallet = Wallet::new(1);
    stack.register(&wallet).await;
    let families = async || stack.rows("sessions").await.into_iter().filter(|id| id.starts_with("family#")).count();
    assert_eq!(families().await, 1);
    let login = signed(&stack, &wallet).await;
    let answers = join_all((0..50).map(|_| stack.send(login.clone()))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|answer| (answer.status, answer.code()) == (401, "invalid_challenge")));
    assert_eq!(families().await, 2, "nothing is left of those who lost");
    assert_eq!(stack.refresh(&won[0].text("/refreshToken")).await.status, 200);
}

#[tokio::test]
async fn nobody_reads_a_profile_without_being_counted() {
    let stack = Stack::new().await;
    let token = stack.register(&Wallet::new(1)).await.text("/accessToken");
    stack.db.client.delete_table().table_name("test-limits").send().await.unwrap();
    let mut event = crate::stage::event("auth-profile-get");
    set_header(&mut event, "Authorization", &format!("Bearer {token}"));
    let refused = stack.send(event).await;
    assert_eq!((refused.status, refused.code()), (503, "service_unavailable"));
    assert_eq!(refused.headers["retry-after"], "1");
}
