//! `phone`: the customer's handset, by the sandbox's control API.

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::{cli::Phone, layout::Layout, stack::Stack};

/// A prompt on a handset's screen.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prompt {
    checkout_request_id: String,
    phone: String,
    amount: u64,
    outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Deserialize)]
struct Outcome {
    code: String,
    description: String,
    receipt: Option<String>,
}

#[derive(Deserialize)]
struct Prompts {
    prompts: Vec<Prompt>,
}

/// Shows the open prompts, or answers one.
pub(crate) fn run(layout: &Layout, action: &Phone) -> anyhow::Result<()> {
    let stack = Stack::read(layout)?.context("the stack is not up: `cargo xtask up`")?;
    let control = stack.daraja_control_url.context("with a real Daraja the phone is a real one")?;
    let asked = ureq::get(format!("{control}/prompts?open=true")).call();
    let open: Prompts =
        asked.context("the sandbox does not answer; see `cargo xtask status`")?.into_body().read_json()?;
    let (id, answer) = match action {
        Phone::List => {
            for prompt in &open.prompts {
                println!("{}", shown(prompt));
            }
            if open.prompts.is_empty() {
                println!("No prompt waits for an answer.");
            }
            return Ok(());
        }
        Phone::Answer { id, wrong_pin: true, .. } => (id, "wrong_pin"),
        Phone::Answer { id, no_money: true, .. } => (id, "no_money"),
        Phone::Answer { id, .. } => (id, "pay"),
        Phone::Cancel { id } => (id, "cancel"),
        Phone::Ignore { id } => (id, "ignore"),
    };
    let prompt = choose(&open.prompts, id.as_deref())?;
    let url = format!("{control}/prompts/{}/answer", prompt.checkout_request_id);
    let answered: Prompt = ureq::post(url).send_json(json!({ "answer": answer }))?.into_body().read_json()?;
    println!("{}", shown(&answered));
    Ok(())
}

/// The prompt with this id or on this phone; the newest without one.
fn choose<'a>(open: &'a [Prompt], id: Option<&str>) -> anyhow::Result<&'a Prompt> {
    ensure!(!open.is_empty(), "no prompt waits for an answer");
    let fits = |prompt: &&Prompt| id.is_none_or(|id| prompt.checkout_request_id == id || prompt.phone == id);
    match open.iter().rev().find(fits) {
        Some(prompt) => Ok(prompt),
        None => bail!("no such prompt waits for an answer; `cargo xtask phone list` shows them"),
    }
}

fn shown(prompt: &Prompt) -> String {
    let Prompt { checkout_request_id, phone, amount, outcome } = prompt;
    let state = match outcome {
        None => "waits".to_owned(),
        Some(Outcome { code, description, receipt: None }) => format!("{code}: {description}"),
        Some(Outcome { receipt: Some(receipt), .. }) => format!("paid, receipt {receipt}"),
    };
    format!("{checkout_request_id}  {phone}  KES {amount}  {state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(id: &str, phone: &str) -> Prompt {
        Prompt { checkout_request_id: id.into(), phone: phone.into(), amount: 5, outcome: None }
    }

    #[test]
    fn a_prompt_is_found_by_id_or_phone_and_the_newest_without_either() {
        let open = [prompt("ws_1", "254700000001"), prompt("ws_2", "254700000002")];
        let chosen = |id| choose(&open, id).ok().map(|prompt| prompt.checkout_request_id.as_str());
        assert_eq!(chosen(None), Some("ws_2"));
        assert_eq!(chosen(Some("ws_1")), Some("ws_1"));
        assert_eq!(chosen(Some("254700000001")), Some("ws_1"));
        assert_eq!(chosen(Some("ws_3")), None);
        assert!(choose(&[], None).is_err());
    }

    #[test]
    fn a_prompt_is_shown_with_what_became_of_it() {
        let mut paid = prompt("ws_1", "254700000001");
        assert_eq!(shown(&paid), "ws_1  254700000001  KES 5  waits");
        paid.outcome = Some(Outcome { code: "0".into(), description: "ok".into(), receipt: Some("TKM1".into()) });
        assert_eq!(shown(&paid), "ws_1  254700000001  KES 5  paid, receipt TKM1");
        paid.outcome = Some(Outcome { code: "1032".into(), description: "cancelled".into(), receipt: None });
        assert_eq!(shown(&paid), "ws_1  254700000001  KES 5  1032: cancelled");
    }
}
