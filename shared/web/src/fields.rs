//! Requests are parsed into domain types, and every rule that one breaks is listed at once.
//!
//! A request is a plain struct of [`Input`]s, as the client wrote it; [`Request::validate`] turns it into domain types
//! with a [`Fields`], which collects what is wrong instead of stopping at the first problem.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IntoDeserializer, Visitor, value},
};
use serde_json::Value;

use crate::{ApiError, error::FieldProblem};

/// A JSON type that a field can have.
pub trait Json: DeserializeOwned {
    /// How the type is named to the client.
    const EXPECTED: &'static str;

    /// The value, where it is of the type.
    fn read(value: Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }
}

impl Json for String {
    const EXPECTED: &'static str = "a string";
}
impl Json for u64 {
    const EXPECTED: &'static str = "a whole number";

    /// To JSON Schema, `5.0` is the whole number 5.
    fn read(value: Value) -> Option<Self> {
        let text = value.as_number()?.to_string();
        text.strip_suffix(".0").unwrap_or(&text).parse().ok()
    }
}
impl Json for bool {
    const EXPECTED: &'static str = "true or false";
}
impl Json for Vec<String> {
    const EXPECTED: &'static str = "a list of strings";
}

/// A field as it came: reading it never fails, so that all fields can be judged together. `null` counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Input<T> {
    /// Not there, or `null`.
    #[default]
    Absent,
    /// There, with the right JSON type.
    Given(T),
    /// There, with another JSON type.
    Mistyped,
}

impl<'de, T: Json> Deserialize<'de> for Input<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(std::marker::PhantomData<T>);

        impl<'de, T: Json> Visitor<'de> for Reader<T> {
            type Value = Input<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_none<E>(self) -> Result<Input<T>, E> {
                Ok(Input::Absent)
            }

            fn visit_unit<E>(self) -> Result<Input<T>, E> {
                Ok(Input::Absent)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Input<T>, D::Error> {
                let value = Value::deserialize(deserializer)?;
                Ok(T::read(value).map_or(Input::Mistyped, Input::Given))
            }
        }

        // As an option, so that a missing field is absent and not an error of its own.
        deserializer.deserialize_option(Reader(std::marker::PhantomData))
    }
}

/// An object within a request, and the names in it that nobody knows: they are problems beside the others in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nested<T> {
    raw: T,
    unknown: Vec<String>,
}

impl<T: DeserializeOwned> Json for Nested<T> {
    const EXPECTED: &'static str = "an object";

    fn read(value: Value) -> Option<Self> {
        let mut unknown = Vec::new();
        let object = Some(value).filter(Value::is_object)?;
        let raw = serde_ignored::deserialize(object, |path| unknown.push(path.to_string())).ok()?;
        Some(Self { raw, unknown })
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::read(value).ok_or_else(|| serde::de::Error::custom("expected an object"))
    }
}

impl<T: DeserializeOwned> Json for Vec<Input<Nested<T>>> {
    const EXPECTED: &'static str = "a list of objects";
}

/// Parses fields and remembers what was wrong with them. A method answers `None` where it noted a problem; the caller
/// reads every field first and then gives up with `?`, so that no problem goes unseen.
#[derive(Debug, Default)]
pub struct Fields {
    problems: Vec<FieldProblem>,
}

impl Fields {
    /// Says that `field` breaks a rule.
    pub fn refuse(&mut self, field: impl Into<String>, message: impl Display) {
        self.problems.push(FieldProblem { field: field.into(), message: message.to_string() });
    }

    /// A field that must be there and parse.
    pub fn required<T: FromStr<Err: Display>>(&mut self, field: &str, input: Input<String>) -> Option<T> {
        self.required_with(field, input, str::parse)
    }

    /// A field that must be there and parse by `parse`.
    pub fn required_with<T, E: Display>(
        &mut self,
        field: &str,
        input: Input<String>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.present(field, input)?;
        self.parsed(field, &text, parse)
    }

    /// A field that must parse where it is there. `Some(None)` says that it is absent.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, field: &str, input: Input<String>) -> Option<Option<T>> {
        self.optional_with(field, input, str::parse)
    }

    /// A field that must parse by `parse` where it is there. `Some(None)` says that it is absent.
    pub fn optional_with<T, E: Display>(
        &mut self,
        field: &str,
        input: Input<String>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match self.given(field, input)? {
            Some(text) => self.parsed(field, &text, parse).map(Some),
            None => Some(None),
        }
    }

    /// A field that must be there and be one of the names of a unit-only enum, as serde writes them.
    pub fn choice<T: DeserializeOwned>(&mut self, field: &str, input: Input<String>, names: &[&str]) -> Option<T> {
        self.required_with(field, input, |text| choose(text, names))
    }

    /// The same where the field may be absent.
    pub fn optional_choice<T: DeserializeOwned>(
        &mut self,
        field: &str,
        input: Input<String>,
        names: &[&str],
    ) -> Option<Option<T>> {
        self.optional_with(field, input, |text| choose(text, names))
    }

    /// A whole number within `range`; absent, it is `default`.
    pub fn number(
        &mut self,
        field: &str,
        input: Input<u64>,
        range: RangeInclusive<u64>,
        default: Option<u64>,
    ) -> Option<u64> {
        let Some(number) = self.given(field, input)?.or(default) else {
            self.refuse(field, "is required");
            return None;
        };
        if range.contains(&number) {
            return Some(number);
        }
        self.refuse(field, format_args!("must be a whole number from {} to {}", range.start(), range.end()));
        None
    }

    /// A list whose entries all parse, with a number of entries within `range`. Problems name the entry: `images[2]`.
    pub fn list<T, E: Display>(
        &mut self,
        field: &str,
        input: Input<Vec<String>>,
        range: RangeInclusive<usize>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let texts = self.given(field, input)?.unwrap_or_default();
        if !range.contains(&texts.len()) {
            self.refuse(field, format_args!("must have {} to {} entries", range.start(), range.end()));
            return None;
        }
        // Every entry is parsed before the first bad one ends it.
        let parsed: Vec<_> =
            texts.iter().enumerate().map(|(n, text)| self.parsed(&format!("{field}[{n}]"), text, &parse)).collect();
        parsed.into_iter().collect()
    }

    /// What `read` makes of the object in `field`, which must be there. `read` names what is in it after what it is given.
    pub fn nested<T: DeserializeOwned, V>(
        &mut self,
        field: &str,
        input: Input<Nested<T>>,
        read: impl FnOnce(&str, T, &mut Self) -> Option<V>,
    ) -> Option<V> {
        let Nested { raw, unknown } = self.present(field, input)?;
        for name in unknown {
            self.refuse(format!("{field}.{name}"), "is not a known field");
        }
        read(&format!("{field}."), raw, self)
    }

    /// The value of a field that must be there.
    pub fn present<T: Json>(&mut self, field: &str, input: Input<T>) -> Option<T> {
        let given = self.given(field, input)?;
        if given.is_none() {
            self.refuse(field, "is required");
        }
        given
    }

    /// The value of a field that may be absent: `Some(None)`.
    pub fn given<T: Json>(&mut self, field: &str, input: Input<T>) -> Option<Option<T>> {
        match input {
            Input::Absent => Some(None),
            Input::Given(value) => Some(Some(value)),
            Input::Mistyped => {
                self.refuse(field, format_args!("must be {}", T::EXPECTED));
                None
            }
        }
    }

    fn parsed<T, E: Display>(
        &mut self,
        field: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(text).map_err(|error| self.refuse(field, error)).ok()
    }

    /// The valid request, or everything that is wrong with it.
    ///
    /// # Errors
    /// 400 that lists every problem.
    pub fn finish<T>(self, valid: Option<T>) -> Result<T, ApiError> {
        match valid {
            Some(valid) if self.problems.is_empty() => Ok(valid),
            _ => Err(ApiError::validation(self.problems)),
        }
    }
}

fn choose<T: DeserializeOwned>(text: &str, names: &[&str]) -> Result<T, String> {
    let refused = || format!("must be one of {}", names.join(", "));
    if !names.contains(&text) {
        return Err(refused());
    }
    let name: value::StrDeserializer<'_, value::Error> = text.into_deserializer();
    T::deserialize(name).map_err(|_| refused())
}

/// A request as the client wrote it, with the rules it must keep.
pub trait Request: DeserializeOwned {
    /// The request in domain types.
    type Valid;

    /// Applies every rule, noting what is broken in `fields`. `None` only where something was noted.
    fn validate(self, fields: &mut Fields) -> Option<Self::Valid>;
}

/// No fields at all, for lists without a filter.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

impl Request for Nothing {
    type Valid = ();

    fn validate(self, _fields: &mut Fields) -> Option<()> {
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use descrow_domain::{Msisdn, user::Role};

    use super::*;

    #[derive(Deserialize)]
    struct Raw {
        phone: Input<String>,
        role: Input<String>,
        count: Input<u64>,
        tags: Input<Vec<String>>,
    }

    type Valid = (Option<Msisdn>, Role, u64, Vec<u8>);

    fn check(json: &str) -> Result<Valid, Vec<(String, String)>> {
        let raw: Raw = serde_json::from_str(json).unwrap();
        let mut fields = Fields::default();
        let (phone, role, count, tags) = (
            fields.optional("phone", raw.phone),
            fields.choice("role", raw.role, &["buyer", "seller"]),
            fields.number("count", raw.count, 1..=5, Some(1)),
            fields.list("tags", raw.tags, 0..=2, str::parse::<u8>),
        );
        let valid = (|| Some((phone?, role?, count?, tags?)))();
        fields.finish(valid).map_err(|e| e.details().iter().map(|p| (p.field.clone(), p.message.clone())).collect())
    }

    #[test]
    fn every_broken_rule_is_listed_at_once() {
        let problems = check(r#"{"phone":"0700","role":"admin","count":true,"tags":["1","x"]}"#).unwrap_err();
        assert_eq!(
            problems,
            [
                (
                    "phone".to_owned(),
                    "must be a Kenyan mobile number as 254 followed by 1 or 7 and eight digits".to_owned()
                ),
                ("role".to_owned(), "must be one of buyer, seller".to_owned()),
                ("count".to_owned(), "must be a whole number".to_owned()),
                ("tags[1]".to_owned(), "invalid digit found in string".to_owned()),
            ]
        );
    }

    #[test]
    fn absent_and_null_are_the_same() {
        for json in [r#"{"role":"seller"}"#, r#"{"role":"seller","phone":null,"count":null,"tags":null}"#] {
            assert_eq!(check(json), Ok((None, Role::Seller, 1, vec![])));
        }
        let missing = check("{}").unwrap_err();
        assert_eq!(missing, [("role".to_owned(), "is required".to_owned())]);
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        name: Input<String>,
        count: Input<u64>,
    }

    #[test]
    fn an_object_within_a_request_is_judged_field_by_field_like_the_request() {
        let check = |json: &str| {
            let input: Input<Vec<Input<Nested<Inner>>>> = serde_json::from_str(json).unwrap();
            let mut fields = Fields::default();
            let read = |within: &str, inner: Inner, fields: &mut Fields| {
                let name = fields.required::<String>(&format!("{within}name"), inner.name);
                let count = fields.number(&format!("{within}count"), inner.count, 0..=9, None);
                Some((name?, count?))
            };
            let inputs = fields.present("list", input);
            let read: Vec<_> = inputs
                .into_iter()
                .flatten()
                .enumerate()
                .map(|(n, input)| fields.nested(&format!("list[{n}]"), input, read))
                .collect();
            let valid: Option<Vec<_>> = read.into_iter().collect();
            let answer = fields.finish(valid);
            answer.map_err(|e| e.details().iter().map(|p| format!("{} {}", p.field, p.message)).collect::<Vec<_>>())
        };
        assert_eq!(check(r#"[{"name":"a","count":1}]"#), Ok(vec![("a".to_owned(), 1)]));
        let problems = check(r#"[{"name":7,"path":{"a":1},"x":2},null,"a",["a",1],{"name":"a","count":10}]"#);
        assert_eq!(
            problems.unwrap_err(),
            [
                "list[0].path is not a known field",
                "list[0].x is not a known field",
                "list[0].name must be a string",
                "list[0].count is required",
                "list[1] is required",
                "list[2] must be an object",
                "list[3] must be an object",
                "list[4].count must be a whole number from 0 to 9",
            ]
        );
        assert_eq!(check(r#"{"name":"a"}"#).unwrap_err(), ["list must be a list of objects"]);
    }
}
