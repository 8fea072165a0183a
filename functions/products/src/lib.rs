//! Routes under `/api/products`: the catalogue and its images.
//!
//! Reading is public, writing is the seller's own. Sequential round trips to DynamoDB: read and list 1, change 2. What is
//! published of a product (title, price, images) is pinned on IPFS before the row is written, so that a row never names
//! content that nobody has; deleting a product makes it inactive, since orders refer to it.

mod content;
mod create;
mod delete;
mod get;
mod list;
mod request;
mod settings;
mod update;
mod upload;
mod view;

use std::sync::Arc;

use axum::extract::FromRef;
use descrow_domain::rates::Rate;
use descrow_ipfs::{Gateways, PinService};
use descrow_store::Store;
use descrow_web::{App, Edge, OpenApiRouter, routes};

pub use request::{Changes, CreateProduct, NewProduct, UpdateProduct};
pub use settings::Settings;
pub use upload::{UPLOAD_LIMIT, UploadForm, Uploaded, UploadedImage};
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
    /// Dollars for one DOT, for prices that a seller gave in DOT alone.
    pub usd_per_dot: Rate,
}

impl FromRef<Products> for Edge {
    fn from_ref(products: &Products) -> Self {
        products.edge.clone()
    }
}

fn family() -> OpenApiRouter<Products> {
    OpenApiRouter::new().routes(routes!(create::create, list::list)).routes(routes!(upload::upload)).routes(routes!(
        get::get,
        update::update,
        delete::delete
    ))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    family().into_openapi()
}

/// The family behind the edge.
pub fn app(products: Products) -> App {
    App::new(products.edge.clone(), family().with_state(products).into())
}
