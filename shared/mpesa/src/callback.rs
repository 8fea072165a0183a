//! The callback of an STK push (DARAJA.md §3.3), and the choice between the bodies that arrive on one path.

use descrow_domain::Timestamp;

use crate::{
    CheckoutRequestId, KesCents, MerchantRequestId, Receipt, ResultCallback, ResultCode, time_of_day::parse_compact,
    tolerant::Object,
};

/// Why a body is no callback. Never holds any of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not a JSON object.
    #[error("callback is not a JSON object")]
    NotJson,
    /// Neither `Body.stkCallback` nor `Result`.
    #[error("callback is of no known shape")]
    UnknownShape,
    /// No result code, or one that is no code.
    #[error("callback has no readable result code")]
    NoResultCode,
}

/// A callback of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callback {
    /// The outcome of an STK push.
    Stk(StkCallback),
    /// The result of a B2C payment, a reversal or a status query.
    Result(ResultCallback),
}

impl Callback {
    /// Reads a callback body.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub fn parse(body: &str) -> Result<Self, Unreadable> {
        let top = Object::parse(body).ok_or(Unreadable::NotJson)?;
        if let Some(stk) = top.object("Body").and_then(|b| b.object("stkCallback")) {
            return StkCallback::read(&stk).map(Self::Stk);
        }
        if let Some(result) = top.object("Result") {
            return ResultCallback::read(&result).map(Self::Result);
        }
        // Some peers report timeouts without the envelope (DARAJA.md §5.4).
        if top.member("ResultType").is_some() {
            return ResultCallback::read(&top).map(Self::Result);
        }
        Err(Unreadable::UnknownShape)
    }
}

/// What an STK callback says. The payer's number in it is not read: it may be masked, and it proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StkCallback {
    /// `CheckoutRequestID`; `None` when it is missing or malformed.
    pub checkout_request_id: Option<CheckoutRequestId>,
    /// `MerchantRequestID`.
    pub merchant_request_id: Option<MerchantRequestId>,
    /// The outcome; see [`crate::StkOutcome::of_callback`].
    pub result_code: ResultCode,
    /// The amount paid. `None` on failures, and when it could not be read.
    pub amount: Option<KesCents>,
    /// M-Pesa's receipt.
    pub receipt: Option<Receipt>,
    /// `TransactionDate`, taken as Nairobi time.
    pub transacted_at: Option<Timestamp>,
}

impl StkCallback {
    fn read(stk: &Object<'_>) -> Result<Self, Unreadable> {
        let items = stk.object("CallbackMetadata").map(|m| m.objects("Item")).unwrap_or_default();
        // By name, never by position: their number and order differ between sources.
        let item =
            |name: &str| items.iter().filter(|i| i.text("Name").as_deref() == Some(name)).find_map(|i| i.text("Value"));
        Ok(Self {
            checkout_request_id: stk.text("CheckoutRequestID").and_then(|id| id.parse().ok()),
            merchant_request_id: stk.text("MerchantRequestID").and_then(|id| id.parse().ok()),
            result_code: result_code(stk)?,
            amount: item("Amount").and_then(|a| a.parse().ok()),
            receipt: item("MpesaReceiptNumber").and_then(|r| r.parse().ok()),
            transacted_at: item("TransactionDate").and_then(|d| parse_compact(&d)),
        })
    }
}

/// The `ResultCode` member, number or string.
pub(crate) fn result_code(object: &Object<'_>) -> Result<ResultCode, Unreadable> {
    object.text("ResultCode").and_then(|c| c.parse().ok()).ok_or(Unreadable::NoResultCode)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stk(inner: &str) -> Result<Callback, Unreadable> {
        Callback::parse(&format!(r#"{{"Body":{{"stkCallback":{{{inner}}}}}}}"#))
    }

    fn read(inner: &str) -> StkCallback {
        match stk(inner) {
            Ok(Callback::Stk(callback)) => callback,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_success_is_read_by_name_and_exactly() {
        let callback = read(
            r#""MerchantRequestID":"29115-34620561-1","CheckoutRequestID":"ws_CO_191220191020363925","ResultCode":0,
            "ResultDesc":"ok","CallbackMetadata":{"Item":[{"Name":"Balance"},{"Name":"PhoneNumber","Value":254708374149},
            {"Name":"TransactionDate","Value":20191219102115},{"Name":"MpesaReceiptNumber","Value":"NLJ7RT61SV"},
            {"Name":"Amount","Value":1.00}]}"#,
        );
        let expected = StkCallback {
            checkout_request_id: "ws_CO_191220191020363925".parse().ok(),
            merchant_request_id: "29115-34620561-1".parse().ok(),
            result_code: "0".parse().unwrap(),
            amount: Some(KesCents(100)),
            receipt: "NLJ7RT61SV".parse().ok(),
            // 2019-12-19 10:21:15 in Nairobi
            transacted_at: Some(Timestamp(1_576_740_075_000)),
        };
        assert_eq!(callback, expected);
    }

    #[test]
    fn every_known_oddity_is_read() {
        let odd = [
            // failure, without and with null metadata
            (r#""ResultCode":1032"#, "1032", None),
            (r#""ResultCode":1032,"CallbackMetadata":null"#, "1032", None),
            // codes as strings
            (r#""ResultCode":"SFC_IC0003""#, "SFC_IC0003", None),
            (
                r#""ResultCode":"0","CallbackMetadata":{"Item":[{"Name":"Amount","Value":"5.00"}]}"#,
                "0",
                Some(KesCents(500)),
            ),
            // one item instead of a list, and an item without value before the one that has it
            (r#""ResultCode":0,"CallbackMetadata":{"Item":{"Name":"Amount","Value":5}}"#, "0", Some(KesCents(500))),
            (
                r#""ResultCode":0,"CallbackMetadata":{"Item":[{"Name":"Amount"},{"Name":"Amount","Value":5}]}"#,
                "0",
                Some(KesCents(500)),
            ),
            // a masked number, and metadata of another shape
            (
                r#""ResultCode":0,"CallbackMetadata":{"Item":[{"Name":"PhoneNumber","Value":"2547 ***** 126"}]}"#,
                "0",
                None,
            ),
            (r#""ResultCode":0,"CallbackMetadata":[]"#, "0", None),
        ];
        for (inner, code, amount) in odd {
            let callback = read(inner);
            assert_eq!((callback.result_code.as_str(), callback.amount), (code, amount), "{inner}");
        }
    }

    #[test]
    fn what_is_no_callback_says_why() {
        assert_eq!(Callback::parse("<html>"), Err(Unreadable::NotJson));
        assert_eq!(Callback::parse("[]"), Err(Unreadable::NotJson));
        assert_eq!(Callback::parse("{}"), Err(Unreadable::UnknownShape));
        assert_eq!(stk(""), Err(Unreadable::NoResultCode));
        assert_eq!(stk(r#""ResultCode":{}"#), Err(Unreadable::NoResultCode));
        assert_eq!(stk(r#""ResultCode":"a b""#), Err(Unreadable::NoResultCode));
    }

    #[test]
    fn nothing_personal_is_shown_by_debug() {
        let callback = read(
            r#""ResultCode":0,"CheckoutRequestID":"ws_CO_708374149","CallbackMetadata":{"Item":[{"Name":"MpesaReceiptNumber","Value":"NLJ7RT61SV"}]}"#,
        );
        let shown = format!("{callback:?}");
        assert!(!shown.contains("708374149") && !shown.contains("NLJ7"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = Callback::parse(&text);
        }

        #[test]
        fn no_value_in_any_place_makes_the_parser_panic(
            code in "(null|[0-9]{1,30}|\"[ -~&&[^\"\\\\]]{0,9}\"|\\{\\}|\\[1\\])",
            value in "(null|-?[0-9]{1,40}(\\.[0-9]{1,20})?|\"[ -~&&[^\"\\\\]]{0,20}\"|\\[\\]|\\{\\})",
        ) {
            let items = ["Amount", "MpesaReceiptNumber", "TransactionDate", "PhoneNumber"]
                .map(|name| format!(r#"{{"Name":"{name}","Value":{value}}}"#)).join(",");
            let _ = stk(&format!(r#""ResultCode":{code},"CheckoutRequestID":{value},"CallbackMetadata":{{"Item":[{items}]}}"#));
            let _ = Callback::parse(&format!(
                r#"{{"Result":{{"ResultCode":{code},"ResultType":{value},"ResultParameters":{{"ResultParameter":{value}}}}}}}"#));
        }
    }
}
