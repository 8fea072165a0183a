//! Wires the rates function.

use descrow_platform::{Config, aws, telemetry};
use descrow_store::Store;
use descrow_web::Edge;
use rates::{Kept, Rates, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let settings = Config::from_env(Settings::read).unwrap_or_else(|error| {
        tracing::error!(error = %error, "config.refused");
        std::process::exit(1)
    });
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), settings.tables);
    let edge = Edge::new(settings.edge, store.clone());
    descrow_web::run(rates::app(Rates { edge, store, pricing: settings.pricing, kept: Kept::default() })).await
}
