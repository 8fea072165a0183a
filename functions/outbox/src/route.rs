//! Which queue a changed row wakes, if any. Pure.

use aws_lambda_events::event::dynamodb::EventRecord;
use descrow_platform::queue::{CONTRACT_GROUP, WakeUp};
use serde::Deserialize;

/// The queue a row's consumer listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `oracle-commands`.
    OracleCommands,
    /// `payouts`.
    Payouts,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Where to.
    pub destination: Destination,
    /// What it says.
    pub wake: WakeUp,
    /// The FIFO group: one for the contract, since one signer has one sequence of nonces; one for each order's payouts.
    pub group: String,
    /// The row and its version: the same change is sent once.
    pub deduplication: String,
}

/// What this function reads of a row; every other attribute is its consumer's business.
#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Payout {
        id: String,
        kind: Kind,
        order_id: String,
        status: String,
        version: u64,
        /// How often it was sent. One that was sent and is queued again has a time of its own, and is woken then.
        #[serde(default)]
        attempts: u32,
    },
    Command {
        id: String,
        /// Only that it is there tells a command's row.
        #[serde(rename = "command")]
        _command: serde::de::IgnoredAny,
        status: String,
        version: u64,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Collection,
    Payout,
    Refund,
}

/// The status in which a command or a payout waits for its consumer.
const WAITING: &str = "queued";

/// The message that `record` calls for; `None` where the row does not wait for anybody.
pub fn route(record: &EventRecord) -> Option<Relay> {
    if record.event_name == "REMOVE" {
        return None;
    }
    match serde_dynamo::from_item(record.change.new_image.clone()) {
        Ok(Row::Command { id, status, version, .. }) if status == WAITING => Some(Relay {
            destination: Destination::OracleCommands,
            deduplication: format!("{id}@{version}"),
            wake: WakeUp::new(id),
            group: CONTRACT_GROUP.to_owned(),
        }),
        Ok(Row::Payout { id, kind: Kind::Payout | Kind::Refund, order_id, status, version, attempts: 0 })
            if status == WAITING =>
        {
            Some(Relay {
                destination: Destination::Payouts,
                deduplication: format!("{id}@{version}"),
                wake: WakeUp::new(id),
                group: order_id,
            })
        }
        // Marker rows of the same tables and rows that wait for nobody.
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, image: &serde_json::Value) -> EventRecord {
        serde_json::from_value(serde_json::json!({
            "awsRegion": "eu-west-1", "eventID": "1", "eventName": name,
            "dynamodb": { "ApproximateCreationDateTime": 1_700_000_000, "Keys": {}, "NewImage": image,
                "SequenceNumber": "1", "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES" },
        }))
        .unwrap()
    }

    fn command(status: &str) -> serde_json::Value {
        serde_json::json!({
            "id": {"S": "mark_shipped#o1"}, "order_id": {"S": "o1"}, "status": {"S": status}, "version": {"N": "3"},
            "command": {"M": {"kind": {"S": "mark_shipped"}, "tracking_cid": {"S": "bafy"}}},
        })
    }

    fn payment(kind: &str, status: &str) -> serde_json::Value {
        serde_json::json!({
            "id": {"S": "p1"}, "kind": {"S": kind}, "order_id": {"S": "o1"}, "status": {"S": status}, "version": {"N": "1"},
        })
    }

    #[test]
    fn a_queued_command_wakes_the_submitter_in_the_contract_s_group() {
        for name in ["INSERT", "MODIFY"] {
            let expected = Relay {
                destination: Destination::OracleCommands,
                wake: WakeUp::new("mark_shipped#o1"),
                group: "contract".into(),
                deduplication: "mark_shipped#o1@3".into(),
            };
            assert_eq!(route(&record(name, &command("queued"))), Some(expected));
        }
    }

    #[test]
    fn a_queued_payout_or_refund_wakes_the_sender_in_its_order_s_group() {
        for kind in ["payout", "refund"] {
            let expected = Relay {
                destination: Destination::Payouts,
                wake: WakeUp::new("p1"),
                group: "o1".into(),
                deduplication: "p1@1".into(),
            };
            assert_eq!(route(&record("INSERT", &payment(kind, "queued"))), Some(expected));
        }
    }

    #[test]
    fn a_payout_that_could_not_be_sent_is_not_sent_again_at_once() {
        let mut payout = payment("payout", "queued");
        for (attempts, woken) in [("0", true), ("1", false), ("7", false)] {
            payout["attempts"] = serde_json::json!({"N": attempts});
            assert_eq!(route(&record("MODIFY", &payout)).is_some(), woken, "{attempts}");
        }
    }

    #[test]
    fn what_waits_for_nobody_wakes_nobody() {
        for image in [
            command("submitted"),
            command("final"),
            payment("collection", "queued"),
            payment("payout", "sent"),
            serde_json::json!({"id": {"S": "receipt#ab"}}),
        ] {
            assert_eq!(route(&record("MODIFY", &image)), None, "{image}");
        }
        assert_eq!(route(&record("REMOVE", &command("queued"))), None);
    }
}
