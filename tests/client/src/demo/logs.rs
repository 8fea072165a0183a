//! What a function logged of a demo that failed.

use std::path::Path;

use serde_json::Value;

/// Lines that the Lambda service writes around each invocation.
const FRAME: [&str; 3] = ["START RequestId:", "END RequestId:", "REPORT RequestId:"];

/// The last lines of a function's log that tell of the demo: not older than `since` (RFC 3339), naming `about`, being a
/// warning or an error, or not of the function's own making, such as a panic. Where there are none, the last since then.
pub(super) fn concerning(folder: &str, function: &str, about: &str, since: &str, most: usize) -> Vec<String> {
    let path = Path::new(folder).join(format!("{function}.log"));
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    choose(&text, about, since, most)
}

fn choose(text: &str, about: &str, since: &str, most: usize) -> Vec<String> {
    let mut recent = true;
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !FRAME.iter().any(|frame| line.starts_with(frame))) {
        let parsed = serde_json::from_str::<Value>(line).ok();
        let field = |name: &str| parsed.as_ref().and_then(|line| line.get(name)).and_then(Value::as_str);
        // A line without a time came right after one that has it; a function that never got to log one failed from the start.
        recent = field("timestamp").map_or(recent, |at| at >= since);
        let telling = field("level").is_none_or(|level| level == "WARN" || level == "ERROR");
        if recent {
            lines.push((telling || (!about.is_empty() && line.contains(about)), line));
        }
    }
    if lines.iter().any(|(concerned, _)| *concerned) {
        lines.retain(|(concerned, _)| *concerned);
    }
    lines.iter().skip(lines.len().saturating_sub(most)).map(|(_, line)| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{"timestamp":"2026-11-22T09:59:59.900000Z","level":"ERROR","message":"old"}"#;
    const OTHER: &str = r#"{"timestamp":"2026-11-22T10:00:01.000000Z","level":"INFO","message":"other"}"#;
    const OURS: &str = r#"{"timestamp":"2026-11-22T10:00:02.000000Z","level":"INFO","message":"ours","order":"o-1"}"#;
    const WARNING: &str = r#"{"timestamp":"2026-11-22T10:00:03.000000Z","level":"WARN","message":"slow"}"#;
    const PANIC: &str = "thread 'main' panicked";
    const SINCE: &str = "2026-11-22T10:00:00.000Z";

    #[test]
    fn lines_of_the_order_warnings_and_panics_since_the_beginning_are_shown() {
        let log = ["START RequestId: 1", OLD, PANIC, OTHER, OURS, "END RequestId: 1", WARNING, PANIC].join("\n");
        assert_eq!(choose(&log, "o-1", SINCE, 9), [OURS, WARNING, PANIC]);
        assert_eq!(choose(&log, "o-1", SINCE, 2), [WARNING, PANIC], "the last ones");
        assert_eq!(choose(&log, "", SINCE, 9), [WARNING, PANIC], "no order yet");
    }

    #[test]
    fn where_nothing_tells_of_the_demo_the_last_lines_since_its_beginning_are_shown() {
        assert_eq!(choose(&[OLD, OTHER].join("\n"), "o-1", SINCE, 9), [OTHER]);
        assert_eq!(choose(OLD, "o-1", SINCE, 9), [""; 0]);
        assert_eq!(choose(PANIC, "o-1", SINCE, 9), [PANIC]);
    }
}
