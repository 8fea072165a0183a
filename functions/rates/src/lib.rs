//! `GET /api/rates`: the exchange rates, and whether anything can be priced with them.
//!
//! One round trip at most: the row is kept for half a minute. An order is priced with the row as it is then, not with what was
//! shown here.

mod current;
mod kept;
mod settings;

use axum::extract::FromRef;
use descrow_domain::rates::Pricing;
use descrow_store::Store;
use descrow_web::{App, Edge, OpenApiRouter, routes};

pub use current::RatesReport;
pub use kept::Kept;
pub use settings::Settings;

/// What the route needs.
#[derive(Clone)]
pub struct Rates {
    /// The edge.
    pub edge: Edge,
    /// The database.
    pub store: Store,
    /// Where the rates come from.
    pub pricing: Pricing,
    /// The row as it was read last.
    pub kept: Kept,
}

impl FromRef<Rates> for Edge {
    fn from_ref(rates: &Rates) -> Self {
        rates.edge.clone()
    }
}

fn family() -> OpenApiRouter<Rates> {
    OpenApiRouter::new().routes(routes!(current::current))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    family().into_openapi()
}

/// The family behind the edge.
pub fn app(rates: Rates) -> App {
    App::new(rates.edge.clone(), family().with_state(rates).into())
}
