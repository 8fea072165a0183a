//! From API Gateway's event to the route, and back to its answer.

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use descrow_domain::{Timestamp, realtime::ErrorCode};
use descrow_platform::{
    Deadline,
    push::{Pushed, Pusher},
};
use serde::Serialize;

use crate::{
    connect::connect,
    disconnect::disconnect,
    message::{answer, refusal},
    rows::{Rows, Unavailable},
};

/// The answer that API Gateway expects. The client sees it only when `$connect` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// As in HTTP.
    pub status_code: u16,
}

/// The answer of a route, and what happens to the connection before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// What to push to the connection.
    pub frames: Vec<String>,
    /// Whether to close the connection. API Gateway does not do that by itself, whatever the answer says: it would stay open,
    /// and hear nothing.
    pub close: bool,
    /// What to answer.
    pub answer: Answer,
}

impl Routed {
    fn silent(status_code: u16) -> Self {
        Self { frames: Vec::new(), close: false, answer: Answer { status_code } }
    }
}

/// Carries out the route of `request`.
pub async fn route<R: Rows>(
    request: &ApiGatewayWebsocketProxyRequest,
    now: Timestamp,
    rows: &R,
    deadline: Deadline,
) -> Routed {
    let context = &request.request_context;
    let Some(connection) = context.connection_id.as_deref() else { return Routed::silent(400) };
    match context.route_key.as_deref() {
        Some("$connect") => {
            let ticket = request.query_string_parameters.first("ticket");
            match connect(connection, ticket, now, rows, deadline).await {
                Ok(Ok(())) => Routed::silent(200),
                Ok(Err(_refused)) => {
                    tracing::info!("realtime.ticket_refused");
                    Routed::silent(401)
                }
                Err(error) => failed(&error),
            }
        }
        Some("$disconnect") => match disconnect(connection, rows, deadline).await {
            Ok(()) => Routed::silent(200),
            Err(error) => failed(&error),
        },
        _ => {
            // A binary frame arrives in base64, and nothing that a client may say is binary.
            let text = request.body.as_deref().filter(|_| !request.is_base64_encoded).unwrap_or_default();
            match answer(connection, text, now, rows, deadline).await {
                Ok(Some(frames)) => Routed { frames, ..Routed::silent(200) },
                Ok(None) => {
                    tracing::info!("realtime.closed");
                    Routed { close: true, ..Routed::silent(410) }
                }
                Err(error) => {
                    let told = refusal(ErrorCode::Unavailable, now).into_iter().collect();
                    Routed { frames: told, ..failed(&error) }
                }
            }
        }
    }
}

fn failed(error: &Unavailable) -> Routed {
    tracing::error!(error = %error, "realtime.failed");
    Routed::silent(500)
}

/// Carries out the route, and pushes its frames or closes the connection. A connection that is gone is forgotten.
pub async fn serve<R: Rows>(
    request: &ApiGatewayWebsocketProxyRequest,
    rows: &R,
    pusher: &Pusher,
    deadline: Deadline,
) -> Answer {
    let Routed { frames, close, answer } = route(request, Timestamp::now(), rows, deadline).await;
    let Some(connection) = request.request_context.connection_id.as_deref() else { return answer };
    if close {
        pusher.close(connection, deadline).await;
    }
    let gone = close || (!frames.is_empty() && pusher.push(connection, &frames, deadline).await == Pushed::Gone);
    if gone && let Err(error) = disconnect(connection, rows, deadline).await {
        tracing::warn!(error = %error, "realtime.forget_failed");
    }
    answer
}
