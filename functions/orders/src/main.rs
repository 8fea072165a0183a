//! Wires the orders function.

use std::sync::Arc;

use descrow_mpesa::Daraja;
use descrow_platform::{Config, aws, telemetry};
use descrow_store::Store;
use descrow_web::Edge;
use orders::{Orders, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let settings = Config::from_env(Settings::read).unwrap_or_else(|error| {
        tracing::error!(error = %error, "config.refused");
        std::process::exit(1)
    });
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), settings.tables);
    let tokens = Arc::new(store.daraja_token(&settings.daraja.token_id()));
    let orders = Orders {
        edge: Edge::new(settings.edge, store.clone()),
        store,
        daraja: Arc::new(Daraja::new(settings.daraja, tokens)?),
        stk: Arc::new(settings.stk),
        callbacks: Arc::new(settings.callbacks),
        pins: settings.pins,
        pricing: settings.pricing,
        payment_window: settings.payment_window,
    };
    descrow_web::run(orders::app(orders)).await
}
