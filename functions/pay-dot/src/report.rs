//! What a buyer reports of the extrinsic that it sent: looked up where a block is named, and noted on the order.

use descrow_chain::{Chain, Funding, FundingFailure, OrderRef};
use descrow_domain::{
    Timestamp,
    order::{Actor, DotPayment, Order, OrderStatus, Transition},
};
use descrow_platform::Deadline;
use descrow_store::DotNoted;
use descrow_web::{ApiError, Code, Once, Reply};

use crate::{
    PayDot,
    pay_dot::{Sent, unavailable},
    view::{DotReport, ReportedFailure, ReportedOutcome, hex},
};

/// What the named block says; `None` where none is named.
pub(crate) async fn look_up(
    app: &PayDot,
    chain: Option<&Chain>,
    order: &Order,
    sent: Sent,
    deadline: Deadline,
) -> Result<Option<Funding>, ApiError> {
    let (Some(chain), Some(block)) = (chain, sent.block) else { return Ok(None) };
    let (id, amount) = (OrderRef::of(order.id), order.quote.amount);
    let found = app.contract.funding(chain, block, sent.extrinsic, id, amount, deadline).await;
    found.map(Some).map_err(unavailable)
}

/// Notes the report on an order that is not paid yet, with its answer.
pub(crate) async fn note(
    app: &PayDot,
    order: Order,
    sent: Sent,
    funding: Option<Funding>,
    once: &Once,
) -> Result<Reply, ApiError> {
    let now = Timestamp::now();
    let (outcome, failure) = match funding {
        None => (ReportedOutcome::Sent, None),
        Some(Funding::Unseen) => (ReportedOutcome::Unseen, None),
        Some(Funding::Paid) => (ReportedOutcome::Included, None),
        Some(Funding::Failed(failure)) => (ReportedOutcome::Failed, Some(told(&failure))),
    };
    let noted = DotPayment {
        extrinsic_hash: hex(&sent.extrinsic),
        block_hash: sent.block.map(|block| hex(&block)),
        at: now,
        failure: failure.as_ref().map(|failure| failure.code.clone()),
    };
    let next = Order { dot_payment: Some(noted), version: order.version.saturating_add(1), updated_at: now, ..order };
    let reply = Reply::accepted(&report(&next, sent, outcome, failure))?;
    let record = once.answered(&reply, now)?;
    match app.store.orders().note_dot_payment(&next, &record).await? {
        DotNoted::Done => Ok(reply),
        DotNoted::Replay(record) => once.settle_refused(*record, now),
        // The poller was faster than the report.
        DotNoted::Stale(Some(newer)) if has_paid(sent, &newer) => paid(&newer, sent),
        DotNoted::Stale(Some(newer)) if newer.status != OrderStatus::Created => {
            Err(ApiError::order_state(&newer, Actor::Buyer))
        }
        DotNoted::Stale(Some(_)) => {
            Err(ApiError::new(Code::VersionConflict, "The order changed meanwhile. Report it again."))
        }
        DotNoted::Stale(None) => Err(ApiError::not_found()),
    }
}

/// Whether this very extrinsic paid the order, by the contract's event: then there is nothing to note.
pub(crate) fn has_paid(sent: Sent, order: &Order) -> bool {
    let extrinsic = hex(&sent.extrinsic);
    let funded = |line: &Transition| line.status == OrderStatus::Funded && line.extrinsic.as_ref() == Some(&extrinsic);
    order.history.iter().any(funded)
}

/// The answer about the extrinsic that paid the order.
pub(crate) fn paid(order: &Order, sent: Sent) -> Result<Reply, ApiError> {
    Reply::accepted(&report(order, sent, ReportedOutcome::Final, None))
}

fn report(order: &Order, sent: Sent, outcome: ReportedOutcome, failure: Option<ReportedFailure>) -> DotReport {
    DotReport {
        order_id: order.id,
        order_status: order.status,
        extrinsic_hash: hex(&sent.extrinsic),
        block_hash: sent.block.map(|block| hex(&block)),
        outcome,
        failure,
    }
}

fn told(failure: &FundingFailure) -> ReportedFailure {
    ReportedFailure { code: failure.code().to_owned(), message: failure.to_string() }
}
