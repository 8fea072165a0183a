//! Routes under `/api/admin`: what admins see, and the few things that they may do.
//!
//! | route | sequential round trips to DynamoDB |
//! |---|---|
//! | orders, disputes, users, a user, analytics, audit | 1 |
//! | resolve | 1: session, quota, order and its payments; 1: proposal or decision, command and log entry in one transaction |
//! | kyc | 1: session, quota and user; 1: decision, log entry and notification in one transaction |
//! | payouts/retry | 1: session, quota and payment; 1: its user's number and its order; 1: new attempt and log entry in one transaction |
//! | payments/settle | 1: session, quota and payment; 1: payment, books, order and log entry in one transaction |
//!
//! Whatever an admin does stands in the audit log, by the transaction that does it; a request that changes nothing, since the
//! same was done before, adds nothing. No admin decides about its own order, money or identity.

mod analytics;
mod audit;
mod disputes;
mod kyc;
mod orders;
mod payouts;
mod resolve;
mod settings;
mod settle;
mod users;

use axum::extract::FromRef;
use descrow_domain::{Account, Kes};
use descrow_platform::bucket::Bucket;
use descrow_store::Store;
use descrow_web::{ApiError, App, Code, Edge, OpenApiRouter, routes};

pub use settings::Settings;

/// What the routes need.
#[derive(Clone)]
pub struct Office {
    /// The edge.
    pub edge: Edge,
    /// The database.
    pub store: Store,
    /// Where KYC documents are.
    pub documents: Bucket,
    /// A dispute over more than this is decided by two admins.
    pub four_eyes_above: Kes,
}

impl FromRef<Office> for Edge {
    fn from_ref(office: &Office) -> Self {
        office.edge.clone()
    }
}

fn family() -> OpenApiRouter<Office> {
    OpenApiRouter::new()
        .routes(routes!(orders::orders))
        .routes(routes!(disputes::disputes))
        .routes(routes!(resolve::resolve))
        .routes(routes!(users::users))
        .routes(routes!(users::user))
        .routes(routes!(kyc::decide_kyc))
        .routes(routes!(payouts::retry))
        .routes(routes!(settle::settle))
        .routes(routes!(analytics::analytics))
        .routes(routes!(audit::audit))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let family = family().into_openapi();
    let family = descrow_web::document::only_where(family, "ResolveDispute", ("resolution", "split"), &["sellerBps"]);
    let paid = ("outcome", "paid");
    let family = descrow_web::document::only_where(family, "SettlePayment", paid, &["amountKes", "receipt"]);
    descrow_web::document::demanding(family, "DecideKyc", ("status", "rejected"), "reason")
}

/// The family behind the edge.
pub fn app(office: Office) -> App {
    App::new(office.edge.clone(), family().with_state(office).into())
}

/// Nobody decides in its own case.
fn impartial(admin: Account, concerned: &[Account]) -> Result<(), ApiError> {
    if concerned.contains(&admin) { Err(own()) } else { Ok(()) }
}

fn own() -> ApiError {
    ApiError::new(Code::WrongRole, "This concerns you yourself: another admin must do it.")
}
