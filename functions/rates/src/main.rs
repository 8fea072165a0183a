//! Wires the rates function.

use descrow_platform::{aws, start};
use descrow_store::Store;
use descrow_web::Edge;
use rates::{Kept, Rates, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = start(Settings::read);
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), settings.tables);
    let edge = Edge::new(settings.edge, store.clone());
    descrow_web::run(rates::app(Rates { edge, store, pricing: settings.pricing, kept: Kept::default() })).await
}
