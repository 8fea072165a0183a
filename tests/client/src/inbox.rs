//! What a client does with the frames of its WebSocket: every message once, in the order of the ids, and nothing missed.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

/// A message, and its JSON as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its place in the user's sequence; `None` for answers such as `pong`.
    pub id: Option<u64>,
    /// The JSON.
    pub text: String,
    /// The same, read.
    pub message: Value,
}

/// Messages in order, as far as they are known without a gap, and those that are ahead.
#[derive(Debug)]
pub struct Inbox {
    last: u64,
    ahead: BTreeMap<u64, Told>,
}

impl Inbox {
    /// An inbox of a client that knows everything up to message `last`.
    pub fn after(last: u64) -> Self {
        Self { last, ahead: BTreeMap::new() }
    }

    /// The id up to which everything is known.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Takes a frame; gives the messages that are next, in order.
    pub fn take(&mut self, frame: &str) -> Vec<Told> {
        let mut next = Vec::new();
        for told in unpack(frame) {
            match told.id {
                Some(id) if id > self.last => {
                    self.ahead.entry(id).or_insert(told);
                }
                // Seen before: a push and a replay brought it.
                Some(_) => {}
                None => {
                    if text(&told.message, "type") == "resumed" {
                        // Up to there everything came, or is not kept any more.
                        let known = text(&told.message, "last").parse().unwrap_or(self.last);
                        let lost = told.message.get("complete") == Some(&Value::Bool(false));
                        self.drain(&mut next, lost.then_some(known));
                    }
                    next.push(told);
                }
            }
            self.drain(&mut next, None);
        }
        next
    }

    /// Whether `resume` should be said now: something is ahead, or `pong` told of a message that did not come.
    pub fn is_behind(&self, told: &[Told]) -> bool {
        let newest = told.iter().filter(|told| text(&told.message, "type") == "pong");
        let newest = newest.filter_map(|told| text(&told.message, "last").parse::<u64>().ok()).max();
        let more = told.iter().any(|told| told.message.get("more") == Some(&Value::Bool(true)));
        more || !self.ahead.is_empty() || newest.is_some_and(|newest| newest > self.last)
    }

    /// Moves what is next to `next`; and, where what lies before `lost` will never come, everything up to it.
    fn drain(&mut self, next: &mut Vec<Told>, lost: Option<u64>) {
        while let Some(entry) = self.ahead.first_entry() {
            let id = *entry.key();
            if id == self.last.saturating_add(1) || lost.is_some_and(|lost| id <= lost) {
                next.push(entry.remove());
                self.last = id;
            } else {
                break;
            }
        }
        self.last = self.last.max(lost.unwrap_or_default());
    }
}

/// The messages of a frame, each with its own text.
fn unpack(frame: &str) -> Vec<Told> {
    #[derive(serde::Deserialize)]
    struct Batch<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(borrow)]
        messages: Vec<&'a RawValue>,
    }
    match serde_json::from_str::<Batch<'_>>(frame) {
        Ok(batch) if batch.kind == "batch" => batch.messages.iter().map(|message| told(message.get())).collect(),
        _ => vec![told(frame)],
    }
}

fn told(json: &str) -> Told {
    let message = serde_json::from_str(json).unwrap_or_else(|_| serde_json::json!({ "unreadable": json }));
    Told { id: text(&message, "id").parse().ok(), text: json.to_owned(), message }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn message(id: u64) -> String {
        format!(r#"{{"type":"order.updated","id":"{id}"}}"#)
    }

    fn batch(ids: &[u64]) -> String {
        let messages: Vec<String> = ids.iter().copied().map(message).collect();
        format!(r#"{{"type":"batch","messages":[{}]}}"#, messages.join(","))
    }

    fn ids(told: &[Told]) -> Vec<u64> {
        told.iter().filter_map(|told| told.id).collect()
    }

    #[test]
    fn what_is_ahead_waits_for_what_is_missing_and_nothing_comes_twice() {
        let mut inbox = Inbox::after(2);
        assert_eq!(ids(&inbox.take(&message(2))), [0; 0]);
        let ahead = inbox.take(&batch(&[4, 5]));
        assert_eq!((ids(&ahead), inbox.is_behind(&ahead), inbox.last()), (vec![], true, 2));
        let filled = inbox.take(&batch(&[3, 4]));
        assert_eq!((ids(&filled), inbox.is_behind(&filled), inbox.last()), (vec![3, 4, 5], false, 5));
        assert_eq!(filled.first().unwrap().text, message(3));
    }

    #[test]
    fn a_pong_shows_that_something_did_not_come() {
        let mut inbox = Inbox::after(2);
        let pong = inbox.take(r#"{"type":"pong","at":"","last":"2"}"#);
        assert!(!inbox.is_behind(&pong));
        let pong = inbox.take(r#"{"type":"pong","at":"","last":"3"}"#);
        assert!(inbox.is_behind(&pong));
    }

    #[test]
    fn what_is_not_kept_any_more_is_not_waited_for() {
        let mut inbox = Inbox::after(2);
        inbox.take(&batch(&[7, 8]));
        let end = inbox.take(r#"{"type":"resumed","at":"","replayed":2,"last":"8","more":false,"complete":false}"#);
        assert_eq!((ids(&end), inbox.last(), end.len()), (vec![7, 8], 8, 3));
    }
}
