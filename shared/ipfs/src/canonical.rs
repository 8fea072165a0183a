//! JSON with one spelling: what is pinned twice has one CID.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The value has no canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// It could not be serialised.
    #[error("the value is not JSON")]
    NotJson,
    /// It holds a number with a fraction or exponent, whose spelling differs between writers. Use a string.
    #[error("the value holds a number that is not an integer")]
    Fraction,
}

/// Writes `value` with sorted keys and without white space.
///
/// # Errors
/// [`NotCanonical`]
pub fn canonical_json(value: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    let value = serde_json::to_value(value).map_err(|_| NotCanonical::NotJson)?;
    let mut out = Vec::new();
    write(&value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Number(number) if !(number.is_i64() || number.is_u64()) => return Err(NotCanonical::Fraction),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { b'[' } else { b',' });
                write(item, out)?;
            }
            out.extend_from_slice(if items.is_empty() { b"[]" } else { b"]" });
        }
        Value::Object(members) => {
            // Sorted here: whether the map keeps its own order depends on features that others may enable.
            let sorted: BTreeMap<_, _> = members.iter().collect();
            for (index, (key, member)) in sorted.into_iter().enumerate() {
                out.push(if index == 0 { b'{' } else { b',' });
                scalar(&Value::String(key.clone()), out)?;
                out.push(b':');
                write(member, out)?;
            }
            out.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
        }
        other => scalar(other, out)?,
    }
    Ok(())
}

fn scalar(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    serde_json::to_writer(out, value).map_err(|_| NotCanonical::NotJson)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical_json(value).unwrap()).unwrap()
    }

    #[test]
    fn keys_are_sorted_and_nothing_is_superfluous() {
        let value = json!({"b": [1, {"z": null, "a": "é\n"}, []], "a": {}, "ä": true});
        assert_eq!(text(&value), "{\"a\":{},\"b\":[1,{\"a\":\"é\\n\",\"z\":null},[]],\"ä\":true}");
    }

    #[test]
    fn a_fraction_is_refused() {
        assert_eq!(canonical_json(&json!({"price": 1.5})), Err(NotCanonical::Fraction));
    }

    proptest! {
        #[test]
        fn the_order_of_insertion_does_not_matter(members in prop::collection::hash_map("[a-z]{1,6}", any::<i64>(), 0..8)) {
            let forward: serde_json::Map<_, _> = members.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            let mut entries: Vec<_> = members.into_iter().collect();
            entries.sort_by(|a, b| b.cmp(a));
            let backward: serde_json::Map<_, _> = entries.into_iter().map(|(k, v)| (k, json!(v))).collect();
            let written = text(&Value::Object(forward));
            prop_assert_eq!(&written, &text(&Value::Object(backward.clone())));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), Value::Object(backward));
        }
    }
}
