//! `users`.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::user::User;
use descrow_store::{Profile, StoreError, Table, testing::TestStore};

use crate::sample::{BUYER, NOW, SELLER, later, user};

#[tokio::test]
async fn a_user_registers_once() {
    let db = TestStore::start().await;
    let users = db.store.users();
    assert_eq!(users.get(&SELLER).await, Ok(None));
    assert_eq!(users.create(&user(SELLER)).await, Ok(None));
    assert_eq!(users.create(&user(SELLER)).await, Ok(None), "the same again, as after a lost reply");
    let other = User { auth_version: 9, ..user(SELLER) };
    assert_eq!(users.create(&other).await, Ok(Some(user(SELLER))));
    assert_eq!(users.get(&SELLER).await, Ok(Some(user(SELLER))));
    assert_eq!(users.get(&BUYER).await, Ok(None));
}

#[tokio::test]
async fn a_profile_is_set_and_emptied_in_one_round_trip() {
    let db = TestStore::start().await;
    let users = db.store.users();
    users.create(&user(SELLER)).await.unwrap();
    db.trips.take();
    let profile = Profile { phone: None, display_name: None, email: Some("a@b.ke".parse().unwrap()) };
    let expected = User {
        phone: None,
        display_name: None,
        email: Some("a@b.ke".parse().unwrap()),
        updated_at: later(5),
        ..user(SELLER)
    };
    assert_eq!(users.set_profile(&SELLER, &profile, later(5)).await, Ok(Some(expected.clone())));
    assert_eq!(db.trips.take(), 1);
    assert_eq!(users.get(&SELLER).await, Ok(Some(expected)));
    assert_eq!(users.set_profile(&BUYER, &profile, NOW).await, Ok(None), "nobody is made by a change");
    assert_eq!(users.get(&BUYER).await, Ok(None));
}

#[tokio::test]
async fn an_unreadable_item_is_an_error_that_names_table_and_key_and_shows_no_value() {
    let db = TestStore::start().await;
    db.client
        .put_item()
        .table_name("test-users")
        .item("id", AttributeValue::S(SELLER.to_string()))
        .item("role", AttributeValue::S("254708374149".into()))
        .send()
        .await
        .unwrap();
    let error = db.store.users().get(&SELLER).await.unwrap_err();
    let StoreError::Unreadable { table, key, reason } = &error else { panic!("{error:?}") };
    assert_eq!((*table, key.as_str()), (Table::Users, SELLER.to_string().as_str()));
    assert!(!reason.is_empty() && !error.to_string().contains("254708374149"), "{error}");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_an_error_with_the_code() {
    let db = TestStore::start().await;
    db.client.delete_table().table_name("test-users").send().await.unwrap();
    let error = db.store.users().get(&SELLER).await.unwrap_err();
    let expected =
        StoreError::Failed { operation: "GetItem", table: Table::Users, code: "ResourceNotFoundException".into() };
    assert_eq!(error, expected);
}
