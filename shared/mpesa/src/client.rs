//! The client: four operations over one shared token.

use std::{sync::Arc, time::Duration};

use descrow_domain::Timestamp;
use descrow_platform::{Deadline, http_client};
use serde::Serialize;

use crate::{
    B2cSettings, CheckoutRequestId, ClientSettings, ConversationId, Fault, MerchantRequestId, Payout, Reply, Silence,
    StatusQuery, StkOutcome, StkPush, StkSettings, Throttle, TokenStore, TokenStoreError, Verdict, classify,
    eat_timestamp,
    request::{PayoutBody, StatusBody, StkPushBody, StkQueryBody},
    token_source::TokenSource,
};

/// How long one call may take in all, whatever the invocation still has.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// More than this is no answer of Daraja's.
const BODY_MAX: usize = 64 * 1024;
/// How long a subscriber's lock lasts (DARAJA.md §3.2).
const SUBSCRIBER_LOCK: Duration = Duration::from_secs(60);

/// Why an operation has no answer. [`CallError::NoAnswer`] alone leaves open whether it had its effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request left us, and no answer that settles anything came back.
    #[error("Daraja gave no answer: the effect is unknown")]
    NoAnswer,
    /// No connection came about; nothing happened.
    #[error("Daraja could not be reached")]
    NotSent,
    /// No token could be had; nothing happened.
    #[error("no access token could be had")]
    NoToken,
    /// The store of the token failed; nothing happened.
    #[error(transparent)]
    TokenStore(#[from] TokenStoreError),
    /// Consumer key or secret are wrong.
    #[error("the consumer key or secret is refused")]
    BadCredentials,
    /// A fresh token was refused too: the app may lack the product (DARAJA.md §2). Nothing happened.
    #[error("the access token is refused")]
    Unauthorised,
    /// Too many calls; nothing happened.
    #[error("Daraja limits our calls")]
    Throttled(Throttle),
    /// The payer has another prompt open; nothing happened.
    #[error("the subscriber has another transaction open")]
    SubscriberBusy,
    /// The request is wrong; nothing happened.
    #[error("Daraja refused the request: {0}")]
    Rejected(Fault),
    /// Our configuration is wrong; nothing happened.
    #[error("Daraja refuses our configuration: {0}")]
    Misconfigured(Fault),
}

impl CallError {
    /// Whether it is certain that the operation had no effect.
    pub fn nothing_happened(&self) -> bool {
        !matches!(self, Self::NoAnswer)
    }

    /// Whether a human must change the configuration before any call can succeed.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::BadCredentials | Self::Unauthorised | Self::Misconfigured(_))
    }

    /// When the same call may be tried again; `None` when that cannot help or must not be done blindly.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotSent | Self::NoToken | Self::TokenStore(_) => Some(Duration::from_secs(5)),
            Self::Throttled(throttle) => Some(throttle.retry_after()),
            Self::SubscriberBusy => Some(SUBSCRIBER_LOCK),
            Self::NoAnswer | Self::BadCredentials | Self::Unauthorised | Self::Rejected(_) | Self::Misconfigured(_) => {
                None
            }
        }
    }
}

/// A push that Daraja took: the prompt is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushAccepted {
    /// Names the push in queries and callbacks.
    pub checkout_request_id: CheckoutRequestId,
    /// The gateway's name for it.
    pub merchant_request_id: Option<MerchantRequestId>,
}

/// A payout that Daraja has, by this call or an earlier one. Either way: wait for the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayoutAccepted {
    /// Queued by this call.
    Queued(Option<ConversationId>),
    /// An earlier call with the same id had arrived.
    Already,
}

/// Daraja.
pub struct Daraja {
    http: reqwest::Client,
    settings: ClientSettings,
    tokens: TokenSource,
}

impl Daraja {
    /// A client.
    ///
    /// # Errors
    /// The TLS back end could not be set up.
    pub fn new(settings: ClientSettings, tokens: Arc<dyn TokenStore>) -> Result<Self, reqwest::Error> {
        Ok(Self { http: http_client::build(CALL_TIMEOUT)?, settings, tokens: TokenSource::new(tokens) })
    }

    /// Gets a token for the calls to come, so that getting it can go on beside other work.
    ///
    /// # Errors
    /// [`CallError`]: no token could be had; nothing happened.
    pub async fn prepare(&self, deadline: Deadline) -> Result<(), CallError> {
        self.tokens.token(&self.http, &self.settings, None, deadline.within(CALL_TIMEOUT)).await.map(drop)
    }

    /// Puts a prompt on the customer's phone. **Not idempotent**: after [`CallError::NoAnswer`] a prompt may be open, and
    /// only its callback, on the payment's own URL, will tell; a second call would be a second prompt.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn stk_push(
        &self,
        stk: &StkSettings,
        push: &StkPush,
        deadline: Deadline,
    ) -> Result<PushAccepted, CallError> {
        let timestamp = eat_timestamp(Timestamp::now());
        let body = StkPushBody::new(push, stk, &timestamp);
        let reply = self.call("stk_push", "/mpesa/stkpush/v1/processrequest", &body, deadline).await?;
        accepted(&reply)?;
        // Accepted without a usable id: a prompt is open that nobody can ask about.
        let checkout_request_id = reply.checkout_request_id.ok_or(CallError::NoAnswer)?;
        Ok(PushAccepted { checkout_request_id, merchant_request_id: reply.merchant_request_id })
    }

    /// Asks what became of a push sent `age` ago. Harmless to repeat, at most once per push in ten seconds.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::NoAnswer`] is usual while the customer has not answered: ask again.
    pub async fn stk_query(
        &self,
        stk: &StkSettings,
        id: &CheckoutRequestId,
        age: Duration,
        deadline: Deadline,
    ) -> Result<StkOutcome, CallError> {
        let timestamp = eat_timestamp(Timestamp::now());
        let body = StkQueryBody::new(id, stk, &timestamp);
        let reply = match self.call("stk_query", "/mpesa/stkpushquery/v1/query", &body, deadline).await {
            // For a query only the messages of a wrong configuration make 500.001.1001 more than "no answer" (§4).
            Err(CallError::SubscriberBusy) => return Err(CallError::NoAnswer),
            reply => reply?,
        };
        if reply.checkout_request_id.as_ref().is_some_and(|answered| answered != id) {
            return Err(CallError::NoAnswer);
        }
        reply.result_code.map(|code| StkOutcome::of_query(&code, age)).ok_or(CallError::NoAnswer)
    }

    /// Pays out. Idempotent by the payout's id: after [`CallError::NoAnswer`] the same payout may be sent again.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn payout(
        &self,
        b2c: &B2cSettings,
        payout: &Payout,
        deadline: Deadline,
    ) -> Result<PayoutAccepted, CallError> {
        let body = PayoutBody::new(payout, b2c);
        let verdict = self.verdict("b2c_payment", "/mpesa/b2c/v3/paymentrequest", &body, deadline).await?;
        if verdict == Verdict::Duplicate {
            return Ok(PayoutAccepted::Already);
        }
        let reply = answered(verdict)?;
        // One production client sees duplicates as ResponseCode 1 (DARAJA.md §5.2).
        if reply.response_code.as_ref().is_some_and(|code| code.as_str() == "1") {
            return Ok(PayoutAccepted::Already);
        }
        accepted(&reply)?;
        Ok(PayoutAccepted::Queued(reply.conversation_id))
    }

    /// Asks for a payment's fate; the answer comes to its status URL. Harmless to repeat.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn transaction_status(
        &self,
        b2c: &B2cSettings,
        query: &StatusQuery,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let body = StatusBody::new(query, b2c);
        let reply = self.call("transaction_status", "/mpesa/transactionstatus/v1/query", &body, deadline).await?;
        accepted(&reply)
    }

    async fn call(
        &self,
        operation: &'static str,
        path: &str,
        body: &impl Serialize,
        deadline: Deadline,
    ) -> Result<Reply, CallError> {
        answered(self.verdict(operation, path, body, deadline).await?)
    }

    /// One call, repeated once with another token when the first is refused: the gateway refuses before M-Pesa sees the
    /// request, so even a push may be repeated then.
    async fn verdict(
        &self,
        operation: &'static str,
        path: &str,
        body: &impl Serialize,
        deadline: Deadline,
    ) -> Result<Verdict, CallError> {
        let deadline = deadline.within(CALL_TIMEOUT);
        let url = self.settings.base_url.join(path).map_err(|_| CallError::NotSent)?;
        let mut refused = None;
        loop {
            let token = self.tokens.token(&self.http, &self.settings, refused, deadline).await?;
            let request = self.http.post(url.clone()).bearer_auth(token.token.secret.expose()).json(body);
            let (status, text) = exchange(operation, request, deadline).await?;
            match classify(status, &text) {
                Verdict::InvalidToken if refused.is_none() => {
                    tracing::info!(operation, http_status = status, "daraja.token_refused");
                    refused = Some(token.version);
                }
                verdict => {
                    log(operation, status, &verdict);
                    return Ok(verdict);
                }
            }
        }
    }
}

/// The answer proper, or why there is none.
fn answered(verdict: Verdict) -> Result<Reply, CallError> {
    match verdict {
        Verdict::Answered(reply) => Ok(reply),
        // Only B2C has duplicates, and they are taken out before; elsewhere the word settles nothing.
        Verdict::NoAnswer(_) | Verdict::Duplicate => Err(CallError::NoAnswer),
        Verdict::InvalidToken => Err(CallError::Unauthorised),
        Verdict::Throttled(throttle) => Err(CallError::Throttled(throttle)),
        Verdict::SubscriberBusy => Err(CallError::SubscriberBusy),
        Verdict::Misconfigured(fault) => Err(CallError::Misconfigured(fault)),
        Verdict::Rejected(fault) => Err(CallError::Rejected(fault)),
    }
}

/// `ResponseCode` 0 is "accepted", every other one is not.
fn accepted(reply: &Reply) -> Result<(), CallError> {
    match &reply.response_code {
        Some(code) if code.as_str() == "0" => Ok(()),
        Some(code) => Err(CallError::Rejected(Fault { code: code.as_str().to_owned(), field: None })),
        None => Err(CallError::NoAnswer),
    }
}

fn log(operation: &'static str, http_status: u16, verdict: &Verdict) {
    match verdict {
        Verdict::Answered(_) | Verdict::Duplicate => tracing::debug!(operation, http_status, "daraja.answered"),
        Verdict::NoAnswer(Silence::Unclear(code)) => {
            tracing::info!(operation, http_status, error_code = ?code, "daraja.no_answer");
        }
        Verdict::NoAnswer(_) => tracing::warn!(operation, http_status, "daraja.no_answer"),
        Verdict::Throttled(limit) => tracing::warn!(operation, http_status, ?limit, "daraja.throttled"),
        Verdict::SubscriberBusy => tracing::info!(operation, http_status, "daraja.subscriber_busy"),
        Verdict::InvalidToken => tracing::error!(operation, http_status, "daraja.unauthorised"),
        Verdict::Misconfigured(fault) => tracing::error!(operation, http_status, %fault, "daraja.misconfigured"),
        Verdict::Rejected(fault) => tracing::error!(operation, http_status, %fault, "daraja.rejected"),
    }
}

/// How an exchange can fail below HTTP.
pub(crate) enum Lost {
    /// Nothing left us.
    NotSent,
    /// The request left us, at least in part.
    NoAnswer,
}

impl From<Lost> for CallError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NotSent => Self::NotSent,
            Lost::NoAnswer => Self::NoAnswer,
        }
    }
}

/// Sends a request and reads its answer as text, bounded in time and size.
pub(crate) async fn exchange(
    operation: &'static str,
    request: reqwest::RequestBuilder,
    deadline: Deadline,
) -> Result<(u16, String), Lost> {
    if deadline.remaining().is_zero() {
        return Err(Lost::NotSent);
    }
    let read = async {
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_MAX {
                break;
            }
        }
        Ok::<_, reqwest::Error>((status, String::from_utf8_lossy(&body).into_owned()))
    };
    match deadline.bound(read).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            let not_sent = error.is_connect() || error.is_builder();
            // The error's own text holds the URL, and nothing else we would miss.
            tracing::warn!(operation, not_sent, timed_out = error.is_timeout(), "daraja.exchange_failed");
            Err(if not_sent { Lost::NotSent } else { Lost::NoAnswer })
        }
        Err(_) => {
            tracing::warn!(operation, not_sent = false, timed_out = true, "daraja.exchange_failed");
            Err(Lost::NoAnswer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lost_answer_leaves_the_effect_open() {
        let fault = Fault { code: "1".into(), field: None };
        for error in [
            CallError::NotSent,
            CallError::NoToken,
            CallError::BadCredentials,
            CallError::Unauthorised,
            CallError::Throttled(Throttle::Quota),
            CallError::SubscriberBusy,
            CallError::Rejected(fault.clone()),
            CallError::Misconfigured(fault),
        ] {
            assert!(error.nothing_happened(), "{error}");
        }
        assert!(!CallError::NoAnswer.nothing_happened());
        assert_eq!(CallError::NoAnswer.retry_after(), None);
    }
}
