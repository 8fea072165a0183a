//! Routes under /api/auth: wallet login, sessions, profile, KYC.

use std::time::Duration;

use auth::{Auth, settings::Environment};
use descrow_platform::{aws, bucket::Bucket, http_client, start};
use descrow_store::Store;
use descrow_web::Edge;

/// What one request to the bucket may take in all.
const BUCKET_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = start(Environment::read);
    let config = aws::sdk_config();
    let store = Store::new(aws::dynamodb(&config), environment.tables);
    let documents = Bucket::new(&config, http_client::build(BUCKET_TIMEOUT)?, &environment.uploads);
    let edge = Edge::new(environment.edge, store.clone());
    descrow_web::run(auth::app(Auth { edge, store, documents, settings: environment.settings })).await
}
