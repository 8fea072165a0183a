//! Routes under `/api/mpesa`: how a payment stands, and what was paid. M-Pesa itself calls `functions/mpesa-webhook`.
//!
//! | route | sequential round trips to DynamoDB |
//! |---|---|
//! | stk-status | 1: session, quota and payment; 1, while the payment is open: whether M-Pesa may be asked again |
//! | transactions | 1 |
//!
//! Nothing here calls M-Pesa or settles anything: `payment-processor` does, woken by a message, so that a client that asks
//! often cannot make it happen twice or sooner than it may.

mod settings;
mod stk_status;
mod transactions;

use axum::extract::FromRef;
use descrow_platform::wake::StandardQueue;
use descrow_store::Store;
use descrow_web::{App, Edge, OpenApiRouter, routes};

pub use settings::Settings;

/// What the routes need.
#[derive(Clone)]
pub struct Mpesa {
    /// The edge.
    pub edge: Edge,
    /// The database.
    pub store: Store,
    /// Wakes who asks M-Pesa about a payment.
    pub checks: StandardQueue,
}

impl FromRef<Mpesa> for Edge {
    fn from_ref(mpesa: &Mpesa) -> Self {
        mpesa.edge.clone()
    }
}

fn family() -> OpenApiRouter<Mpesa> {
    OpenApiRouter::new().routes(routes!(stk_status::stk_status)).routes(routes!(transactions::transactions))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    family().into_openapi()
}

/// The family behind the edge.
pub fn app(mpesa: Mpesa) -> App {
    App::new(mpesa.edge.clone(), family().with_state(mpesa).into())
}
