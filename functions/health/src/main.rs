//! GET /health and GET /openapi.json.

use descrow_platform::{aws, http_client, start};
use descrow_store::Store;
use health::{Health, settings::Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = start(Settings::read);
    let sdk = aws::sdk_config();
    let store = Store::new(aws::dynamodb(&sdk), settings.tables.clone());
    let http = http_client::build(health::Probe::TIMEOUT)?;
    let origins = settings.origins.clone();
    let probes = settings.probes(store, &aws::sqs(&sdk), &http);
    descrow_web::run(health::app(Health::new(probes), origins)).await
}
