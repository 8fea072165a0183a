//! The family's routes, driven by the events that API Gateway sends, over a database and a bucket in this process.

// Helpers of tests stand outside of functions marked as tests, where clippy allows this by itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod hostile;
mod kyc;
mod quotas;
mod stage;

use descrow_domain::{Timestamp, notification::NotificationKind};
use descrow_store::Challenge;
use descrow_web::document;
use serde_json::{Value, json};

use crate::stage::{EVENTS, ORIGIN, Stack, Wallet, event, set_header, with_body};

#[tokio::test]
async fn a_wallet_registers_logs_in_refreshes_and_logs_out() {
    let stack = Stack::new().await;
    let wallet = Wallet::new(1);
    let more = json!({"role": "seller", "phone": "254708374149", "displayName": " Amina's Shop ", "email": "amina@example.com"});
    let registered = stack.prove("auth-register", &wallet, more).await;
    assert_eq!(registered.status, 201, "{}", registered.body);
    assert_eq!(registered.headers["location"], "/api/auth/profile");
    assert_eq!(registered.body["expiresIn"], 900);
    let mut user = registered.body["user"].clone();
    assert_eq!(user["createdAt"], user["updatedAt"]);
    user.as_object_mut().unwrap().retain(|name, _| !name.ends_with("At"));
    assert_eq!(
        user,
        json!({"id": wallet.account(), "role": "seller", "kycStatus": "pending", "phone": "254708374149",
            "displayName": "Amina's Shop", "email": "amina@example.com", "kyc": null})
    );

    let session = stack.prove("auth-login", &wallet, json!({})).await;
    assert_eq!((session.status, &session.body["user"]), (200, &registered.body["user"]));
    let next = stack.refresh(&session.text("/refreshToken")).await;
    assert_eq!((next.status, &next.body["user"]), (200, &registered.body["user"]));
    assert_ne!(next.body["refreshToken"], session.body["refreshToken"]);

    let token = next.text("/accessToken");
    let changed = stack.as_user("auth-profile-put", &token).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!((&changed.body["displayName"], &changed.body["email"]), (&json!("Amina"), &Value::Null));
    let read = stack.as_user("auth-profile-get", &token).await;
    assert_eq!((read.status, read.body), (200, changed.body));

    assert_eq!(stack.as_user("auth-logout", &token).await.status, 204);
    let refused = stack.as_user("auth-profile-put", &token).await;
    assert_eq!((refused.status, refused.code()), (401, "session_revoked"));
    let refused = stack.refresh(&next.text("/refreshToken")).await;
    assert_eq!((refused.status, refused.code()), (401, "session_revoked"));
    assert_eq!(stack.as_user("auth-logout", &token).await.status, 204, "logging out twice is as good");
}

#[tokio::test]
async fn no_route_makes_more_round_trips_than_the_design_allows() {
    let stack = Stack::new().await;
    let wallet = Wallet::new(1);
    stack.register(&wallet).await;
    assert_eq!(stack.db.trips.take(), 2, "register");
    let session = stack.prove("auth-login", &wallet, json!({})).await;
    assert_eq!(stack.db.trips.take(), 2, "login");
    stack.challenge(&wallet.account()).await;
    assert_eq!(stack.db.trips.take(), 2, "challenge");
    let next = stack.refresh(&session.text("/refreshToken")).await;
    assert_eq!(stack.db.trips.take(), 2, "refresh");
    let token = next.text("/accessToken");
    for (name, trips) in [("auth-profile-get", 1), ("auth-profile-put", 2), ("auth-logout", 2)] {
        stack.as_user(name, &token).await;
        assert_eq!(stack.db.trips.take(), trips, "{name}");
    }
}

#[tokio::test]
async fn a_challenge_is_good_once_and_for_its_account() {
    let stack = Stack::new().await;
    let (wallet, thief) = (Wallet::new(1), Wallet::new(2));
    stack.register(&wallet).await;
    stack.register(&thief).await;
    let (nonce, message) = stack.challenge(&wallet.account()).await;
    assert!(message.starts_with("app.descrow.example wants you to sign in with your Substrate account:\n"));
    assert!(message.contains(&wallet.account().to_string()) && message.contains(&nonce));
    let login = |by: &Wallet, nonce: &str| {
        with_body("auth-login", &json!({"account": by.account(), "nonce": nonce, "signature": by.sign(&message)}))
    };
    assert_eq!(stack.send(login(&wallet, &nonce)).await.status, 200);
    let again = stack.send(login(&wallet, &nonce)).await;
    assert_eq!((again.status, again.code()), (401, "invalid_challenge"));

    let (nonce, _) = stack.challenge(&wallet.account()).await;
    let stolen = stack.send(login(&thief, &nonce)).await;
    assert_eq!((stolen.status, stolen.code()), (401, "invalid_challenge"));

    let (nonce, _) = stack.challenge(&wallet.account()).await;
    let wrong = stack.send(login(&wallet, &nonce)).await;
    assert_eq!((wrong.status, wrong.code()), (401, "invalid_signature"), "signed another challenge's message");
    let spent = stack.send(login(&wallet, &nonce)).await;
    assert_eq!((spent.status, spent.code()), (401, "invalid_challenge"), "a failed try spends it");

    let over = Challenge::new(&nonce, wallet.account(), message.clone(), Timestamp::now().plus_seconds(-1));
    assert!(stack.db.store.sessions().put_challenge(&over).await.unwrap());
    let late = stack.send(login(&wallet, &nonce)).await;
    assert_eq!((late.status, late.code()), (401, "invalid_challenge"));
}

#[tokio::test]
async fn nobody_becomes_admin_but_whom_the_deployer_names() {
    let (somebody, named) = (Wallet::new(1), Wallet::new(2));
    let stack = Stack::with(&[("ADMIN_ACCOUNTS", &named.account().to_string())]).await;
    let refused = stack.prove("auth-register", &somebody, json!({"role": "admin"})).await;
    assert_eq!((refused.status, refused.code()), (400, "validation_failed"));
    let registered = stack.prove("auth-register", &named, json!({"role": "buyer"})).await;
    assert_eq!((registered.status, &registered.body["user"]["role"]), (201, &json!("admin")));
}

#[tokio::test]
async fn an_account_registers_once_and_logs_in_only_after_that() {
    let stack = Stack::new().await;
    let wallet = Wallet::new(1);
    let unknown = stack.prove("auth-login", &wallet, json!({})).await;
    assert_eq!((unknown.status, unknown.code()), (404, "not_registered"));
    stack.register(&wallet).await;
    let twice = stack.prove("auth-register", &wallet, json!({"role": "buyer"})).await;
    assert_eq!((twice.status, twice.code()), (409, "already_registered"));
    let session = stack.prove("auth-login", &wallet, json!({})).await;
    assert_eq!(session.body["user"]["role"], "seller", "the second registration changed nothing");
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_session_for_both_who_hold_it() {
    let stack = Stack::new().await;
    let first = stack.register(&Wallet::new(1)).await;
    let other = stack.prove("auth-login", &Wallet::new(1), json!({})).await;
    let second = stack.refresh(&first.text("/refreshToken")).await;
    assert_eq!(second.status, 200);
    let again = stack.refresh(&first.text("/refreshToken")).await;
    assert_eq!((again.status, again.code()), (401, "refresh_token_reused"));
    let dead = stack.refresh(&second.text("/refreshToken")).await;
    assert_eq!((dead.status, dead.code()), (401, "session_revoked"));
    let refused = stack.as_user("auth-profile-put", &second.text("/accessToken")).await;
    assert_eq!((refused.status, refused.code()), (401, "session_revoked"));
    assert_eq!(stack.refresh(&other.text("/refreshToken")).await.status, 200, "another session of the user lives on");
    let told = stack.db.store.notifications().list(&Wallet::new(1).account(), None, 10).await.unwrap();
    let told: Vec<_> = told.items.iter().map(|n| (n.kind, n.order_id, n.title.as_str(), n.read)).collect();
    assert_eq!(told, [(NotificationKind::Security, None, "You were signed out on one device", false)]);
}

#[tokio::test]
async fn a_change_of_role_binds_on_the_next_change_of_state_and_a_refresh_brings_it() {
    let stack = Stack::new().await;
    let wallet = Wallet::new(1);
    let session = stack.register(&wallet).await;
    let token = session.text("/accessToken");
    let key = aws_sdk_dynamodb::types::AttributeValue::S(wallet.account().to_string());
    let role = aws_sdk_dynamodb::types::AttributeValue::S("buyer".into());
    let one = aws_sdk_dynamodb::types::AttributeValue::N("1".into());
    let change = stack.db.client.update_item().table_name("test-users").key("id", key);
    let change = change.update_expression("SET #r = :r ADD auth_version :one").expression_attribute_names("#r", "role");
    change.expression_attribute_values(":r", role).expression_attribute_values(":one", one).send().await.unwrap();
    let refused = stack.as_user("auth-profile-put", &token).await;
    assert_eq!((refused.status, refused.code()), (401, "session_outdated"));
    assert_eq!(stack.as_user("auth-profile-get", &token).await.status, 200, "reading goes on until the token ends");
    let next = stack.refresh(&session.text("/refreshToken")).await;
    assert_eq!(next.body["user"]["role"], "buyer");
    assert_eq!(stack.as_user("auth-profile-put", &next.text("/accessToken")).await.status, 200);
}

#[tokio::test]
async fn a_seller_stays_payable_and_a_buyer_may_remove_its_phone() {
    let stack = Stack::new().await;
    let (seller, buyer) = (Wallet::new(1), Wallet::new(2));
    let more = |role: &str| json!({"role": role, "phone": "254708374149"});
    let seller = stack.prove("auth-register", &seller, more("seller")).await.text("/accessToken");
    let buyer = stack.prove("auth-register", &buyer, more("buyer")).await.text("/accessToken");
    let put = |token: &str, body: Value| {
        let mut event = with_body("auth-profile-put", &body);
        set_header(&mut event, "Authorization", &format!("Bearer {token}"));
        event
    };
    for body in [json!({}), json!({"phone": null, "displayName": "Amina"})] {
        let refused = stack.send(put(&seller, body)).await;
        assert_eq!((refused.status, refused.code()), (409, "phone_number_required"));
    }
    let kept = stack.as_user("auth-profile-get", &seller).await;
    assert_eq!((&kept.body["phone"], &kept.body["displayName"]), (&json!("254708374149"), &Value::Null));
    let replaced = stack.send(put(&seller, json!({"phone": "254110000000"}))).await;
    assert_eq!((replaced.status, &replaced.body["phone"]), (200, &json!("254110000000")));
    let removed = stack.send(put(&buyer, json!({}))).await;
    assert_eq!((removed.status, &removed.body["phone"]), (200, &Value::Null));
}

#[tokio::test]
async fn every_broken_field_of_a_registration_is_listed_at_once() {
    let stack = Stack::new().await;
    let body = json!({"account": "5Grw", "nonce": "x", "signature": 7, "role": "admin", "phone": "0700", "email": "a b",
        "displayName": "x".repeat(101), "isAdmin": true});
    let answer = stack.send(with_body("auth-register", &body)).await;
    assert_eq!((answer.status, answer.code()), (400, "validation_failed"));
    let fields: Vec<_> =
        answer.body["details"].as_array().unwrap().iter().map(|d| d["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["isAdmin", "account", "nonce", "signature", "role", "phone", "displayName", "email"]);
    let message = &answer.body["details"][4]["message"];
    assert_eq!(message, "must be one of buyer, seller");
}

#[tokio::test]
async fn every_route_that_needs_a_token_says_so_without_one() {
    let stack = Stack::new().await;
    let registered = stack.register(&Wallet::new(1)).await;
    let refresh = registered.text("/refreshToken");
    let document: Value = serde_json::from_str(&document::complete([auth::openapi()]).unwrap()).unwrap();
    let routes = document::routes(&auth::openapi());
    let listed: std::collections::BTreeSet<_> =
        EVENTS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(routes, listed, "an event for every route");
    for (method, path, name) in EVENTS {
        let operation = &document["paths"][path][method.to_lowercase()];
        let secured = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        let expected = path.starts_with("/api/auth/kyc") || matches!(path, "/api/auth/logout" | "/api/auth/profile");
        assert_eq!(secured, expected, "{path}");
        for (token, code) in
            [(None, "missing_token"), (Some("garbage"), "invalid_token"), (Some(&*refresh), "invalid_token")]
        {
            let mut event = event(name);
            for headers in ["headers", "multiValueHeaders"] {
                event[headers].as_object_mut().unwrap().remove("Authorization");
            }
            if let Some(token) = token {
                set_header(&mut event, "Authorization", &format!("Bearer {token}"));
            }
            let answer = stack.send(event).await;
            if secured {
                assert_eq!((answer.status, answer.code()), (401, code), "{method} {path}");
                assert!(answer.headers.contains_key("www-authenticate"), "{method} {path}");
            } else {
                assert_ne!(answer.code(), "missing_token", "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_browser_of_a_known_origin_may_ask() {
    let stack = Stack::new().await;
    let answer = stack.send(event("auth-preflight")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["access-control-allow-origin"], ORIGIN);
    assert_eq!(stack.db.trips.take(), 0);
}
