//! Callbacks and results: delivered once, whatever the receiver answers (DARAJA.md §9), unless a rule says otherwise.

mod body;

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{Outcome, Payout, Prompt, SHORTCODE};
use crate::{
    Behaviour, Operation,
    behaviour::Stage,
    journal::{Callback, now},
    world::Shared,
};

/// The result of a status query, about a payout or a collection.
pub(crate) struct StatusReport {
    pub(crate) originator: String,
    pub(crate) conversation: String,
    pub(crate) result_url: String,
    pub(crate) timeout_url: String,
    pub(crate) outcome: Outcome,
    pub(crate) payout: Option<Payout>,
    pub(crate) prompt: Option<Prompt>,
}

/// Sends the callback of a settled prompt after the usual delay.
pub(crate) fn spawn_stk(shared: &Arc<Shared>, prompt: Prompt) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move { stk(&shared, &prompt, false).await });
}

/// Sends the callback of a settled prompt, `at_once` or after the usual delay.
pub(crate) async fn stk(shared: &Arc<Shared>, prompt: &Prompt, at_once: bool) {
    let behaviours = shared.world().rules.take_all(Stage::Callback, Operation::StkPush, Some(&prompt.phone));
    let body = body::stk(prompt, &behaviours);
    let mail = Mail { operation: Operation::StkPush, url: &prompt.callback_url, body, notice: None };
    deliver(shared, mail, &behaviours, at_once).await;
}

/// Sends the result of a payout.
pub(crate) fn spawn_payout(shared: &Arc<Shared>, payout: Payout) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let behaviours = shared.world().rules.take_all(Stage::Callback, Operation::B2c, Some(&payout.phone));
        let notice = Some((payout.timeout_url.as_str(), body::timeout(&payout.originator, &payout.conversation_id)));
        let body = body::payout(&payout, &behaviours);
        deliver(&shared, Mail { operation: Operation::B2c, url: &payout.result_url, body, notice }, &behaviours, false)
            .await;
    });
}

/// Sends the result of a status query.
pub(crate) fn spawn_status(shared: &Arc<Shared>, report: StatusReport) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let phone = report.payout.as_ref().map(|p| p.phone.clone()).or(report.prompt.as_ref().map(|p| p.phone.clone()));
        let operation = Operation::TransactionStatus;
        let behaviours = shared.world().rules.take_all(Stage::Callback, operation, phone.as_deref());
        let notice = Some((report.timeout_url.as_str(), body::timeout(&report.originator, &report.conversation)));
        let body = body::status(&report, &behaviours);
        deliver(&shared, Mail { operation, url: &report.result_url, body, notice }, &behaviours, false).await;
    });
}

/// A callback on its way, with the timeout notice that may go before or instead of it.
struct Mail<'a> {
    operation: Operation,
    url: &'a str,
    body: String,
    notice: Option<(&'a str, String)>,
}

async fn deliver(shared: &Arc<Shared>, mail: Mail<'_>, behaviours: &[Behaviour], at_once: bool) {
    let (delay, epoch) = {
        let world = shared.world();
        (if at_once { 0 } else { world.settings.callback_delay_ms }, world.epoch)
    };
    let late = behaviours.iter().find_map(|b| if let Behaviour::CallbackLate { ms } = b { Some(*ms) } else { None });
    let has = |behaviour| behaviours.contains(&behaviour);
    if has(Behaviour::CallbackNever) {
        return;
    }
    tokio::time::sleep(Duration::from_millis(delay)).await;
    if let Some((url, notice)) = mail.notice
        && (has(Behaviour::TimeoutFirst) || has(Behaviour::TimeoutOnly))
    {
        send(shared, mail.operation, url, notice).await;
        if has(Behaviour::TimeoutOnly) {
            return;
        }
    }
    tokio::time::sleep(Duration::from_millis(late.unwrap_or_default())).await;
    let times = if has(Behaviour::CallbackTwice) { 2 } else { 1 };
    for _ in 0..times {
        if shared.world().epoch != epoch {
            return;
        }
        send(shared, mail.operation, mail.url, mail.body.clone()).await;
    }
}

/// Posts a body once, and records what became of it.
pub(crate) async fn send(shared: &Shared, operation: Operation, url: &str, body: String) -> Option<u16> {
    let anywhere = shared.world().settings.deliver_anywhere;
    let status = if anywhere || is_loopback(url) {
        let request = shared
            .http
            .post(url)
            .header("Content-Type", "application/json")
            .header("BusinessShortCode", SHORTCODE)
            .body(body.clone());
        request.send().await.ok().map(|response| response.status().as_u16())
    } else {
        None
    };
    shared.world().journal.callbacks.push(Callback { at: now(), operation, url: url.to_owned(), body, status });
    status
}

/// Whether a URL leads to this machine. Callbacks of a simulated world have no business elsewhere.
fn is_loopback(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    url.host_str().is_some_and(|host| {
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_called() {
        for (url, ours) in [
            ("http://127.0.0.1:4566/x", true),
            ("http://localhost/x", true),
            ("http://[::1]:1/x", true),
            ("https://example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_loopback(url), ours, "{url}");
        }
    }
}
