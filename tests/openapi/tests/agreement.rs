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

/// An answer of the gateway's own: name, status, and the body in each shape by its media type.
type GatewayResponse = (String, u64, Vec<(String, serde_json::Value)>);

fn gateway_responses() -> Vec<GatewayResponse> {
    let (_, section) = TEMPLATE.split_once("GatewayResponses:\n").unwrap();
    let mut found: Vec<GatewayResponse> = Vec::new();
    for line in section.lines().take_while(|line| line.starts_with("        ")) {
        let text = line.trim();
        if let (Some(name), true) =
            (text.strip_suffix(':'), line.starts_with("        ") && !line.starts_with("         "))
        {
            found.push((name.to_owned(), 0, Vec::new()));
        } else if let Some(status) = text.strip_prefix("StatusCode: ") {
            found.last_mut().unwrap().1 = status.parse().unwrap();
        } else if let Some((kind, body)) = text.split_once(": '{") {
            let body = format!("{{{}", body.trim_end_matches('\''));
            found.last_mut().unwrap().2.push((kind.to_owned(), serde_json::from_str(&body).unwrap()));
        }
    }
    found
}

#[test]
fn what_the_gateway_refuses_by_itself_has_our_codes_titles_and_shapes() {
    let responses = gateway_responses();
    assert!(responses.len() >= 6, "{responses:?}");
    for (name, status, bodies) in responses {
        let [(plain_kind, plain), (problem_kind, problem)] = bodies.try_into().unwrap();
        assert_eq!(
            (plain_kind.as_str(), problem_kind.as_str()),
            ("application/json", "application/problem+json"),
            "{name}"
        );
        let code = descrow_web::Code::ALL.iter().find(|code| plain["code"] == code.as_str());
        let code = code.unwrap_or_else(|| panic!("{name}: {} is no code of ours", plain["code"]));
        assert_eq!(status, u64::from(code.number()), "{name}");
        let expected = serde_json::json!({"error": code.title(), "message": plain["message"], "code": code.as_str(),
            "requestId": "$context.requestId"});
        assert_eq!(plain, expected, "{name}");
        let expected = serde_json::json!({"type": format!("urn:descrow:error:{}", code.as_str()), "title": code.title(),
            "status": status, "detail": plain["message"], "code": code.as_str(), "requestId": "$context.requestId"});
        assert_eq!(problem, expected, "{name}");
    }
}

#[test]
fn every_function_with_an_edge_takes_all_three_quotas_from_parameters() {
    let count = |text: &str| TEMPLATE.matches(text).count();
    let edges = count("CURSOR_SECRET: ");
    assert!(edges >= 4, "{edges}");
    for quota in [
        "RATE_LIMIT_IP: !Ref RateLimitIp\n",
        "RATE_LIMIT_ACCOUNT: !Ref RateLimitAccount\n",
        "RATE_LIMIT_ADMIN: !Ref RateLimitAdmin\n",
    ] {
        assert_eq!(count(quota), edges, "{quota}");
    }
}

#[test]
fn the_published_table_of_errors_is_what_the_code_knows() {
    assert!(
        include_str!("../../../shared/web/ERRORS.md") == openapi::errors(),
        "shared/web/ERRORS.md is out of date: run `cargo xtask openapi --write`"
    );
}
