//! Requests that no honest client sends, to every route that takes a body: the routes and their fields are the document's.

use descrow_web::document;
use serde_json::{Value, json};

use crate::stage::{EVENTS, Stack, Wallet, event, set_header};

/// Stands where a hostile value is written: some of them are no JSON.
const PLACE: &str = "\u{1}hostile";

/// Whole bodies that no route takes.
fn bodies() -> Vec<String> {
    let deep = format!("{{\"account\":{}", "[".repeat(50_000));
    let long = format!("{{\"account\":\"{}\"}}", "a".repeat(300 * 1024));
    let short = ["", "null", "[]", "[null]", "{", "7", "\"x\"", "{}}", "{\"x\":1}", "{\"\":{}}"];
    short.map(ToOwned::to_owned).into_iter().chain([deep, long]).collect()
}

/// Values that no field takes.
fn values() -> Vec<String> {
    let short =
        ["true", "-1", "1.5", "1e999", "NaN", "{}", "{\"a\":1}", "[[]]", "\"a\\u0000b\"", "\"\\ud800\"", "\"\u{0}\""];
    let long = [format!("1{}", "0".repeat(500)), "[".repeat(5_000), format!("\"{}\"", "a".repeat(3000))];
    short.map(ToOwned::to_owned).into_iter().chain(long).collect()
}

/// JSON pointers to every property of a schema, also of the objects in its lists.
fn properties(document: &Value, schema: &Value, within: &str) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    assert_eq!(
        schema["additionalProperties"], false,
        "{within}: the document forbids unknown fields as the route does"
    );
    let mut found = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let pointer = format!("{within}/{name}");
        if property["type"] == "array" {
            found.extend(properties(document, &property["items"], &format!("{pointer}/0")));
        }
        found.push(pointer);
    }
    found
}

fn with_place(sample: &Value, pointer: &str) -> String {
    let mut body = sample.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = json!(PLACE);
    body.to_string()
}

struct Route {
    name: &'static str,
    secured: bool,
    fields: Vec<String>,
}

fn routes() -> Vec<Route> {
    let document: Value = serde_json::from_str(&document::complete([auth::openapi()]).unwrap()).unwrap();
    let taking = EVENTS.into_iter().filter_map(|(method, path, name)| {
        let operation = &document["paths"][path][method.to_lowercase()];
        let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
        let secured = !operation["security"].as_array().unwrap().is_empty();
        Some(Route { name, secured, fields: properties(&document, schema, "") })
    });
    taking.collect()
}

#[tokio::test]
async fn hostile_input_is_an_error_of_the_4xx_family_on_every_route_with_a_body() {
    let stack = Stack::with(&[("RATE_LIMIT_IP", "100000/900"), ("RATE_LIMIT_ACCOUNT", "100000/900")]).await;
    let token = stack.register(&Wallet::new(1)).await.text("/accessToken");
    let routes = routes();
    assert_eq!(routes.len(), 7);
    let before = (stack.rows("users").await, stack.rows("sessions").await);
    let place = json!(PLACE).to_string();
    for Route { name, secured, fields } in &routes {
        assert!(!fields.is_empty(), "{name}");
        let mut sample = event(name);
        if *secured {
            set_header(&mut sample, "Authorization", &format!("Bearer {token}"));
        }
        let good: Value = serde_json::from_str(sample["body"].as_str().unwrap()).unwrap();
        let with_field = |field: &String| {
            let template = with_place(&good, field);
            values()
                .into_iter()
                .map(move |value| template.replace(&json!(PLACE).to_string(), &value))
                .collect::<Vec<_>>()
        };
        assert!(fields.iter().all(|field| with_place(&good, field).contains(&place)));
        for body in bodies().into_iter().chain(fields.iter().flat_map(with_field)) {
            let shown: String = body.chars().take(200).collect();
            sample["body"] = body.into();
            let answer = stack.send(sample.clone()).await;
            assert!((400..500).contains(&answer.status), "{name} {} {} to {shown}", answer.status, answer.body);
            assert!(!answer.code().is_empty() && answer.code() != "rate_limited", "{name} {}", answer.body);
        }
        let mut binary = sample.clone();
        binary["body"] = "//79".into();
        binary["isBase64Encoded"] = true.into();
        assert_eq!(stack.send(binary).await.code(), "malformed_json", "{name}: invalid UTF-8");
        let mut text = sample.clone();
        set_header(&mut text, "Content-Type", "text/plain");
        assert_eq!(stack.send(text).await.code(), "unsupported_media_type", "{name}");
        let mut long = sample.clone();
        set_header(&mut long, "Authorization", &format!("Bearer {}", "x".repeat(100 * 1024)));
        let answer = stack.send(long).await;
        assert_eq!((answer.status, answer.code()), (431, "headers_too_large"), "{name}");
    }
    assert_eq!((stack.rows("users").await, stack.rows("sessions").await), before, "and nothing is changed");
}
