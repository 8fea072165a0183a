//! STK push: a prompt on a phone (DARAJA.md §3).

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use time::{
    OffsetDateTime,
    macros::{format_description, offset},
};

use super::{
    Answer, Outcome, PASSKEY, Prompt, SHORTCODE,
    answer::Refusal,
    callback,
    fields::Fields,
    phone::{answer_prompt, settle},
};
use crate::{
    Operation,
    behaviour::Stage,
    journal::now,
    world::{Shared, World},
};

pub(crate) async fn push(shared: &Arc<Shared>, fields: &Fields) -> Result<Value, Refusal> {
    let (prompt, first) = {
        let mut world = shared.world();
        let prompt = prompt(&mut world, fields)?;
        let first = prompt.outcome.is_none()
            && world.rules.take(Stage::Push, Operation::StkPush, Some(&prompt.phone)).is_some();
        world.prompts.push(prompt.clone());
        (prompt, first)
    };
    let id = prompt.checkout_request_id.clone();
    if first {
        let paid = settle(&mut shared.world(), &id, Answer::Pay);
        if let Some(paid) = paid {
            callback::stk(shared, &paid, true).await;
        }
    } else if prompt.outcome.is_some() {
        callback::spawn_stk(shared, prompt.clone());
    } else {
        ring(shared, &prompt);
    }
    Ok(json!({
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": id,
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }))
}

/// Checks the request as the portal would, and makes the prompt; one that M-Pesa itself refuses is settled at once.
fn prompt(world: &mut World, fields: &Fields) -> Result<Prompt, Refusal> {
    merchant(fields)?;
    let kind = fields.one_of("TransactionType", &["CustomerPayBillOnline", "CustomerBuyGoodsOnline"])?;
    let amount = fields.amount("Amount", 1)?;
    let payer = fields.msisdn("PartyA")?;
    let receiver = fields.shortcode("PartyB")?;
    let phone = fields.msisdn("PhoneNumber")?;
    let callback_url = fields.url("CallBackURL", &world.settings)?;
    let reference = fields.words("AccountReference", "AccountReference", 1, 12)?;
    // The portal calls it Remarks when it is missing.
    let description = fields.words("TransactionDesc", "Remarks", 1, 13)?;
    let wallet = world.settings.wallet;
    world.ledger.open(&payer, wallet);

    if world.prompts.iter().any(|p| p.phone == phone && p.outcome.is_none()) {
        let busy = "Unable to lock subscriber, a transaction is already in process for the current subscriber";
        return Err(Refusal::overloaded_code(busy));
    }
    let at = now();
    let window = i64::try_from(world.settings.repeat_window_ms).unwrap_or(i64::MAX);
    let repeated = world.prompts.iter().any(|p| p.phone == phone && p.amount == amount && at - p.at < window);
    let settled = |code: &str, description: &str| {
        Some(Outcome { code: code.into(), description: description.into(), receipt: None, at })
    };
    let outcome = if kind != "CustomerPayBillOnline" || receiver != SHORTCODE {
        settled("2028", "The request is not permitted according to product assignment.")
    } else if repeated {
        settled("17", "Rule limited.")
    } else {
        None
    };
    let number = world.next();
    let hex = world.random_hex();
    Ok(Prompt {
        checkout_request_id: format!("ws_CO_{}{:03}{}", nairobi(at), number % 1000, phone.get(3..).unwrap_or_default()),
        merchant_request_id: [hex.get(..4), hex.get(4..8), hex.get(8..28)].map(Option::unwrap_or_default).join("-"),
        phone,
        amount,
        reference,
        description,
        callback_url,
        at,
        outcome,
    })
}

/// Shortcode, timestamp and password belong together.
pub(crate) fn merchant(fields: &Fields) -> Result<(), Refusal> {
    let shortcode = fields.shortcode("BusinessShortCode")?;
    let timestamp = fields.timestamp("Timestamp")?;
    let password = fields.given("Password")?;
    if shortcode != SHORTCODE {
        return Err(Refusal::overloaded_code("Merchant does not exist"));
    }
    if password != STANDARD.encode(format!("{SHORTCODE}{PASSKEY}{timestamp}")) {
        return Err(Refusal::overloaded_code("Wrong credentials"));
    }
    Ok(())
}

/// The phone rings: its policy answers, or the prompt expires.
fn ring(shared: &Arc<Shared>, prompt: &Prompt) {
    let (policy, expiry, epoch) = {
        let world = shared.world();
        (world.policy(&prompt.phone), world.settings.prompt_timeout_ms, world.epoch)
    };
    let (answer, after) = match policy.answer {
        Some(answer) if answer != Answer::Ignore && policy.after_ms < expiry => (answer, policy.after_ms),
        _ => (Answer::Ignore, expiry),
    };
    let (shared, id) = (Arc::clone(shared), prompt.checkout_request_id.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(after)).await;
        if shared.world().epoch == epoch {
            // Somebody may have answered meanwhile, which is as good.
            let _answered = answer_prompt(&shared, &id, answer);
        }
    });
}

/// `ddMMyyyyHHmmss` in Nairobi.
fn nairobi(at: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at / 1000)
        .ok()
        .and_then(|t| {
            t.to_offset(offset!(+3)).format(format_description!("[day][month][year][hour][minute][second]")).ok()
        })
        .unwrap_or_default()
}
