//! Template, routers and document know the same routes. Routers and document come from one registration each, so comparing the
//! template with the document covers all three.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeSet;

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");
/// Where Daraja calls: routes of the template that no client of the API knows.
const CALLBACKS: [(&str, &str); 3] =
    [("POST", "/hooks/{token}/{id}"), ("POST", "/hooks/{token}/{id}/{kind}"), ("POST", "/api/mpesa/webhook")];

/// Method and path of each event of type `Api` in the template; the template keeps each on a line of its own.
fn template_routes() -> BTreeSet<(String, String)> {
    let events = TEMPLATE.lines().filter(|line| line.contains("{Type: Api,"));
    let field = |line: &str, name: &str, end: char| {
        let (_, rest) = line.split_once(name).unwrap();
        rest.split(end).next().unwrap().to_owned()
    };
    events.map(|line| (field(line, "Method: ", '}').to_uppercase(), field(line, "Path: '", '\''))).collect()
}

fn documented() -> BTreeSet<(String, String)> {
    let document: serde_json::Value = serde_json::from_str(&openapi::generate().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| ["get", "post", "put", "delete", "patch"].contains(&key.as_str()));
        methods.map(move |method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

#[test]
fn the_published_document_is_what_the_code_generates() {
    assert!(
        descrow_web::document::PUBLISHED == openapi::generate().unwrap(),
        "shared/web/openapi.json is out of date: run `cargo xtask openapi --write`"
    );
}

#[test]
fn the_gateway_routes_exactly_what_is_documented_and_the_callbacks() {
    let mut routed = template_routes();
    routed.retain(|(method, _)| method != "OPTIONS");
    let mut expected = documented();
    expected.extend(CALLBACKS.map(|(method, path)| (method.to_owned(), path.to_owned())));
    assert_eq!(routed, expected);
}

#[test]
fn every_documented_path_takes_a_preflight() {
    let preflights: BTreeSet<String> =
        template_routes().into_iter().filter(|(method, _)| method == "OPTIONS").map(|(_, path)| path).collect();
    let paths: BTreeSet<String> = documented().into_iter().map(|(_, path)| path).collect();
    assert_eq!(preflights, paths);
}
