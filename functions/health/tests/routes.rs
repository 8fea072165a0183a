//! Health and the document, asked as API Gateway asks, of dependencies in this process.

// Helpers of tests stand outside of functions marked as tests, where clippy allows this by itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use descrow_platform::{Config, http_client};
use descrow_store::testing::TestStore;
use descrow_web::{App, Origins};
use health::{Health, Probe, Silence, settings::Settings};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::Instant,
};

async fn ask(app: &App, name: &str) -> (u16, Value) {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let event = std::fs::read_to_string(path).unwrap();
    let response = app.serve(lambda_http::request::from_str(&event).unwrap()).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

fn statuses(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().map(|c| (c["name"].as_str().unwrap(), c["status"].as_str().unwrap())).collect()
}

/// Answers every HTTP request with `status` and `body`.
async fn server(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _read = socket.read(&mut request).await;
                let length = body.len();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                let _written = socket.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    address.to_string()
}

async fn stack(chain: &str, daraja: &str, [pins, gateway]: [&str; 2], queues: &str) -> App {
    let db = TestStore::start().await;
    let settings = [
        ("TABLE_LIMITS", "test-limits".to_owned()),
        ("QUEUE_MPESA_CALLBACKS", format!("http://{queues}/000000000000/a")),
        ("QUEUE_ORACLE_COMMANDS", format!("http://{queues}/000000000000/b.fifo")),
        ("QUEUE_PAYOUTS", format!("http://{queues}/000000000000/c.fifo")),
        ("POLKADOT_WS_URL", format!("ws://{chain}/?key=hunter2")),
        ("MPESA_BASE_URL", format!("http://{daraja}")),
        ("IPFS_API_URL", format!("http://{pins}")),
        ("IPFS_GATEWAYS", format!("http://{gateway}")),
    ];
    let settings = Config::from_values(settings.map(|(k, v)| (k.to_owned(), v)), Settings::read).unwrap();
    let credentials = aws_credential_types::Credentials::new("test", "test", None, None, "test");
    let sqs = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_sqs::config::Region::new("us-east-1"))
        .credentials_provider(credentials)
        .http_client(descrow_platform::aws_http::client(std::time::Duration::from_secs(2)))
        .endpoint_url(format!("http://{queues}"))
        .build();
    let http = http_client::build(Probe::TIMEOUT).unwrap();
    let probes = settings.probes(db.store, &aws_sdk_sqs::Client::from_conf(sqs), &http);
    health::app(Health::new(probes), Origins::default())
}

#[tokio::test]
async fn every_dependency_is_named_and_all_are_well() {
    let chain = server("200 OK", r#"{"jsonrpc":"2.0","id":1,"result":{"number":"0x2a"}}"#).await;
    let daraja = server("404 Not Found", "").await;
    let pins = server("405 Method Not Allowed", "").await;
    let gateway = server("301 Moved Permanently", "").await;
    let queues = server("200 OK", r#"{"Attributes":{}}"#).await;
    let (status, report) = ask(&stack(&chain, &daraja, [&pins, &gateway], &queues).await, "health").await;
    let queues = ["queue.mpesa-callbacks", "queue.oracle-commands", "queue.payouts"];
    let names: Vec<_> = [&["database"][..], &queues, &["chain", "mpesa", "ipfs", "ipfs.gateway"]].concat();
    let all_ok: Vec<_> = names.into_iter().map(|name| (name, "ok")).collect();
    assert_eq!(statuses(&report), all_ok, "any HTTP answer of M-Pesa or IPFS will do");
    assert_eq!((status, &report["status"]), (200, &json!("ok")));
}

#[tokio::test]
async fn the_pinning_service_is_needed_and_the_gateway_for_browsers_is_not() {
    let chain = server("200 OK", r#"{"jsonrpc":"2.0","id":1,"result":{"number":"0x2a"}}"#).await;
    let there = server("200 OK", "").await;
    let queues = server("200 OK", r#"{"Attributes":{}}"#).await;
    let dead = "127.0.0.1:1";
    for (ipfs, expected, failed) in [([dead, &there], 503, "ipfs"), ([&there, dead], 200, "ipfs.gateway")] {
        let (status, report) = ask(&stack(&chain, &there, ipfs, &queues).await, "health").await;
        let said = if expected == 200 { "ok" } else { "unavailable" };
        assert_eq!((status, &report["status"]), (expected, &json!(said)), "{failed}");
        let checks = report["checks"].as_array().unwrap();
        let bad: Vec<_> = checks.iter().filter(|c| c["status"] == "failed").collect();
        assert_eq!((bad.len(), &bad[0]["name"], &bad[0]["required"]), (1, &json!(failed), &json!(expected == 503)));
    }
}

#[tokio::test]
async fn what_fails_is_named_and_nothing_else_is_told() {
    let chain = server("200 OK", r#"{"jsonrpc":"2.0","id":1,"error":{"message":"hunter2"}}"#).await;
    let daraja = "127.0.0.1:1";
    let ipfs = server("200 OK", "").await;
    let queues = server("400 Bad Request", r#"{"__type":"AccessDenied","message":"hunter2"}"#).await;
    let (status, report) = ask(&stack(&chain, daraja, [&ipfs, &ipfs], &queues).await, "health").await;
    assert_eq!((status, &report["status"]), (503, &json!("unavailable")));
    let failed: Vec<_> = statuses(&report).into_iter().filter(|(_, s)| *s != "ok").map(|(name, _)| name).collect();
    assert_eq!(failed, ["queue.mpesa-callbacks", "queue.oracle-commands", "queue.payouts", "chain", "mpesa"]);
    assert!(!report.to_string().contains("hunter2"));
}

#[tokio::test]
async fn dependencies_are_asked_at_once() {
    // Each answers when both were asked: one after the other, neither would.
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let waiting = |name| {
        let both = Arc::clone(&both);
        Probe::new(name, move || {
            let both = Arc::clone(&both);
            async move {
                both.wait().await;
                Ok::<(), Silence>(())
            }
        })
    };
    let app = health::app(Health::new(vec![waiting("one"), waiting("two")]), Origins::default());
    let (status, report) = ask(&app, "health").await;
    assert_eq!((status, statuses(&report)), (200, vec![("one", "ok"), ("two", "ok")]));
}

/// Counts how often it is asked, and never answers.
fn silent(name: &'static str, asked: &Arc<AtomicUsize>) -> Probe {
    let asked = Arc::clone(asked);
    Probe::new(name, move || {
        asked.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<Result<(), Silence>>()
    })
}

#[tokio::test(start_paused = true)]
async fn a_slow_dependency_has_its_own_time_and_no_other_waits_for_it() {
    let asked = Arc::new(AtomicUsize::new(0));
    let after = |name, ms| {
        Probe::new(name, move || async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok::<(), Silence>(())
        })
    };
    let probes = vec![after("quick", 7), silent("silent", &asked), after("slow", 1_999), silent("dead", &asked)];
    let app = health::app(Health::new(probes), Origins::default());
    let begun = Instant::now();
    let (status, mut report) = ask(&app, "health").await;
    assert_eq!(
        begun.elapsed().as_millis() / 100,
        20,
        "as long as one of them may take, by a clock that waits for nobody"
    );
    let at = report["checkedAt"].take();
    assert!(at.as_str().is_some_and(|at| at.ends_with('Z')), "{at}");
    let check = |name, status, ms| json!({"name": name, "status": status, "required": true, "durationMs": ms});
    for entry in report["checks"].as_array_mut().unwrap() {
        // Timers fire at whole milliseconds, at or just after their time.
        let duration = entry["durationMs"].as_u64().unwrap();
        entry["durationMs"] = json!(duration.div_ceil(10) * 10);
    }
    let checks = [
        check("quick", "ok", 10),
        check("silent", "timeout", 2_000),
        check("slow", "ok", 2_000),
        check("dead", "timeout", 2_000),
    ];
    let expected =
        json!({"status": "unavailable", "version": env!("CARGO_PKG_VERSION"), "checkedAt": null, "checks": checks});
    assert_eq!((status, report), (503, expected));
}

#[tokio::test(start_paused = true)]
async fn a_report_is_given_again_for_ten_seconds_and_not_longer() {
    let asked = Arc::new(AtomicUsize::new(0));
    let app = health::app(Health::new(vec![silent("one", &asked), silent("two", &asked)]), Origins::default());
    let (status, report) = ask(&app, "health").await;
    assert_eq!((status, statuses(&report)), (503, vec![("one", "timeout"), ("two", "timeout")]));
    tokio::time::advance(Duration::from_millis(9_900)).await;
    assert_eq!(ask(&app, "health").await, (503, report));
    assert_eq!(asked.load(Ordering::SeqCst), 2, "the second report was the first one");
    tokio::time::advance(Duration::from_millis(200)).await;
    ask(&app, "health").await;
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn the_published_documents_are_served() {
    let app = health::app(Health::new(vec![]), Origins::default());
    let (status, document) = ask(&app, "health-openapi").await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    assert!(document["paths"]["/health"]["get"].is_object());
    let (status, document) = ask(&app, "health-asyncapi").await;
    assert_eq!((status, &document["asyncapi"]), (200, &json!("3.0.0")));
    assert!(document["channels"].is_object());
}
