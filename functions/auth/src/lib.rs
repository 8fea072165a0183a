//! `/api/auth`: who somebody is, proven by a wallet's signature, and for how long that is believed.
//!
//! challenge → register or login → refresh … → logout. One file per action.

mod challenge;
mod kyc;
mod login;
mod logout;
mod message;
mod profile;
mod proof;
mod refresh;
mod register;
mod session;
pub mod settings;
mod user;
pub mod wallet;

use axum::extract::FromRef;
use descrow_platform::bucket::Bucket;
use descrow_store::Store;
use descrow_web::{App, Edge, OpenApiRouter, routes};

use crate::settings::Settings;

/// What the handlers work with.
#[derive(Clone)]
pub struct Auth {
    /// The HTTP edge.
    pub edge: Edge,
    /// The database.
    pub store: Store,
    /// Where documents are handed in.
    pub documents: Bucket,
    /// The family's settings.
    pub settings: Settings,
}

impl FromRef<Auth> for Edge {
    fn from_ref(auth: &Auth) -> Self {
        auth.edge.clone()
    }
}

fn family() -> OpenApiRouter<Auth> {
    OpenApiRouter::new()
        .routes(routes!(challenge::challenge))
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(profile::read, profile::change))
        .routes(routes!(kyc::uploads::begin))
        .routes(routes!(kyc::submit::submit))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    family().into_openapi()
}

/// The family behind the edge.
pub fn app(auth: Auth) -> App {
    App::new(auth.edge.clone(), family().with_state(auth).into())
}
