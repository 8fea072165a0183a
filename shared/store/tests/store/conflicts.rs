//! Transactions that meet others on the same items, as DynamoDB says it: the database in process does them one by one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Region, retry::RetryConfig},
};
use descrow_store::{Listed, Store, StoreError, Table, Tables, testing::STACK};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{
    orders::answer,
    sample::{NOW, product},
};

/// Reads one request to its end, and answers it.
async fn serve(mut socket: TcpStream, status: &str, body: &str) {
    let mut reader = BufReader::new(&mut socket);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).await.unwrap() > 2 {
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length]).await.unwrap();
    let size = body.len();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n{body}");
    socket.write_all(answer.as_bytes()).await.unwrap();
}

/// A database that cancels the first `times` transactions for `reason`, and a count of those that it was sent.
async fn busy(times: usize, reason: &str) -> (Store, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    let (count, reasons) = (Arc::clone(&sent), json!([{"Code": reason, "Message": "busy"}, {"Code": "None"}]));
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let cancelled = json!({"__type": kind, "Message": "cancelled", "CancellationReasons": reasons}).to_string();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let is_busy = count.fetch_add(1, Ordering::SeqCst) < times;
            let (status, body) = if is_busy { ("400 Bad Request", cancelled.as_str()) } else { ("200 OK", "{}") };
            serve(socket, status, body).await;
        }
    });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(descrow_platform::aws_http::client(std::time::Duration::from_secs(2)))
        .endpoint_url(format!("http://{address}"))
        .build();
    (Store::new(Client::from_conf(config), Tables::of_stack(STACK)), sent)
}

#[tokio::test]
async fn a_transaction_that_meets_others_is_tried_for_a_while_and_no_longer() {
    let throttled = || {
        let code = "ThrottlingError".to_owned();
        StoreError::Failed { operation: "TransactWriteItems", table: Table::Products, code }
    };
    for (times, reason, expected) in [
        (7, "TransactionConflict", Ok(Listed::Done)),
        (8, "TransactionConflict", Err(StoreError::Contention(Table::Products))),
        (7, "ThrottlingError", Ok(Listed::Done)),
        (8, "ThrottlingError", Err(throttled())),
    ] {
        let (store, sent) = busy(times, reason).await;
        let listed = store.products().create_once(&product(1, NOW), &answer("k")).await;
        assert_eq!((listed, sent.load(Ordering::SeqCst)), (expected, 8), "{times} times {reason}");
    }
}

#[tokio::test]
async fn what_will_not_change_by_itself_is_not_tried_again() {
    let (store, sent) = busy(8, "ValidationError").await;
    let code = "ValidationError".to_owned();
    let expected = StoreError::Failed { operation: "TransactWriteItems", table: Table::Products, code };
    let listed = store.products().create_once(&product(1, NOW), &answer("k")).await;
    assert_eq!((listed, sent.load(Ordering::SeqCst)), (Err(expected), 1));
}
