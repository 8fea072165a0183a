//! Examples that follow from the schemas: from a field's own `example`, its bounds and its name.
//!
//! A text that is none of these has no example, and neither has what contains it; a test names such a field.

use serde_json::{Map, Value, json};

const ACCOUNT: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const CID: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
const HASH: &str = "0x4b6f6f1e0c3a9d2b8e7f5a4c3d2e1f00112233445566778899aabbccddeeff00";
const INSTANT: &str = "2026-11-22T10:15:30.000Z";
const ID: &str = "0193a1f0-0000-7000-8000-0000000000b1";
/// A schema that contains itself ends here.
const DEEPEST: usize = 12;

/// Texts whose names say what they are, wherever they stand.
const NAMED: &[(&[&str], &str)] = &[
    (&["account", "buyer", "seller", "by", "admin", "userId"], ACCOUNT),
    (&["cid", "metadataCid", "trackingCid", "evidenceCid", "images"], CID),
    (&["extrinsic", "extrinsicHash", "blockHash"], HASH),
    (&["at", "since", "payment", "shipping", "inspection", "evidence"], INSTANT),
    (&["amountDot", "priceDot"], "2.5"),
    (&["amountUsd", "priceUsd"], "11.25"),
    (&["usdPerDot"], "4.50"),
    (&["kesPerUsd"], "129.25"),
    (&["source"], "configuration"),
    (&["phone", "phoneNumber"], "2547*****149"),
    (&["title", "productTitle"], "Kitenge bag"),
    (&["description"], "Hand sewn, 40 by 30 cm."),
    (&["category"], "bags"),
    (&["message"], "The parcel is on its way."),
    (&["carrier"], "G4S Kenya"),
    (&["trackingNumber"], "KE-20261122-7"),
    (&["deliveryAddress"], "Moi Avenue 12, Nairobi"),
    (&["url"], "https://gateway.example/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"),
    (&["contentType"], "image/png"),
    (&["kind"], "collection"),
    (&["status"], "pending"),
    (&["reason"], "cancelled_by_user"),
    (&["receipt"], "SKL7X2M9QF"),
    (&["accessToken"], "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJzdWIiOiI1R3J3In0.c2lnbmF0dXJl"),
    (&["refreshToken"], "0193a1f000007000800000000000000b1.7.c2lnbmF0dXJl"),
    (&["ticket", "nonce"], "7d9f1c0a6f3c4b5e8a1d2c3b4a596877"),
    (
        &["signature"],
        "0x01020304010203040102030401020304010203040102030401020304010203040102030401020304010203040102030401020304010203040102030401020304",
    ),
    (&["cursor", "nextCursor"], "q83vASNFZ4mrze8BI0VniSIwMDAwMTc5MDAwMDAwMDAwMCI"),
    (&["name"], "database"),
    (&["version"], "0.1.0"),
];

/// An example of `schema`, whose references are found in `document`; `name` is the field's.
pub(super) fn of(document: &Value, schema: &Value, name: &str) -> Option<Value> {
    value(document, schema, name, 0)
}

fn value(document: &Value, schema: &Value, name: &str, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    let inner = |schema: &Value| value(document, schema, name, depth + 1);
    if let Some(example) = schema.get("example").or_else(|| schema.get("default")).or_else(|| schema.get("const")) {
        return Some(example.clone());
    }
    for list in ["examples", "enum"] {
        if let Some(first) = schema.get(list).and_then(|list| list.get(0)) {
            return Some(first.clone());
        }
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return inner(document.pointer(reference.strip_prefix('#')?)?);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema.get(choice).and_then(Value::as_array) {
            return choices.iter().filter(|one| one.get("type") != Some(&json!("null"))).find_map(inner);
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut whole = Map::new();
        for part in parts {
            whole.extend(inner(part)?.as_object()?.clone());
        }
        return Some(whole.into());
    }
    match kind(schema)? {
        "object" => object(document, schema, depth),
        "array" => Some(json!([inner(schema.get("items")?)?])),
        "string" => text(schema, name).map(Value::from),
        "integer" | "number" => {
            Some(schema.get("minimum").filter(|n| n.as_u64() != Some(0)).cloned().unwrap_or(json!(1)))
        }
        "boolean" => Some(json!(false)),
        _ => None,
    }
}

/// The type, where it may also be `null`.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|t| *t != "null"),
        one => one.as_str(),
    }
}

fn object(document: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let fields = properties.into_iter().flatten();
    let fields = fields.map(|(name, field)| Some((name.clone(), value(document, field, name, depth + 1)?)));
    fields.collect::<Option<Map<_, _>>>().map(Value::Object)
}

fn text(schema: &Value, name: &str) -> Option<String> {
    match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => return Some(ID.to_owned()),
        Some("date-time") => return Some(INSTANT.to_owned()),
        Some("uri") => return Some("https://example.com/".to_owned()),
        // Bytes have no form in JSON.
        Some("binary") => return None,
        _ => {}
    }
    if name.ends_with("At") || name.ends_with("Until") {
        return Some(INSTANT.to_owned());
    }
    NAMED.iter().find(|(names, _)| names.contains(&name)).map(|(_, text)| (*text).to_owned())
}
