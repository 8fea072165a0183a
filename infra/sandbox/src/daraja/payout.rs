//! B2C v3 (DARAJA.md §5).

use std::sync::Arc;

use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::{
    INITIATOR, Outcome, PAYOUT_SHORTCODE, Payout, SECURITY_CREDENTIAL, answer::Refusal, callback, fields::Fields,
};
use crate::{
    Behaviour, DuplicateStyle, Operation,
    behaviour::Stage,
    journal::now,
    ledger::Unmoved,
    world::{Shared, World},
};

const OPERATION: Operation = Operation::B2c;
/// After so many wrong credentials the API user is locked.
const CREDENTIAL_TRIES: u32 = 3;

pub(crate) fn pay(shared: &Arc<Shared>, fields: &Fields) -> Result<Value, Refusal> {
    let payout = {
        let mut world = shared.world();
        let mut payout = request(&mut world, fields)?;
        if world.payouts.iter().any(|p| p.originator == payout.originator) {
            let style = match world.rules.take(Stage::Duplicate, OPERATION, Some(&payout.phone)) {
                Some(Behaviour::DuplicateAs { style }) => style,
                _ => world.settings.duplicate_style,
            };
            if let Some(answer) = duplicate(style, &payout)? {
                return Ok(answer);
            }
            payout.outcome = Some(ended("15", "Duplicate Detected", None));
        } else {
            payout.outcome = Some(decide(&mut world, fields, &payout));
            world.payouts.push(payout.clone());
        }
        payout
    };
    let answer = acknowledgement(&payout, "0", "Accept the service request successfully.");
    callback::spawn_payout(shared, payout);
    Ok(answer)
}

/// How a duplicate is answered; `None` when it is refused by a result only.
fn duplicate(style: DuplicateStyle, payout: &Payout) -> Result<Option<Value>, Refusal> {
    const MESSAGE: &str = "Duplicate OriginatorConversationID.";
    match style {
        DuplicateStyle::Error => Err(Refusal::new(500, "500.002.1001", MESSAGE)),
        DuplicateStyle::ResponseCode => Ok(Some(acknowledgement(payout, "1", MESSAGE))),
        DuplicateStyle::Result => Ok(None),
    }
}

fn acknowledgement(payout: &Payout, code: &str, description: &str) -> Value {
    json!({
        "ConversationID": payout.conversation_id,
        "OriginatorConversationID": payout.originator,
        "ResponseCode": code,
        "ResponseDescription": description,
    })
}

/// Checks the request as the portal would.
fn request(world: &mut World, fields: &Fields) -> Result<Payout, Refusal> {
    let originator = fields.words("OriginatorConversationID", "OriginatorConversationID", 1, 64)?;
    fields.given("InitiatorName")?;
    fields.given("SecurityCredential")?;
    fields.one_of("CommandID", &["BusinessPayment", "SalaryPayment", "PromotionPayment"])?;
    let amount = fields.amount("Amount", 10)?;
    let shortcode = fields.shortcode("PartyA")?;
    let phone = fields.msisdn("PartyB")?;
    fields.words("Remarks", "Remarks", 2, 100)?;
    let timeout_url = fields.url("QueueTimeOutURL", &world.settings)?;
    let result_url = fields.url("ResultURL", &world.settings)?;
    if shortcode != PAYOUT_SHORTCODE {
        return Err(Refusal::overloaded_code("Merchant does not exist"));
    }
    let (wallet, at) = (world.settings.wallet, now());
    world.ledger.open(&phone, wallet);
    let conversation_id = conversation_id(world, at);
    Ok(Payout { originator, conversation_id, phone, amount, result_url, timeout_url, at, outcome: None })
}

/// `AG_<yyyyMMdd>_<hex>`
pub(crate) fn conversation_id(world: &mut World, at: i64) -> String {
    let day = OffsetDateTime::from_unix_timestamp(at / 1000)
        .ok()
        .and_then(|t| t.format(format_description!("[year][month][day]")).ok())
        .unwrap_or_default();
    let hex = world.random_hex();
    format!("AG_{day}_{}", hex.get(..20).unwrap_or_default())
}

/// What M-Pesa makes of the payout, moving the money if it does.
fn decide(world: &mut World, fields: &Fields, payout: &Payout) -> Outcome {
    if let Some(outcome) = initiator(world, fields, "InitiatorName") {
        return outcome;
    }
    let scripted = match world.rules.take(Stage::Payout, OPERATION, Some(&payout.phone)) {
        Some(Behaviour::PayoutCode { code }) if code != "0" => Some(code),
        _ => None,
    };
    if let Some(code) = scripted {
        return ended(&code, "Scripted", None);
    }
    match world.ledger.transfer(PAYOUT_SHORTCODE, &payout.phone, payout.amount) {
        Ok(()) => {
            let receipt = world.receipt();
            ended("0", "The service request is processed successfully.", Some(receipt))
        }
        Err(Unmoved::NoFunds) => ended("1", "The balance is insufficient for the transaction.", None),
        Err(Unmoved::Ceiling) => ended("8", "The balance would rise above the allowed maximum.", None),
    }
}

/// What is wrong with the initiator, if anything. Three wrong credentials lock it.
pub(crate) fn initiator(world: &mut World, fields: &Fields, name: &str) -> Option<Outcome> {
    if world.bad_credentials >= CREDENTIAL_TRIES {
        return Some(ended("8006", "The security credential is locked.", None));
    }
    if fields.text(name).as_deref() != Some(INITIATOR) {
        return Some(ended("20", "Unresolved Initiator", None));
    }
    if fields.text("SecurityCredential").as_deref() != Some(SECURITY_CREDENTIAL) {
        world.bad_credentials += 1;
        return Some(ended("2001", "The initiator information is invalid.", None));
    }
    None
}

pub(crate) fn ended(code: &str, description: &str, receipt: Option<String>) -> Outcome {
    Outcome { code: code.into(), description: description.into(), receipt, at: now() }
}
