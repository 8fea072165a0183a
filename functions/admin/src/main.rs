//! Wires the admin function.

use std::time::Duration;

use admin::{Office, Settings};
use descrow_platform::{aws, bucket::Bucket, http_client, start};
use descrow_store::Store;
use descrow_web::Edge;

/// Of requests to the bucket; links to documents are signed without one.
const BUCKET_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = start(Settings::read);
    let config = aws::sdk_config();
    let store = Store::new(aws::dynamodb(&config), settings.tables);
    let documents = Bucket::new(&config, http_client::build(BUCKET_TIMEOUT)?, &settings.uploads);
    let edge = Edge::new(settings.edge, store.clone());
    descrow_web::run(admin::app(Office { edge, store, documents, four_eyes_above: settings.four_eyes_above })).await
}
