//! Routes under `/api/orders`: from creation to delivery, cancellation or dispute.
//!
//! | route | sequential round trips to DynamoDB |
//! |---|---|
//! | list | 1 |
//! | get | 1: the order and its payments, by index, at once; 1 more only while the index lags behind |
//! | create | 1: session, quota, key, product and rates at once; 1: order, stock and command in one transaction |
//! | pay/mpesa | 1: session, quota, key and order; 1: payment row, while the token is read; push; 1: its answer |
//! | ship, confirm | 1: session, quota and order; 1: pending move and command in one transaction |
//! | cancel, dispute | 1: session, quota, key and order; 1: pending move, command, and the first evidence in one transaction |
//! | evidence | 1: session, quota, key and order; 1: the row, while its dispute takes it; listing 1 |
//! | evidence/uploads, tracking | 1 |
//!
//! A move answers 202: it is pending, and becomes the order's status when its event is final on the chain (DESIGN §3).
//! Who may do what follows from who somebody is to the order, not from a role: sellers buy, too.

mod brought;
mod cancel;
mod confirm;
mod create;
mod dispute;
mod evidence;
mod exhibit;
mod footing;
mod get;
mod list;
mod moves;
mod pay_mpesa;
mod permit;
mod pinned;
mod settings;
mod ship;
mod tracking;

use std::sync::Arc;

use axum::extract::FromRef;
use descrow_domain::{evidence::content::IMAGE_LIMIT, rates::Pricing};
use descrow_ipfs::{Gateways, PinService};
use descrow_mpesa::{CallbackUrls, Daraja, StkSettings};
use descrow_platform::bucket::Bucket;
use descrow_store::Store;
use descrow_web::{App, Edge, OpenApiRouter, document, routes};

pub use create::{CreateOrder, NewOrder};
pub use dispute::{DisputeForm, NewDispute, RaiseDispute};
pub use evidence::EvidenceView;
pub use exhibit::{AddEvidence, EvidenceForm, Exhibit, Source};
pub use pay_mpesa::{PayByMpesa, PaymentBegun};
pub use permit::EvidencePromise;
pub use settings::Settings;
pub use ship::{ShipOrder, Shipment};
pub use tracking::OrderTracking;

/// What the routes need.
#[derive(Clone)]
pub struct Orders {
    /// The edge.
    pub edge: Edge,
    /// The database.
    pub store: Store,
    /// M-Pesa.
    pub daraja: Arc<Daraja>,
    /// The shortcode that collects.
    pub stk: Arc<StkSettings>,
    /// Where M-Pesa reports.
    pub callbacks: Arc<CallbackUrls>,
    /// Where tracking documents and evidence are pinned.
    pub pins: Arc<dyn PinService>,
    /// Where browsers find them.
    pub gateways: Arc<Gateways>,
    /// Where large files wait until they are pinned.
    pub bucket: Bucket,
    /// Where it is known what a DOT and a dollar cost.
    pub pricing: Pricing,
    /// How long an order waits for its payment, in seconds.
    pub payment_window: i64,
    /// Whether only sellers whose identity was verified may sell.
    pub verified_sellers: bool,
}

impl FromRef<Orders> for Edge {
    fn from_ref(orders: &Orders) -> Self {
        orders.edge.clone()
    }
}

fn family() -> OpenApiRouter<Orders> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(get::get))
        .routes(routes!(pay_mpesa::pay_mpesa))
        .routes(routes!(ship::ship))
        .routes(routes!(confirm::confirm))
        .routes(routes!(cancel::cancel))
        .routes(routes!(dispute::dispute))
        .routes(routes!(evidence::add, evidence::list))
        .routes(routes!(permit::permit))
        .routes(routes!(tracking::tracking))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let family = document::demanding(family().into_openapi(), "CreateOrder", ("paymentMode", "mpesa"), "phoneNumber");
    let family = document::either(family, "AddEvidence", ("kind", "text"), "text", "uploadId");
    document::at_most(family, "EvidencePromise", ("contentType", "^image/"), "size", IMAGE_LIMIT as u64)
}

/// The family behind the edge.
pub fn app(orders: Orders) -> App {
    App::new(orders.edge.clone(), family().with_state(orders).into())
}
