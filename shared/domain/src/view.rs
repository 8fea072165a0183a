//! What users see of rows: the JSON of the API and of realtime messages, the same in both.
//!
//! A view is made for one viewer, and what the viewer may not know is left out here, in one place:
//!
//! | what | who sees it |
//! |---|---|
//! | the delivery address | the buyer; the seller while it owes or defends a delivery; admins while it is disputed |
//! | the number the buyer wants to pay from (masked) | the buyer |
//! | the payer's number (masked), receipt and failure | the buyer, and admins |
//! | those of the payout | the seller, and admins |
//! | how a first admin proposes to decide, and which admins decided | admins |

mod dispute;
mod payment;
mod summary;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{
    Account, Msisdn, NotificationId, OrderId, PaymentId, ProductId, Timestamp,
    notification::{Notification, NotificationKind},
    order::{
        Deadlines, DotPayment, Money, Order, OrderMove, OrderStatus, PaymentMode, PendingAction, Tracking, Transition,
        Viewer,
    },
    payment::Payment,
    rates::{RATE_ONE, Rates},
};

pub use dispute::{DecisionView, DisputeView, ProposalView, ResolutionView};
pub use payment::PaymentView;
pub use summary::OrderSummary;

/// An order as a party or an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The order's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: OrderId,
    /// Where it stands.
    pub status: OrderStatus,
    /// How the buyer means to pay.
    pub payment_mode: PaymentMode,
    /// What paid it, so in what the seller is paid and the buyer gets back: a wallet can pay any order in DOT. `null` until then.
    #[serde(default)]
    pub funded_by: Option<PaymentMode>,
    /// What is bought.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub product_id: ProductId,
    /// The product's title when it was ordered.
    pub product_title: String,
    /// Pieces ordered.
    pub quantity: u32,
    /// Account of the buyer (SS58).
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub buyer: Account,
    /// Account of the seller (SS58).
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub seller: Account,
    /// The price in DOT, a decimal.
    pub amount_dot: String,
    /// The price in dollars, a decimal with two digits.
    pub amount_usd: String,
    /// The price in whole shillings.
    pub amount_kes: u32,
    /// The rates that fixed the amounts.
    pub rates: RatesView,
    /// Where to send it; `null` for those who do not need to know (yet, or any more).
    pub delivery_address: Option<String>,
    /// The buyer's number for M-Pesa, masked; the buyer sees it, nobody else.
    pub phone_number: Option<String>,
    /// The move that waits for the chain.
    pub pending: Option<PendingView>,
    /// By when each party must act.
    pub deadlines: DeadlinesView,
    /// How the parcel can be followed.
    pub tracking: Option<TrackingView>,
    /// Every status it had, oldest first.
    pub history: Vec<TransitionView>,
    /// The M-Pesa payment that is under way, or the one that paid.
    pub payment: Option<PaymentView>,
    /// The payout to the seller.
    pub payout: Option<PaymentView>,
    /// The refund to the buyer.
    pub refund: Option<PaymentView>,
    /// The payment in DOT that the buyer reported; the order is funded by the chain's own word alone.
    pub dot_payment: Option<DotPaymentView>,
    /// The dispute, once one was asked for.
    pub dispute: Option<DisputeView>,
    /// The moves that are the viewer's now; none while one waits for the chain.
    pub allowed_moves: Vec<OrderMove>,
    /// When it was ordered (RFC 3339).
    pub created_at: String,
    /// When it last changed (RFC 3339).
    pub updated_at: String,
    /// Rises with each change.
    pub version: u64,
}

/// The exchange rates that fixed an order's amounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RatesView {
    /// Dollars for one DOT, a decimal.
    pub usd_per_dot: String,
    /// Shillings for one dollar, a decimal.
    pub kes_per_usd: String,
    /// Where the rates come from.
    pub source: String,
    /// When they were read (RFC 3339).
    pub at: String,
}

/// A move that waits for the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PendingView {
    /// The move.
    pub action: OrderMove,
    /// When it was asked for (RFC 3339).
    pub since: String,
}

/// The instants (RFC 3339) by which each party must act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeadlinesView {
    /// Unpaid after this, the order is cancelled.
    pub payment: Option<String>,
    /// Not shipped after this, the order is cancelled and the buyer gets the money back.
    pub shipping: Option<String>,
    /// Not confirmed after this, delivery is taken as confirmed.
    pub inspection: Option<String>,
    /// No evidence is taken after this.
    pub evidence: Option<String>,
}

/// A payment in DOT from the buyer's own wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DotPaymentView {
    /// Hash of the extrinsic, 0x-hex.
    pub extrinsic_hash: String,
    /// Hash of the block that holds it, 0x-hex, where it is known.
    pub block_hash: Option<String>,
    /// When it was reported (RFC 3339).
    pub at: String,
    /// Why the contract refused it; `null` while nothing is known to be wrong.
    pub failure: Option<String>,
}

/// How a parcel can be followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TrackingView {
    /// Who carries it.
    pub carrier: String,
    /// The carrier's number for it.
    pub tracking_number: String,
    /// CID of the tracking document that is named on the contract.
    pub cid: String,
    /// CID of the carrier's paper that the seller added.
    #[cfg_attr(feature = "openapi", schema(example = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"))]
    pub document: Option<String>,
}

/// One line of an order's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TransitionView {
    /// The status reached.
    pub status: OrderStatus,
    /// When (RFC 3339).
    pub at: String,
    /// Which party caused it, where one did; admins see each other, too.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub by: Option<Account>,
    /// Hash of the extrinsic (0x-hex) where the chain decided.
    pub extrinsic: Option<String>,
    /// Number of the finalised block where the chain decided.
    pub block: Option<u64>,
}

/// A notification as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationView {
    /// The notification's id; later ones are greater.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: NotificationId,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: NotificationKind,
    /// The order concerned; `null` where it is about the account.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "uuid"))]
    pub order_id: Option<OrderId>,
    /// One line for people.
    pub title: String,
    /// A sentence for people.
    pub message: String,
    /// Whether the user marked it as read.
    pub read: bool,
    /// When the change happened (RFC 3339).
    pub created_at: String,
}

impl OrderView {
    /// The order as `viewer` sees it, with its movements of shillings as `find` finds them.
    pub fn new<'a>(order: &Order, viewer: Viewer, find: impl Fn(PaymentId) -> Option<&'a Payment>) -> Self {
        let shown = |id: Option<PaymentId>| id.and_then(&find).map(|payment| PaymentView::of(payment, order, viewer));
        Self {
            id: order.id,
            status: order.status,
            payment_mode: order.payment_mode,
            funded_by: order.was_funded().then(|| order.paid_by()),
            product_id: order.product_id,
            product_title: order.product_title.as_str().to_owned(),
            quantity: order.quantity,
            buyer: order.buyer_id,
            seller: order.seller_id,
            amount_dot: order.quote.amount.to_dot(),
            amount_usd: order.quote.usd.to_usd(),
            amount_kes: order.quote.kes.0,
            rates: RatesView::from(&order.quote.rates),
            delivery_address: needs_address(viewer, order.status).then(|| order.delivery_address.as_str().to_owned()),
            phone_number: order.phone.as_ref().filter(|_| viewer == Viewer::Buyer).map(Msisdn::masked),
            pending: order.pending.as_ref().map(PendingView::from),
            deadlines: DeadlinesView::from(&order.deadlines),
            tracking: order.tracking.as_ref().map(TrackingView::from),
            history: order.history.iter().map(|line| TransitionView::of(line, order, viewer)).collect(),
            payment: shown(order.payment_id),
            payout: shown(order.payout_id),
            refund: shown(order.refund_id),
            dot_payment: order.dot_payment.as_ref().map(DotPaymentView::from),
            dispute: DisputeView::of(order, viewer),
            allowed_moves: order.allowed(viewer.into(), Money::of(order, &find)),
            created_at: order.created_at.rfc3339(),
            updated_at: order.updated_at.rfc3339(),
            version: order.version,
        }
    }
}

/// Whether `viewer` has a use for the delivery address of an order in `status`.
fn needs_address(viewer: Viewer, status: OrderStatus) -> bool {
    use OrderStatus::{Cancelled, Completed, Created, Delivered, Disputed, Funded, Resolved, Shipped};
    match (viewer, status) {
        (Viewer::Buyer, _) | (Viewer::Seller, Funded | Shipped | Delivered | Disputed) | (Viewer::Admin, Disputed) => {
            true
        }
        (Viewer::Seller, Created | Completed | Resolved | Cancelled)
        | (Viewer::Admin, Created | Funded | Shipped | Delivered | Completed | Resolved | Cancelled) => false,
    }
}

impl From<&Rates> for RatesView {
    fn from(rates: &Rates) -> Self {
        Self {
            usd_per_dot: rate_decimal(rates.usd_per_dot),
            kes_per_usd: rate_decimal(rates.kes_per_usd),
            source: rates.source.clone(),
            at: rates.at.rfc3339(),
        }
    }
}

/// A rate in units of 10⁻⁸ as the shortest exact decimal.
fn rate_decimal(rate: u64) -> String {
    let (whole, fraction) = (rate / RATE_ONE, rate % RATE_ONE);
    if fraction == 0 {
        return whole.to_string();
    }
    format!("{whole}.{fraction:08}").trim_end_matches('0').to_owned()
}

impl From<&PendingAction> for PendingView {
    fn from(pending: &PendingAction) -> Self {
        Self { action: pending.action, since: pending.at.rfc3339() }
    }
}

impl From<&DotPayment> for DotPaymentView {
    fn from(payment: &DotPayment) -> Self {
        Self {
            extrinsic_hash: payment.extrinsic_hash.clone(),
            block_hash: payment.block_hash.clone(),
            at: payment.at.rfc3339(),
            failure: payment.failure.clone(),
        }
    }
}

impl From<&Deadlines> for DeadlinesView {
    fn from(deadlines: &Deadlines) -> Self {
        let show = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
        Self {
            payment: show(deadlines.payment),
            shipping: show(deadlines.shipping),
            inspection: show(deadlines.inspection),
            evidence: show(deadlines.evidence),
        }
    }
}

impl From<&Tracking> for TrackingView {
    fn from(tracking: &Tracking) -> Self {
        Self {
            carrier: tracking.carrier.as_str().to_owned(),
            tracking_number: tracking.number.as_str().to_owned(),
            cid: tracking.cid.clone(),
            document: tracking.document.clone(),
        }
    }
}

impl TransitionView {
    /// A line of `order`'s history. Which admin decided is the admins' business.
    pub fn of(line: &Transition, order: &Order, viewer: Viewer) -> Self {
        Self {
            status: line.status,
            at: line.at.rfc3339(),
            by: line.by.filter(|by| viewer == Viewer::Admin || order.party(by).is_some()),
            extrinsic: line.extrinsic.clone(),
            block: line.block,
        }
    }
}

impl From<&Notification> for NotificationView {
    fn from(row: &Notification) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            order_id: row.order_id,
            title: row.title.clone(),
            message: row.message.clone(),
            read: row.read,
            created_at: row.created_at.rfc3339(),
        }
    }
}
