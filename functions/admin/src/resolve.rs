//! `POST /api/admin/disputes/{id}/resolve`: how a dispute ends.
//!
//! The decision is a move like any other: pending until the contract's event is final, which moves the money
//! (`chain-poller`). Above a set value the first admin's word is a proposal, and a second one's, if it is the same, the
//! decision. A lost race is decided again on the order as the winner left it, so two admins who say the same at once are
//! a proposal and its confirmation.

use axum::extract::State;
use descrow_domain::{
    Account, OrderId, Timestamp,
    audit::{AuditAction, AuditEntry},
    command::ChainCommand,
    dispute::{Bps, DisputeResolution, Proposal, Reason, Verdict},
    order::{Actor, Money, Order, OrderMove, PaymentMode, Viewer},
    payment::Payment,
    view::OrderView,
};
use descrow_store::{OrderChange, Requested, Store, StoreError};
use descrow_web::{Admin, ApiError, Body, Code, FieldProblem, Fields, Id, Input, Reply, Request};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{Office, impartial};

/// How often it is decided anew when others change the same order.
const ATTEMPTS: u32 = 4;

/// How the dispute should end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResolveDispute {
    /// `refund`: all to the buyer; `release`: all to the seller; `split`: a part to each.
    #[schema(value_type = String, pattern = "^(refund|release|split)$", example = "split")]
    resolution: Input<String>,
    /// The seller's part of a split in basis points, rounded down; the buyer gets the rest. For a split only.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 9999, example = 5000)]
    seller_bps: Input<u64>,
    /// Why. The parties read it.
    #[schema(value_type = String, min_length = 3, max_length = 1000, example = "The picture shows a torn seam.")]
    reason: Input<String>,
}

/// How the dispute should end, in domain types.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    resolution: DisputeResolution,
    reason: Reason,
}

impl Request for ResolveDispute {
    type Valid = Wanted;

    fn validate(self, fields: &mut Fields) -> Option<Wanted> {
        let kind = fields.required_with("resolution", self.resolution, |text| match text {
            "refund" | "release" | "split" => Ok(text.to_owned()),
            _ => Err("must be one of refund, release, split"),
        });
        let reason = fields.required("reason", self.reason);
        let resolution = match kind.as_deref() {
            Some("split") => {
                let bps = fields.number("sellerBps", self.seller_bps, 1..=9999, None);
                let bps = bps.and_then(|bps| Bps::try_from(u16::try_from(bps).ok()?).ok());
                bps.map(|seller_bps| DisputeResolution::Split { seller_bps })
            }
            whole => {
                if fields.given("sellerBps", self.seller_bps).flatten().is_some() {
                    fields.refuse("sellerBps", "is for a split only");
                }
                whole.map(|kind| match kind {
                    "refund" => DisputeResolution::RefundBuyer,
                    _ => DisputeResolution::ReleaseToSeller,
                })
            }
        };
        Some(Wanted { resolution: resolution?, reason: reason? })
    }
}

/// A disputed order with its payments.
struct Case {
    order: Order,
    payments: Vec<Payment>,
}

impl Case {
    async fn read(store: &Store, id: OrderId) -> Result<Option<Self>, StoreError> {
        let found = store.payments().with_order(id).await?;
        Ok(found.map(|(order, payments)| Self { order, payments }))
    }

    fn accepted(&self) -> Result<Reply, ApiError> {
        let find = |id| self.payments.iter().find(|payment| payment.id == id);
        Reply::accepted(&OrderView::new(&self.order, Viewer::Admin, find))
    }
}

/// What an admin's word makes of an order.
struct Step {
    order: Order,
    command: Option<ChainCommand>,
    audit: AuditEntry,
}

/// Decides a dispute, or proposes how to.
///
/// Above the set value a second admin must say the same before it counts; until then it is a proposal, which its admin
/// can change. The same request again has the same answer.
#[utoipa::path(post, path = "/api/admin/disputes/{id}/resolve", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")), request_body = ResolveDispute,
    responses((status = 202, description = "Proposed, or decided and pending until its event is final on the chain", body = OrderView),
        (status = 403, description = "`wrong_role`: not an admin, or a party to the order"),
        (status = 409, description = "`order_state`: `details` names status and allowed moves; `proposal_differs`: `details` says what another admin proposed; `version_conflict`")))]
pub(crate) async fn resolve(
    State(app): State<Office>,
    admin: Admin,
    Id(id): Id<OrderId>,
    Body(wanted): Body<ResolveDispute>,
) -> Result<Reply, ApiError> {
    let (admin, case) = app.edge.live(admin, Case::read(&app.store, id)).await?;
    let mut case = case.ok_or_else(ApiError::not_found)?;
    impartial(admin.account(), &[case.order.buyer_id, case.order.seller_id])?;
    for _ in 0..ATTEMPTS {
        let four_eyes = app.needs_two(&case.order);
        let Some(step) = decide(&case.order, &wanted, admin.account(), four_eyes, Timestamp::now())? else {
            return case.accepted();
        };
        let change =
            OrderChange { command: step.command.as_ref(), audit: Some(&step.audit), ..OrderChange::of(&step.order) };
        match app.store.orders().change(&change).await? {
            Requested::Done => {
                tracing::info!(order_id = %id, action = ?step.audit.action, "admin.dispute");
                case.order = step.order;
                return case.accepted();
            }
            Requested::Stale(Some(newer)) => case.order = *newer,
            Requested::Stale(None) | Requested::PayoutSent(_) | Requested::Replay(_) => {
                return Err(ApiError::not_found());
            }
        }
    }
    Err(ApiError::new(Code::VersionConflict, "The order changed meanwhile. Read it again."))
}

/// What `admin`'s word does to the order; `None` where it was said before.
fn decide(
    order: &Order,
    wanted: &Wanted,
    admin: Account,
    four_eyes: bool,
    now: Timestamp,
) -> Result<Option<Step>, ApiError> {
    if is_decided_so(order, wanted.resolution, admin) {
        return Ok(None);
    }
    let (actor, money) = (Actor::Admin, Money::default());
    order.may(actor, OrderMove::Resolve, money).map_err(|why| ApiError::refused(order, actor, money, why))?;
    let by_phone = order.paid_by() == PaymentMode::Mpesa;
    if let (true, Err(unpayable)) = (by_phone, wanted.resolution.payable_shillings(order.quote.kes)) {
        let problem = FieldProblem { field: "sellerBps".to_owned(), message: unpayable.to_string() };
        return Err(ApiError::validation(vec![problem]));
    }
    let Some(dispute) = &order.dispute else {
        return Err(ApiError::new(Code::Internal, "a disputed order has no dispute"));
    };
    let Wanted { resolution, reason } = wanted.clone();
    let entry = |action| entry(admin, action, order, wanted, now);
    Ok(match dispute.verdict(resolution, admin, four_eyes) {
        Verdict::Known => None,
        Verdict::Differs(proposal) => return Err(differs(&proposal)),
        Verdict::Proposed => Some(Step {
            order: order.clone().proposing(Proposal { resolution, reason, by: admin, at: now }),
            command: None,
            audit: entry(AuditAction::ProposeResolution),
        }),
        Verdict::Decided(admins) => {
            let audit = entry(AuditAction::ResolveDispute);
            let audit = match admins.first().filter(|first| **first != admin) {
                Some(first) => audit.with("proposedBy", first),
                None => audit,
            };
            let (order, command) = order.clone().deciding(resolution, reason, admins, now);
            Some(Step { order, command: Some(command), audit })
        }
    })
}

/// Whether `admin` decided just this, and it waits for the chain.
fn is_decided_so(order: &Order, resolution: DisputeResolution, admin: Account) -> bool {
    let waits = order.pending.as_ref().is_some_and(|pending| pending.action == OrderMove::Resolve);
    let decision = order.dispute.as_ref().and_then(|dispute| dispute.decision.as_ref());
    waits && decision.is_some_and(|decision| decision.resolution == resolution && decision.by.contains(&admin))
}

fn entry(admin: Account, action: AuditAction, order: &Order, wanted: &Wanted, now: Timestamp) -> AuditEntry {
    let reason = Some(wanted.reason.as_str());
    let entry = AuditEntry::new(admin, action, format!("orders/{}", order.id), reason, now)
        .with("resolution", &name(wanted.resolution));
    let entry = match wanted.resolution {
        DisputeResolution::Split { seller_bps } => entry.with("sellerBps", &seller_bps.get()),
        _ => entry,
    };
    match order.paid_by() {
        PaymentMode::Mpesa => {
            let shares = wanted.resolution.shillings(order.quote.kes);
            entry.with("kesToBuyer", &shares.buyer.0).with("kesToSeller", &shares.seller.0)
        }
        PaymentMode::Dot => {
            let shares = wanted.resolution.planck(order.quote.amount);
            entry.with("dotToBuyer", &shares.buyer.to_dot()).with("dotToSeller", &shares.seller.to_dot())
        }
    }
}

/// The name of a resolution in requests.
fn name(resolution: DisputeResolution) -> &'static str {
    match resolution {
        DisputeResolution::RefundBuyer => "refund",
        DisputeResolution::ReleaseToSeller => "release",
        DisputeResolution::Split { .. } => "split",
    }
}

/// Two admins who want different things must talk to each other.
fn differs(proposal: &Proposal) -> ApiError {
    let detail = |field: &str, message: String| FieldProblem { field: field.to_owned(), message };
    let mut details = vec![detail("resolution", name(proposal.resolution).to_owned())];
    if let DisputeResolution::Split { seller_bps } = proposal.resolution {
        details.push(detail("sellerBps", seller_bps.get().to_string()));
    }
    details.push(detail("proposedBy", proposal.by.to_string()));
    details.push(detail("proposedAt", proposal.at.rfc3339()));
    ApiError::with_details(Code::ProposalDiffers, "Another admin proposed to decide this dispute differently.", details)
}
