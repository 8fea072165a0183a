//! The template as JSON, without the tags of its functions: `!Ref X` is `"X"`, `!GetAtt X.Arn` is `"X.Arn"`, `!If [a, b, c]` is a list.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::{Map, Value};

/// A folder or file of the checkout.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The template.
pub(crate) static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    let text = fs::read_to_string(checkout("infra/template.yaml")).unwrap();
    plain(&serde_norway::from_str(&text).unwrap())
});

fn plain(value: &serde_norway::Value) -> Value {
    use serde_norway::Value as Yaml;
    match value {
        Yaml::Tagged(tagged) => plain(&tagged.value),
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        other => serde_json::to_value(other).unwrap(),
    }
}

/// A resource of the template.
pub(crate) struct Resource {
    pub(crate) name: String,
    pub(crate) properties: Value,
}

impl Resource {
    /// The text at a JSON pointer into its properties.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.properties.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number at a JSON pointer into its properties.
    pub(crate) fn number(&self, pointer: &str) -> u64 {
        self.properties.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The events of a function that are of a type, each its properties.
    pub(crate) fn events(&self, kind: &str) -> Vec<&Value> {
        let events = self.properties["Events"].as_object().into_iter().flatten();
        events.filter(|(_, event)| event["Type"] == kind).map(|(_, event)| &event["Properties"]).collect()
    }
}

/// All resources of a type. There are some of each that is asked for.
pub(crate) fn resources(kind: &str) -> Vec<Resource> {
    let resources = TEMPLATE["Resources"].as_object().unwrap().iter().filter(|(_, r)| r["Type"] == kind);
    let resources: Vec<_> = resources
        .map(|(name, resource)| Resource { name: name.clone(), properties: resource["Properties"].clone() })
        .collect();
    assert!(!resources.is_empty(), "there is no {kind}");
    resources
}

/// All functions.
pub(crate) fn functions() -> Vec<Resource> {
    resources("AWS::Serverless::Function")
}

/// The logical name of what a `!GetAtt` refers to.
pub(crate) fn owner(attribute: &str) -> &str {
    attribute.split('.').next().unwrap_or_default()
}
