//! A movement of shillings as a party to its order, or an admin, sees it.

use serde::{Deserialize, Serialize};

use crate::{
    Account, OrderId, PaymentId,
    order::{Order, Viewer},
    payment::{Payment, PaymentKind, PaymentStatus, ReviewReason},
};

/// One movement of shillings as a party to its order, or an admin, sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// The payment's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: PaymentId,
    /// The order concerned.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub order_id: OrderId,
    /// `collection` from the buyer, `payout` to the seller or `refund` to the buyer.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub kind: PaymentKind,
    /// How far it is: a collection goes `initiated`, `pending`, (`confirming`,) a payout `queued`, `sending`, `sent`;
    /// both end `succeeded`, `failed` or, where a human must look, `review`;
    /// a payout that a dispute stopped before it was sent is `withdrawn`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub status: PaymentStatus,
    /// Whole shillings.
    pub amount_kes: u32,
    /// The number concerned, masked; its owner and admins see it.
    pub phone_number: Option<String>,
    /// M-Pesa's receipt; the number's owner and admins see it.
    pub receipt: Option<String>,
    /// Why it failed or a human must look, as a stable code; the number's owner and admins see it.
    pub reason: Option<String>,
    /// When it was begun (RFC 3339).
    pub created_at: String,
    /// When it last changed (RFC 3339).
    pub updated_at: String,
}

impl PaymentView {
    /// The payment as `viewer`, a party to its order, sees it.
    pub fn new(payment: &Payment, viewer: &Account) -> Self {
        Self::shown(payment, payment.user_id == *viewer)
    }

    /// The payment as an admin sees it, who looks after those that went wrong.
    pub fn for_admin(payment: &Payment) -> Self {
        Self::shown(payment, true)
    }

    pub(super) fn of(payment: &Payment, order: &Order, viewer: Viewer) -> Self {
        match viewer {
            Viewer::Buyer => Self::new(payment, &order.buyer_id),
            Viewer::Seller => Self::new(payment, &order.seller_id),
            Viewer::Admin => Self::for_admin(payment),
        }
    }

    fn shown(payment: &Payment, owned: bool) -> Self {
        Self {
            id: payment.id,
            order_id: payment.order_id,
            kind: payment.kind,
            status: payment.status,
            amount_kes: payment.amount_kes.0,
            phone_number: owned.then(|| payment.phone.masked()),
            receipt: payment.receipt.clone().filter(|_| owned),
            reason: reason(payment).filter(|_| owned).map(ToOwned::to_owned),
            created_at: payment.created_at.rfc3339(),
            updated_at: payment.updated_at.rfc3339(),
        }
    }
}

/// The stable code for why a payment failed or waits for a human. M-Pesa's own numbers mean different things for pushes
/// and payouts (DARAJA.md §10) and stay inside.
fn reason(payment: &Payment) -> Option<&'static str> {
    match payment.status {
        PaymentStatus::Review => payment.review.map(|review| match review {
            ReviewReason::WrongAmount => "wrong_amount",
            ReviewReason::SecondPayment => "second_payment",
            ReviewReason::OrderClosed => "order_closed",
            ReviewReason::NoAnswer => "no_answer",
            ReviewReason::Unresolved => "unresolved",
            ReviewReason::Contradiction => "contradiction",
            ReviewReason::ReceiptReused => "receipt_reused",
            ReviewReason::RequestRefused => "request_refused",
            ReviewReason::Returned => "returned",
        }),
        PaymentStatus::Failed => Some(match (payment.kind, payment.result_code.as_deref()) {
            (PaymentKind::Collection, Some("1")) => "insufficient_funds",
            (PaymentKind::Collection, Some("4" | "3" | "8")) => "limit_exceeded",
            (PaymentKind::Collection, Some("1019" | "1037")) => "not_answered",
            (PaymentKind::Collection, Some("1032")) => "cancelled",
            (PaymentKind::Collection, Some("2001")) => "wrong_pin",
            (_, Some("2040" | "SFC_IC0003")) => "number_not_registered",
            _ => "declined",
        }),
        _ => None,
    }
}
