//! What functions log as an error is counted; and what no retry mends rings at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};

use crate::read::{TEMPLATE, checkout, functions, resources};

/// Whether a text is what a pattern's word means: `*` at one of its ends is anything.
fn matches(word: &str, text: &str) -> bool {
    match (word.strip_prefix('*'), word.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (_, Some(start)) => text.starts_with(start),
        _ => word == text,
    }
}

/// The messages that `NeedsAHuman` means: one of the first, none of the second.
struct Wanted {
    one_of: Vec<String>,
    none_of: Vec<String>,
}

impl Wanted {
    fn of_template() -> Self {
        let pattern = TEMPLATE["Mappings"]["LogLines"]["NeedsAHuman"]["Pattern"].as_str().unwrap();
        // `{ level && not these && (one of these) }`, or else what follows reads it wrong.
        assert!(pattern.starts_with(r#"{ $.level = "ERROR" && "#) && pattern.ends_with(") }"), "{pattern}");
        assert!(pattern.len() <= 1024, "CloudWatch takes 1024 characters");
        let (before, list) = pattern.split_once('(').unwrap();
        assert!(!before.contains("||") && !list.contains("&&") && !list.contains('('), "{pattern}");
        let words = |text: &str, operator: &str| {
            let start = format!("$.message {operator} \"");
            text.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        Self { one_of: words(list, "="), none_of: words(before, "!=") }
    }

    fn takes(&self, event: &str) -> bool {
        self.one_of.iter().any(|word| matches(word, event)) && !self.none_of.iter().any(|word| word == event)
    }
}

/// The events that the sources under a folder log as errors: the constant message ends the macro.
fn errors(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(errors(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let calls = source.split("tracing::error!(").skip(1);
            found.extend(calls.map(|call| {
                let (call, _) = call.split_once("\")").expect("a message ends the call");
                call.rsplit('"').next().unwrap().to_owned()
            }));
        }
    }
    found
}

/// What each function logs as an error, with what the client of Daraja logs in those that call it.
fn errors_of_functions() -> BTreeMap<String, BTreeSet<String>> {
    let daraja = errors(&checkout("shared/mpesa/src"));
    let of_function = |code: &str| {
        let folder = checkout("infra").join(code);
        let mut found = errors(&folder.join("src"));
        if fs::read_to_string(folder.join("Cargo.toml")).unwrap().contains("daraja-token") {
            found.extend(daraja.clone());
        }
        found
    };
    functions().iter().map(|function| (function.name.clone(), of_function(function.text("/CodeUri")))).collect()
}

/// The log groups whose lines of a pattern are counted by the metric of the same name, which an alarm watches.
fn counted(pattern: &str, metric: &str) -> BTreeSet<String> {
    let namespace = "AWS::StackName";
    let alarm = resources("AWS::CloudWatch::Alarm").into_iter().find(|alarm| alarm.text("/MetricName") == metric);
    assert_eq!(alarm.expect("an alarm").text("/Namespace"), namespace, "{metric}");
    let filters = resources("AWS::Logs::MetricFilter").into_iter();
    let filters = filters.filter(|f| f.properties["FilterPattern"] == json!(["LogLines", pattern, "Pattern"]));
    let transformation = json!([{ "MetricNamespace": namespace, "MetricName": metric, "MetricValue": "1" }]);
    filters
        .map(|filter| {
            assert_eq!(filter.properties["MetricTransformations"], transformation, "{}", filter.name);
            filter.text("/LogGroupName").to_owned()
        })
        .collect()
}

#[test]
fn the_errors_of_every_function_are_counted() {
    assert_eq!(TEMPLATE["Mappings"]["LogLines"]["Errors"]["Pattern"], r#"{ $.level = "ERROR" }"#);
    let groups: BTreeSet<_> =
        functions().iter().map(|function| function.text("/LoggingConfig/LogGroup").to_owned()).collect();
    assert_eq!(counted("Errors", "ErrorLines"), groups);
}

#[test]
fn every_function_that_may_need_a_human_rings_for_one() {
    let (wanted, events) = (Wanted::of_template(), errors_of_functions());
    let counted = counted("NeedsAHuman", "NeedsAHuman");
    for function in functions() {
        let events: Vec<_> = events[&function.name].iter().filter(|event| wanted.takes(event)).collect();
        let group = function.text("/LoggingConfig/LogGroup");
        assert!(events.is_empty() || counted.contains(group), "{} logs {events:?}", function.name);
    }
}

#[test]
fn every_word_of_the_pattern_means_an_event_that_is_logged() {
    let (wanted, events) = (Wanted::of_template(), errors_of_functions());
    let events: BTreeSet<_> = events.into_values().flatten().collect();
    for word in wanted.one_of.iter().chain(&wanted.none_of) {
        assert!(events.iter().any(|event| matches(word, event)), "{word} means nothing");
    }
    for name in
        ["poller.needs_a_human", "payment.needs_a_human", "submitter.command_failed", "notifier.record_unreadable"]
    {
        assert!(events.contains(name) && wanted.takes(name), "{name} is seen by nobody");
    }
}

#[test]
fn what_is_tried_again_by_itself_calls_nobody() {
    let wanted = Wanted::of_template();
    for event in
        ["queue.message_failed", "http.request", "outbox.send_failed", "payment.query_failed", "daraja.rejected"]
    {
        assert!(!wanted.takes(event), "{event}");
    }
}

#[test]
fn an_error_rings_the_first_time_that_only_a_human_can_mend() {
    let alarm = resources("AWS::CloudWatch::Alarm").into_iter().find(|alarm| alarm.name == "NeedsAHuman").unwrap();
    let numbers = ["Threshold", "Period", "EvaluationPeriods", "DatapointsToAlarm"];
    assert_eq!(numbers.map(|name| alarm.properties[name].clone()), [1, 60, 1, 1].map(Value::from));
}
