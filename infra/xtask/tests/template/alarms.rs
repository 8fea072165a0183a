//! An alarm for each way to fail, and every alarm where people look.

use serde_json::{Value, json};

use crate::read::{Resource, functions, owner, resources};

fn alarms() -> Vec<Resource> {
    resources("AWS::CloudWatch::Alarm")
}

/// Whether an alarm watches the metric of what its only dimension names.
fn watched(metric: &str, dimension: &str, value: &str) -> bool {
    alarms().iter().any(|alarm| {
        alarm.text("/MetricName") == metric
            && alarm.properties["Dimensions"] == json!([{ "Name": dimension, "Value": value }])
    })
}

fn queues_read_by_functions() -> Vec<(Resource, String)> {
    let of_function = |function: Resource| {
        let queues = function.events("SQS").into_iter().map(|event| owner(event["Queue"].as_str().unwrap()).to_owned());
        queues.collect::<Vec<_>>().into_iter().map(|queue| (function.name.clone(), queue)).collect::<Vec<_>>()
    };
    let read = functions().into_iter().flat_map(of_function).collect::<Vec<_>>();
    let function = |name: &str| functions().into_iter().find(|function| function.name == name).unwrap();
    read.into_iter().map(|(name, queue)| (function(&name), queue)).collect()
}

fn queue(name: &str) -> Resource {
    resources("AWS::SQS::Queue").into_iter().find(|queue| queue.name == name).unwrap()
}

#[test]
fn the_api_has_alarms_on_failures_and_on_slowness() {
    let api = resources("AWS::Serverless::Api").remove(0);
    let name = api.text("/Name");
    assert!(watched("5XXError", "ApiName", name), "nobody sees the API's 5xx");
    assert!(watched("Latency", "ApiName", name), "nobody sees that the API is slow");
    assert!(watched("IntegrationError", "ApiId", "WsApi"), "nobody sees that the WebSocket's function fails");
}

#[test]
fn every_function_has_an_alarm_on_failed_invocations() {
    for function in functions() {
        assert!(watched("Errors", "FunctionName", &function.name), "{}", function.name);
    }
}

#[test]
fn every_reader_of_a_stream_has_an_alarm_on_the_age_of_what_it_reads() {
    let readers: Vec<_> = functions().into_iter().filter(|f| !f.events("DynamoDB").is_empty()).collect();
    assert!(!readers.is_empty());
    for reader in readers {
        assert!(watched("IteratorAge", "FunctionName", &reader.name), "{}", reader.name);
    }
}

#[test]
fn every_function_that_runs_each_minute_has_an_alarm_on_its_silence() {
    let each_minute = |function: &Resource| {
        function.events("ScheduleV2").iter().any(|event| event["ScheduleExpression"] == "rate(1 minute)")
    };
    let scheduled: Vec<_> = functions().into_iter().filter(each_minute).collect();
    assert!(!scheduled.is_empty());
    for function in scheduled {
        assert!(watched("Invocations", "FunctionName", &function.name), "{}", function.name);
    }
    let silences: Vec<_> = alarms().into_iter().filter(|alarm| alarm.text("/MetricName") == "Invocations").collect();
    for silence in silences {
        // No data is what it is about.
        assert_eq!(silence.text("/TreatMissingData"), "breaching", "{}", silence.name);
        assert_eq!(silence.text("/ComparisonOperator"), "LessThanThreshold", "{}", silence.name);
    }
}

#[test]
fn every_queue_that_is_read_has_alarms_on_waiting_messages_and_on_those_given_up() {
    for (_, name) in queues_read_by_functions() {
        assert!(watched("ApproximateAgeOfOldestMessage", "QueueName", &format!("{name}.QueueName")), "{name}");
        let dead_letters = queue(&name).text("/RedrivePolicy/deadLetterTargetArn").to_owned();
        assert!(!dead_letters.is_empty(), "{name} gives up without a trace");
    }
}

#[test]
fn every_queue_that_nobody_reads_has_an_alarm_on_its_first_message() {
    let read: Vec<_> = queues_read_by_functions().into_iter().map(|(_, queue)| queue).collect();
    let unread: Vec<_> = resources("AWS::SQS::Queue").into_iter().filter(|queue| !read.contains(&queue.name)).collect();
    assert!(!unread.is_empty());
    for queue in unread {
        let value = format!("{}.QueueName", queue.name);
        assert!(watched("ApproximateNumberOfMessagesVisible", "QueueName", &value), "{}", queue.name);
    }
}

#[test]
fn a_message_stays_invisible_while_the_function_that_took_it_may_run() {
    for (function, name) in queues_read_by_functions() {
        // Lambda recommends six times the timeout. A queue whose messages are one group pays for it with standing still.
        let times = if name == "OracleCommandsQueue" { 2 } else { 6 };
        let (visibility, timeout) = (queue(&name).number("/VisibilityTimeout"), function.number("/Timeout"));
        assert!(visibility >= times * timeout, "{name}: {visibility} s for a function of {timeout} s");
    }
}

#[test]
fn every_alarm_tells_the_topic() {
    for alarm in alarms() {
        let actions = json!(["HasAlarmTopic", ["AlarmTopicArn"], "AWS::NoValue"]);
        assert_eq!(alarm.properties["AlarmActions"], actions, "{}", alarm.name);
    }
}

#[test]
fn the_dashboard_shows_every_alarm_and_the_errors_of_every_function() {
    let dashboard = resources("AWS::CloudWatch::Dashboard").remove(0);
    // What is substituted stands in the strings of the JSON.
    let body: Value = serde_json::from_str(dashboard.text("/DashboardBody")).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    let widget = |kind: &str| &widgets.iter().find(|widget| widget["type"] == kind).unwrap()["properties"];
    let mut shown: Vec<_> =
        widget("alarm")["alarms"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect();
    let mut there: Vec<_> = alarms().iter().map(|alarm| format!("${{{}.Arn}}", alarm.name)).collect();
    shown.sort();
    there.sort();
    assert_eq!(shown, there);
    let query = widget("log")["query"].as_str().unwrap();
    for function in functions() {
        let group = function.text("/LoggingConfig/LogGroup");
        assert!(query.contains(&format!("SOURCE '${{{group}}}' |")), "{}", function.name);
    }
}
