//! Configuration from the environment, read once at start-up, whole or not at all.
//!
//! A function declares what it reads as one closure over [`Config`]; every variable that is missing or malformed is
//! collected, and the function refuses to start with all their names. Values are never part of an error: they may be secrets.

use std::{cell::RefCell, collections::HashMap, fmt, str::FromStr};

use crate::Secret;

/// Some variables are missing or malformed. Names them; never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad configuration: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// A source of settings that remembers what was wrong with them.
pub struct Config {
    values: HashMap<String, String>,
    problems: RefCell<Vec<String>>,
}

impl Config {
    /// Reads settings from the process's environment with `read`.
    ///
    /// # Errors
    /// [`ConfigError`] lists every variable that is missing or malformed.
    pub fn from_env<T>(read: impl FnOnce(&Self) -> Option<T>) -> Result<T, ConfigError> {
        Self::from_values(
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
            read,
        )
    }

    /// The same from any pairs, for tests.
    ///
    /// # Errors
    /// [`ConfigError`] lists every variable that is missing or malformed.
    pub fn from_values<T>(
        values: impl IntoIterator<Item = (String, String)>,
        read: impl FnOnce(&Self) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let config = Self { values: values.into_iter().collect(), problems: RefCell::default() };
        let settings = read(&config);
        let problems = config.problems.into_inner();
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(ConfigError(problems)),
        }
    }

    /// Says that `name` is wrong, and how; `why` must not contain the value.
    pub fn refuse(&self, name: &str, why: impl fmt::Display) {
        let problem = format!("{name} {why}");
        let mut problems = self.problems.borrow_mut();
        // Two parts of a function may read the same variable.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// A variable that must be there and not empty.
    pub fn required(&self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.refuse(name, "is not set");
        }
        value
    }

    /// A secret that must be there, with at least `min` bytes.
    pub fn secret(&self, name: &str, min: usize) -> Option<Secret> {
        let value = self.required(name)?;
        if value.len() < min {
            self.refuse(name, format_args!("is shorter than {min} bytes"));
            return None;
        }
        Some(Secret::new(value))
    }

    /// A URL that must be there, with one of `schemes`, a host, and nothing that no URL holds.
    pub fn url(&self, name: &str, schemes: &[&str]) -> Option<String> {
        let value = self.required(name)?;
        let host = schemes.iter().find_map(|scheme| value.strip_prefix(scheme)?.strip_prefix("://"));
        if host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
            && value.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Some(value);
        }
        self.refuse(name, format_args!("is not a URL with {}", schemes.join(" or ")));
        None
    }

    /// A variable that may be absent; empty counts as absent, since templates cannot leave one out.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|v| v.trim()).filter(|v| !v.is_empty()).map(ToOwned::to_owned)
    }

    /// A variable that must be there and parse.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Option<T> {
        self.parse(name, &self.required(name)?)
    }

    /// A variable that must parse where it is there.
    pub fn parsed_or<T: FromStr<Err: fmt::Display>>(&self, name: &str, default: T) -> Option<T> {
        match self.optional(name) {
            Some(text) => self.parse(name, &text),
            None => Some(default),
        }
    }

    fn parse<T: FromStr<Err: fmt::Display>>(&self, name: &str, text: &str) -> Option<T> {
        if let Ok(value) = text.parse() {
            return Some(value);
        }
        // The parser's own message may quote the value, so it is not passed on.
        self.refuse(name, format_args!("is not a valid {}", short_type_name::<T>()));
        None
    }
}

fn short_type_name<T>() -> &'static str {
    std::any::type_name::<T>().rsplit("::").next().unwrap_or("value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_bad_variable_is_named_and_no_value_is_shown() {
        let error = Config::from_values(pairs(&[("PORT", "hunter2"), ("JWT_SECRET", "hunter2")]), |c| {
            let (port, secret, table) =
                (c.parsed::<u16>("PORT"), c.secret("JWT_SECRET", 32), c.required("TABLE_ORDERS"));
            Some((port?, secret?, table?))
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "bad configuration: PORT is not a valid u16; JWT_SECRET is shorter than 32 bytes; TABLE_ORDERS is not set"
        );
    }

    #[test]
    fn a_url_has_the_right_scheme_and_a_host() {
        let read = |value: &str| Config::from_values(pairs(&[("U", value)]), |c| c.url("U", &["ws", "wss"]));
        for good in ["ws://127.0.0.1:9944", "wss://rpc.example/x?y", "ws://[::1]:1"] {
            assert_eq!(read(good), Ok(good.to_owned()));
        }
        for bad in ["hunter2", "https://rpc.example", "ws://", "ws:///path", "wss://a b"] {
            assert_eq!(read(bad).unwrap_err().to_string(), "bad configuration: U is not a URL with ws or wss", "{bad}");
        }
    }

    #[test]
    fn what_two_parts_miss_is_named_once() {
        let error = Config::from_values(pairs(&[]), |c| Some((c.required("A")?, c.required("A")?))).unwrap_err();
        assert_eq!(error.0, ["A is not set"]);
        let error = Config::from_values(pairs(&[]), |c| {
            let (one, two) = (c.required("A"), c.required("A"));
            Some((one?, two?))
        });
        assert_eq!(error.unwrap_err().0, ["A is not set"]);
    }

    #[test]
    fn an_empty_variable_counts_as_absent() {
        let read = Config::from_values(pairs(&[("A", "  ")]), |c| Some((c.optional("A"), c.parsed_or("B", 7u8)?)));
        assert_eq!(read, Ok((None, 7)));
    }
}
