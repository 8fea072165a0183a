//! Wires the mpesa function.

use descrow_platform::{Config, aws, telemetry, wake::StandardQueue};
use descrow_store::Store;
use descrow_web::Edge;
use mpesa::{Mpesa, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let settings = Config::from_env(Settings::read).unwrap_or_else(|error| {
        tracing::error!(error = %error, "config.refused");
        std::process::exit(1)
    });
    let config = aws::sdk_config();
    let store = Store::new(aws::dynamodb(&config), settings.tables);
    let checks = StandardQueue::new(aws::sqs(&config), settings.checks);
    let edge = Edge::new(settings.edge, store.clone());
    descrow_web::run(mpesa::app(Mpesa { edge, store, checks })).await
}
