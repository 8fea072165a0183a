//! Whole invocations against a management API on loopback: what is pushed to a connection, and when it is closed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use descrow_domain::{Account, Timestamp};
use descrow_platform::{Deadline, push::testing::ManagementApi};
use descrow_store::{Connection, Family, testing::TestStore};
use realtime::route::{Answer, serve};
use uuid::Uuid;

const USER: Account = Account::from_bytes([7; 32]);
const FAMILY: Uuid = Uuid::from_u128(7);

/// A session with connections.
async fn connected(connections: &[&str]) -> TestStore {
    let (db, now) = (TestStore::start().await, Timestamp::now());
    let family = Family::new(FAMILY, USER, now, now.plus_seconds(3600));
    assert!(db.store.sessions().create_family(&family).await.unwrap());
    for id in connections {
        let connection = Connection {
            id: (*id).to_owned(),
            user_id: USER,
            family: Some(FAMILY),
            connected_at: now,
            expires_at: now.plus_seconds(3600).seconds(),
        };
        assert!(db.store.connections().open(&connection, now).await.unwrap());
    }
    db
}

/// `connection` says `ping`: how it is answered, and what the management API was asked.
async fn ping(db: &TestStore, connection: &str) -> (u16, Vec<String>) {
    let api = ManagementApi::start().await;
    let path = format!("{}/../../events/realtime-ping.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: ApiGatewayWebsocketProxyRequest = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    event.request_context.connection_id = Some(connection.to_owned());
    let deadline = Deadline::after(Duration::from_secs(10));
    let Answer { status_code } = serve(&event, &db.store, &api.pusher(Duration::from_millis(300)), deadline).await;
    (status_code, api.seen())
}

#[tokio::test]
async fn a_connection_whose_row_is_missing_is_closed_so_that_its_client_comes_back() {
    let db = connected(&[]).await;
    assert_eq!(ping(&db, "unknown").await, (410, vec!["DELETE unknown ".to_owned()]));
}

#[tokio::test]
async fn a_connection_whose_session_ended_is_closed_and_forgotten_and_the_user_s_others_stay() {
    let db = connected(&["stolen"]).await;
    let (other, now) = (Uuid::from_u128(8), Timestamp::now());
    let family = Family::new(other, USER, now, now.plus_seconds(3600));
    assert!(db.store.sessions().create_family(&family).await.unwrap());
    let own = Connection {
        id: "own".into(),
        family: Some(other),
        ..db.store.connections().get("stolen").await.unwrap().unwrap()
    };
    assert!(db.store.connections().open(&own, now).await.unwrap());
    db.store.sessions().revoke_family(FAMILY).await.unwrap();
    assert_eq!(ping(&db, "stolen").await, (410, vec!["DELETE stolen ".to_owned()]));
    assert_eq!(db.store.connections().of_user(&USER).await, Ok(vec![own]));
    let (status, asked) = ping(&db, "own").await;
    assert!(status == 200 && asked.len() == 1 && asked[0].starts_with(r#"POST own {"type":"pong""#), "{asked:?}");
}

#[tokio::test]
async fn a_connection_that_is_gone_is_forgotten_and_one_that_is_slow_is_kept() {
    let db = connected(&["gone", "slow"]).await;
    for (connection, kept) in [("gone", false), ("slow", true)] {
        assert_eq!(ping(&db, connection).await.0, 200);
        assert_eq!(db.store.connections().get(connection).await.unwrap().is_some(), kept, "{connection}");
    }
}
