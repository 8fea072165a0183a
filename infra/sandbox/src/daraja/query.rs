//! STK query (DARAJA.md §4).

use serde_json::{Value, json};

use super::{answer::Refusal, fields::Fields, push::merchant};
use crate::{Behaviour, Operation, behaviour::Stage, journal::now, world::Shared};

pub(crate) fn query(shared: &Shared, fields: &Fields) -> Result<Value, Refusal> {
    merchant(fields)?;
    let id = fields.given("CheckoutRequestID")?;
    let mut world = shared.world();
    let missing = || Refusal::overloaded_code("The transaction does not Exist");
    let prompt = world.prompts.iter().find(|p| p.checkout_request_id == id).cloned().ok_or_else(missing)?;
    let phone = Some(prompt.phone.as_str());
    if let Some(Behaviour::QueryBlind { ms }) = world.rules.peek(Stage::Query, Operation::StkQuery, phone) {
        let blind = i64::try_from(*ms).unwrap_or(i64::MAX);
        if now() - prompt.at < blind {
            return Err(missing());
        }
        world.rules.take(Stage::Query, Operation::StkQuery, phone);
    }
    let scripted = match world.rules.take(Stage::Query, Operation::StkQuery, phone) {
        Some(Behaviour::QueryCode { code }) => Some((code, "Scripted".to_owned())),
        _ => None,
    };
    let pending = || ("4999".to_owned(), "The transaction is still under processing".to_owned());
    let truth = prompt.outcome.as_ref().map(|outcome| {
        // For one payment the callback and the query use different words (DARAJA.md §4).
        let words = if outcome.code == "1037" { "DS timeout user cannot be reached." } else { &outcome.description };
        (outcome.code.clone(), words.to_owned())
    });
    let (code, description) = scripted.or(truth).unwrap_or_else(pending);
    Ok(json!({
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successsfully",
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": id,
        "ResultCode": code,
        "ResultDesc": description,
    }))
}
