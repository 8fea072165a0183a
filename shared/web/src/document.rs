//! The OpenAPI 3.1 document, from the same registration as the router.
//!
//! A family registers its handlers once, with `OpenApiRouter` and `routes!`; its router and its document come from that.
//! This module adds what all routes share, so that no family repeats it: errors, headers, the token's scheme.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Schema},
};

use crate::{
    Code,
    error::{FieldProblem, House, Problem},
};

/// Name of the security scheme in `#[utoipa::path(security(("token" = [])))]`.
pub const TOKEN: &str = "token";

/// The document of the whole API, as it was last generated; a test holds it equal to the code.
pub const PUBLISHED: &str = include_str!("../openapi.json");

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

/// The method (upper case) and path template of every route in `document`.
pub fn routes(document: &OpenApi) -> BTreeSet<(String, String)> {
    let value = serde_json::to_value(&document.paths).unwrap_or_default();
    let paths = value.as_object().cloned().unwrap_or_default();
    let operations = paths.into_iter().flat_map(|(path, item)| {
        let methods = METHODS.into_iter().filter(move |m| item.get(m).is_some());
        methods.map(move |m| (m.to_ascii_uppercase(), path.clone()))
    });
    operations.collect()
}

/// One document of all families, complete: JSON, pretty, the same for the same code.
///
/// # Errors
/// The document has no JSON form.
pub fn complete(families: impl IntoIterator<Item = OpenApi>) -> Result<String, serde_json::Error> {
    let info = InfoBuilder::new()
        .title("Descrow")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Escrow marketplace: pay in DOT or by M-Pesa, the money is held until delivery is confirmed. \
             Amounts are decimal strings; instants are RFC 3339; lists are paged by an opaque cursor.",
        ))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let mut whole = OpenApiBuilder::new().info(info).components(Some(shared())).build();
    for family in families {
        whole.merge(family);
    }
    let mut value = serde_json::to_value(&whole)?;
    finish(&mut value);
    serde_json::to_string_pretty(&value).map(|text| text + "\n")
}

fn shared() -> Components {
    let schemas: [(String, RefOr<Schema>); 3] = [
        (House::name().into_owned(), House::schema()),
        (Problem::name().into_owned(), Problem::schema()),
        (FieldProblem::name().into_owned(), FieldProblem::schema()),
    ];
    let mut components = Components::new();
    components.schemas.extend(schemas);
    components
}

/// Adds to every operation what follows from its shape.
fn finish(document: &mut Value) {
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert(
            "securitySchemes".into(),
            json!({TOKEN: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "Access token of POST /api/auth/login or /api/auth/refresh."}}),
        );
        components.insert("responses".into(), responses());
        components.insert(
            "headers".into(),
            json!({
                "RateLimit": {"description": "What is left of each quota: r requests, for t seconds.",
                    "schema": {"type": "string"}, "example": "\"ip\";r=99;t=870"},
                "RateLimitPolicy": {"description": "Each quota: q requests in w seconds.",
                    "schema": {"type": "string"}, "example": "\"ip\";q=100;w=900"},
            }),
        );
    }
    let bodies = request_schemas(document);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for schema in schemas.into_iter().flatten().filter(|(name, _)| bodies.contains(*name)).map(|(_, schema)| schema) {
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("additionalProperties".into(), false.into());
        }
    }
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for item in paths.values_mut().filter_map(Value::as_object_mut) {
        for (method, operation) in item.iter_mut().filter(|(method, _)| METHODS.contains(&method.as_str())) {
            if let Some(operation) = operation.as_object_mut() {
                name(operation);
                add_errors(method, operation);
            }
        }
    }
}

/// Handlers are named within their family; their names in the document are for all families.
fn name(operation: &mut Map<String, Value>) {
    let tag = operation.get("tags").and_then(|tags| tags.get(0)).and_then(Value::as_str).map(ToOwned::to_owned);
    if let (Some(tag), Some(Value::String(id))) = (tag, operation.get_mut("operationId")) {
        *id = format!("{tag}_{id}");
    }
}

/// Names of the schemas that request bodies refer to: unknown fields are refused in them.
fn request_schemas(document: &Value) -> BTreeSet<String> {
    let items = document.get("paths").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let operations = items.filter_map(Value::as_object).flat_map(Map::values);
    let references = operations
        .filter_map(|o| o.pointer("/requestBody/content/application~1json/schema/$ref"))
        .filter_map(Value::as_str);
    references.filter_map(|r| r.rsplit('/').next()).map(ToOwned::to_owned).collect()
}

/// The errors that follow from what an operation takes; those of its own it declares by itself.
fn add_errors(method: &str, operation: &mut Map<String, Value>) {
    let has =
        |key: &str| operation.get(key).is_some_and(|v| !v.is_null() && v.as_array().is_none_or(|a| !a.is_empty()));
    let secured = has("security");
    let mut statuses = vec![429, 500, 503, 504];
    if has("requestBody") {
        statuses.extend([400, 413, 415]);
    }
    if secured {
        statuses.extend([401, 403]);
    }
    if let Some(parameters) = operation.get("parameters").and_then(Value::as_array) {
        let taken = |place: &str| parameters.iter().any(|p| p.get("in").and_then(Value::as_str) == Some(place));
        if taken("path") {
            statuses.push(404);
        }
        if taken("query") || taken("header") {
            statuses.push(400);
        }
        let keyed = parameters.iter().any(|p| p.get("name").and_then(Value::as_str) == Some("Idempotency-Key"));
        if keyed && method == "post" {
            statuses.extend([409, 422]);
        }
    }
    let Some(declared) = operation.entry("responses").or_insert_with(|| json!({})).as_object_mut() else { return };
    for status in statuses {
        let reference = || json!({"$ref": format!("#/components/responses/Error{status}")});
        declared.entry(status.to_string()).or_insert_with(reference);
    }
    // An error that a family declares has the common shape as well: `(status = 409, description = "…")` is enough.
    for (status, response) in declared.iter_mut().filter(|(s, _)| s.starts_with('4') || s.starts_with('5')) {
        let Some(response) = response.as_object_mut().filter(|r| !r.contains_key("$ref")) else { continue };
        let number = status.parse().unwrap_or(500);
        response.entry("content").or_insert_with(|| content(number));
    }
    for response in declared.values_mut().filter_map(Value::as_object_mut).filter(|r| !r.contains_key("$ref")) {
        response.entry("headers").or_insert_with(limits_headers);
    }
}

fn limits_headers() -> Value {
    json!({"RateLimit": {"$ref": "#/components/headers/RateLimit"},
        "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"}})
}

/// Both shapes of the errors of one status, with an example for every code.
fn content(status: u16) -> Value {
    let codes = || Code::ALL.iter().copied().filter(move |code| code.number() == status);
    let example = |code: Code, problem: bool| {
        let details = if matches!(code, Code::ValidationFailed | Code::MalformedJson) {
            vec![FieldProblem { field: "title".into(), message: "must have 1 to 255 characters".into() }]
        } else {
            Vec::new()
        };
        let error = crate::ApiError::with_details(code, code.meaning().trim(), details);
        let body = error.body("c6af9ac6-7b61-11e6-9a41-93e8deadbeef", problem);
        json!({"value": serde_json::from_slice::<Value>(&body).unwrap_or_default()})
    };
    let examples = |problem: bool| -> Map<String, Value> {
        codes().map(|code| (code.as_str().to_owned(), example(code, problem))).collect()
    };
    json!({
        "application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "examples": examples(false)},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples(true)},
    })
}

fn responses() -> Value {
    let statuses: BTreeSet<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    let response = |status: u16| {
        let titles: Vec<_> = Code::ALL.iter().filter(|c| c.number() == status).map(|c| c.title()).collect();
        let mut headers = limits_headers();
        if let Some(headers) = headers.as_object_mut().filter(|_| matches!(status, 429 | 503)) {
            let wait = json!({"description": "Seconds to wait.", "schema": {"type": "integer"}});
            headers.insert("Retry-After".into(), wait);
        }
        json!({"description": titles.join("; "), "headers": headers, "content": content(status)})
    };
    statuses.into_iter().map(|status| (format!("Error{status}"), response(status))).collect::<Map<_, _>>().into()
}
