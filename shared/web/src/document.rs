//! The OpenAPI 3.1 document, from the same registration as the router.
//!
//! A family registers its handlers once, with `OpenApiRouter` and `routes!`; its router and its document come from that.
//! This module adds what all routes share, so that no family repeats it: who may call (`x-descrow-roles`), parameters of
//! the edge, headers, examples, and the errors. Those follow from what the handler takes (see [`Taken`]); a handler declares
//! the errors of its own, with their codes in backticks: ``(status = 409, description = "`order_state`: it was shipped")``.

mod errors;
mod example;
mod facts;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Schema},
};

pub use facts::{Facts, Taken, Takes, beside, noted};

use crate::error::{FieldProblem, House, Problem};

/// Name of the security scheme in `#[utoipa::path(security(("token" = [])))]`.
pub const TOKEN: &str = "token";

/// The document of the whole API, as it was last generated; a test holds it equal to the code.
pub const PUBLISHED: &str = include_str!("../openapi.json");

/// The AsyncAPI document of the WebSocket, as it was last generated; a test holds it equal to the code.
pub const ASYNCAPI: &str = include_str!("../asyncapi.json");

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
             Amounts are decimal strings; instants are RFC 3339; lists are paged by an opaque cursor. \
             Errors have a stable code; with `Accept: application/problem+json` they have the shape of RFC 9457.",
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

/// Where a field has no example: its name.
const NO_EXAMPLE: &str = "x-descrow-no-example";
/// Extension of an operation without users and quotas, until [`complete`] has used it.
const OPEN: &str = "x-descrow-open";

/// A family whose routes stand outside of users and quotas, as [`crate::App::open`] serves it.
#[must_use]
pub fn open(mut family: OpenApi) -> OpenApi {
    for (_, operation) in facts::operations(&mut family.paths) {
        operation.extensions.get_or_insert_default().insert(OPEN.to_owned(), true.into());
    }
    family
}

/// A family whose request `schema` demands `field`, a text, where another field has a value: what utoipa's attributes
/// cannot say.
#[must_use]
pub fn demanding(family: OpenApi, schema: &str, other: (&str, &str), field: &str) -> OpenApi {
    let then = json!({"properties": {field: {"type": "string"}}, "required": [field]});
    ruled(family, schema, &has(other), &then, None)
}

/// A family whose request `schema` takes each of `fields` exactly where another field has a value.
#[must_use]
pub fn only_where(family: OpenApi, schema: &str, other: (&str, &str), fields: &[&str]) -> OpenApi {
    let each = |kind: &Value| fields.iter().map(|field| ((*field).to_owned(), kind.clone())).collect::<Map<_, _>>();
    let then = json!({"properties": each(&json!({"not": {"type": "null"}})), "required": fields});
    let otherwise = json!({"properties": each(&json!({"type": "null"}))});
    ruled(family, schema, &has(other), &then, Some(otherwise))
}

/// A family whose request `schema` takes `field` only together with `other`.
#[must_use]
pub fn together(family: OpenApi, schema: &str, field: &str, other: &str) -> OpenApi {
    ruled(family, schema, &given(field), &given(other), None)
}

/// A family whose request `schema` takes `field` or `instead`, one of them and not both, and `field` only where another
/// field has a value.
#[must_use]
pub fn either(family: OpenApi, schema: &str, (other, value): (&str, &str), field: &str, instead: &str) -> OpenApi {
    let then = json!({"properties": {other: {"const": value}, instead: {"type": "null"}}});
    ruled(family, schema, &given(field), &then, Some(given(instead)))
}

/// A family whose request `schema` bounds the number `field` further where another field, a text, matches a pattern.
#[must_use]
pub fn at_most(family: OpenApi, schema: &str, (other, pattern): (&str, &str), field: &str, maximum: u64) -> OpenApi {
    let matching = json!({"properties": {other: {"pattern": pattern}}, "required": [other]});
    ruled(family, schema, &matching, &json!({"properties": {field: {"maximum": maximum}}}), None)
}

/// A value for `field` that is not `null`.
fn given(field: &str) -> Value {
    json!({"properties": {field: {"not": {"type": "null"}}}, "required": [field]})
}

/// `field` with this value.
fn has((field, value): (&str, &str)) -> Value {
    json!({"properties": {field: {"const": value}}, "required": [field]})
}

/// What holds for the request `schema` where `condition` does, and where it does not.
fn ruled(mut family: OpenApi, schema: &str, condition: &Value, then: &Value, otherwise: Option<Value>) -> OpenApi {
    let schemas = family.components.as_mut().map(|components| &mut components.schemas);
    if let Some(RefOr::T(Schema::Object(object))) = schemas.and_then(|schemas| schemas.get_mut(schema)) {
        let extensions = object.extensions.get_or_insert_default();
        extensions.insert("x-if".to_owned(), condition.clone());
        extensions.insert("x-then".to_owned(), then.clone());
        if let Some(otherwise) = otherwise {
            extensions.insert("x-else".to_owned(), otherwise);
        }
    }
    family
}

/// Adds to every operation what follows from its shape.
fn finish(document: &mut Value) {
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert(
            "securitySchemes".into(),
            json!({TOKEN: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "Access token of POST /api/auth/login or /api/auth/refresh."}}),
        );
        components.insert("examples".into(), errors::examples().into());
        components.insert("headers".into(), headers());
    }
    let bodies = request_schemas(document);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for schema in schemas.into_iter().flatten().filter(|(name, _)| bodies.contains(*name)).map(|(_, schema)| schema) {
        if let Some(schema) = schema.as_object_mut().filter(|schema| schema.contains_key("properties")) {
            schema.insert("additionalProperties".into(), false.into());
            for keyword in ["if", "then", "else"] {
                if let Some(value) = schema.remove(&format!("x-{keyword}")) {
                    schema.insert(keyword.into(), value);
                }
            }
            let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
            for field in fields.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
                describe_text(field);
            }
        }
    }
    let source = document.clone();
    let mut shared = BTreeMap::new();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        for operation in item.iter_mut().filter(|(method, _)| METHODS.contains(&method.as_str())).map(|(_, o)| o) {
            if let Some(operation) = operation.as_object_mut() {
                name(operation);
                let facts = operation.remove(facts::FACTS).unwrap_or_default();
                let open = operation.remove(OPEN).is_some();
                secure(operation, &facts);
                add_parameters(operation, &facts);
                add_responses(operation, &facts, open, &mut shared);
                add_examples(&source, operation);
            }
        }
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("responses".into(), shared.into_iter().collect::<Map<_, _>>().into());
    }
}

/// A text without a form of its own is one of `descrow_domain::text`: counted without the white space around it, and without
/// control characters, which JSON Schema cannot say.
fn describe_text(field: &mut Map<String, Value>) {
    let text = field.get("type").is_some_and(|kind| {
        kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&Value::from("string")))
    });
    if text && !["format", "pattern", "enum"].iter().any(|member| field.contains_key(*member)) {
        field.insert("format".into(), "descrow-text".into());
    }
}

/// Handlers are named within their family; their names in the document are for all families.
fn name(operation: &mut Map<String, Value>) {
    let tag = operation.get("tags").and_then(|tags| tags.get(0)).and_then(Value::as_str).map(ToOwned::to_owned);
    if let (Some(tag), Some(Value::String(id))) = (tag, operation.get_mut("operationId")) {
        *id = format!("{tag}_{id}");
    }
}

/// The evidence that a handler takes is what its route demands, whatever the handler's attribute says.
fn secure(operation: &mut Map<String, Value>, facts: &Value) {
    let is = |fact: &str| facts.get(fact) == Some(&Value::Bool(true));
    let security = match (is("optional"), is("secured")) {
        (true, _) => json!([{}, {TOKEN: []}]),
        (false, true) => json!([{TOKEN: []}]),
        (false, false) => json!([]),
    };
    operation.insert("security".into(), security);
}

/// Names of the schemas that request bodies refer to, and that those refer to: unknown fields are refused in them.
fn request_schemas(document: &Value) -> BTreeSet<String> {
    let items = document.get("paths").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let operations = items.filter_map(Value::as_object).flat_map(Map::values);
    let kinds =
        ["application~1json", "multipart~1form-data"].map(|kind| format!("/requestBody/content/{kind}/schema/$ref"));
    let references = operations.flat_map(|o| kinds.iter().filter_map(|kind| o.pointer(kind)).collect::<Vec<_>>());
    let mut waiting: Vec<String> = references.filter_map(named).collect();
    let mut found = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if let Some(schema) = document.pointer(&format!("/components/schemas/{name}")).filter(|_| found.insert(name)) {
            references_in(schema, &mut waiting);
        }
    }
    found
}

/// The name of the schema that a `$ref` refers to.
fn named(reference: &Value) -> Option<String> {
    reference.as_str()?.rsplit('/').next().map(ToOwned::to_owned)
}

fn references_in(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(named));
            members.values().for_each(|member| references_in(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references_in(item, found)),
        _ => {}
    }
}

/// What the edge itself reads of a request is described once, by its extractor.
fn add_parameters(operation: &mut Map<String, Value>, facts: &Value) {
    let ours = facts.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    if ours.is_empty() {
        return;
    }
    let declared = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in declared.into_iter().flatten().filter(|p| p.get("in").is_some_and(|place| place == "query")) {
        parameter.get_mut("schema").and_then(Value::as_object_mut).into_iter().for_each(describe_text);
    }
    let Some(parameters) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut() else { return };
    parameters.retain(|declared| ours.iter().all(|our| our.get("name") != declared.get("name")));
    parameters.extend(ours);
}

/// The errors that an operation can answer, and the headers of every answer.
fn add_responses(operation: &mut Map<String, Value>, facts: &Value, open: bool, shared: &mut BTreeMap<String, Value>) {
    let form = operation.get("requestBody").is_some_and(|body| body.pointer("/content/multipart~1form-data").is_some());
    let Some(declared) = operation.entry("responses").or_insert_with(|| json!({})).as_object_mut() else { return };
    let mut noted = facts.get("codes").cloned().unwrap_or_default();
    if let (true, Some(noted)) = (form, noted.as_array_mut()) {
        noted.extend(["validation_failed", "body_too_large", "unsupported_media_type"].map(Value::from));
    }
    if facts.get("known") == Some(&Value::Bool(true)) {
        declared.entry("304").or_insert_with(|| json!({"description": "The client has it already."}));
    }
    for (status, codes) in errors::codes(&noted, declared, open) {
        let whole = errors::response(&codes, open);
        if let Some(response) = declared.get_mut(&status.to_string()).and_then(Value::as_object_mut) {
            // What the family says comes first: another description, another body.
            for (member, value) in whole.as_object().into_iter().flatten() {
                response.entry(member.clone()).or_insert_with(|| value.clone());
            }
            continue;
        }
        let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
        let name = format!("{status}.{}{}", names.join("."), if open { ".open" } else { "" });
        declared.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
        shared.insert(name, whole);
    }
    if !open {
        for response in declared.values_mut().filter_map(Value::as_object_mut).filter(|r| !r.contains_key("$ref")) {
            let headers = response.entry("headers").or_insert_with(|| json!({}));
            if let (Some(headers), Value::Object(limits)) = (headers.as_object_mut(), limits_headers()) {
                headers.extend(limits);
            }
        }
    }
}

/// Examples of parameters, of the request and of every success.
fn add_examples(document: &Value, operation: &mut Map<String, Value>) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        add_example(document, parameter, &name);
    }
    for member in ["requestBody", "responses"] {
        let holders: Vec<&mut Value> = match operation.get_mut(member) {
            Some(Value::Object(responses)) if member == "responses" => responses.values_mut().collect(),
            Some(body) => vec![body],
            None => continue,
        };
        let contents = holders.into_iter().filter_map(|holder| holder.get_mut("content")?.as_object_mut());
        // The bytes of a form's files have no form in JSON.
        let media = contents.flatten().filter(|(kind, _)| *kind != "multipart/form-data");
        for media in media.filter_map(|(_, media)| media.as_object_mut()) {
            add_example(document, media, "");
        }
    }
}

fn add_example(document: &Value, holder: &mut Map<String, Value>, name: &str) {
    if holder.contains_key("example") || holder.contains_key("examples") {
        return;
    }
    match holder.get("schema").map(|schema| example::of(document, schema, name)) {
        Some(Ok(example)) => holder.insert("example".into(), example),
        // Never published: a test refuses it.
        Some(Err(field)) => holder.insert(NO_EXAMPLE.into(), field.into()),
        None => None,
    };
}

fn headers() -> Value {
    json!({
        "RateLimit": {"description": "What is left of each quota: r requests, for t seconds.",
            "schema": {"type": "string"}, "example": "\"ip\";r=99;t=870"},
        "RateLimitPolicy": {"description": "Each quota: q requests in w seconds.",
            "schema": {"type": "string"}, "example": "\"ip\";q=100;w=900"},
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer"}, "example": 30},
        "WWWAuthenticate": {"description": "How to authenticate.", "schema": {"type": "string"},
            "example": "Bearer error=\"invalid_token\""},
    })
}

fn limits_headers() -> Value {
    json!({"RateLimit": {"$ref": "#/components/headers/RateLimit"},
        "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"}})
}
