//! One callback.

use std::net::IpAddr;

use descrow_domain::Timestamp;
use descrow_mpesa::{CallbackMessage, CallbackSecret};
use descrow_platform::{Deadline, wake::StandardQueue};
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, header::CONTENT_TYPE},
    request::RequestContext,
};

use crate::target;

/// What every integration answers (DARAJA.md §9).
const ACCEPTED: &str = r#"{"ResultCode":0,"ResultDesc":"Accepted"}"#;
/// The largest body that is kept. Real ones have about a kilobyte; base64 of this and its envelope fit an SQS message.
const BODY_MAX: usize = 160 * 1024;

/// The webhook.
pub struct Webhook {
    /// Made the URLs.
    pub secret: CallbackSecret,
    /// `mpesa-callbacks`.
    pub queue: StandardQueue,
    /// Safaricom's published addresses; a callback from another one is taken and logged, since the lists are known to be
    /// incomplete and a wrong one would lose the only copy. Empty: not looked at.
    pub source_ips: Vec<IpAddr>,
}

impl Webhook {
    /// Takes a callback, and answers 200 whatever it is.
    pub async fn accept(&self, request: &Request, deadline: Deadline) -> Response<Body> {
        self.keep(request, deadline).await;
        let mut response = Response::new(Body::from(ACCEPTED));
        response.headers_mut().insert(CONTENT_TYPE, lambda_http::http::HeaderValue::from_static("application/json"));
        response
    }

    async fn keep(&self, request: &Request, deadline: Deadline) {
        let query = request.query_string_parameters_ref();
        let found = target(request.raw_http_path(), |name| query.and_then(|q| q.first(name)));
        let Some(target) = found.filter(|_| request.method() == Method::POST) else {
            tracing::warn!("webhook.no_such_url");
            return;
        };
        if !self.secret.admits(target.payment, &target.token) {
            tracing::warn!("webhook.wrong_token");
            return;
        }
        let body: &[u8] = request.body().as_ref();
        if body.len() > BODY_MAX {
            tracing::error!(payment_id = %target.payment, body_bytes = body.len(), "webhook.body_too_large");
            return;
        }
        let source_ip = source_ip(request);
        self.look_at(source_ip.as_deref());
        let message = CallbackMessage::new(target.payment, target.kind, body, Timestamp::now(), source_ip);
        match self.queue.send(&message, deadline).await {
            Ok(()) => tracing::info!(payment_id = %target.payment, kind = ?message.kind, "webhook.kept"),
            Err(error) => tracing::error!(payment_id = %target.payment, %error, "webhook.not_kept"),
        }
    }

    fn look_at(&self, source_ip: Option<&str>) {
        let known = source_ip.and_then(|ip| ip.parse().ok()).is_some_and(|ip: IpAddr| self.source_ips.contains(&ip));
        if !known && !self.source_ips.is_empty() {
            tracing::warn!(source_ip, "webhook.unlisted_source");
        }
    }
}

/// The sender as API Gateway saw it; what the client says of itself in headers is not looked at.
fn source_ip(request: &Request) -> Option<String> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(context) => context.identity.source_ip.clone(),
        _ => None,
    }
}
