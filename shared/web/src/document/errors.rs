//! The errors of an operation: for each status both shapes, and an example of every code that it can answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{ApiError, Code, error::FieldProblem};

/// What any route can answer: the edge refuses, or something fails.
const ANY: [Code; 3] = [Code::HeadersTooLarge, Code::Internal, Code::DeadlinePassed];
/// What a route that counts requests and reads the database can answer besides.
const COUNTED: [Code; 2] = [Code::RateLimited, Code::Unavailable];
/// A request id as API Gateway makes it.
const REQUEST_ID: &str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef";

/// Codes by status.
pub(super) type Codes = BTreeMap<u16, BTreeSet<Code>>;

/// The codes that everything known of an operation gives: its handler's arguments (`noted`), the codes in backticks in the
/// descriptions of the errors it declares, and what any route can answer.
pub(super) fn codes(noted: &Value, declared: &Map<String, Value>, open: bool) -> Codes {
    let mut codes: BTreeSet<Code> = ANY.into_iter().collect();
    if !open {
        codes.extend(COUNTED);
    }
    codes.extend(noted.as_array().into_iter().flatten().filter_map(Value::as_str).filter_map(named));
    for response in declared.iter().filter(|(status, _)| status.starts_with(['4', '5'])).map(|(_, response)| response) {
        let description = response.get("description").and_then(Value::as_str).unwrap_or_default();
        codes.extend(description.split('`').skip(1).step_by(2).filter_map(named));
    }
    let mut by_status = Codes::new();
    for code in codes {
        by_status.entry(code.number()).or_default().insert(code);
    }
    by_status
}

fn named(name: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.as_str() == name)
}

/// The response of one status, as far as it follows from its codes.
pub(super) fn response(codes: &BTreeSet<Code>, open: bool) -> Value {
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    let mut headers = if open { json!({}) } else { super::limits_headers() };
    let waits = |code: &Code| {
        matches!(code.number(), 429 | 503) || matches!(code, Code::IdempotencyInProgress | Code::OrderNotOnChain)
    };
    if let Some(headers) = headers.as_object_mut() {
        if codes.iter().any(waits) {
            headers.insert("Retry-After".into(), json!({"$ref": "#/components/headers/RetryAfter"}));
        }
        if codes.contains(&Code::MissingToken) || codes.contains(&Code::InvalidToken) {
            headers.insert("WWW-Authenticate".into(), json!({"$ref": "#/components/headers/WWWAuthenticate"}));
        }
    }
    json!({"description": titles.join("; "), "headers": headers, "content": content(codes)})
}

fn content(codes: &BTreeSet<Code>) -> Value {
    let examples = |suffix: &str| -> Map<String, Value> {
        let entry = |code: &Code| {
            (code.as_str().to_owned(), json!({"$ref": format!("#/components/examples/{}{suffix}", code.as_str())}))
        };
        codes.iter().map(entry).collect()
    };
    json!({
        "application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "examples": examples("")},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples(".problem")},
    })
}

/// An example of every code in both shapes, for the document's components.
pub(super) fn examples() -> Map<String, Value> {
    let shapes = |code: &Code| [(*code, false), (*code, true)];
    let entry = |(code, problem): (Code, bool)| {
        let suffix = if problem { ".problem" } else { "" };
        (
            format!("{}{suffix}", code.as_str()),
            json!({"summary": code.meaning().trim(), "value": example(code, problem)}),
        )
    };
    Code::ALL.iter().flat_map(shapes).map(entry).collect()
}

fn example(code: Code, problem: bool) -> Value {
    let details = match code {
        Code::ValidationFailed => vec![field("title", "must have 1 to 255 characters")],
        Code::MalformedJson => vec![field("body", "expected `,` or `}` at line 1 column 17")],
        Code::OrderState => vec![field("status", "shipped"), field("allowedMoves", "deliver, dispute")],
        _ => Vec::new(),
    };
    let error = ApiError::with_details(code, code.meaning().trim(), details);
    serde_json::from_slice(&error.body(REQUEST_ID, problem)).unwrap_or_default()
}

fn field(name: &str, message: &str) -> FieldProblem {
    FieldProblem { field: name.to_owned(), message: message.to_owned() }
}
