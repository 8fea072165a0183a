//! Routes under `/api/products`: the catalogue and its images.
//!
//! Reading is public, writing is the seller's own. Sequential round trips to DynamoDB: read and list 1, change 2. What is
//! published of a product (title, price, the CIDs of its images) is pinned on IPFS before the row is written, and its images
//! must be pinned by us already, so that a row never names content that nobody has; deleting a product makes it inactive, since
//! orders refer to it.

mod cache;
mod content;
mod create;
mod delete;
mod dollars;
mod form;
mod get;
mod images;
mod list;
mod permit;
mod pinned;
mod request;
mod settings;
mod stored;
mod update;
mod upload;
mod view;

use std::sync::Arc;

use axum::extract::FromRef;
use descrow_domain::rates::Pricing;
use descrow_ipfs::{Gateways, PinService};
use descrow_platform::bucket::Bucket;
use descrow_store::Store;
use descrow_web::{App, Edge, OpenApiRouter, routes};

pub use cache::ProductCache;
pub use form::UploadForm;
pub use permit::UploadPromise;
pub use pinned::{Uploaded, UploadedImage};
pub use request::{Changes, CreateProduct, NewProduct, UpdateProduct};
pub use settings::Settings;
pub use stored::StoredUploads;
pub use view::{ImageView, ProductView};

/// What the routes need.
#[derive(Clone)]
pub struct Products {
    /// The edge.
    pub edge: Edge,
    /// The database.
    pub store: Store,
    /// Where content is pinned.
    pub pins: Arc<dyn PinService>,
    /// Where browsers find it.
    pub gateways: Arc<Gateways>,
    /// Where large images wait until they are pinned.
    pub bucket: Bucket,
    /// What was read not long ago.
    pub cache: ProductCache,
    /// Where it is known what a DOT costs, for prices that a seller gave in DOT alone.
    pub pricing: Pricing,
}

impl FromRef<Products> for Edge {
    fn from_ref(products: &Products) -> Self {
        products.edge.clone()
    }
}

fn family() -> OpenApiRouter<Products> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(upload::upload))
        .routes(routes!(permit::permit))
        .routes(routes!(get::get, update::update, delete::delete))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    family().into_openapi()
}

/// The family behind the edge.
pub fn app(products: Products) -> App {
    App::new(products.edge.clone(), family().with_state(products).into())
}
