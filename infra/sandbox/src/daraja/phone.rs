//! The customer's phone: what an answer to a prompt does.

use std::sync::Arc;

use super::{Answer, Outcome, Prompt, SHORTCODE, callback};
use crate::{
    journal::now,
    ledger::Unmoved,
    world::{Shared, World},
};

/// Answers an open prompt and sends its callback. `None` when there is no such open prompt.
pub(crate) fn answer_prompt(shared: &Arc<Shared>, checkout_request_id: &str, answer: Answer) -> Option<Prompt> {
    let settled = settle(&mut shared.world(), checkout_request_id, answer)?;
    callback::spawn_stk(shared, settled.clone());
    Some(settled)
}

/// Settles an open prompt: moves the money, or does not.
pub(crate) fn settle(world: &mut World, checkout_request_id: &str, answer: Answer) -> Option<Prompt> {
    let open = |p: &Prompt| p.checkout_request_id == checkout_request_id && p.outcome.is_none();
    let (phone, amount) = world.prompts.iter().find(|p| open(p)).map(|p| (p.phone.clone(), p.amount))?;
    let (code, description) = match answer {
        Answer::Pay => match world.ledger.transfer(&phone, SHORTCODE, amount) {
            Ok(()) => ("0", "The service request is processed successfully."),
            Err(Unmoved::NoFunds) => NO_FUNDS,
            Err(Unmoved::Ceiling) => ("8", "The balance would rise above the allowed maximum."),
        },
        Answer::NoMoney => NO_FUNDS,
        Answer::WrongPin => ("2001", "The initiator information is invalid."),
        Answer::Cancel => ("1032", "Request cancelled by user"),
        Answer::Ignore => ("1037", "No response from user."),
    };
    let receipt = (code == "0").then(|| world.receipt());
    let prompt = world.prompts.iter_mut().find(|p| open(p))?;
    prompt.outcome = Some(Outcome { code: code.into(), description: description.into(), receipt, at: now() });
    Some(prompt.clone())
}

const NO_FUNDS: (&str, &str) = ("1", "The balance is insufficient for the transaction.");
