//! `POST /api/orders/{id}/pay/mpesa`: the buyer's phone rings.
//!
//! The payment is committed before M-Pesa is called, so that a callback always finds it, and while it is written the token is
//! read. What the push's answer leaves:
//!
//! | answer | payment | the client gets |
//! |---|---|---|
//! | accepted | pending | 202 |
//! | none: the phone may ring | initiated | 202; callback or reconciler decide, no second push until they did |
//! | refused, nothing happened | failed | 409 with `Retry-After` (another prompt is open), 503 with it (limits), 502 |
//!
//! Sequential round trips: 2 before the push (session, quota, order and the request's record; then payment and record), 1
//! after (the push's answer on the payment, ours on the record). A refused push gives the key up.

use std::time::Duration;

use axum::extract::State;
use descrow_domain::{
    Msisdn, OrderId, Timestamp,
    order::{Order, OrderMove, PaymentMode, Viewer},
    payment::{CollectionObservation, OrderFooting, Payment, PaymentStatus, decide_collection},
    view::PaymentView,
};
use descrow_mpesa::{CallError, PushAccepted, StkPush};
use descrow_platform::Deadline;
use descrow_store::{Begun, IdempotencyRecord};
use descrow_web::{
    ApiError, Authenticated, Body, Code, Fields, Id, IdempotencyKey, Input, Once, Reply, Request, RequestInfo, outcome,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Orders,
    footing::{Footing, seen},
};

/// Kept back from the push to record its answer in.
const RECORDING: Duration = Duration::from_secs(4);
/// What the payer's phone shows as the purpose.
const DESCRIPTION: &str = "Descrow order";

/// A payment to be asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayByMpesa {
    /// The number that pays; the order's where absent.
    #[schema(value_type = Option<String>, pattern = "^254[17][0-9]{8}$", example = "254708374149")]
    phone_number: Input<String>,
}

impl Request for PayByMpesa {
    type Valid = Option<Msisdn>;

    fn validate(self, fields: &mut Fields) -> Option<Option<Msisdn>> {
        fields.optional("phoneNumber", self.phone_number)
    }
}

/// A payment that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentBegun {
    /// The payment.
    payment: PaymentView,
}

/// Asks the buyer's phone to pay an order by M-Pesa.
///
/// The order becomes `funded` when the payment is recorded on the chain.
#[utoipa::path(post, path = "/api/orders/{id}/pay/mpesa", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id."),
        ("Idempotency-Key" = String, Header, description = "Any text of yours; the same request with it is done once.")),
    request_body = PayByMpesa,
    responses((status = 202, description = "Asked, or being asked", body = PaymentBegun),
        (status = 403, description = "`wrong_role`: somebody else than the buyer asks"),
        (status = 409, description = "`order_state`: it cannot be paid, or `payment_in_progress`: `details` names status, what \
            stands against it, and allowed moves; `version_conflict`; or the key is in use"),
        (status = 502, description = "`payment_service_error`: M-Pesa refused")))]
pub(crate) async fn pay_mpesa(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
    key: IdempotencyKey,
    info: RequestInfo,
    Body(phone): Body<PayByMpesa>,
) -> Result<Reply, ApiError> {
    let once = Once::new(key, who.account());
    let now = Timestamp::now();
    let limits = app.store.limits();
    let read = async { tokio::try_join!(Footing::read(&app.store, id), limits.idempotency(once.id(), now)) };
    let (who, (found, record)) = app.edge.live(who, read).await?;
    let (found, viewer) = seen(found, &who.account(), who.role())?;
    if let Some(answer) = once.settle(record, now)? {
        return Ok(answer);
    }
    payable(&found, viewer, now)?;
    let phone = phone.or_else(|| found.order.phone.clone()).ok_or_else(no_phone)?;
    let payment = Payment::collection(id, who.account(), phone, found.order.quote.kes, now);
    let claim = once.claimed(now);
    if let Some(refused) = begin(&app, &found, &payment, &claim, info.deadline()).await? {
        return once.settle_refused(refused, now);
    }
    push(&app, &found.order, payment, &claim, info.deadline()).await
}

/// Whether the order takes a new push now.
fn payable(found: &Footing, viewer: Viewer, now: Timestamp) -> Result<(), ApiError> {
    found.may(viewer, OrderMove::Fund)?;
    let order = &found.order;
    let against = |against| Err(found.refused(viewer, Code::OrderState, Some(against)));
    if order.payment_mode != PaymentMode::Mpesa {
        return against(("paymentMode", order.payment_mode.as_str().to_owned()));
    }
    if let Some(end) = order.deadlines.payment.filter(|end| *end <= now) {
        return against(("deadline", end.rfc3339()));
    }
    let Some(previous) = found.money().payment else { return Ok(()) };
    match previous.new_push_allowed_at() {
        Some(at) if at <= now => Ok(()),
        Some(at) => {
            let wait = u64::try_from(at.millis_since(now)).unwrap_or_default().div_ceil(1000);
            // M-Pesa refuses the same amount to the same number within two minutes (DARAJA.md §10, code 17).
            Err(ApiError::new(Code::RateLimited, "M-Pesa takes a new request two minutes after the last one.")
                .retry_after(wait))
        }
        None => Err(found.refused(viewer, Code::PaymentInProgress, Some(("payment", "has come".to_owned())))),
    }
}

fn no_phone() -> ApiError {
    ApiError::field("phoneNumber", "is required")
}

/// Commits the payment; meanwhile the token is read. Gives the record of an equal request that was faster.
async fn begin(
    app: &Orders,
    found: &Footing,
    payment: &Payment,
    claim: &IdempotencyRecord,
    deadline: Deadline,
) -> Result<Option<IdempotencyRecord>, ApiError> {
    let (order, now) = (&found.order, payment.created_at);
    let next = Order {
        payment_id: Some(payment.id),
        version: order.version.saturating_add(1),
        updated_at: now,
        ..order.clone()
    };
    let orders = app.store.orders();
    let begun = orders.begin_payment(&next, payment, order.payment_id, Some(claim), now);
    // Where no token can be had now, the push will say so.
    let (begun, _token) = tokio::join!(begun, app.daraja.prepare(deadline));
    match begun? {
        Begun::Done => Ok(None),
        Begun::Replay(record) => Ok(Some(*record)),
        Begun::Previous(previous) => {
            payable(&found.knowing(*previous), Viewer::Buyer, now)?;
            Err(changed())
        }
        Begun::Stale(Some(newer)) => {
            let mut newer = found.after(*newer);
            // What began a moment ago is as this one would have been.
            if let Some(id) = newer.order.payment_id.filter(|id| newer.payment(*id).is_none()) {
                newer = newer.knowing(Payment { id, ..payment.clone() });
            }
            payable(&newer, Viewer::Buyer, now)?;
            Err(changed())
        }
        Begun::Stale(None) => Err(ApiError::not_found()),
    }
}

fn changed() -> ApiError {
    ApiError::new(Code::VersionConflict, "The order changed meanwhile. Try again.")
}

/// Sends the push of a committed payment, records its answer, and answers.
async fn push(
    app: &Orders,
    order: &Order,
    payment: Payment,
    claim: &IdempotencyRecord,
    deadline: Deadline,
) -> Result<Reply, ApiError> {
    let description = DESCRIPTION.parse().map_err(ApiError::internal)?;
    let push = StkPush::new(payment.id, payment.phone.clone(), payment.amount_kes, description, &app.callbacks)
        .map_err(ApiError::internal)?;
    let until = Deadline::after(deadline.remaining().saturating_sub(RECORDING));
    let answer = app.daraja.stk_push(&app.stk, &push, until).await;
    let known = answered(&payment, OrderFooting::of(order), &answer, Timestamp::now());
    let shown = PaymentView::new(known.as_ref().unwrap_or(&payment), &payment.user_id);
    let reply = Reply::accepted(&PaymentBegun { payment: shown })?;
    let taken = matches!(answer, Ok(_) | Err(CallError::NoAnswer));
    tokio::join!(record(app, order, payment, &answer), keep(app, claim, &reply, taken));
    match answer {
        Ok(_) | Err(CallError::NoAnswer) => Ok(reply),
        Err(refused) => Err(refusal(refused)),
    }
}

/// Keeps our answer for an equal request, or gives the key up where nothing happened.
async fn keep(app: &Orders, claim: &IdempotencyRecord, reply: &Reply, taken: bool) {
    let limits = app.store.limits();
    let kept = match outcome(reply) {
        Ok(outcome) if taken => limits.finish(claim, &outcome).await,
        Ok(_) | Err(_) => limits.forget(claim).await,
    };
    if let Err(error) = kept {
        // An equal request is told that this one is being worked on until the claim runs out, and then that it was done.
        tracing::warn!(%error, "payment.request_not_remembered");
    }
}

/// Writes what the push's answer says onto the payment; a callback may have been faster, and keeps what it wrote.
async fn record(app: &Orders, order: &Order, payment: Payment, answer: &Result<PushAccepted, CallError>) {
    let (id, now, footing) = (payment.id, Timestamp::now(), OrderFooting::of(order));
    let recorded = app.store.payments().amend(payment, |current| answered(current, footing, answer, now)).await;
    if let Err(error) = recorded {
        // The push is out whether we remember its answer or not: its callback has the payment's own URL, and without one
        // the reconciler asks.
        tracing::error!(payment_id = %id, %error, "payment.answer_not_recorded");
    }
}

/// The payment after the push's answer.
fn answered(
    current: &Payment,
    footing: OrderFooting,
    answer: &Result<PushAccepted, CallError>,
    now: Timestamp,
) -> Option<Payment> {
    let mut known = current.clone();
    let observation = match answer {
        Ok(accepted) => {
            known.checkout_request_id.get_or_insert_with(|| accepted.checkout_request_id.as_str().to_owned());
            if let Some(merchant) = &accepted.merchant_request_id {
                known.merchant_request_id.get_or_insert_with(|| merchant.as_str().to_owned());
            }
            known.submitted_at.get_or_insert(now);
            CollectionObservation::PushAccepted
        }
        Err(CallError::NoAnswer) => CollectionObservation::PushUnanswered,
        Err(refused) => {
            known.result_code.get_or_insert_with(|| code(refused));
            CollectionObservation::PushRefused
        }
    };
    let decision = decide_collection(current, footing, observation, now);
    if answer.is_ok() && known.status == PaymentStatus::Initiated {
        known.status = PaymentStatus::Pending;
    }
    let learned = known != *current;
    let touched = || Payment { updated_at: now, version: current.version.saturating_add(1), ..known.clone() };
    known.after(decision, now).or_else(|| learned.then(touched))
}

/// A stable word for why a push was refused.
fn code(refused: &CallError) -> String {
    match refused {
        CallError::Rejected(fault) | CallError::Misconfigured(fault) => fault.code.clone(),
        CallError::SubscriberBusy => "subscriber_busy".to_owned(),
        CallError::Throttled(_) => "throttled".to_owned(),
        CallError::BadCredentials | CallError::Unauthorised => "unauthorised".to_owned(),
        CallError::NoAnswer | CallError::NotSent | CallError::NoToken | CallError::TokenStore(_) => {
            "not_sent".to_owned()
        }
    }
}

/// What the client is told of a push that was refused.
fn refusal(refused: CallError) -> ApiError {
    let wait = refused.retry_after().map(|wait| wait.as_secs().max(1));
    let error = match refused {
        CallError::SubscriberBusy => {
            ApiError::new(Code::PaymentInProgress, "The number has another M-Pesa request open. Answer that one first.")
        }
        CallError::Throttled(_) => ApiError::caused(Code::Unavailable, refused),
        _ => ApiError::caused(Code::PaymentService, refused),
    };
    match wait {
        Some(seconds) => error.retry_after(seconds),
        None => error,
    }
}
