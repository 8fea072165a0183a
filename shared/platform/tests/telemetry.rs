//! The lines that functions log, as the metric filters of infra/template.yaml read them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{env, process::Command};

use serde_json::Value;

/// Set in the process that logs: its standard output is what is looked at.
const LOGS: &str = "DESCROW_TEST_LOGS";

#[test]
fn an_error_is_one_line_with_its_level_and_its_message_at_the_top() {
    if env::var_os(LOGS).is_some() {
        descrow_platform::telemetry::init();
        tracing::error!(reason = "because", "poller.needs_a_human");
        return;
    }
    let this = "an_error_is_one_line_with_its_level_and_its_message_at_the_top";
    let mut process = Command::new(env::current_exe().unwrap());
    let output =
        process.args(["--exact", this, "--nocapture"]).env(LOGS, "1").env_remove("LOG_LEVEL").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines.len(), 1, "{text}");
    let found = ["level", "message", "reason"].map(|field| lines[0][field].as_str().unwrap());
    assert_eq!(found, ["ERROR", "poller.needs_a_human", "because"]);
}
