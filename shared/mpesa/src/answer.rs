//! What an HTTP answer of Daraja's means. The HTTP status is not to be trusted: one error was seen under 500 and under
//! 200, an invalid token is 404 (DARAJA.md §1). The body decides, in the order of §4.

use std::time::Duration;

use crate::{CheckoutRequestId, ConversationId, MerchantRequestId, ResultCode, tolerant::Object};

/// Answers that mean "the token is not, or no longer, valid" (DARAJA.md §2); they differ from product to product.
const INVALID_TOKEN: [&str; 3] = ["404.001.03", "401.002.01", "400.003.01"];

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing certain was said: the request may or may not have had its effect.
    NoAnswer(Silence),
    /// The gateway refused the token; nothing happened.
    InvalidToken,
    /// Too many calls; nothing happened.
    Throttled(Throttle),
    /// The payer has another prompt open; nothing happened.
    SubscriberBusy,
    /// A B2C request with this originator id was received before.
    Duplicate,
    /// Our credentials, shortcode or products are wrong; nothing happened, and nothing will until that is mended.
    Misconfigured(Fault),
    /// The request itself is wrong; nothing happened, and repeating it cannot help.
    Rejected(Fault),
    /// An answer proper.
    Answered(Reply),
}

/// How Daraja managed to say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// HTML from the firewall, an empty body, half a document.
    NotJson,
    /// A 5xx without an error code.
    ServerError,
    /// An error code that settles nothing, such as `500.001.1001` with an empty message.
    Unclear(Option<ResultCode>),
}

/// Which limit was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// A burst: `500.003.02`.
    Spike,
    /// A quota: `500.003.03`.
    Quota,
}

impl Throttle {
    /// How long to stay away.
    pub fn retry_after(self) -> Duration {
        match self {
            Self::Spike => Duration::from_secs(5),
            Self::Quota => Duration::from_secs(300),
        }
    }
}

/// An error code with the field it names. The message itself is not kept: it may quote what we sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}", .field.as_deref().map(|f| format!(" ({f})")).unwrap_or_default())]
pub struct Fault {
    /// `errorCode`, or the `ResponseCode` of a refusal; `unknown` where it has none.
    pub code: String,
    /// The culprit in `Bad Request - Invalid <Field>`.
    pub field: Option<String>,
}

/// The fields of an answer that we use; which are there depends on the operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// `ResponseCode`: `0` is "accepted".
    pub response_code: Option<ResultCode>,
    /// `ResultCode` of a query.
    pub result_code: Option<ResultCode>,
    /// `MerchantRequestID`.
    pub merchant_request_id: Option<MerchantRequestId>,
    /// `CheckoutRequestID`.
    pub checkout_request_id: Option<CheckoutRequestId>,
    /// `ConversationID`.
    pub conversation_id: Option<ConversationId>,
}

/// Says what an answer means.
pub fn classify(http_status: u16, body: &str) -> Verdict {
    let Some(answer) = Object::parse(body) else { return Verdict::NoAnswer(Silence::NotJson) };
    match answer.text("errorCode") {
        Some(code) => classify_error(&code, &answer),
        None if http_status >= 500 => Verdict::NoAnswer(Silence::ServerError),
        None => classify_reply(http_status, &answer),
    }
}

fn classify_error(code: &str, answer: &Object<'_>) -> Verdict {
    let message = answer.text("errorMessage").unwrap_or_default();
    let says = |text: &str| message.to_ascii_lowercase().contains(text);
    let unclear = || Verdict::NoAnswer(Silence::Unclear(code.parse().ok()));
    match code {
        _ if INVALID_TOKEN.contains(&code) => Verdict::InvalidToken,
        "500.003.02" => Verdict::Throttled(Throttle::Spike),
        "500.003.03" => Verdict::Throttled(Throttle::Quota),
        "500.001.1001" if says("wrong credentials") || says("merchant does not exist") => {
            Verdict::Misconfigured(fault(code, &message))
        }
        "500.001.1001" if says("unable to lock subscriber") => Verdict::SubscriberBusy,
        "500.002.1001" if says("duplicate") => Verdict::Duplicate,
        _ if says("no apiproduct match found") => Verdict::Misconfigured(fault(code, &message)),
        // The gateway's own 4xx codes are spoken before M-Pesa sees the request.
        _ if code.starts_with("40") => Verdict::Rejected(fault(code, &message)),
        _ => unclear(),
    }
}

fn classify_reply(http_status: u16, answer: &Object<'_>) -> Verdict {
    let reply = Reply {
        response_code: answer.text("ResponseCode").and_then(|c| c.parse().ok()),
        result_code: answer.text("ResultCode").and_then(|c| c.parse().ok()),
        merchant_request_id: answer.text("MerchantRequestID").and_then(|id| id.parse().ok()),
        checkout_request_id: answer.text("CheckoutRequestID").and_then(|id| id.parse().ok()),
        conversation_id: answer.text("ConversationID").and_then(|id| id.parse().ok()),
    };
    if reply.response_code.is_some() || reply.result_code.is_some() {
        return Verdict::Answered(reply);
    }
    let gateway = answer.object("fault").and_then(|f| f.text("faultstring")).unwrap_or_default();
    if gateway.to_ascii_lowercase().contains("no apiproduct match found") {
        return Verdict::Misconfigured(fault("fault", &gateway));
    }
    if http_status == 429 {
        return Verdict::Throttled(Throttle::Spike);
    }
    Verdict::NoAnswer(Silence::Unclear(None))
}

fn fault(code: &str, message: &str) -> Fault {
    let named = message.split_once("Invalid ").map(|(_, field)| field.trim());
    let is_name =
        |field: &&str| (1..=40).contains(&field.len()) && field.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ');
    let code = code.parse::<ResultCode>().map_or_else(|_| "unknown".to_owned(), |c| c.as_str().to_owned());
    Fault { code, field: named.filter(is_name).map(ToOwned::to_owned) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(http: u16, code: &str, message: &str) -> Verdict {
        classify(http, &format!(r#"{{"requestId":"1-2-3","errorCode":"{code}","errorMessage":"{message}"}}"#))
    }

    fn unclear(code: &str) -> Verdict {
        Verdict::NoAnswer(Silence::Unclear(code.parse().ok()))
    }

    fn named(code: &str, field: Option<&str>) -> Fault {
        Fault { code: code.into(), field: field.map(Into::into) }
    }

    #[test]
    fn what_is_not_json_is_no_answer_under_any_status() {
        for (http, body) in
            [(200, ""), (403, "<html>Incapsula</html>"), (503, "<html>"), (200, "{\"Resp"), (400, ""), (200, "[]")]
        {
            assert_eq!(classify(http, body), Verdict::NoAnswer(Silence::NotJson), "{http} {body}");
        }
        assert_eq!(classify(502, r#"{"message":"Bad gateway"}"#), Verdict::NoAnswer(Silence::ServerError));
        assert_eq!(classify(500, r#"{"ResultCode":"1032"}"#), Verdict::NoAnswer(Silence::ServerError));
        assert_eq!(classify(200, r#"{"message":"hello"}"#), Verdict::NoAnswer(Silence::Unclear(None)));
    }

    #[test]
    fn every_invalid_token_code_is_one() {
        for (http, code) in [(404, "404.001.03"), (401, "401.002.01"), (400, "400.003.01"), (200, "404.001.03")] {
            assert_eq!(error(http, code, "Invalid Access Token"), Verdict::InvalidToken);
        }
    }

    #[test]
    fn limits_are_told_apart_under_any_status() {
        for http in [200, 429, 500] {
            assert_eq!(error(http, "500.003.02", "Spike Arrest Violation"), Verdict::Throttled(Throttle::Spike));
            assert_eq!(error(http, "500.003.03", "Quota Violation"), Verdict::Throttled(Throttle::Quota));
        }
        assert_eq!(classify(429, r#"{"fault":{"faultstring":"Rate"}}"#), Verdict::Throttled(Throttle::Spike));
    }

    #[test]
    fn the_overloaded_code_is_read_by_its_message() {
        for http in [200, 500] {
            for text in ["Wrong credentials", "Merchant does not exist"] {
                let expected = Verdict::Misconfigured(named("500.001.1001", None));
                assert_eq!(error(http, "500.001.1001", text), expected);
            }
            for text in ["", "The transaction is being processed", "The transaction does not Exist", "anything"] {
                assert_eq!(error(http, "500.001.1001", text), unclear("500.001.1001"), "{text}");
            }
            let locked = "Unable to lock subscriber, a transaction is already in process for the current subscriber";
            assert_eq!(error(http, "500.001.1001", locked), Verdict::SubscriberBusy);
        }
        assert_eq!(classify(500, r#"{"errorCode":"500.001.1001"}"#), unclear("500.001.1001"), "no message at all");
    }

    #[test]
    fn a_duplicate_payout_is_told_from_an_internal_error() {
        assert_eq!(error(500, "500.002.1001", "Duplicate OriginatorConversationID."), Verdict::Duplicate);
        assert_eq!(error(500, "500.002.1001", "System internal error."), unclear("500.002.1001"));
        assert_eq!(error(500, "500.003.1001", "Internal Server Error"), unclear("500.003.1001"));
    }

    #[test]
    fn our_own_mistakes_name_the_field() {
        let cases = [
            (400, "400.002.02", "Bad Request - Invalid CallBackURL", Some("CallBackURL")),
            (400, "400.002.05", "Invalid Request Payload", Some("Request Payload")),
            (404, "404.001.01", "Resource not found", None),
            (405, "405.001", "Method Not Allowed", None),
            // a message that quotes a number is not repeated
            (400, "400.002.02", "Bad Request - Invalid PhoneNumber 254708374149", None),
        ];
        for (http, code, message, field) in cases {
            assert_eq!(error(http, code, message), Verdict::Rejected(named(code, field)), "{message}");
        }
        let product = "Invalid API call as no apiproduct match found";
        assert!(matches!(error(401, "401.009.01", product), Verdict::Misconfigured(_)));
        let fault = format!(r#"{{"fault":{{"faultstring":"{product}"}}}}"#);
        assert!(matches!(classify(401, &fault), Verdict::Misconfigured(_)));
    }

    #[test]
    fn an_answer_is_read_with_numbers_and_strings() {
        for body in [
            r#"{"ResponseCode":"0","ResultCode":"4999","CheckoutRequestID":"ws_1"}"#,
            r#"{"ResponseCode":0,"ResultCode":4999,"CheckoutRequestID":"ws_1"}"#,
        ] {
            let reply = Reply {
                response_code: "0".parse().ok(),
                result_code: "4999".parse().ok(),
                checkout_request_id: "ws_1".parse().ok(),
                ..Reply::default()
            };
            assert_eq!(classify(200, body), Verdict::Answered(reply));
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_classifier_panic(http: u16, code in "[ -~]{0,20}", message in "[ -~]{0,60}", body in ".{0,80}") {
            let json = serde_json::json!({"errorCode": code, "errorMessage": message}).to_string();
            let _ = (classify(http, &json), classify(http, &body));
        }

        #[test]
        fn an_unknown_5xx_code_never_settles_anything(code in "500\\.00[4-9]\\.[0-9]{2,4}", http in 200u16..600) {
            prop_assert_eq!(error(http, &code, "whatever"), unclear(&code));
        }
    }
}
