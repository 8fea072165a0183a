//! Transaction status (DARAJA.md §6.1): acknowledged now, answered at `ResultURL`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    PAYOUT_SHORTCODE, SHORTCODE,
    answer::Refusal,
    callback::{self, StatusReport},
    fields::Fields,
    payout::{conversation_id, ended, initiator},
};
use crate::{journal::now, world::Shared};

pub(crate) fn ask(shared: &Arc<Shared>, fields: &Fields) -> Result<Value, Refusal> {
    fields.given("Initiator")?;
    fields.given("SecurityCredential")?;
    fields.one_of("CommandID", &["TransactionStatusQuery"])?;
    let shortcode = fields.shortcode("PartyA")?;
    fields.one_of("IdentifierType", &["4"])?;
    fields.words("Remarks", "Remarks", 2, 100)?;
    let (report, acknowledgement) = {
        let mut world = shared.world();
        let result_url = fields.url("ResultURL", &world.settings)?;
        let timeout_url = fields.url("QueueTimeOutURL", &world.settings)?;
        if ![SHORTCODE, PAYOUT_SHORTCODE].contains(&shortcode.as_str()) {
            return Err(Refusal::overloaded_code("Merchant does not exist"));
        }
        let conversation = conversation_id(&mut world, now());
        let originator: String = world.random_hex().chars().take(20).collect();
        let acknowledgement = json!({
            "OriginatorConversationID": originator,
            "ConversationID": conversation,
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        });
        let (original, receipt) = (fields.text("OriginalConversationID"), fields.text("TransactionID"));
        let subject = world.payouts.iter().find(|p| {
            let by_receipt = receipt.is_some() && p.outcome.as_ref().is_some_and(|o| o.receipt == receipt);
            Some(&p.originator) == original.as_ref() || by_receipt
        });
        let subject = subject.cloned();
        let paid = world
            .prompts
            .iter()
            .find(|p| receipt.is_some() && p.outcome.as_ref().is_some_and(|o| o.receipt == receipt));
        let paid = paid.cloned();
        let outcome = initiator(&mut world, fields, "Initiator").unwrap_or_else(|| {
            if original.is_none() && receipt.is_none() {
                ended("25", "A mandatory parameter is missing", None)
            } else if subject.is_none() && paid.is_none() {
                // Which code Safaricom sends for an unknown transaction is not documented.
                ended("R000002", "The OriginalTransactionID is invalid.", None)
            } else {
                ended("0", "The service request is processed successfully.", None)
            }
        });
        (
            StatusReport { originator, conversation, result_url, timeout_url, outcome, payout: subject, prompt: paid },
            acknowledgement,
        )
    };
    callback::spawn_status(shared, report);
    Ok(acknowledgement)
}
