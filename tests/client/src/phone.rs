//! The customer's handset: the control API of the simulated Daraja.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    api::{Api, ApiError},
    socket::text,
};

/// How often a prompt is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What cannot be done with the phone.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// The control API refused or did not answer.
    #[error(transparent)]
    Control(#[from] ApiError),
    /// No prompt came.
    #[error("the phone was not asked to pay within {} s", .0.as_secs())]
    NotAsked(Duration),
}

/// The simulated Daraja's control API.
#[derive(Clone, Debug)]
pub struct Sandbox {
    api: Api,
}

impl Sandbox {
    /// The control API at `base`.
    ///
    /// # Errors
    /// [`ApiError::Setup`].
    pub fn new(base: &str) -> Result<Self, ApiError> {
        Ok(Self { api: Api::new(base)? })
    }

    /// Waits for an open prompt on `phone`; gives it.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub async fn wait_for_prompt(&self, phone: &str, patience: Duration) -> Result<Value, PhoneError> {
        self.wait_for(&format!("/prompts?phone={phone}&open=true"), patience).await
    }

    /// Waits for a prompt on `phone`, one that the phone answered by itself too; gives it.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub async fn wait_for_push(&self, phone: &str, patience: Duration) -> Result<Value, PhoneError> {
        self.wait_for(&format!("/prompts?phone={phone}"), patience).await
    }

    async fn wait_for(&self, prompts: &str, patience: Duration) -> Result<Value, PhoneError> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            let body = self.api.get(prompts).send().await?;
            if let Some(prompt) = body.pointer("/prompts/0") {
                return Ok(prompt.clone());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(PhoneError::NotAsked(patience))
    }

    /// Answers the open prompt on `phone`: `pay`, `wrong_pin`, `cancel`, `ignore` or `no_money`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn answer(&self, phone: &str, answer: &str) -> Result<Value, ApiError> {
        self.api.post(&format!("/prompts/{phone}/answer"), &json!({ "answer": answer })).send().await
    }

    /// Lets something go wrong for `phone` in `operation`, once or `times` (0: for ever).
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn misbehave(
        &self,
        phone: &str,
        operation: &str,
        times: u32,
        mut behaviour: Value,
    ) -> Result<(), ApiError> {
        if let Some(fields) = behaviour.as_object_mut() {
            fields.insert("phone".into(), phone.into());
            fields.insert("operation".into(), operation.into());
            fields.insert("times".into(), times.into());
        }
        self.api.post("/behaviours", &behaviour).send().await.map(|_| ())
    }

    /// Sends `body` to the callback URL of a prompt, as a stranger would who knows it; gives the receiver's status.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn forge(&self, prompt: &str, body: &Value) -> Result<Value, ApiError> {
        self.api.post("/forge", &json!({ "prompt": prompt, "body": body.to_string() })).send().await
    }

    /// What every account got, paid and holds.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn ledger(&self) -> Result<Value, ApiError> {
        self.api.get("/ledger").send().await
    }

    /// What a DOT costs, as the simulated source of exchange rates says it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn price(&self) -> Result<Value, ApiError> {
        self.api.get("/rates").send().await
    }

    /// Sets what a DOT costs: `usd` and `kes`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn set_price(&self, price: &Value) -> Result<Value, ApiError> {
        self.api.call(reqwest::Method::PUT, "/rates").json(price).send().await
    }

    /// Prompts of a phone, open and answered.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn prompts(&self, phone: &str) -> Result<Vec<Value>, ApiError> {
        let body = self.api.get(&format!("/prompts?phone={phone}")).send().await?;
        Ok(body.get("prompts").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Payouts to a phone.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn payouts(&self, phone: &str) -> Result<Vec<Value>, ApiError> {
        let body = self.api.get("/payouts").send().await?;
        let all = body.get("payouts").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(all.into_iter().filter(|payout| text(payout, "/phone") == phone).collect())
    }
}
