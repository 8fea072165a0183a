//! What can befall an arriving request, at every door: no misbehaviour is used up without being met.

use std::{
    iter::successors,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{
    RequestBuilder,
    multipart::{Form, Part},
};
use sandbox::{
    Behaviour as B, CONSUMER_KEY, CONSUMER_SECRET, INITIATOR, JWT, Operation as O, PASSKEY, PAYOUT_SHORTCODE, Rule,
    SECURITY_CREDENTIAL, SHORTCODE,
};
use serde_json::{Value, json};

use crate::support::{Rig, rig};

const SLOW: Duration = Duration::from_millis(100);
const CALLBACK: &str = "https://shop.example/x";
const LAYOUT: &str = "cid-version=1&cid-base=base32&raw-leaves=true&chunker=size-262144";

/// All operations in turn; one that is new has to be given its place.
fn operations() -> impl Iterator<Item = O> {
    successors(Some(O::Oauth), |operation| match operation {
        O::Oauth => Some(O::StkPush),
        O::StkPush => Some(O::StkQuery),
        O::StkQuery => Some(O::B2c),
        O::B2c => Some(O::TransactionStatus),
        O::TransactionStatus => Some(O::Pin),
        O::Pin => Some(O::PinList),
        O::PinList => Some(O::Gateway),
        O::Gateway => Some(O::Rates),
        O::Rates => None,
    })
}

/// All that befalls an arriving request in turn; what is new has to be given its place, here or among the others.
fn arrivals() -> impl Iterator<Item = B> {
    successors(Some(B::Html { status: 403 }), |behaviour| match behaviour {
        B::Html { .. } => Some(B::Slow { ms: u64::try_from(SLOW.as_millis()).unwrap() }),
        B::Slow { .. } => Some(B::Hang { ms: 0 }),
        B::Hang { .. } => Some(B::LoseAnswer),
        B::LoseAnswer => Some(B::Answer { status: 418, body: "teapot".into() }),
        B::Answer { .. } => Some(B::Error { status: 429, code: "E.1".into(), message: "too much".into() }),
        B::Error { .. } => Some(B::TokenRefused),
        B::TokenRefused
        | B::NumericExpiry
        | B::EmptyRefusal
        | B::QueryCode { .. }
        | B::QueryBlind { .. }
        | B::CallbackFirst
        | B::CallbackTwice
        | B::CallbackNever
        | B::CallbackLate { .. }
        | B::CallbackAmount { .. }
        | B::CallbackCode { .. }
        | B::CallbackForeignId
        | B::CallbackMaskedPhone
        | B::CallbackWithoutValue { .. }
        | B::CallbackWithoutBalance
        | B::CallbackNullMetadata
        | B::CallbackStrings
        | B::TimeoutFirst
        | B::TimeoutOnly
        | B::SingleParameter
        | B::RepeatedKeys
        | B::PayoutCode { .. }
        | B::DuplicateAs { .. }
        | B::WrongCid
        | B::Corrupt
        | B::Missing => None,
    })
}

/// How a service refuses its caller: status, words, and the journal's.
type Refusal = (u16, &'static str, &'static str);
/// A request that succeeds where nothing befalls it, how its service refuses a caller, and whether it leaves something behind.
type Door = (RequestBuilder, Refusal, bool);

const DARAJA: Refusal = (404, "Invalid Access Token", "404.001.03");
const PINATA: Refusal = (401, "INVALID_CREDENTIALS", "INVALID_CREDENTIALS");
const NODE: Refusal = (403, "Kubo RPC Access Denied", "access denied");

struct Town {
    rig: Rig,
    cid: String,
    prompt: String,
    next: AtomicU32,
}

impl Town {
    async fn new() -> Self {
        let town = Self { rig: rig().await, cid: String::new(), prompt: String::new(), next: AtomicU32::new(0) };
        let (pin, ..) = town.doors(O::Pin).await.swap_remove(0);
        let (push, ..) = town.doors(O::StkPush).await.swap_remove(0);
        let read = |(_, body): (u16, String)| -> Value { serde_json::from_str(&body).unwrap() };
        let (pinned, pushed) = (read(ask(pin).await.unwrap()), read(ask(push).await.unwrap()));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { cid: text(&pinned["IpfsHash"]), prompt: text(&pushed["CheckoutRequestID"]), ..town }
    }

    fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn daraja(&self, path: &str, body: Value) -> RequestBuilder {
        let (token, ..) = self.oauth();
        let (_, token) = ask(token).await.unwrap();
        let token: Value = serde_json::from_str(&token).unwrap();
        let url = format!("{}/mpesa/{path}", self.rig.sandbox.daraja_url());
        self.rig.http.post(url).bearer_auth(token["access_token"].as_str().unwrap()).json(&body)
    }

    fn oauth(&self) -> Door {
        let url = format!("{}/oauth/v1/generate?grant_type=client_credentials", self.rig.sandbox.daraja_url());
        let request = self.rig.http.get(url).basic_auth(CONSUMER_KEY, Some(CONSUMER_SECRET));
        (request, (400, "Invalid Authentication passed", "400.008.01"), false)
    }

    fn node(&self, command: &str) -> RequestBuilder {
        self.rig.http.post(format!("{}/api/v0/{command}", self.rig.sandbox.ipfs_url()))
    }

    /// Every way to ask for an operation, each as nobody asked before.
    async fn doors(&self, operation: O) -> Vec<Door> {
        let (number, files, http, cid) = (self.number(), self.rig.sandbox.ipfs_url(), &self.rig.http, &self.cid);
        let phone = format!("2547{number:08}");
        let timestamp = "20260101120000";
        let merchant = json!({"BusinessShortCode": SHORTCODE, "Timestamp": timestamp,
            "Password": STANDARD.encode(format!("{SHORTCODE}{PASSKEY}{timestamp}"))});
        let results = json!({"SecurityCredential": SECURITY_CREDENTIAL, "PartyA": PAYOUT_SHORTCODE, "Remarks": "Order",
            "QueueTimeOutURL": CALLBACK, "ResultURL": CALLBACK});
        let form = || Form::new().part("file", Part::bytes(number.to_le_bytes().to_vec()).file_name("f"));
        match operation {
            O::Oauth => vec![self.oauth()],
            O::StkPush => {
                let of_push = json!({"TransactionType": "CustomerPayBillOnline", "Amount": 1, "PartyA": phone,
                    "PartyB": SHORTCODE, "PhoneNumber": phone, "CallBackURL": CALLBACK, "AccountReference": "Order",
                    "TransactionDesc": "Order"});
                vec![(self.daraja("stkpush/v1/processrequest", with(merchant, of_push)).await, DARAJA, true)]
            }
            O::StkQuery => {
                let body = with(merchant, json!({"CheckoutRequestID": self.prompt}));
                vec![(self.daraja("stkpushquery/v1/query", body).await, DARAJA, false)]
            }
            O::B2c => {
                let of_payout = json!({"OriginatorConversationID": format!("o-{number}"), "InitiatorName": INITIATOR,
                    "CommandID": "BusinessPayment", "Amount": 10, "PartyB": phone});
                vec![(self.daraja("b2c/v3/paymentrequest", with(results, of_payout)).await, DARAJA, true)]
            }
            O::TransactionStatus => {
                let of_status = json!({"Initiator": INITIATOR, "CommandID": "TransactionStatusQuery",
                    "IdentifierType": "4", "OriginalConversationID": "o"});
                let request = self.daraja("transactionstatus/v1/query", with(results, of_status)).await;
                vec![(request, (400, "Invalid Access Token", "400.003.01"), false)]
            }
            O::Pin => {
                let options = form().text("pinataOptions", r#"{"cidVersion":1}"#);
                let pinata = http.post(format!("{files}/pinning/pinFileToIPFS")).bearer_auth(JWT).multipart(options);
                let add = self.node(&format!("add?{LAYOUT}")).multipart(form());
                // The first pin has no CID to name yet.
                vec![(pinata, PINATA, true), (add, NODE, true), (self.node(&format!("pin/add?arg={cid}")), NODE, false)]
            }
            O::PinList => {
                let pinata = http.get(format!("{files}/data/pinList?hashContains={cid}")).bearer_auth(JWT);
                vec![(pinata, PINATA, false), (self.node(&format!("pin/ls?arg={cid}")), NODE, false)]
            }
            O::Gateway => {
                let gateway = (http.get(format!("{files}/ipfs/{cid}")), (401, "Unauthorized", "unauthorised"), false);
                vec![gateway, (self.node(&format!("cat?arg={cid}")), NODE, false)]
            }
            O::Rates => {
                let query = "ids=polkadot&vs_currencies=usd,kes&include_last_updated_at=true";
                let request = http.get(format!("{}/simple/price?{query}", self.rig.sandbox.rates_url()));
                vec![(request, (401, "API Key Missing", "10002"), false)]
            }
        }
    }

    /// How much the world holds: prompts, payouts and pinned files.
    async fn left_behind(&self) -> usize {
        let count = |list: &Value| list.as_array().unwrap().len();
        let (prompts, payouts) = (self.rig.control("prompts").await, self.rig.control("payouts").await);
        let list = self.rig.http.get(format!("{}/data/pinList", self.rig.sandbox.ipfs_url())).bearer_auth(JWT);
        let (_, pins) = ask(list).await.unwrap();
        let pins: Value = serde_json::from_str(&pins).unwrap();
        count(&prompts["prompts"]) + count(&payouts["payouts"]) + count(&pins["rows"])
    }

    /// The newest entry of the journal for an operation, and how many there are.
    async fn journal(&self, operation: O) -> (Value, usize) {
        let name = serde_json::to_value(operation).unwrap();
        let journal = self.rig.control(&format!("requests?operation={}", name.as_str().unwrap())).await;
        let entries = journal["requests"].as_array().unwrap();
        let newest = entries.last().map(|entry| json!([entry["status"], entry["outcome"]]));
        (newest.unwrap_or_default(), entries.len())
    }
}

fn with(mut one: Value, other: Value) -> Value {
    let Value::Object(other) = other else { panic!("{other}") };
    one.as_object_mut().unwrap().extend(other);
    one
}

/// Status and body; `None` where the connection broke.
async fn ask(request: RequestBuilder) -> Option<(u16, String)> {
    let response = request.send().await.ok()?;
    Some((response.status().as_u16(), response.text().await.ok()?))
}

/// What the caller sees, a part of the body standing for it, and what the journal says.
fn expected(behaviour: &B, refusal: Refusal) -> (Option<(u16, &str)>, Value) {
    match behaviour {
        B::Html { status } => (Some((*status, "Incapsula")), json!([status, "html"])),
        B::Slow { .. } => (Some((200, "")), json!([200, "accepted"])),
        B::Hang { .. } => (None, json!([null, "hang"])),
        B::LoseAnswer => (None, json!([null, "accepted, answer lost"])),
        B::Answer { status, body } => (Some((*status, body)), json!([status, "scripted answer"])),
        B::Error { status, code, message } => (Some((*status, message)), json!([status, code])),
        _ => (Some((refusal.0, refusal.1)), json!([refusal.0, refusal.2])),
    }
}

#[tokio::test]
async fn whatever_befalls_a_request_is_seen_at_every_door_and_told_by_the_journal() {
    let town = Town::new().await;
    for operation in operations() {
        for door in 0..town.doors(operation).await.len() {
            let (request, ..) = town.doors(operation).await.swap_remove(door);
            assert_eq!(ask(request).await.map(|(status, _)| status), Some(200), "{operation:?} {door}");
            assert_eq!(town.journal(operation).await.0, json!([200, "accepted"]), "{operation:?} {door}");
            for behaviour in arrivals() {
                let case = format!("{behaviour:?} at {operation:?} {door}");
                let before = town.left_behind().await;
                let (request, refusal, leaves) = town.doors(operation).await.swap_remove(door);
                let (_, entries) = town.journal(operation).await;
                town.rig.sandbox.misbehave(Rule::once(behaviour.clone()).on(operation));
                let began = Instant::now();
                let seen = ask(request).await;
                let took = began.elapsed();
                let (part, told) = expected(&behaviour, refusal);
                assert_eq!(
                    seen.as_ref().map(|(status, _)| *status),
                    part.map(|(status, _)| status),
                    "{case}: {seen:?}"
                );
                let holds = seen.as_ref().zip(part).is_none_or(|((_, body), (_, part))| body.contains(part));
                assert!(holds, "{case}: {seen:?}");
                assert!(!matches!(behaviour, B::Slow { .. }) || took >= SLOW, "{case}: {took:?}");
                assert_eq!(town.journal(operation).await, (told, entries + 1), "{case}");
                let processed = leaves && matches!(behaviour, B::Slow { .. } | B::LoseAnswer);
                assert_eq!(town.left_behind().await - before, usize::from(processed), "{case}");
                assert_eq!(town.rig.control("behaviours").await, json!({"behaviours": []}), "{case}");
            }
        }
    }
}
