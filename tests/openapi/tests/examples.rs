//! Every operation shows what it takes and every answer that it can give, and every example is what its schema allows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeSet;

use descrow_web::Code;
use serde_json::{Value, json};

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

fn document() -> Value {
    serde_json::from_str(&openapi::generate().unwrap()).unwrap()
}

/// Every operation with its name for messages.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            METHODS
                .iter()
                .filter_map(move |method| Some((format!("{} {path}", method.to_uppercase()), item.get(*method)?)))
        })
        .collect()
}

/// What a reference refers to, or the thing itself.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// What is wrong with the examples of one place that has a schema: a parameter, or one media type.
fn faults(document: &Value, holder: &Value) -> Vec<String> {
    let mut schema = holder["schema"].clone();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("components".into(), document["components"].clone());
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let named = holder.get("examples").and_then(Value::as_object).into_iter().flatten();
    let named = named.map(|(_, example)| &followed(document, example)["value"]);
    let examples: Vec<&Value> = holder.get("example").into_iter().chain(named).collect();
    if examples.is_empty() {
        return vec![format!("{} has no example; give it #[schema(example = …)]", holder["x-descrow-no-example"])];
    }
    let broken = examples
        .iter()
        .flat_map(|example| validator.iter_errors(example).map(|e| format!("{e} at {}", e.instance_path())));
    broken.collect()
}

#[test]
fn every_request_and_every_answer_has_an_example_that_its_schema_allows() {
    let document = document();
    let mut broken = Vec::new();
    for (operation, details) in operations(&document) {
        let mut places: Vec<(String, &Value)> = Vec::new();
        for parameter in details["parameters"].as_array().into_iter().flatten() {
            places.push((format!("parameter {}", parameter["name"]), parameter));
        }
        let contents = details["requestBody"]["content"].as_object().into_iter().flatten();
        // The bytes of a picture have no form in JSON.
        for (kind, media) in contents.filter(|(kind, _)| *kind != "multipart/form-data") {
            places.push((format!("request {kind}"), media));
        }
        for (status, response) in details["responses"].as_object().unwrap() {
            let content = followed(&document, response).get("content").and_then(Value::as_object);
            for (kind, media) in content.into_iter().flatten() {
                places.push((format!("{status} {kind}"), media));
            }
        }
        for (place, holder) in places {
            broken.extend(faults(&document, holder).into_iter().map(|fault| format!("{operation}: {place}: {fault}")));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_error_is_there_in_both_shapes_with_the_codes_of_its_status() {
    let document = document();
    let mut broken = Vec::new();
    for (operation, details) in operations(&document) {
        for (status, response) in details["responses"].as_object().unwrap() {
            if !status.starts_with(['4', '5']) {
                continue;
            }
            let response = followed(&document, response);
            // What says more than an error in its body, such as /health, has a body of its own.
            let own = response["content"]["application/json"].get("example").is_some();
            let codes = |kind: &str| -> BTreeSet<String> {
                let examples = response["content"][kind]["examples"].as_object().into_iter().flatten();
                examples.map(|(code, _)| code.clone()).collect()
            };
            let (plain, problem) = (codes("application/json"), codes("application/problem+json"));
            if !own && (plain.is_empty() || plain != problem) {
                broken.push(format!("{operation}: {status} names no code: write it in backticks in its description"));
            }
            for code in &plain {
                let known = Code::ALL.iter().find(|known| known.as_str() == code);
                if known.map(|known| known.number().to_string()).as_ref() != Some(status) {
                    broken.push(format!("{operation}: {status} is not the status of {code}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn codes_in_the_description_of_an_error_are_of_its_status() {
    let document = document();
    for (operation, details) in operations(&document) {
        for (status, response) in details["responses"].as_object().unwrap() {
            let description = response["description"].as_str().unwrap_or_default();
            for name in description.split('`').skip(1).step_by(2) {
                if let Some(code) = Code::ALL.iter().find(|code| code.as_str() == name) {
                    assert_eq!(&code.number().to_string(), status, "{operation} names {name} under another status");
                }
            }
        }
    }
}

#[test]
fn every_code_has_an_example_in_both_shapes() {
    let document = document();
    for code in Code::ALL {
        let plain = &document["components"]["examples"][code.as_str()]["value"];
        assert_eq!((&plain["code"], &plain["error"]), (&json!(code.as_str()), &json!(code.title())));
        let problem = &document["components"]["examples"][format!("{}.problem", code.as_str())]["value"];
        assert_eq!(problem["type"], format!("urn:descrow:error:{}", code.as_str()));
        assert_eq!(problem["status"], code.number());
    }
}
