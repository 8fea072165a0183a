//! What is deployed takes over bit by bit, and goes back when an alarm rings.

use serde_json::{Value, json};

use crate::read::{TEMPLATE, functions, resources};

#[test]
fn every_function_moves_gradually_and_back_when_an_alarm_rings() {
    let globals = &TEMPLATE["Globals"]["Function"];
    assert_eq!(globals["AutoPublishAlias"], "live");
    let preference = json!({
        "Enabled": ["DeploymentTypes", "DeploymentType", "IsGradual"],
        "Type": "DeploymentType",
        "Alarms": ["ApiServerErrors", "ErrorLines"],
    });
    assert_eq!(globals["DeploymentPreference"], preference);
    for function in functions() {
        let own = json!({ "Alarms": [function.name.replace("Function", "Errors")] });
        assert_eq!(function.properties["DeploymentPreference"], own, "{}", function.name);
    }
}

#[test]
fn only_a_deployment_all_at_once_is_without_a_way_back() {
    let parameter = &TEMPLATE["Parameters"]["DeploymentType"];
    let types = TEMPLATE["Mappings"]["DeploymentTypes"].as_object().unwrap();
    let allowed: Vec<_> = parameter["AllowedValues"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    assert_eq!(types.keys().map(String::as_str).collect::<Vec<_>>(), {
        let mut allowed = allowed.clone();
        allowed.sort_unstable();
        allowed
    });
    for (name, attributes) in types {
        assert_eq!(attributes["IsGradual"], if name == "AllAtOnce" { "false" } else { "true" }, "{name}");
    }
    assert_eq!(types[parameter["Default"].as_str().unwrap()]["IsGradual"], "true");
}

/// A version keeps the variables it was published with. SAM publishes another one when code or template changes, and sees no
/// change in the value of a parameter; CloudFormation does, in what a version's description says. It publishes a version of a
/// changed function only, so the name has to be in the function too.
#[test]
fn another_release_publishes_every_function_anew() {
    assert_eq!(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["RELEASE"], "Release");
    for function in functions() {
        assert_eq!(function.text("/VersionDescription"), "Release", "{}", function.name);
    }
}

#[test]
fn nobody_calls_a_function_but_by_its_alias() {
    let integration = resources("AWS::ApiGatewayV2::Integration").remove(0);
    assert_eq!(integration.properties["IntegrationUri"][1], json!({ "Function": "RealtimeFunction.Alias" }));
    for permission in resources("AWS::Lambda::Permission") {
        assert!(permission.text("/FunctionName").ends_with(".Alias"), "{}", permission.name);
    }
    // SAM makes every other caller, from a function's own events.
    let by_hand = ["AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule", "AWS::Events::Rule"];
    let kinds = TEMPLATE["Resources"].as_object().unwrap().values().map(|r| r["Type"].clone()).collect::<Vec<Value>>();
    for kind in by_hand {
        assert!(!kinds.contains(&json!(kind)), "{kind}");
    }
}
