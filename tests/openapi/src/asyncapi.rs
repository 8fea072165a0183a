//! The AsyncAPI 3 document of the WebSocket, from the types that its functions read and write.

use std::collections::BTreeMap;

use descrow_domain::realtime::{ClientMessage, MAX_FRAME_BYTES, ServerMessage};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::samples;

/// Types of the messages that have an id, are kept for a day, and come alone or in a `batch`.
pub const KEPT: [&str; 4] = ["order.updated", "payment.updated", "notification.created", "message.shortened"];
/// Types of the messages that answer what a client says.
pub const ANSWERS: [&str; 3] = ["pong", "resumed", "error"];

/// The document: JSON, the same for the same code.
///
/// # Errors
/// A type has no JSON form.
pub fn generate() -> Result<String, serde_json::Error> {
    let mut schemas = BTreeMap::new();
    let server = variants::<ServerMessage>("type", &mut schemas)?;
    let client = variants::<ClientMessage>("action", &mut schemas)?;
    let samples = samples::by_name()?;
    let mut messages = Map::new();
    for (name, mut payload) in server.into_iter().chain(client) {
        if name == "batch"
            && let Some(items) = payload.pointer_mut("/properties/messages/items")
        {
            *items = json!({ "oneOf": KEPT.map(|kept| reference("schemas", &schema_name(kept))) });
        }
        let summary = payload.as_object_mut().and_then(|schema| schema.remove("description"));
        let examples: Vec<Value> =
            samples.get(&name).into_iter().flatten().map(|payload| json!({ "payload": payload })).collect();
        messages.insert(
            name.clone(),
            json!({
                "name": name, "summary": summary, "payload": reference("schemas", &schema_name(&name)),
                "examples": examples,
            }),
        );
        schemas.insert(schema_name(&name), payload);
    }
    let on_channel = |names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| json!({ "$ref": format!("#/channels/socket/messages/{name}") })).collect()
    };
    let channel: Map<String, Value> = messages.keys().map(|name| (name.clone(), reference("messages", name))).collect();
    let told: Vec<&str> = KEPT.into_iter().chain(["batch"]).collect();
    let replayed: Vec<&str> = told.iter().copied().chain(["resumed", "error"]).collect();
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Descrow, the WebSocket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": description(),
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": { "production": {
            "host": "ws.descrow.io", "protocol": "wss", "security": [reference("securitySchemes", "ticket")],
            "description": "The `url` that `POST /api/realtime/ticket` gives.",
        } },
        "channels": { "socket": {
            "address": "/", "messages": channel,
            "description": "One connection of one device; API Gateway ends it after two hours.",
            "bindings": { "ws": { "method": "GET", "query": {
                "type": "object", "required": ["ticket"],
                "properties": { "ticket": { "type": "string", "description": "From `POST /api/realtime/ticket`." } },
            } } },
        } },
        "operations": {
            "tell": {
                "action": "send", "channel": { "$ref": "#/channels/socket" }, "messages": on_channel(&told),
                "summary": "Tells each device of the user of each change.",
            },
            "answerPing": {
                "action": "receive", "channel": { "$ref": "#/channels/socket" }, "messages": on_channel(&["ping"]),
                "summary": "Answers that the connection lives, and which message is the newest.",
                "reply": { "channel": { "$ref": "#/channels/socket" }, "messages": on_channel(&["pong", "error"]) },
            },
            "answerResume": {
                "action": "receive", "channel": { "$ref": "#/channels/socket" }, "messages": on_channel(&["resume"]),
                "summary": "Replays what came after a message.",
                "reply": { "channel": { "$ref": "#/channels/socket" }, "messages": on_channel(&replayed) },
            },
        },
        "components": {
            "messages": messages, "schemas": schemas,
            "securitySchemes": { "ticket": {
                "type": "httpApiKey", "in": "query", "name": "ticket",
                "description": "Good for one connection within a minute.",
            } },
        },
    });
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

fn description() -> String {
    format!(
        "What happens to a user's orders and payments, as it happens. A client gets a ticket with its access token \
         (`POST /api/realtime/ticket`), reads what it shows, connects with the ticket, and says `resume` after the ticket's \
         `lastId`.\n\n\
         Every message that tells of something has an `id`: its place in the user's sequence 1, 2, 3 and so on, without a \
         hole, the same on all devices, kept for 24 hours. A replayed message is byte for byte the one that was pushed. A \
         client keeps the id up to which it has everything and\n\n\
         - drops a message whose id it has: a push and a replay may both bring it, also while a replay is under way;\n\
         - holds back a message that is ahead, and says `resume` after the id it has;\n\
         - says `resume` after it reconnects, and again while `resumed` says `more`;\n\
         - reloads by the REST API when `resumed` says that the replay is not `complete`: something is older than 24 hours;\n\
         - says `ping` now and then, since a push is tried once: `pong` names the newest id.\n\n\
         A connection belongs to the session that got its ticket. When that ends, nothing more is pushed or answered, and the \
         connection is closed. A client whose connection was closed gets another ticket, connects, and says `resume`; where \
         the ticket is refused, it logs in again.\n\n\
         Several messages may come in one frame, as `batch`. No frame is longer than {MAX_FRAME_BYTES} bytes; a message that \
         would be comes as `message.shortened`, which names what to read by the REST API. Unknown fields and types may be \
         added, and are to be ignored."
    )
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// `order.updated` is described by `OrderUpdatedMessage`.
fn schema_name(message: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    message.split('.').map(capital).collect::<String>() + "Message"
}

/// The schema of each variant of an enum that is told apart by `tag`, by the tag's value; what they refer to goes to `schemas`.
fn variants<T: ToSchema + PartialSchema>(
    tag: &str,
    schemas: &mut BTreeMap<String, Value>,
) -> Result<Vec<(String, Value)>, serde_json::Error> {
    let mut referred = Vec::new();
    T::schemas(&mut referred);
    for (name, schema) in referred {
        schemas.insert(name, serde_json::to_value(schema)?);
    }
    let schema = serde_json::to_value(T::schema())?;
    let variants = schema.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let pointer = format!("/properties/{tag}/enum/0");
    let named = variants.into_iter().filter_map(|variant| {
        let name = variant.pointer(&pointer).and_then(Value::as_str)?.to_owned();
        Some((name, variant))
    });
    Ok(named.collect())
}
