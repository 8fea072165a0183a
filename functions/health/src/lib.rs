//! `GET /health`: can this stack reach what it depends on? `GET /openapi.json` and
//! `GET /asyncapi.json`: what can a client ask of it, and what is it told?

mod document;
mod probe;
mod report;
pub mod settings;

use descrow_web::{App, OpenApiRouter, Origins, routes};

pub use crate::{
    probe::{Probe, Silence},
    report::Health,
};

fn family() -> OpenApiRouter<Health> {
    OpenApiRouter::new()
        .routes(routes!(report::health))
        .routes(routes!(document::document))
        .routes(routes!(document::realtime))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    descrow_web::document::open(family().into_openapi())
}

/// The family behind the edge. Neither route knows users.
pub fn app(health: Health, origins: Origins) -> App {
    App::open(origins, family().with_state(health).into())
}
