//! Reading JSON that is only approximately what its documentation says (DARAJA.md §1, §3.3, §5.3).
//!
//! Values stay raw until somebody asks for them, so that an amount keeps the digits it was written with (`1.00` never
//! passes through a float) and an odd value elsewhere in the document spoils nothing.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A JSON object as the list of its members: keys may repeat, and order is kept.
pub(crate) struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads an object; `None` when the text is no JSON object.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The first member of that name which is not null.
    pub(crate) fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().filter(|(key, value)| key == name && value.get() != "null").map(|(_, value)| *value).next()
    }

    /// The member as an object.
    pub(crate) fn object(&self, name: &str) -> Option<Object<'a>> {
        Object::parse(self.member(name)?.get())
    }

    /// The member as text, whether it is a JSON string or a JSON number.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        scalar(self.member(name)?)
    }

    /// The objects in the member, whether it is a list or a single object.
    pub(crate) fn objects(&self, name: &str) -> Vec<Object<'a>> {
        let Some(raw) = self.member(name) else { return Vec::new() };
        match serde_json::from_str::<Vec<&'a RawValue>>(raw.get()) {
            Ok(items) => items.into_iter().filter_map(|item| Object::parse(item.get())).collect(),
            Err(_) => Object::parse(raw.get()).into_iter().collect(),
        }
    }
}

/// A string, a number or a boolean as text; numbers keep the digits they were written with.
fn scalar(raw: &RawValue) -> Option<String> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(text).ok().map(|s| s.trim().to_owned()),
        b'{' | b'[' | b'n' => None,
        _ => Some(text.to_owned()),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
            type Value = Object<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'a>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_read_whatever_its_json_type() {
        let object = Object::parse(r#"{"a":1.00,"b":" x ","c":null,"c":"2","d":{"e":[1]},"f":true,"g":[{"h":1},7]}"#);
        let object = object.unwrap();
        assert_eq!(object.text("a").as_deref(), Some("1.00"));
        assert_eq!(object.text("b").as_deref(), Some("x"));
        assert_eq!(object.text("c").as_deref(), Some("2"), "a null is passed over for a later value");
        assert_eq!(object.text("d"), None);
        assert_eq!(object.text("f").as_deref(), Some("true"));
        assert_eq!(object.objects("d").len(), 1, "a single object counts as a list of one");
        assert_eq!(object.objects("g").len(), 1, "what is no object is passed over");
        assert!(object.object("d").is_some());
        assert!(object.objects("nothing").is_empty());
    }
}
