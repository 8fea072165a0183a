//! What users see of a dispute.

use serde::{Deserialize, Serialize};

use crate::{
    Account,
    dispute::{Decision, Dispute, DisputeResolution, Proposal},
    order::{Order, OrderMove, OrderStatus, PaymentMode, Viewer},
};

/// A dispute over an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DisputeView {
    /// What the party says; `null` where it was raised on the chain by the party's own wallet.
    pub reason: Option<String>,
    /// The party who raised it, where it is known.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub by: Option<Account>,
    /// When it was raised (RFC 3339).
    pub at: String,
    /// CID of the evidence that is named on the contract; empty where there is none.
    pub evidence_cid: String,
    /// When the end of the evidence window was noted (RFC 3339); `null` while evidence is taken.
    pub evidence_closed_at: Option<String>,
    /// A decision that waits for a second admin, as admins see it; `null` for the parties.
    pub proposal: Option<ProposalView>,
    /// The decision, from when it was made; it is carried out when the order is `resolved`.
    pub decision: Option<DecisionView>,
}

/// How a dispute ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ResolutionView {
    /// The buyer gets everything back.
    RefundBuyer,
    /// The seller gets everything.
    ReleaseToSeller,
    /// Both get a part.
    Split {
        /// The seller's part in basis points, rounded down; the buyer gets the rest.
        #[serde(rename = "sellerBps")]
        seller_bps: u16,
    },
}

/// A decision that waits for a second admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProposalView {
    /// How the dispute should end.
    pub resolution: ResolutionView,
    /// Why.
    pub reason: String,
    /// The admin who proposed it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub by: Account,
    /// When (RFC 3339).
    pub at: String,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// How the dispute ends.
    pub resolution: ResolutionView,
    /// Why; `null` where it was decided on the contract itself.
    pub reason: Option<String>,
    /// The admins who decided; `null` for the parties.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<String>>))]
    pub by: Option<Vec<Account>>,
    /// When (RFC 3339).
    pub at: String,
    /// The buyer's share in shillings; `null` for an order in DOT.
    pub kes_to_buyer: Option<u32>,
    /// The seller's share in shillings; `null` for an order in DOT.
    pub kes_to_seller: Option<u32>,
    /// The buyer's share in DOT, a decimal; `null` for an order by M-Pesa.
    pub dot_to_buyer: Option<String>,
    /// The seller's share in DOT, a decimal; `null` for an order by M-Pesa.
    pub dot_to_seller: Option<String>,
}

impl DisputeView {
    /// The order's dispute, from when the contract was asked to open it; one that the contract refused is none.
    pub fn of(order: &Order, viewer: Viewer) -> Option<Self> {
        let asked = |action| order.pending.as_ref().is_some_and(|pending| pending.action == action);
        let resolved = order.status == OrderStatus::Resolved;
        let shown = resolved || order.status == OrderStatus::Disputed || asked(OrderMove::Dispute);
        let dispute = order.dispute.as_ref().filter(|_| shown)?;
        let decision = dispute.decision.as_ref().filter(|_| resolved || asked(OrderMove::Resolve));
        Some(Self {
            decision: decision.map(|decision| DecisionView::of(decision, order, viewer)),
            ..Self::undecided(dispute, viewer)
        })
    }

    fn undecided(dispute: &Dispute, viewer: Viewer) -> Self {
        Self {
            reason: dispute.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            by: dispute.by,
            at: dispute.at.rfc3339(),
            evidence_cid: dispute.evidence_cid.clone(),
            evidence_closed_at: dispute.evidence_closed_at.map(crate::Timestamp::rfc3339),
            proposal: dispute.proposal.as_ref().filter(|_| viewer == Viewer::Admin).map(ProposalView::from),
            decision: None,
        }
    }
}

impl From<&Proposal> for ProposalView {
    fn from(proposal: &Proposal) -> Self {
        Self {
            resolution: proposal.resolution.into(),
            reason: proposal.reason.as_str().to_owned(),
            by: proposal.by,
            at: proposal.at.rfc3339(),
        }
    }
}

impl DecisionView {
    fn of(decision: &Decision, order: &Order, viewer: Viewer) -> Self {
        let by_phone = order.paid_by() == PaymentMode::Mpesa;
        let held = decision.resolution.planck(order.quote.amount);
        Self {
            resolution: decision.resolution.into(),
            reason: decision.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            by: (viewer == Viewer::Admin).then(|| decision.by.clone()),
            at: decision.at.rfc3339(),
            kes_to_buyer: by_phone.then_some(decision.kes_to_buyer.0),
            kes_to_seller: by_phone.then_some(decision.kes_to_seller.0),
            dot_to_buyer: (!by_phone).then(|| held.buyer.to_dot()),
            dot_to_seller: (!by_phone).then(|| held.seller.to_dot()),
        }
    }
}

impl From<DisputeResolution> for ResolutionView {
    fn from(resolution: DisputeResolution) -> Self {
        match resolution {
            DisputeResolution::RefundBuyer => Self::RefundBuyer,
            DisputeResolution::ReleaseToSeller => Self::ReleaseToSeller,
            DisputeResolution::Split { seller_bps } => Self::Split { seller_bps: seller_bps.get() },
        }
    }
}
