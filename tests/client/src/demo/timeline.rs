//! The demo's timeline: each step and each WebSocket message, with its time.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use descrow_domain::Timestamp;
use serde_json::{Map, Value, json};

use super::{DemoFailure, Summary};
use crate::socket::text;

/// Prints as things happen. Clones print to the same timeline.
#[derive(Clone, Debug)]
pub struct Timeline {
    json: bool,
    begun: Instant,
    messages: Arc<AtomicUsize>,
}

impl Timeline {
    /// A timeline that begins now; as JSON lines where asked.
    pub fn new(json: bool) -> Self {
        Self { json, begun: Instant::now(), messages: Arc::default() }
    }

    /// How long ago it began.
    pub fn elapsed(&self) -> std::time::Duration {
        self.begun.elapsed()
    }

    /// How many messages it saw.
    pub fn messages(&self) -> usize {
        self.messages.load(Ordering::SeqCst)
    }

    /// Something that `who` did, or that happened there.
    pub fn step(&self, who: &str, what: &str, facts: &Value) {
        if self.json {
            let mut line = self.line("step");
            line.extend([("who".to_owned(), who.into()), ("step".to_owned(), what.into())]);
            line.extend(facts.as_object().cloned().unwrap_or_default());
            print(&Value::Object(line).to_string());
        } else {
            print(&format!("{}  {who:<7}  {what:<36}{}", self.seconds(), shown(facts)));
        }
    }

    /// A WebSocket message that came to `who`.
    pub fn message(&self, who: &str, message: &Value) {
        self.messages.fetch_add(1, Ordering::SeqCst);
        if self.json {
            let mut line = self.line("message");
            line.extend([("who".to_owned(), who.into()), ("message".to_owned(), message.clone())]);
            print(&Value::Object(line).to_string());
        } else {
            let kind = text(message, "/type");
            let facts = match kind {
                "order.updated" => {
                    let pending = text(message, "/order/pending/action");
                    let mut facts = json!({ "status": text(message, "/order/status") });
                    if let Some(facts) = facts.as_object_mut().filter(|_| !pending.is_empty()) {
                        facts.insert("pending".into(), pending.into());
                    }
                    facts
                }
                "payment.updated" => {
                    json!({ "kind": text(message, "/payment/kind"), "status": text(message, "/payment/status") })
                }
                "notification.created" => json!({ "title": text(message, "/notification/title") }),
                _ => message.clone(),
            };
            print(&format!("{}  {who:<7}  <- {kind:<33}{}", self.seconds(), shown(&facts)));
        }
    }

    /// The end of a demo that succeeded.
    pub fn finish(&self, summary: &Summary) {
        let Summary { order, amount_kes, extrinsic, block, messages, took } = summary;
        if self.json {
            let mut line = self.line("ok");
            let facts = json!({ "order": order, "amountKes": amount_kes, "extrinsic": extrinsic, "block": block,
                "messages": messages, "tookMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX) });
            line.extend(facts.as_object().cloned().unwrap_or_default());
            print(&Value::Object(line).to_string());
        } else {
            print(&format!(
                "demo ok: order {order}, KES {amount_kes} from the buyer through escrow to the seller, recorded in block \
                 {block}, {messages} WebSocket messages, {}.{:03} s",
                took.as_secs(),
                took.subsec_millis(),
            ));
        }
    }

    /// The end of a demo that failed.
    pub fn fail(&self, failure: &DemoFailure) {
        if self.json {
            let logs: Map<String, Value> =
                failure.logs.iter().map(|(function, lines)| (function.clone(), json!(lines))).collect();
            let mut line = self.line("failed");
            line.extend([
                ("step".to_owned(), failure.step.as_str().into()),
                ("reason".to_owned(), failure.reason.as_str().into()),
                ("logs".to_owned(), logs.into()),
            ]);
            print(&Value::Object(line).to_string());
            return;
        }
        for (function, lines) in &failure.logs {
            print(&format!("--- {function} logged{}", if lines.is_empty() { " nothing of it" } else { ":" }));
            for line in lines {
                print(&format!("    {line}"));
            }
        }
        print(&format!("demo failed: {failure}"));
    }

    fn line(&self, kind: &str) -> Map<String, Value> {
        let elapsed = u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = json!({ "kind": kind, "at": Timestamp::now().rfc3339(), "elapsedMs": elapsed });
        line.as_object().cloned().unwrap_or_default()
    }

    fn seconds(&self) -> String {
        let elapsed = self.elapsed();
        format!("{:>3}.{:03}", elapsed.as_secs(), elapsed.subsec_millis())
    }
}

/// One write for each line, so that lines of parallel tasks never mix. A reader that went away is no reason to stop.
fn print(line: &str) {
    let _closed = writeln!(std::io::stdout().lock(), "{line}");
}

/// `name=value` for people, without quotes around texts.
fn shown(facts: &Value) -> String {
    let pairs = facts.as_object().into_iter().flatten().map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    });
    pairs.collect::<Vec<_>>().join("  ")
}
