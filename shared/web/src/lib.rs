//! The HTTP edge of the route families: authorization evidence, errors, validation, rate limits, idempotency, pages, CORS
//! and the OpenAPI document. See [`Edge`] for what handlers ask of it and [`App`] for how a request passes through.
//!
//! Errors: a handler's lower layers have their own enums without HTTP in them; each converts into [`ApiError`] at the
//! handler's last step, and only [`App`] renders it.

mod body;
#[cfg(feature = "bucket")]
mod bucket;
mod caching;
#[cfg(feature = "content")]
mod content;
mod cors;
pub mod document;
mod edge;
mod error;
mod evidence;
mod fields;
#[cfg(feature = "uploads")]
pub mod form;
mod idempotency;
mod limits;
mod once;
mod order_state;
mod page;
mod path;
mod reply;
mod serve;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
#[cfg(feature = "uploads")]
pub mod uploads;

pub use body::{Body, JSON_LIMIT};
#[cfg(feature = "bucket")]
pub use bucket::UploadHeaders;
pub use caching::Known;
pub use cors::{InvalidOrigins, Origins};
pub use edge::{Edge, EdgeConfig};
pub use error::{ApiError, Code, FieldProblem};
pub use evidence::{Admin, Authenticated, Buyer, Evidence, Live, Seller};
pub use fields::{Fields, Input, Json, Nested, Nothing, Request};
pub use idempotency::IdempotencyKey;
pub use limits::{InvalidQuota, Quota, Uncounted, Visitor};
pub use once::{Once, outcome};
pub use page::{List, Page, Query};
pub use path::Id;
pub use reply::Reply;
pub use serve::{App, RequestInfo, run};
pub use token::{InvalidSigningKeys, RefreshToken, SigningKeys, Subject, Tokens};
pub use utoipa_axum::{router::OpenApiRouter, routes as utoipa_routes};
