//! Expressions for conditions, updates and filters.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An expression with its values. Every `#name` in it stands for the attribute of that name, so that reserved words need
/// no care; the names are read off the text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expression {
    text: String,
    values: HashMap<String, AttributeValue>,
}

/// An expression without values yet.
pub(crate) fn expr(text: impl Into<String>) -> Expression {
    Expression { text: text.into(), values: HashMap::new() }
}

/// A string value.
#[allow(clippy::needless_pass_by_value, reason = "what is written is mostly made on the spot")]
pub(crate) fn string(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// A number value.
pub(crate) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

impl Expression {
    /// Binds `:name`.
    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// Both conditions.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.text = format!("{} AND {}", self.text, other.text);
        self.values.extend(other.values);
        self
    }

    /// Both assignments of an update.
    pub(crate) fn also(mut self, other: Self) -> Self {
        self.text = format!("{}, {}", self.text, other.text);
        self.values.extend(other.values);
        self
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The names and values that some expressions of one request need; `None` where there are none, since DynamoDB refuses
/// empty maps.
pub(crate) struct Bindings {
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Bindings {
    pub(crate) fn of<'a>(expressions: impl IntoIterator<Item = &'a Expression>) -> Self {
        let (mut names, mut values) = (HashMap::new(), HashMap::new());
        for expression in expressions {
            for part in expression.text.split('#').skip(1) {
                let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
                let (name, _) = part.split_at(end);
                names.insert(format!("#{name}"), name.to_owned());
            }
            values.extend(expression.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Self { names: (!names.is_empty()).then_some(names), values: (!values.is_empty()).then_some(values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_off_the_text() {
        let condition =
            expr("#status = :s AND attribute_not_exists(#pending.#command_id)").with(":s", string("created"));
        let bindings = Bindings::of([&condition, &expr("SET #status = :s")]);
        let names = bindings.names.unwrap();
        assert_eq!(names.len(), 3);
        assert_eq!(names["#command_id"], "command_id");
        assert_eq!(bindings.values.unwrap().len(), 1);
        assert!(Bindings::of([&expr("")]).names.is_none());
    }
}
