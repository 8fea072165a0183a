//! The steps of the demo.

use std::{fmt, time::Duration};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{DemoFailure, Summary, Timeline};
use crate::{
    api::Api,
    market::Offer,
    phone::Sandbox,
    session::{Registration, Session},
    socket::{Listener, Socket, text},
    stack::Stack,
    wallet::Wallet,
};

/// How long M-Pesa and the functions behind it may take.
const MPESA: Duration = Duration::from_secs(60);
/// How long the chain and the functions behind it may take: their schedules come every minute.
const CHAIN: Duration = Duration::from_secs(90);
/// Log lines shown of each function where a step fails.
const LOG_LINES: usize = 12;

/// The functions behind each part of the flow, for the logs of a failure.
const RECORDING: [&str; 4] = ["payment-processor", "outbox", "oracle-submitter", "chain-poller"];
const SHIPPING: [&str; 4] = ["orders", "outbox", "oracle-submitter", "chain-poller"];

/// What every step needs.
struct Stage<'a> {
    stack: &'a Stack,
    timeline: &'a Timeline,
    /// The order's id, once there is one: log lines that name it are shown first.
    about: String,
}

impl Stage<'_> {
    /// Turns an error into the failure of `step`, with what `functions` logged.
    fn check<T, E: fmt::Display>(
        &self,
        step: &str,
        functions: &[&str],
        result: Result<T, E>,
    ) -> Result<T, DemoFailure> {
        result.map_err(|error| {
            let logs = functions
                .iter()
                .map(|function| ((*function).to_owned(), self.stack.log_lines(function, &self.about, LOG_LINES)));
            DemoFailure::new(step, &error, logs.collect())
        })
    }

    async fn sign_in(&self, api: &Api, role: &str, phone: &str) -> Result<(Session, Socket), DemoFailure> {
        let step = format!("signing in the {role}");
        let account = self.check(&step, &[], self.stack.account(role))?;
        let wallet = self.check(&step, &[], Wallet::from_uri(&account.secret_uri))?;
        let registration = Registration { role, phone, display_name: &format!("The demo's {role}") };
        let session = self.check(&step, &["auth"], Session::open(api, &wallet, registration).await)?;
        self.timeline.step(role, "signed in with the wallet", &json!({ "account": session.account() }));
        let (timeline, who) = (self.timeline.clone(), role.to_owned());
        let listener: Listener = Box::new(move |message| timeline.message(&who, message));
        let step = format!("opening the {role}'s WebSocket");
        let socket = self.check(&step, &["notifications", "realtime"], Socket::open(&session, listener).await)?;
        self.timeline.step(role, "WebSocket open", &json!({}));
        Ok((session, socket))
    }

    /// The phone that pays: a fresh number in the sandbox, where it has no history; a real one otherwise.
    fn buyer_phone(&self, sandbox: Option<&Sandbox>) -> Result<String, DemoFailure> {
        let step = "choosing the buyer's phone";
        match (sandbox, std::env::var("DESCROW_DEMO_PHONE")) {
            (_, Ok(phone)) => Ok(phone),
            (Some(_), Err(_)) => Ok(fresh_phone()),
            (None, Err(_)) => self.check(step, &[], Err("with a real Daraja, name a phone in DESCROW_DEMO_PHONE")),
        }
    }
}

/// A number that nobody used before.
pub(super) fn fresh_phone() -> String {
    format!("2547{:08}", Uuid::new_v4().as_u128() % 100_000_000)
}

/// Plays the order.
pub(super) async fn play(stack: &Stack, timeline: &Timeline) -> Result<Summary, DemoFailure> {
    let mut stage = Stage { stack, timeline, about: String::new() };
    let step = "connecting to the stack";
    let api = stage.check(step, &[], Api::new(&stack.api_url))?;
    let sandbox = stack.daraja_control_url.as_deref().map(Sandbox::new).transpose();
    let sandbox = stage.check(step, &[], sandbox)?;
    let phone = stage.buyer_phone(sandbox.as_ref())?;
    let seller_phone = fresh_phone();

    let (seller, seller_socket) = stage.sign_in(&api, "seller", &seller_phone).await?;
    let (buyer, buyer_socket) = stage.sign_in(&api, "buyer", &phone).await?;

    let image = stage.check("uploading the picture", &["products"], seller.upload_picture().await)?;
    timeline.step("seller", "picture pinned", &json!({ "cid": image }));
    let offer = Offer { title: "A demo bicycle", price_dot: "2.5", price_usd: "10.50", quantity: 1 };
    let product = stage.check("listing the product", &["products"], seller.offer(offer, &[image]).await)?;
    timeline.step("seller", "product listed", &json!({ "product": product, "priceDot": "2.5" }));

    let order = stage.check("ordering", &["orders"], buyer.order(&product, &phone).await)?;
    let id = text(&order, "/id").to_owned();
    stage.about.clone_from(&id);
    let amount_kes = order.get("amountKes").and_then(Value::as_u64).unwrap_or_default();
    let facts = json!({ "order": id, "amountDot": order.get("amountDot"), "amountUsd": order.get("amountUsd"), "amountKes": amount_kes });
    timeline.step("buyer", "order placed", &facts);

    let payment = stage.check("asking the phone to pay", &["orders"], buyer.pay_by_mpesa(&id).await)?;
    let facts =
        json!({ "payment": payment.get("id"), "status": payment.get("status"), "amountKes": payment.get("amountKes") });
    timeline.step("buyer", "STK push asked for", &facts);
    match &sandbox {
        Some(sandbox) => {
            let step = "the prompt on the phone";
            let prompt = stage.check(step, &["orders"], sandbox.wait_for_prompt(&phone, MPESA).await)?;
            timeline.step(
                "phone",
                "rings",
                &json!({ "amount": prompt.get("amount"), "reference": prompt.get("reference") }),
            );
            let answered = stage.check("entering the PIN", &[], sandbox.answer(&phone, "pay").await)?;
            timeline.step("phone", "PIN entered", &json!({ "result": text(&answered, "/outcome/description") }));
        }
        None => timeline.step("phone", "rings: enter the PIN", &json!({})),
    }
    let step = "M-Pesa's callback and its confirmation";
    let functions = ["mpesa-webhook", "payment-processor", "notifier"];
    let paid = stage.check(step, &functions, buyer_socket.wait_for_payment(&id, "succeeded", MPESA).await)?;
    timeline.step(
        "M-Pesa",
        "callback confirmed by query",
        &json!({ "payment": paid.get("id"), "receipt": paid.get("receipt") }),
    );

    let step = "recording the payment on the chain";
    let funded = stage.check(step, &RECORDING, buyer_socket.wait_for_status(&id, "funded", CHAIN).await)?;
    let (extrinsic, block) = on_chain(&stage, &funded, "funded")?;

    stage.check("shipping", &["orders"], seller.ship(&id).await)?;
    timeline.step("seller", "ships", &json!({ "carrier": "G4S" }));
    let shipped = seller_socket.wait_for_status(&id, "shipped", CHAIN).await;
    let shipped = stage.check("recording the shipment on the chain", &SHIPPING, shipped)?;
    on_chain(&stage, &shipped, "shipped")?;

    stage.check("confirming delivery", &["orders"], buyer.confirm(&id).await)?;
    timeline.step("buyer", "confirms delivery", &json!({}));
    let delivered = buyer_socket.wait_for_status(&id, "delivered", CHAIN).await;
    let delivered = stage.check("recording the delivery on the chain", &SHIPPING, delivered)?;
    on_chain(&stage, &delivered, "delivered")?;

    let functions = ["outbox", "payout-sender", "mpesa-webhook", "payment-processor"];
    let payout = seller_socket.wait_for_payment(&id, "succeeded", MPESA).await;
    let payout = stage.check("paying the seller out", &functions, payout)?;
    let facts =
        json!({ "payout": payout.get("id"), "amountKes": payout.get("amountKes"), "receipt": payout.get("receipt") });
    timeline.step("M-Pesa", "B2C paid the seller", &facts);
    let completed = seller_socket.wait_for_status(&id, "completed", MPESA).await;
    stage.check("completing the order", &functions, completed)?;
    timeline.step("escrow", "completed", &json!({ "order": id }));

    let got = payout.get("amountKes").and_then(Value::as_u64);
    if got != Some(amount_kes) {
        let reason = format!("the buyer paid KES {amount_kes} and the seller got {got:?}");
        return stage.check("counting the money", &functions, Err(reason));
    }
    Ok(Summary { order: id, amount_kes, extrinsic, block, messages: timeline.messages(), took: timeline.elapsed() })
}

/// The extrinsic and the block that made the order reach `status`, from its history.
fn on_chain(stage: &Stage<'_>, order: &Value, status: &str) -> Result<(String, u64), DemoFailure> {
    let history = order.get("history").and_then(Value::as_array).into_iter().flatten();
    let line = history.rev().find(|line| text(line, "/status") == status);
    let found = line.and_then(|line| Some((line.get("extrinsic")?.as_str()?.to_owned(), line.get("block")?.as_u64()?)));
    let step = format!("reading where {status} was recorded");
    let missing = "the order's history names no extrinsic and block";
    let (extrinsic, block) = stage.check(&step, &["chain-poller"], found.ok_or(missing))?;
    stage.timeline.step("chain", &format!("{status} is final"), &json!({ "block": block, "extrinsic": extrinsic }));
    Ok((extrinsic, block))
}
