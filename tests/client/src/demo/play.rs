//! The steps of the demo.

use std::{fmt, time::Duration};

use descrow_domain::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{DemoFailure, Summary, Timeline, logs};
use crate::{
    api::Api,
    market::Offer,
    phone::Sandbox,
    session::{Registration, Session},
    socket::{Listener, Socket, text},
    stack::Stack,
    wallet::Wallet,
};

/// How long the simulated M-Pesa and the functions behind it may take.
const SIMULATED_MPESA: Duration = Duration::from_secs(60);
/// The real one cannot call back to this machine: somebody enters a PIN, and then the reconciler asks what became of it.
const REAL_MPESA: Duration = Duration::from_secs(240);
/// How long the chain and the functions behind it may take: their schedules come every minute.
const CHAIN: Duration = Duration::from_secs(90);
/// Log lines shown of each function where a step fails.
const LOG_LINES: usize = 12;

/// How long the functions' logs take to reach their files.
const LOGS_FOLLOW: Duration = Duration::from_secs(2);

/// The functions behind each part of the flow, for the logs of a failure.
const RECORDING: [&str; 4] = ["payment-processor", "outbox", "oracle-submitter", "chain-poller"];
const SHIPPING: [&str; 4] = ["orders", "outbox", "oracle-submitter", "chain-poller"];

/// What every step needs.
struct Stage<'a> {
    stack: &'a Stack,
    timeline: &'a Timeline,
    begun: Timestamp,
    /// The order's id, once there is one: log lines that name it are shown.
    about: String,
    /// How long M-Pesa and the functions behind it may take.
    mpesa: Duration,
}

/// A step that did not succeed, and the functions that may have logged why.
struct Trouble {
    step: String,
    reason: String,
    functions: Vec<String>,
}

/// Turns an error into the trouble of `step`, in which `functions` had a part.
fn check<T, E: fmt::Display>(step: &str, functions: &[&str], result: Result<T, E>) -> Result<T, Trouble> {
    result.map_err(|error| Trouble {
        step: step.to_owned(),
        reason: error.to_string(),
        functions: functions.iter().map(|function| (*function).to_owned()).collect(),
    })
}

impl Stage<'_> {
    /// The trouble with what the functions logged.
    async fn explain(&self, trouble: Trouble) -> DemoFailure {
        tokio::time::sleep(LOGS_FOLLOW).await;
        let since = self.begun.rfc3339();
        let logs = trouble.functions.into_iter().map(|function| {
            let lines = logs::concerning(&self.stack.logs, &function, &self.about, &since, LOG_LINES);
            (function, lines)
        });
        DemoFailure::new(&trouble.step, &trouble.reason, logs.collect())
    }

    /// Waits for a payment to succeed; one that ends otherwise is not waited for any longer.
    async fn money(&self, step: &str, functions: &[&str], who: &Socket) -> Result<Value, Trouble> {
        let payment = check(step, functions, who.wait_for_end_of_payment(&self.about, self.mpesa).await)?;
        let (status, reason) = (text(&payment, "/status"), text(&payment, "/reason"));
        let reason = if reason.is_empty() { "no reason was given" } else { reason };
        let succeeded = (status == "succeeded").then_some(()).ok_or_else(|| format!("it ended as {status}: {reason}"));
        check(step, functions, succeeded)?;
        Ok(payment)
    }

    /// The buyer's phone is asked to pay, and does, by hand or by itself.
    async fn ring(&self, sandbox: &Sandbox, phone: &str) -> Result<(), Trouble> {
        let step = "the prompt on the phone";
        let prompt = check(step, &["orders"], sandbox.wait_for_push(phone, self.mpesa).await)?;
        let facts = json!({ "amount": prompt.get("amount"), "reference": prompt.get("reference") });
        self.timeline.step("phone", "rings", &facts);
        let answered = match prompt.get("outcome") {
            None | Some(Value::Null) => sandbox.answer(phone, "pay").await,
            Some(_) => Ok(prompt),
        };
        let answered = check("entering the PIN", &[], answered)?;
        let (code, result) = (text(&answered, "/outcome/code"), text(&answered, "/outcome/description"));
        let what = if code == "0" { "PIN entered" } else { "does not pay" };
        self.timeline.step("phone", what, &json!({ "result": result }));
        Ok(())
    }

    async fn sign_in(&self, api: &Api, role: &str, phone: &str) -> Result<(Session, Socket), Trouble> {
        let step = format!("signing in the {role}");
        let account = check(&step, &[], self.stack.account(role))?;
        let wallet = check(&step, &[], Wallet::from_uri(&account.secret_uri))?;
        let registration = Registration { role, phone, display_name: &format!("The demo's {role}") };
        let session = check(&step, &["auth"], Session::open(api, &wallet, registration).await)?;
        self.timeline.step(role, "signed in with the wallet", &json!({ "account": session.account() }));
        let (timeline, who) = (self.timeline.clone(), role.to_owned());
        let listener: Listener = Box::new(move |message| timeline.message(&who, message));
        let step = format!("opening the {role}'s WebSocket");
        let socket = check(&step, &["notifications", "realtime"], Socket::open(&session, listener).await)?;
        self.timeline.step(role, "WebSocket open", &json!({}));
        Ok((session, socket))
    }
}

/// The phones of buyer and seller: fresh numbers in the sandbox, where they have no history; real ones otherwise, and
/// then never a number that could be a stranger's.
fn phones(sandbox: Option<&Sandbox>) -> Result<(String, String), Trouble> {
    let named = |variable| std::env::var(variable).ok();
    let (buyer, seller) = (named("DESCROW_DEMO_PHONE"), named("DESCROW_DEMO_SELLER_PHONE"));
    if sandbox.is_some() {
        return Ok((buyer.unwrap_or_else(fresh_phone), seller.unwrap_or_else(fresh_phone)));
    }
    let missing = "with a real Daraja, name the phone that pays in DESCROW_DEMO_PHONE";
    let buyer = check("choosing the phones", &[], buyer.ok_or(missing))?;
    let seller = seller.unwrap_or_else(|| buyer.clone());
    Ok((buyer, seller))
}

/// A number that nobody used before.
pub(super) fn fresh_phone() -> String {
    format!("2547{:08}", Uuid::new_v4().as_u128() % 100_000_000)
}

/// Plays the order.
pub(super) async fn play(stack: &Stack, timeline: &Timeline) -> Result<Summary, DemoFailure> {
    let mpesa = if stack.daraja_control_url.is_some() { SIMULATED_MPESA } else { REAL_MPESA };
    let mut stage = Stage { stack, timeline, begun: Timestamp::now(), about: String::new(), mpesa };
    match steps(&mut stage).await {
        Ok(summary) => Ok(summary),
        Err(trouble) => Err(stage.explain(trouble).await),
    }
}

async fn steps(stage: &mut Stage<'_>) -> Result<Summary, Trouble> {
    let (stack, timeline) = (stage.stack, stage.timeline);
    let step = "connecting to the stack";
    let api = check(step, &[], Api::new(&stack.api_url))?;
    let sandbox = stack.daraja_control_url.as_deref().map(Sandbox::new).transpose();
    let sandbox = check(step, &[], sandbox)?;
    let (phone, seller_phone) = phones(sandbox.as_ref())?;

    let (seller, seller_socket) = stage.sign_in(&api, "seller", &seller_phone).await?;
    let (buyer, buyer_socket) = stage.sign_in(&api, "buyer", &phone).await?;

    let image = check("uploading the picture", &["products"], seller.upload_picture().await)?;
    timeline.step("seller", "picture pinned", &json!({ "cid": image }));
    let offer = Offer { title: "A demo bicycle", price_dot: "2.5", price_usd: "10.50", quantity: 1 };
    let product = check("listing the product", &["products"], seller.offer(offer, &[image]).await)?;
    timeline.step("seller", "product listed", &json!({ "product": product, "priceDot": "2.5" }));

    let order = check("ordering", &["orders"], buyer.order(&product, &phone).await)?;
    let id = text(&order, "/id").to_owned();
    stage.about.clone_from(&id);
    let amount_kes = order.get("amountKes").and_then(Value::as_u64).unwrap_or_default();
    let facts = json!({ "order": id, "amountDot": order.get("amountDot"), "amountUsd": order.get("amountUsd"), "amountKes": amount_kes });
    timeline.step("buyer", "order placed", &facts);

    let payment = check("asking the phone to pay", &["orders"], buyer.pay_by_mpesa(&id).await)?;
    let facts =
        json!({ "payment": payment.get("id"), "status": payment.get("status"), "amountKes": payment.get("amountKes") });
    timeline.step("buyer", "STK push asked for", &facts);
    match &sandbox {
        Some(sandbox) => stage.ring(sandbox, &phone).await?,
        None => timeline.step("phone", "rings: enter the PIN", &json!({})),
    }
    let step = "M-Pesa's callback and its confirmation";
    let functions = ["mpesa-webhook", "payment-processor", "notifier"];
    let paid = stage.money(step, &functions, &buyer_socket).await?;
    timeline.step(
        "M-Pesa",
        "callback confirmed by query",
        &json!({ "payment": paid.get("id"), "receipt": paid.get("receipt") }),
    );

    let step = "recording the payment on the chain";
    let funded = check(step, &RECORDING, buyer_socket.wait_for_status(&id, "funded", CHAIN).await)?;
    let (extrinsic, block) = on_chain(stage, &funded, "funded")?;

    check("shipping", &["orders"], seller.ship(&id).await)?;
    timeline.step("seller", "ships", &json!({ "carrier": "G4S" }));
    let shipped = seller_socket.wait_for_status(&id, "shipped", CHAIN).await;
    let shipped = check("recording the shipment on the chain", &SHIPPING, shipped)?;
    on_chain(stage, &shipped, "shipped")?;

    check("confirming delivery", &["orders"], buyer.confirm(&id).await)?;
    timeline.step("buyer", "confirms delivery", &json!({}));
    let delivered = buyer_socket.wait_for_status(&id, "delivered", CHAIN).await;
    let delivered = check("recording the delivery on the chain", &SHIPPING, delivered)?;
    on_chain(stage, &delivered, "delivered")?;

    let functions = ["outbox", "payout-sender", "mpesa-webhook", "payment-processor"];
    let payout = stage.money("paying the seller out", &functions, &seller_socket).await?;
    let facts =
        json!({ "payout": payout.get("id"), "amountKes": payout.get("amountKes"), "receipt": payout.get("receipt") });
    timeline.step("M-Pesa", "B2C paid the seller", &facts);
    let completed = seller_socket.wait_for_status(&id, "completed", stage.mpesa).await;
    check("completing the order", &functions, completed)?;
    timeline.step("escrow", "completed", &json!({ "order": id }));

    let got = payout.get("amountKes").and_then(Value::as_u64);
    if got != Some(amount_kes) {
        let reason = format!("the buyer paid KES {amount_kes} and the seller got {got:?}");
        return check("counting the money", &functions, Err(reason));
    }
    Ok(Summary { order: id, amount_kes, extrinsic, block, messages: timeline.messages(), took: timeline.elapsed() })
}

/// The extrinsic and the block that made the order reach `status`, from its history.
fn on_chain(stage: &Stage<'_>, order: &Value, status: &str) -> Result<(String, u64), Trouble> {
    let history = order.get("history").and_then(Value::as_array).into_iter().flatten();
    let line = history.rev().find(|line| text(line, "/status") == status);
    let found = line.and_then(|line| Some((line.get("extrinsic")?.as_str()?.to_owned(), line.get("block")?.as_u64()?)));
    let step = format!("reading where {status} was recorded");
    let missing = "the order's history names no extrinsic and block";
    let (extrinsic, block) = check(&step, &["chain-poller"], found.ok_or(missing))?;
    stage.timeline.step("chain", &format!("{status} is final"), &json!({ "block": block, "extrinsic": extrinsic }));
    Ok((extrinsic, block))
}
