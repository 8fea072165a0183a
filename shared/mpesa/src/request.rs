//! What we ask of Daraja, checked before it leaves (DARAJA.md §3.1, §5.2, §6.1).

use std::str::FromStr;

use descrow_domain::{Kes, Msisdn, PaymentId, money::KES_PAYOUT_MIN};
use serde::Serialize;

use crate::{
    CallbackUrl, CallbackUrls, CheckoutRequestId, Receipt,
    settings::{B2cSettings, StkSettings},
};

/// The amount is outside what the operation moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is outside what M-Pesa moves at once")]
pub struct AmountOutOfRange;

/// The text has the wrong length or characters that Daraja stumbles over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have {min} to {max} characters of A-Z, a-z, 0-9{}", if *.plain { "" } else { ", space and hyphen" })]
pub struct InvalidReference {
    min: usize,
    max: usize,
    plain: bool,
}

/// `AccountReference`: 1 to 12 letters and digits. It is printed on the payer's phone: no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AccountReference(String);

impl AccountReference {
    /// The reference of a payment: the last twelve hex digits of its id, upper-case. They are the random part of a
    /// `UUIDv7`, so the reference is as good as unique, which a search in M-Pesa's statements needs (DARAJA.md §6.4).
    pub fn of(payment: PaymentId) -> Self {
        Self(payment.to_hex().to_ascii_uppercase().chars().skip(20).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountReference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        if (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidReference { min: 1, max: 12, plain: true })
    }
}

/// `TransactionDesc`: 1 to 13 letters, digits, spaces and hyphens. Daraja refuses a push without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TransactionDesc(String);

impl FromStr for TransactionDesc {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-');
        if (1..=13).contains(&text.len()) && !text.trim().is_empty() && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidReference { min: 1, max: 13, plain: false })
    }
}

/// A prompt on a customer's phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StkPush {
    phone: Msisdn,
    amount: Kes,
    reference: AccountReference,
    description: TransactionDesc,
    callback: CallbackUrl,
}

impl StkPush {
    /// A push for `payment`, whose outcome comes to the payment's own URL.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] unless `amount` is 1 to 250,000 shillings.
    pub fn new(
        payment: PaymentId,
        phone: Msisdn,
        amount: Kes,
        description: TransactionDesc,
        urls: &CallbackUrls,
    ) -> Result<Self, AmountOutOfRange> {
        if !amount.payable() {
            return Err(AmountOutOfRange);
        }
        let (reference, callback) = (AccountReference::of(payment), urls.outcome(payment));
        Ok(Self { phone, amount, reference, description, callback })
    }
}

/// A payment to a receiver's phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    id: PaymentId,
    phone: Msisdn,
    amount: Kes,
    result: CallbackUrl,
    timeout: CallbackUrl,
}

impl Payout {
    /// The payout `id`. Its hex digits are the `OriginatorConversationID`: the same on every attempt, so that Daraja itself
    /// refuses to pay twice.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] unless `amount` is 10 to 250,000 shillings.
    pub fn new(id: PaymentId, phone: Msisdn, amount: Kes, urls: &CallbackUrls) -> Result<Self, AmountOutOfRange> {
        if !amount.payable() || amount.0 < KES_PAYOUT_MIN {
            return Err(AmountOutOfRange);
        }
        Ok(Self { id, phone, amount, result: urls.outcome(id), timeout: urls.timeout(id) })
    }
}

/// The question what became of a payment; the answer comes to its status URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusQuery {
    payment: PaymentId,
    receipt: Option<Receipt>,
    result: CallbackUrl,
}

impl StatusQuery {
    /// Asks for a payout by the originator id it was sent with.
    pub fn of_payout(payment: PaymentId, urls: &CallbackUrls) -> Self {
        Self { payment, receipt: None, result: urls.status(payment) }
    }

    /// Asks by receipt, which finds collections too.
    pub fn by_receipt(payment: PaymentId, receipt: Receipt, urls: &CallbackUrls) -> Self {
        Self { payment, receipt: Some(receipt), result: urls.status(payment) }
    }
}

/// The body of an STK push. Every value is a string (DARAJA.md §1).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StkPushBody<'a> {
    business_short_code: &'a str,
    password: String,
    timestamp: &'a str,
    transaction_type: &'a str,
    amount: String,
    party_a: &'a str,
    party_b: &'a str,
    phone_number: &'a str,
    #[serde(rename = "CallBackURL")]
    callback: &'a CallbackUrl,
    account_reference: &'a AccountReference,
    transaction_desc: &'a TransactionDesc,
}

impl<'a> StkPushBody<'a> {
    pub(crate) fn new(push: &'a StkPush, settings: &'a StkSettings, timestamp: &'a str) -> Self {
        Self {
            business_short_code: &settings.shortcode,
            password: settings.password(timestamp),
            timestamp,
            transaction_type: "CustomerPayBillOnline",
            amount: push.amount.0.to_string(),
            party_a: push.phone.digits(),
            party_b: &settings.shortcode,
            phone_number: push.phone.digits(),
            callback: &push.callback,
            account_reference: &push.reference,
            transaction_desc: &push.description,
        }
    }
}

/// The body of an STK query.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StkQueryBody<'a> {
    business_short_code: &'a str,
    password: String,
    timestamp: &'a str,
    #[serde(rename = "CheckoutRequestID")]
    checkout_request_id: &'a CheckoutRequestId,
}

impl<'a> StkQueryBody<'a> {
    pub(crate) fn new(id: &'a CheckoutRequestId, settings: &'a StkSettings, timestamp: &'a str) -> Self {
        Self {
            business_short_code: &settings.shortcode,
            password: settings.password(timestamp),
            timestamp,
            checkout_request_id: id,
        }
    }
}

/// The body of a B2C v3 payment.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PayoutBody<'a> {
    #[serde(rename = "OriginatorConversationID")]
    originator: String,
    initiator_name: &'a str,
    security_credential: &'a str,
    #[serde(rename = "CommandID")]
    command: &'a str,
    amount: String,
    party_a: &'a str,
    party_b: &'a str,
    remarks: &'a str,
    #[serde(rename = "QueueTimeOutURL")]
    timeout: &'a CallbackUrl,
    #[serde(rename = "ResultURL")]
    result: &'a CallbackUrl,
}

impl<'a> PayoutBody<'a> {
    pub(crate) fn new(payout: &'a Payout, settings: &'a B2cSettings) -> Self {
        Self {
            originator: payout.id.to_hex(),
            initiator_name: &settings.initiator,
            security_credential: settings.credential.expose(),
            command: "BusinessPayment",
            amount: payout.amount.0.to_string(),
            party_a: &settings.shortcode,
            party_b: payout.phone.digits(),
            remarks: "Descrow payout",
            timeout: &payout.timeout,
            result: &payout.result,
        }
    }
}

/// The body of a transaction status query.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StatusBody<'a> {
    initiator: &'a str,
    security_credential: &'a str,
    #[serde(rename = "CommandID")]
    command: &'a str,
    /// Left out when unknown: an empty one was seen to be acknowledged with an all-empty answer (DARAJA.md §6.1).
    #[serde(rename = "TransactionID", skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a Receipt>,
    #[serde(rename = "OriginalConversationID", skip_serializing_if = "Option::is_none")]
    original: Option<String>,
    party_a: &'a str,
    identifier_type: &'a str,
    #[serde(rename = "ResultURL")]
    result: &'a CallbackUrl,
    #[serde(rename = "QueueTimeOutURL")]
    timeout: &'a CallbackUrl,
    remarks: &'a str,
    occasion: &'a str,
}

impl<'a> StatusBody<'a> {
    pub(crate) fn new(query: &'a StatusQuery, settings: &'a B2cSettings) -> Self {
        Self {
            initiator: &settings.initiator,
            security_credential: settings.credential.expose(),
            command: "TransactionStatusQuery",
            receipt: query.receipt.as_ref(),
            original: query.receipt.is_none().then(|| query.payment.to_hex()),
            party_a: &settings.shortcode,
            // 4: an organisation's shortcode
            identifier_type: "4",
            result: &query.result,
            timeout: &query.result,
            remarks: "Descrow status",
            occasion: "Descrow",
        }
    }
}

#[cfg(test)]
mod tests {
    use descrow_platform::Secret;

    use super::*;
    use crate::CallbackSecret;

    fn urls() -> CallbackUrls {
        let secret = CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef"));
        CallbackUrls::new("https://api.descrow.io", secret, false).unwrap()
    }

    fn phone() -> Msisdn {
        "254708374149".parse().unwrap()
    }

    #[test]
    fn free_text_keeps_to_what_daraja_takes() {
        for good in ["A", "ABCDEF123456"] {
            assert!(good.parse::<AccountReference>().is_ok(), "{good}");
        }
        for bad in ["", "ABCDEF1234567", "A B", "A-B", "é"] {
            assert!(bad.parse::<AccountReference>().is_err(), "{bad}");
        }
        assert!("Descrow order".parse::<TransactionDesc>().is_ok());
        for bad in ["", " ", "Descrow order!", "fourteen chars", "a@b", "a&b"] {
            assert!(bad.parse::<TransactionDesc>().is_err(), "{bad}");
        }
        let error = "".parse::<AccountReference>().unwrap_err().to_string();
        assert_eq!(error, "must have 1 to 12 characters of A-Z, a-z, 0-9");
    }

    #[test]
    fn a_payments_reference_is_the_random_end_of_its_id() {
        let id: PaymentId = "0190c0de-0000-7000-8000-abcdef0123ff".parse().unwrap();
        assert_eq!(AccountReference::of(id).as_str(), "ABCDEF0123FF");
    }

    #[test]
    fn amounts_outside_m_pesas_limits_are_refused() {
        let push = |kes| StkPush::new(PaymentId::new(), phone(), Kes(kes), "Order".parse().unwrap(), &urls());
        let payout = |kes| Payout::new(PaymentId::new(), phone(), Kes(kes), &urls());
        assert!(push(1).is_ok() && push(250_000).is_ok());
        assert_eq!((push(0), push(250_001)), (Err(AmountOutOfRange), Err(AmountOutOfRange)));
        assert!(payout(10).is_ok() && payout(250_000).is_ok());
        assert_eq!((payout(9), payout(250_001)), (Err(AmountOutOfRange), Err(AmountOutOfRange)));
    }

    #[test]
    fn every_value_leaves_as_a_string_under_daraja_s_own_names() {
        let id = PaymentId::new();
        let stk = StkSettings::new("174379", Secret::new("key"));
        let b2c = B2cSettings::new("600000", "testapi", Secret::new("cred"));
        let push = StkPush::new(id, phone(), Kes(7), "Order".parse().unwrap(), &urls()).unwrap();
        let payout = Payout::new(id, phone(), Kes(10), &urls()).unwrap();
        let by_id = StatusQuery::of_payout(id, &urls());
        let by_receipt = StatusQuery::by_receipt(id, "NLJ7RT61SV".parse().unwrap(), &urls());
        let checkout = "ws_1".parse().unwrap();
        let bodies = [
            (
                serde_json::to_value(StkPushBody::new(&push, &stk, "20210628092408")).unwrap(),
                "AccountReference Amount BusinessShortCode CallBackURL PartyA PartyB Password PhoneNumber Timestamp TransactionDesc TransactionType",
            ),
            (
                serde_json::to_value(StkQueryBody::new(&checkout, &stk, "20210628092408")).unwrap(),
                "BusinessShortCode CheckoutRequestID Password Timestamp",
            ),
            (
                serde_json::to_value(PayoutBody::new(&payout, &b2c)).unwrap(),
                "Amount CommandID InitiatorName OriginatorConversationID PartyA PartyB QueueTimeOutURL Remarks ResultURL SecurityCredential",
            ),
            (
                serde_json::to_value(StatusBody::new(&by_id, &b2c)).unwrap(),
                "CommandID IdentifierType Initiator Occasion OriginalConversationID PartyA QueueTimeOutURL Remarks ResultURL SecurityCredential",
            ),
            (
                serde_json::to_value(StatusBody::new(&by_receipt, &b2c)).unwrap(),
                "CommandID IdentifierType Initiator Occasion PartyA QueueTimeOutURL Remarks ResultURL SecurityCredential TransactionID",
            ),
        ];
        for (body, names) in bodies {
            let object = body.as_object().unwrap();
            let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(keys.join(" "), names);
            assert!(object.values().all(serde_json::Value::is_string), "{body}");
        }
    }
}
