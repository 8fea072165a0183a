//! `POST /api/mpesa/stk-status`: how a buyer's payment stands, for clients that wait for it without a WebSocket.
//!
//! While the payment is open, M-Pesa is asked about it, by a message to whoever settles payments; M-Pesa wants ten seconds
//! between two questions about one payment, and knows nothing of a prompt in its first seconds (DARAJA.md §4, §11).

use axum::extract::State;
use descrow_domain::{
    PaymentId, Timestamp,
    payment::{Payment, PaymentKind},
    user::Role,
    view::PaymentView,
};
use descrow_platform::{Deadline, queue::WakeUp};
use descrow_web::{ApiError, Authenticated, Body, Code, Fields, Input, Reply, Request, RequestInfo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Mpesa;

/// Seconds between two questions to M-Pesa about one payment.
const INTERVAL: i64 = 10;

/// Which payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AskStatus {
    /// The payment that `POST /api/orders/{id}/pay/mpesa` began.
    #[schema(value_type = String, format = "uuid")]
    payment_id: Input<String>,
}

impl Request for AskStatus {
    type Valid = PaymentId;

    fn validate(self, fields: &mut Fields) -> Option<PaymentId> {
        fields.required("paymentId", self.payment_id)
    }
}

/// How a payment stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StkStatus {
    /// As far as it is known now.
    payment: PaymentView,
    /// Whether M-Pesa is being asked because of this request.
    asked: bool,
    /// When to ask again (RFC 3339); `null` where nothing is awaited any more.
    next_ask_at: Option<String>,
}

/// Shows how an M-Pesa payment stands, and has M-Pesa asked while that is not known.
#[utoipa::path(post, path = "/api/mpesa/stk-status", tag = "mpesa", security(("token" = [])), request_body = AskStatus,
    responses((status = 200, description = "As it is known now", body = StkStatus),
        (status = 404, description = "`not_found`: there is no such payment of yours")))]
pub(crate) async fn stk_status(
    State(app): State<Mpesa>,
    who: Authenticated,
    info: RequestInfo,
    Body(id): Body<AskStatus>,
) -> Result<Reply, ApiError> {
    let (who, payment) = app.edge.live(who, app.store.payments().get(id)).await?;
    let admin = who.role() == Role::Admin;
    let shown =
        |payment: &Payment| payment.kind == PaymentKind::Collection && (admin || payment.user_id == who.account());
    let payment = payment.filter(shown).ok_or_else(ApiError::not_found)?;
    let view = if admin { PaymentView::for_admin(&payment) } else { PaymentView::new(&payment, &who.account()) };
    let (asked, next) = ask(&app, &payment, info.deadline()).await?;
    Reply::ok(&StkStatus { payment: view, asked, next_ask_at: next.map(Timestamp::rfc3339) })
}

/// Has M-Pesa asked about a payment that is open, if it may be by now; whether it is, and when it may be the next time.
async fn ask(app: &Mpesa, payment: &Payment, deadline: Deadline) -> Result<(bool, Option<Timestamp>), ApiError> {
    if !payment.status.is_open() {
        return Ok((false, None));
    }
    let now = Timestamp::now();
    let known = payment.submitted_at.unwrap_or(payment.created_at).plus_seconds(INTERVAL);
    if now < known {
        return Ok((false, Some(known)));
    }
    if let Some(free) = app.store.limits().once_in(&format!("stk-status#{}", payment.id), INTERVAL, now).await? {
        return Ok((false, Some(free)));
    }
    let wake = WakeUp::new(payment.id.to_string());
    let sent = app.checks.send(&wake, deadline).await;
    sent.map_err(|error| ApiError::caused(Code::Unavailable, error).retry_after(INTERVAL.unsigned_abs()))?;
    Ok((true, Some(now.plus_seconds(INTERVAL))))
}
