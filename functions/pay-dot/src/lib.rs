//! `POST /api/orders/{id}/pay/dot`: a buyer pays into the escrow contract from a wallet of its own.
//!
//! | body | answer | sequential round trips to DynamoDB |
//! |---|---|---|
//! | `{}` | 200: the call to sign, tried on the chain as the buyer's account | 1: session, quota and order |
//! | `{extrinsicHash, blockHash?}` | 202: noted on the order; with a block, what became of it there | 1 more: note and answer |
//!
//! An order by M-Pesa is refused, in a second round trip where it names payments: they decide what else its buyer may do.
//!
//! We never hold a user's key, and nothing that is reported here pays an order: `chain-poller` funds it by the event in a
//! finalised block, whoever sent the extrinsic and whether it was reported or not. A function of its own, so that the client
//! of the chain is not linked into the other routes under `/api/orders`.

mod pay_dot;
mod payable;
mod report;
mod settings;
mod view;
mod wallet_call;

use std::sync::Arc;

use axum::extract::FromRef;
use descrow_chain::{Connector, EscrowContract};
use descrow_store::Store;
use descrow_web::{App, Edge, OpenApiRouter, routes};

pub use pay_dot::PayByDot;
pub use settings::Settings;
pub use view::{CallLimits, DotReport, ReportedFailure, ReportedOutcome, UnsignedPayment, WalletCall};

/// What the route needs.
#[derive(Clone)]
pub struct PayDot {
    /// The edge.
    pub edge: Edge,
    /// The database.
    pub store: Store,
    /// The node.
    pub connector: Arc<Connector>,
    /// The contract that is paid.
    pub contract: EscrowContract,
}

impl FromRef<PayDot> for Edge {
    fn from_ref(app: &PayDot) -> Self {
        app.edge.clone()
    }
}

fn family() -> OpenApiRouter<PayDot> {
    OpenApiRouter::new().routes(routes!(pay_dot::pay_dot))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    descrow_web::document::together(family().into_openapi(), "PayByDot", "blockHash", "extrinsicHash")
}

/// The family behind the edge.
pub fn app(app: PayDot) -> App {
    App::new(app.edge.clone(), family().with_state(app).into())
}
