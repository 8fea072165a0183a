//! Wires the products function.

use std::time::Duration;

use descrow_platform::{aws, bucket::Bucket, http_client, start};
use descrow_store::Store;
use descrow_web::Edge;
use products::{ProductCache, Products, Settings};

/// How long a large image may take out of the bucket.
const TO_FETCH: Duration = Duration::from_secs(15);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = start(Settings::read);
    let sdk = aws::sdk_config();
    let store = Store::new(aws::dynamodb(&sdk), settings.tables);
    let products = Products {
        edge: Edge::new(settings.edge, store.clone()),
        store,
        pins: settings.pins,
        gateways: settings.gateways,
        bucket: Bucket::new(&sdk, http_client::build(TO_FETCH)?, &settings.bucket),
        cache: ProductCache::default(),
        pricing: settings.pricing,
    };
    descrow_web::run(products::app(products)).await
}
