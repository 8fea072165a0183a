//! The tables of the tests are the tables of the deployment.

use std::{collections::BTreeMap, path::Path};

use descrow_store::testing::{Definition, definitions};
use serde_norway::Value;

/// A value without its CloudFormation tag.
fn plain(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => &tagged.value,
        other => other,
    }
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| plain(value).get(name)).map(plain)
}

fn keys(of: &Value) -> Vec<(String, String)> {
    let schema = at(of, &["KeySchema"]).and_then(Value::as_sequence).unwrap();
    let text = |element: &Value, name| at(element, &[name]).and_then(Value::as_str).unwrap().to_owned();
    schema.iter().map(|element| (text(element, "AttributeName"), text(element, "KeyType"))).collect()
}

/// What a table is, in words that can be compared.
type Shape = (Vec<(String, String)>, BTreeMap<String, Vec<(String, String)>>, BTreeMap<String, String>, bool, bool);

fn declared(properties: &Value) -> (String, Shape) {
    let name = at(properties, &["TableName"]).and_then(Value::as_str).unwrap();
    let name = name.strip_prefix("${AWS::StackName}-").expect("tables carry the stack's name").to_owned();
    let indexes = at(properties, &["GlobalSecondaryIndexes"]).and_then(Value::as_sequence).cloned().unwrap_or_default();
    let indexes = indexes.iter().map(|index| {
        assert_eq!(at(index, &["Projection", "ProjectionType"]).and_then(Value::as_str), Some("ALL"), "{name}");
        (at(index, &["IndexName"]).and_then(Value::as_str).unwrap().to_owned(), keys(index))
    });
    let attributes = at(properties, &["AttributeDefinitions"]).and_then(Value::as_sequence).unwrap();
    let text = |element: &Value, name| at(element, &[name]).and_then(Value::as_str).unwrap().to_owned();
    let attributes = attributes.iter().map(|a| (text(a, "AttributeName"), text(a, "AttributeType"))).collect();
    let stream = at(properties, &["StreamSpecification", "StreamViewType"]).map(|view| {
        assert_eq!(view.as_str(), Some("NEW_AND_OLD_IMAGES"), "{name}");
    });
    let expires = at(properties, &["TimeToLiveSpecification", "AttributeName"]).map(|attribute| {
        assert_eq!(attribute.as_str(), Some("expires_at"), "{name}");
    });
    let indexes = indexes.collect();
    (name, (keys(properties), indexes, attributes, stream.is_some(), expires.is_some()))
}

fn defined(definition: &Definition) -> (String, Shape) {
    let pair = |key: &str, kind: &str| (key.to_owned(), kind.to_owned());
    let kind = |number| if number { "N" } else { "S" }.to_owned();
    let mut attributes = BTreeMap::from([(definition.partition.name.to_owned(), kind(definition.partition.number))]);
    let mut schema = vec![pair(definition.partition.name, "HASH")];
    if let Some(sort) = definition.sort {
        schema.push(pair(sort.name, "RANGE"));
        attributes.insert(sort.name.to_owned(), kind(sort.number));
    }
    let mut indexes = BTreeMap::new();
    for index in &definition.indexes {
        let schema = vec![pair(index.partition.name, "HASH"), pair(index.sort.name, "RANGE")];
        indexes.insert(index.name.to_owned(), schema);
        attributes.extend([index.partition, index.sort].map(|key| (key.name.to_owned(), kind(key.number))));
    }
    (definition.table.as_str().to_owned(), (schema, indexes, attributes, definition.stream, definition.expires))
}

#[test]
fn the_template_and_the_tests_have_the_same_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
    let template: Value = serde_norway::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let resources = at(&template, &["Resources"]).and_then(Value::as_mapping).unwrap();
    let is_table = |r: &Value| at(r, &["Type"]).and_then(Value::as_str) == Some("AWS::DynamoDB::Table");
    let of_template: BTreeMap<_, _> = resources
        .iter()
        .filter(|(_, resource)| is_table(resource))
        .map(|(_, resource)| declared(at(resource, &["Properties"]).unwrap()))
        .collect();
    let of_tests: BTreeMap<_, _> = definitions().iter().map(defined).collect();
    assert_eq!(of_template, of_tests);
}
