//! `POST /api/admin/payments/{id}/settle`: what M-Pesa's portal shows of a payment that waits for a human.
//!
//! M-Pesa's interfaces gave no answer, or none that can be believed; an admin looks it up where people can, and says what is
//! there. It counts once: the payment leaves its review in the transaction that books the money and writes the log. The state
//! is the key of idempotency, as the row then says what was stated.

use axum::extract::State;
use descrow_domain::{
    Kes, PaymentId, Timestamp,
    audit::{AuditAction, AuditEntry},
    dispute::Reason,
    money::KES_MAX,
    order::OrderStatus,
    payment::{Ended, NotStated, OrderFooting, Payment, Stated},
    view::PaymentView,
};
use descrow_store::Settled;
use descrow_web::{Admin, ApiError, Body, Code, FieldProblem, Fields, Id, Input, Reply, Request};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{Office, impartial, own};

/// How often it is decided anew when others change the payment or its order.
const ATTEMPTS: u32 = 4;

/// What M-Pesa's portal shows of a payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettlePayment {
    /// `paid`: the money moved; `not_paid`: it did not.
    #[schema(value_type = String, pattern = "^(paid|not_paid)$", example = "paid")]
    outcome: Input<String>,
    /// What moved, in whole shillings. For `paid` only.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 250_000, example = 1365)]
    amount_kes: Input<u64>,
    /// M-Pesa's receipt. For `paid` only.
    #[schema(value_type = Option<String>, pattern = "^[A-Z0-9]{8,32}$", example = "NLJ7RT61SV")]
    receipt: Input<String>,
    /// Why this payment is settled by hand, for the log.
    #[schema(value_type = String, min_length = 3, max_length = 1000, example = "The portal lists it as completed.")]
    reason: Input<String>,
}

/// The same in domain types.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    stated: Stated,
    reason: Reason,
}

impl Request for SettlePayment {
    type Valid = Wanted;

    fn validate(self, fields: &mut Fields) -> Option<Wanted> {
        let paid = fields.required_with("outcome", self.outcome, |text| match text {
            "paid" => Ok(true),
            "not_paid" => Ok(false),
            _ => Err("must be one of paid, not_paid"),
        });
        let reason = fields.required("reason", self.reason);
        let stated = if paid == Some(true) {
            let amount = fields.number("amountKes", self.amount_kes, 1..=u64::from(KES_MAX), None);
            let receipt = fields.required("receipt", self.receipt);
            let amount = amount.and_then(|kes| u32::try_from(kes).ok()).map(Kes);
            amount.zip(receipt).map(|(amount, receipt)| Stated::Paid { amount, receipt })
        } else {
            if fields.given("amountKes", self.amount_kes).flatten().is_some() {
                fields.refuse("amountKes", "is for paid only");
            }
            if fields.given("receipt", self.receipt).flatten().is_some() {
                fields.refuse("receipt", "is for paid only");
            }
            paid.map(|_| Stated::NotPaid)
        };
        Some(Wanted { stated: stated?, reason: reason? })
    }
}

/// Settles a payment that waits for a human, by what M-Pesa's portal shows.
///
/// A payout or refund that was paid counts as paid; one that was not is failed, and can be sent again. What a buyer paid pays the
/// order where that waits for just this amount; everything else that came is booked and goes back to the phone that it came
/// from. The same statement again has the same answer.
#[utoipa::path(post, path = "/api/admin/payments/{id}/settle", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The payment's id.")), request_body = SettlePayment,
    responses((status = 200, description = "Settled", body = PaymentView),
        (status = 403, description = "`wrong_role`: not an admin, or a party to the order"),
        (status = 409, description = "`payment_state`: it waits for nobody's statement, or the receipt is another payment's; `details` says which; `version_conflict`")))]
pub(crate) async fn settle(
    State(app): State<Office>,
    admin: Admin,
    Id(id): Id<PaymentId>,
    Body(wanted): Body<SettlePayment>,
) -> Result<Reply, ApiError> {
    let (admin, payment) = app.edge.live(admin, app.store.payments().get(id)).await?;
    let mut payment = payment.ok_or_else(ApiError::not_found)?;
    impartial(admin.account(), &[payment.user_id])?;
    let mut footing = OrderFooting::Payable;
    for _ in 0..ATTEMPTS {
        if payment.says(&wanted.stated) {
            return Reply::ok(&PaymentView::for_admin(&payment));
        }
        let now = Timestamp::now();
        let ended = payment.stated(&wanted.stated, footing, now).map_err(|why| refused(&payment, why))?;
        let entry = entry(admin.account(), &payment, &ended, &wanted, now);
        match app.store.payments().settle_as_stated(&ended, &entry).await? {
            Settled::Done => return settled(&ended),
            Settled::WithoutOrder(order) => {
                if order.status != OrderStatus::Resolved || order.payout_id != Some(id) {
                    // The money has left, and the order went another way meanwhile: somebody compares the two.
                    tracing::error!(payment_id = %id, order_id = %order.id, status = order.status.as_str(), "payout.order_no_longer_waits");
                }
                return settled(&ended);
            }
            Settled::Stale(Some(newer)) => payment = *newer,
            Settled::OrderRefuses(Some(order)) => footing = OrderFooting::of(&order),
            Settled::OrderRefuses(None) => footing = OrderFooting::Closed,
            Settled::Stale(None) => return Err(ApiError::not_found()),
            Settled::ReceiptReused => return Err(receipt_reused(&payment)),
            Settled::OwnOrder => return Err(own()),
        }
    }
    Err(ApiError::new(Code::VersionConflict, "The payment changed meanwhile. Read it again."))
}

fn settled(ended: &Ended) -> Result<Reply, ApiError> {
    tracing::info!(payment_id = %ended.payment.id, status = ended.payment.status.as_str(), "admin.payment_settled");
    Reply::ok(&PaymentView::for_admin(&ended.payment))
}

/// What the log remembers: neither receipt nor number.
fn entry(
    admin: descrow_domain::Account,
    before: &Payment,
    ended: &Ended,
    wanted: &Wanted,
    now: Timestamp,
) -> AuditEntry {
    let subject = format!("mpesa_transactions/{}", before.id);
    let entry = AuditEntry::new(admin, AuditAction::SettlePayment, subject, Some(wanted.reason.as_str()), now)
        .with("order", &before.order_id);
    let entry = match &wanted.stated {
        Stated::Paid { amount, .. } => entry.with("outcome", &"paid").with("amountKes", &amount.0),
        Stated::NotPaid => entry.with("outcome", &"not_paid").with("amountKes", &before.amount_kes.0),
    };
    match &ended.refund {
        Some(refund) => entry.with("refund", &refund.id),
        None => entry,
    }
}

fn refused(payment: &Payment, why: NotStated) -> ApiError {
    match why {
        NotStated::Decided => conflict(vec![status(payment)]),
        NotStated::Amount => ApiError::field("amountKes", format_args!("{why}: {}", payment.amount_kes.0)),
    }
}

fn receipt_reused(payment: &Payment) -> ApiError {
    let message = "another payment has this receipt, or came of the same prompt".to_owned();
    conflict(vec![status(payment), FieldProblem { field: "receipt".to_owned(), message }])
}

fn status(payment: &Payment) -> FieldProblem {
    FieldProblem { field: "status".to_owned(), message: payment.status.as_str().to_owned() }
}

fn conflict(details: Vec<FieldProblem>) -> ApiError {
    ApiError::with_details(
        Code::PaymentState,
        "Only a payment that waits for a human is settled by one, once.",
        details,
    )
}
