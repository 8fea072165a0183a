//! The bodies of callbacks, written as text: numbers keep Safaricom's spelling (`1.00`), which a JSON library would change.

use time::{
    OffsetDateTime, UtcOffset,
    format_description::BorrowedFormatItem,
    macros::{format_description, offset},
};

use super::StatusReport;
use crate::{
    Behaviour,
    daraja::{Outcome, Payout, Prompt},
};

const EAT: UtcOffset = offset!(+3);
const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");
const DOTTED: &[BorrowedFormatItem<'_>] = format_description!("[day].[month].[year] [hour]:[minute]:[second]");

/// What the rules make of a body.
struct Oddities<'a>(&'a [Behaviour]);

impl Oddities<'_> {
    fn has(&self, behaviour: &Behaviour) -> bool {
        self.0.contains(behaviour)
    }

    fn amount(&self, true_amount: u64) -> String {
        let claimed =
            self.0.iter().find_map(|b| if let Behaviour::CallbackAmount { amount } = b { Some(amount) } else { None });
        claimed.cloned().unwrap_or_else(|| format!("{true_amount}.00"))
    }

    fn code(&self, outcome: &Outcome) -> String {
        let claimed =
            self.0.iter().find_map(|b| if let Behaviour::CallbackCode { code } = b { Some(code) } else { None });
        claimed.unwrap_or(&outcome.code).clone()
    }

    /// A number where it is one and nothing asks for strings.
    fn value(&self, text: &str) -> String {
        if is_number(text) && !self.has(&Behaviour::CallbackStrings) { text.to_owned() } else { quote(text) }
    }

    fn lacks_value(&self, name: &str) -> bool {
        self.0.iter().any(|b| matches!(b, Behaviour::CallbackWithoutValue { name: n } if n == name))
    }
}

/// `{"Name":…,"Value":…}` or `{"Key":…,"Value":…}`; without `Value` where it has none.
fn item(label: &str, name: &str, value: Option<String>) -> String {
    match value {
        Some(value) => format!(r#"{{"{label}":{},"Value":{value}}}"#, quote(name)),
        None => format!(r#"{{"{label}":{}}}"#, quote(name)),
    }
}

/// The callback of an STK push.
pub(super) fn stk(prompt: &Prompt, behaviours: &[Behaviour]) -> String {
    let odd = Oddities(behaviours);
    let none = Outcome { code: "1037".into(), description: String::new(), receipt: None, at: prompt.at };
    let outcome = prompt.outcome.as_ref().unwrap_or(&none);
    let code = odd.code(outcome);
    let checkout = if odd.has(&Behaviour::CallbackForeignId) {
        "ws_CO_01012020000000000700000000"
    } else {
        &prompt.checkout_request_id
    };
    let metadata = if code == "0" {
        let phone = if odd.has(&Behaviour::CallbackMaskedPhone) {
            let tail = prompt.phone.get(9..).unwrap_or_default();
            quote(&format!("2547 ***** {tail}"))
        } else {
            odd.value(&prompt.phone)
        };
        let receipt = outcome.receipt.clone().unwrap_or_else(|| "SFORGED000".to_owned());
        let items = [
            ("Amount", Some(odd.value(&odd.amount(prompt.amount)))),
            ("MpesaReceiptNumber", Some(quote(&receipt))),
            ("Balance", None),
            ("TransactionDate", Some(odd.value(&local(outcome.at, COMPACT)))),
            ("PhoneNumber", Some(phone)),
        ];
        let written: Vec<String> = items
            .into_iter()
            .filter(|(name, _)| *name != "Balance" || !odd.has(&Behaviour::CallbackWithoutBalance))
            .map(|(name, value)| item("Name", name, value.filter(|_| !odd.lacks_value(name))))
            .collect();
        format!(r#","CallbackMetadata":{{"Item":[{}]}}"#, written.join(","))
    } else if odd.has(&Behaviour::CallbackNullMetadata) {
        r#","CallbackMetadata":null"#.to_owned()
    } else {
        String::new()
    };
    format!(
        r#"{{"Body":{{"stkCallback":{{"MerchantRequestID":{},"CheckoutRequestID":{},"ResultCode":{},"ResultDesc":{}{metadata}}}}}}}"#,
        quote(&prompt.merchant_request_id),
        quote(checkout),
        odd.value(&code),
        quote(&outcome.description),
    )
}

/// The notice that a request expired in the queue.
pub(super) fn timeout(originator: &str, conversation: &str) -> String {
    result("1", "1", "The service request timed out", originator, conversation, "", "")
}

fn result(
    kind: &str,
    code: &str,
    description: &str,
    originator: &str,
    conversation: &str,
    transaction: &str,
    rest: &str,
) -> String {
    format!(
        r#"{{"Result":{{"ResultType":{kind},"ResultCode":{code},"ResultDesc":{},"OriginatorConversationID":{},"ConversationID":{},"TransactionID":{}{rest}}}}}"#,
        quote(description),
        quote(originator),
        quote(conversation),
        quote(transaction),
    )
}

/// The result of a payout.
pub(super) fn payout(payout: &Payout, behaviours: &[Behaviour]) -> String {
    let odd = Oddities(behaviours);
    let Some(outcome) = &payout.outcome else { return timeout(&payout.originator, &payout.conversation_id) };
    let code = odd.code(outcome);
    let receipt = outcome.receipt.clone().unwrap_or_else(|| "S000000000".to_owned());
    let parameters = if code == "0" {
        vec![
            ("TransactionAmount", Some(odd.value(&odd.amount(payout.amount)))),
            ("TransactionReceipt", Some(quote(&receipt))),
            ("ReceiverPartyPublicName", Some(quote(&format!("{} - SANDBOX CUSTOMER", payout.phone)))),
            ("TransactionCompletedDateTime", Some(quote(&local(outcome.at, DOTTED)))),
            ("B2CUtilityAccountAvailableFunds", Some(odd.value("8959269.60"))),
            ("B2CWorkingAccountAvailableFunds", Some(odd.value("1199371.00"))),
            ("B2CRecipientIsRegisteredCustomer", Some(quote("Y"))),
            ("B2CChargesPaidAccountAvailableFunds", Some(odd.value("-1980.00"))),
        ]
    } else {
        Vec::new()
    };
    let rest = parameters_and_reference(&parameters, &odd);
    let (originator, conversation) = (&payout.originator, &payout.conversation_id);
    result("0", &odd.value(&code), &outcome.description, originator, conversation, &receipt, &rest)
}

/// The result of a status query.
pub(super) fn status(report: &StatusReport, behaviours: &[Behaviour]) -> String {
    let odd = Oddities(behaviours);
    let mut parameters = Vec::new();
    let subject = match (&report.payout, &report.prompt) {
        (Some(p), _) => p.outcome.as_ref().map(|o| (p.amount, &p.originator, &p.conversation_id, o, p.at)),
        (None, Some(p)) => {
            p.outcome.as_ref().map(|o| (p.amount, &p.merchant_request_id, &p.checkout_request_id, o, p.at))
        }
        (None, None) => None,
    };
    if let Some((amount, originator, conversation, outcome, at)) = subject.filter(|_| report.outcome.code == "0") {
        let fate = if outcome.code == "0" { "Completed" } else { "Declined" };
        parameters = vec![
            ("DebitPartyName", Some(quote("600000 - Descrow Sandbox"))),
            ("DebitPartyName", Some(quote("600000 - Descrow Sandbox Utility"))),
            ("CreditPartyName", Some(quote("SANDBOX CUSTOMER"))),
            ("OriginatorConversationID", Some(quote(originator))),
            ("InitiatedTime", Some(odd.value(&local(at, COMPACT)))),
            ("TransactionReason", None),
            ("TransactionStatus", Some(quote(fate))),
            ("FinalisedTime", Some(odd.value(&local(outcome.at, COMPACT)))),
            ("Amount", Some(odd.value(&odd.amount(amount)))),
            ("ConversationID", Some(quote(conversation))),
            ("ReceiptNo", outcome.receipt.as_deref().map(quote)),
        ];
    }
    let rest = parameters_and_reference(&parameters, &odd);
    let code = odd.value(&odd.code(&report.outcome));
    let transaction = "S000000000";
    result("0", &code, &report.outcome.description, &report.originator, &report.conversation, transaction, &rest)
}

fn parameters_and_reference(parameters: &[(&str, Option<String>)], odd: &Oddities<'_>) -> String {
    let reference = item(
        "Key",
        "QueueTimeoutURL",
        Some(quote("https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit")),
    );
    let mut items: Vec<String> = Vec::new();
    if odd.has(&Behaviour::RepeatedKeys) && !parameters.is_empty() {
        items.push(item("Key", "DebitPartyName", None));
        items.push(item("Key", "DebitPartyName", Some(quote("first"))));
        items.push(item("Key", "DebitPartyName", Some(quote("second"))));
    }
    items.extend(
        parameters.iter().map(|(key, value)| item("Key", key, value.clone().filter(|_| !odd.lacks_value(key)))),
    );
    let (single, list) = (odd.has(&Behaviour::SingleParameter), items.join(","));
    let parameters = match items.first() {
        None => String::new(),
        Some(first) if single => format!(r#","ResultParameters":{{"ResultParameter":{first}}}"#),
        Some(_) => format!(r#","ResultParameters":{{"ResultParameter":[{list}]}}"#),
    };
    let reference = if single { reference } else { format!("[{reference}]") };
    format!(r#"{parameters},"ReferenceData":{{"ReferenceItem":{reference}}}"#)
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn is_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn local(at: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    OffsetDateTime::from_unix_timestamp(at / 1000)
        .ok()
        .and_then(|t| t.to_offset(EAT).format(format).ok())
        .unwrap_or_default()
}
