//! A function whose settings are refused.
#![allow(clippy::unwrap_used)]

use std::{env, process::Command};

use serde_json::{Value, json};

/// Set in the process that starts: its end and its standard output are what is looked at.
const STARTS: &str = "DESCROW_TEST_STARTS";

#[test]
fn a_function_whose_settings_are_refused_says_which_and_ends() {
    if env::var_os(STARTS).is_some() {
        let ((), ()) = descrow_platform::start(|c| {
            let (port, table) = (c.parsed::<u16>(STARTS), c.required("DESCROW_TEST_TABLE"));
            Some((port.map(drop)?, table.map(drop)?))
        });
        return;
    }
    let this = "a_function_whose_settings_are_refused_says_which_and_ends";
    let mut process = Command::new(env::current_exe().unwrap());
    let process = process.args(["--exact", this, "--nocapture"]).env(STARTS, "hunter2").env_remove("LOG_LEVEL");
    let output = process.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let [line] = lines.as_slice() else { panic!("{text}") };
    let told = json!([line["level"], line["message"], line["error"]]);
    let error = "bad configuration: DESCROW_TEST_STARTS is not a valid u16; DESCROW_TEST_TABLE is not set";
    assert_eq!((told, output.status.code()), (json!(["ERROR", "config.refused", error]), Some(1)));
}
