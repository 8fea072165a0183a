//! The result of a B2C payment or of a transaction status query (DARAJA.md §5.3, §5.4, §6.1).

use std::fmt;

use descrow_domain::Timestamp;

use crate::{
    ConversationId, KesCents, Receipt, ResultCode, Unreadable, callback::result_code, time_of_day::parse_dotted,
    tolerant::Object,
};

/// What became of a transaction, as a status query reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatus {
    /// The money moved.
    Completed,
    /// It is final that the money did not move: cancelled, declined or expired.
    NotMoved,
    /// Initiated or authorised: not final.
    InProgress,
    /// A word nobody documented: not final for us.
    Unknown,
}

/// A `Result` envelope. Correlate on the URL's payment id; the ids inside differ between samples.
#[derive(Clone, PartialEq, Eq)]
pub struct ResultCallback {
    /// The outcome of the request; for a status query only whether the query worked.
    pub result_code: ResultCode,
    /// Ours, echoed; some samples show one of the gateway's instead.
    pub originator_conversation_id: Option<ConversationId>,
    /// The one from the acknowledgement.
    pub conversation_id: Option<ConversationId>,
    /// Whether more messages follow (`ResultType` 1).
    pub more_follows: bool,
    transaction_id: Option<Receipt>,
    /// Keys may repeat with different values, and values may be missing.
    parameters: Vec<(String, Option<String>)>,
}

impl ResultCallback {
    pub(crate) fn read(result: &Object<'_>) -> Result<Self, Unreadable> {
        let parameters = result.object("ResultParameters").map(|p| p.objects("ResultParameter")).unwrap_or_default();
        Ok(Self {
            result_code: result_code(result)?,
            originator_conversation_id: result.text("OriginatorConversationID").and_then(|id| id.parse().ok()),
            conversation_id: result.text("ConversationID").and_then(|id| id.parse().ok()),
            more_follows: result.text("ResultType").as_deref() == Some("1"),
            transaction_id: result.text("TransactionID").and_then(|id| id.parse().ok()),
            parameters: parameters.iter().filter_map(|p| Some((p.text("Key")?, p.text("Value")))).collect(),
        })
    }

    /// The first value under any of `keys`, in their order.
    fn parameter(&self, keys: &[&str]) -> Option<&str> {
        keys.iter()
            .find_map(|key| self.parameters.iter().filter(|(k, _)| k == key).find_map(|(_, value)| value.as_deref()))
    }

    /// The amount moved.
    pub fn amount(&self) -> Option<KesCents> {
        self.parameter(&["TransactionAmount", "Amount"])?.parse().ok()
    }

    /// The receipt. `TransactionID` counts on success only: on failures it may be a dummy.
    pub fn receipt(&self) -> Option<Receipt> {
        let named = self.parameter(&["TransactionReceipt", "ReceiptNo"]).and_then(|r| r.parse().ok());
        named.or_else(|| self.transaction_id.clone().filter(|_| self.result_code.as_str() == "0"))
    }

    /// When it completed, taken as Nairobi time.
    pub fn completed_at(&self) -> Option<Timestamp> {
        self.parameter(&["TransactionCompletedDateTime"]).and_then(parse_dotted)
    }

    /// For a status query: the fate of the transaction asked about. `None` when the result does not say.
    pub fn transaction_status(&self) -> Option<TransactionStatus> {
        Some(match self.parameter(&["TransactionStatus"])?.to_ascii_lowercase().as_str() {
            "completed" => TransactionStatus::Completed,
            "cancelled" | "declined" | "expired" => TransactionStatus::NotMoved,
            "initiated" | "authorized" | "pending authorized" => TransactionStatus::InProgress,
            _ => TransactionStatus::Unknown,
        })
    }

    /// For a status query: the originator id of the transaction asked about.
    pub fn subject(&self) -> Option<ConversationId> {
        self.parameter(&["OriginatorConversationID"])?.parse().ok()
    }
}

impl fmt::Debug for ResultCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultCallback")
            .field("result_code", &self.result_code)
            .field("more_follows", &self.more_follows)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Callback;

    fn read(body: &str) -> ResultCallback {
        match Callback::parse(body) {
            Ok(Callback::Result(result)) => result,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_payout_result_is_read() {
        let result = read(
            r#"{"Result":{"ResultType":0,"ResultCode":0,"ResultDesc":"ok","OriginatorConversationID":"abc","ConversationID":"AG_1",
            "TransactionID":"SG632NMUAB","ResultParameters":{"ResultParameter":[{"Key":"TransactionAmount","Value":10},
            {"Key":"TransactionReceipt","Value":"SG632NMUAB"},{"Key":"ReceiverPartyPublicName","Value":"254708374149 - NAME"},
            {"Key":"TransactionCompletedDateTime","Value":"06.07.2024 22:48:52"},{"Key":"B2CUtilityAccountAvailableFunds","Value":-1980.00}]},
            "ReferenceData":{"ReferenceItem":{"Key":"QueueTimeoutURL","Value":"https://x"}}}}"#,
        );
        assert_eq!(result.amount(), Some(KesCents(1000)));
        assert_eq!(result.receipt(), "SG632NMUAB".parse().ok());
        assert_eq!(result.originator_conversation_id, "abc".parse().ok());
        assert_eq!(result.completed_at(), Some(Timestamp(1_720_295_332_000)));
        assert!(!result.more_follows);
        assert!(!format!("{result:?}").contains("254708374149"));
    }

    #[test]
    fn a_status_result_keeps_repeated_keys_and_skips_missing_values() {
        let result = read(
            r#"{"Result":{"ResultCode":"0","ResultParameters":{"ResultParameter":[{"Key":"DebitPartyName","Value":"a"},
            {"Key":"TransactionReason"},{"Key":"DebitPartyName","Value":"b"},{"Key":"TransactionStatus","Value":"Completed"},
            {"Key":"OriginatorConversationID","Value":"ours"},{"Key":"Amount","Value":"300.00"},{"Key":"ReceiptNo","Value":"R1"}]}}}"#,
        );
        assert_eq!(result.transaction_status(), Some(TransactionStatus::Completed));
        assert_eq!(result.subject(), "ours".parse().ok());
        assert_eq!((result.amount(), result.receipt()), (Some(KesCents(30_000)), "R1".parse().ok()));
        assert_eq!(result.parameters.iter().filter(|(k, _)| k == "DebitPartyName").count(), 2);
    }

    #[test]
    fn the_fate_of_a_transaction_is_never_guessed() {
        for (word, status) in [
            ("Completed", TransactionStatus::Completed),
            ("Declined", TransactionStatus::NotMoved),
            ("Expired", TransactionStatus::NotMoved),
            ("Cancelled", TransactionStatus::NotMoved),
            ("Pending Authorized", TransactionStatus::InProgress),
            ("Initiated", TransactionStatus::InProgress),
            ("Frozen", TransactionStatus::Unknown),
        ] {
            let single = format!(r#"{{"Key":"TransactionStatus","Value":"{word}"}}"#);
            let body = format!(r#"{{"Result":{{"ResultCode":0,"ResultParameters":{{"ResultParameter":{single}}}}}}}"#);
            assert_eq!(read(&body).transaction_status(), Some(status), "{word}");
        }
    }

    #[test]
    fn a_failure_has_no_receipt_and_a_flat_timeout_is_read() {
        let failed = read(r#"{"Result":{"ResultCode":2001,"TransactionID":"DUMMY0"}}"#);
        assert_eq!((failed.receipt(), failed.amount()), (None, None));
        let timeout = read(r#"{"ResultType":1,"ResultCode":1,"ResultDesc":"The service request timed out"}"#);
        assert!(timeout.more_follows);
    }
}
