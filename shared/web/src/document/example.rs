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
const DEEPEST: usize = 16;

/// Texts whose names say what they are, wherever they stand.
const NAMED: &[(&[&str], &str)] = &[
    (&["account", "buyer", "seller", "by", "admin", "userId", "signer"], ACCOUNT),
    (&["cid", "metadataCid", "trackingCid", "evidenceCid", "images", "document"], CID),
    (&["extrinsic", "extrinsicHash", "blockHash", "genesisHash", "callData"], HASH),
    (&["at", "since", "payment", "shipping", "inspection", "evidence"], INSTANT),
    (&["amountDot", "priceDot", "dotToBuyer", "dotToSeller", "volumeDot", "releasedDot"], "2.5"),
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
    (
        &["url", "documentUrl", "trackingUrl"],
        "https://gateway.example/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
    ),
    (&["contentType", "mediaType"], "image/png"),
    (&["kind"], "collection"),
    (&["status"], "pending"),
    (&["reason"], "cancelled_by_user"),
    (&["receipt"], "SKL7X2M9QF"),
    (&["accessToken"], "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJzdWIiOiI1R3J3In0.c2lnbmF0dXJl"),
    (
        &["refreshToken"],
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJhdWQiOiJkZXNjcm93LXJlZnJlc2giLCJjbnQiOjd9.c2lnbmF0dXJl",
    ),
    (&["ticket", "nonce"], "7d9f1c0a6f3c4b5e8a1d2c3b4a596877"),
    (
        &["signature"],
        "0x01020304010203040102030401020304010203040102030401020304010203040102030401020304010203040102030401020304010203040102030401020304",
    ),
    (&["cursor", "nextCursor"], "q83vASNFZ4mrze8BI0VniSIwMDAwMTc5MDAwMDAwMDAwMCI"),
    (&["uploadId"], "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"),
    (&["contract"], "0xc01ee7f10ea4af4673cfff62710e1d7792aba8f3"),
    (&["specName"], "asset-hub-polkadot"),
    (&["refTime", "proofSize", "storageDeposit"], "1000000"),
    (&["failure"], "order_not_created"),
    (&["name"], "database"),
    (&["version"], "0.1.0"),
];

/// An example of `schema`, whose references are found in `document`; `name` is the field's. `Err` names the field that has none.
pub(super) fn of(document: &Value, schema: &Value, name: &str) -> Result<Value, String> {
    value(document, schema, name, 0)
}

fn value(document: &Value, schema: &Value, name: &str, depth: usize) -> Result<Value, String> {
    let none = || name.to_owned();
    if depth > DEEPEST {
        return Err(none());
    }
    let inner = |schema: &Value| value(document, schema, name, depth + 1);
    if let Some(example) = schema.get("example").or_else(|| schema.get("default")).or_else(|| schema.get("const")) {
        return Ok(example.clone());
    }
    for list in ["examples", "enum"] {
        if let Some(first) = schema.get(list).and_then(|list| list.get(0)) {
            return Ok(first.clone());
        }
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
        return inner(found.ok_or_else(none)?);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema.get(choice).and_then(Value::as_array) {
            let shown = choices.iter().find(|one| one.get("type").is_none_or(|kind| kind != "null"));
            return inner(shown.ok_or_else(none)?);
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut whole = Map::new();
        for part in parts {
            whole.extend(inner(part)?.as_object().cloned().unwrap_or_default());
        }
        return Ok(whole.into());
    }
    match kind(schema) {
        Some("object") => object(document, schema, name, depth),
        Some("array") => Ok(json!([inner(schema.get("items").ok_or_else(none)?)?])),
        Some("string") => text(schema, name).map(Value::from).ok_or_else(none),
        Some("integer" | "number") => {
            Ok(schema.get("minimum").filter(|least| least.as_u64() != Some(0)).cloned().unwrap_or(json!(1)))
        }
        Some("boolean") => Ok(json!(false)),
        _ => Err(none()),
    }
}

/// The type, where it may also be `null`.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|t| *t != "null"),
        one => one.as_str(),
    }
}

fn object(document: &Value, schema: &Value, place: &str, depth: usize) -> Result<Value, String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let fields = properties.into_iter().flatten().map(|(name, field)| {
        let example = value(document, field, name, depth + 1);
        Ok((name.clone(), example.map_err(|missing| format!("{place}.{missing}"))?))
    });
    fields.collect::<Result<Map<_, _>, _>>().map(Value::Object)
}

fn text(schema: &Value, name: &str) -> Option<String> {
    match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => return Some(ID.to_owned()),
        Some("date") => return INSTANT.get(..10).map(ToOwned::to_owned),
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
