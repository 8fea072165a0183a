//! Wires the orders function.

use std::{sync::Arc, time::Duration};

use descrow_mpesa::Daraja;
use descrow_platform::{aws, bucket::Bucket, http_client, start};
use descrow_store::Store;
use descrow_web::Edge;
use orders::{Orders, Settings};

/// How long a large file may take out of the bucket.
const TO_FETCH: Duration = Duration::from_secs(15);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = start(Settings::read);
    let sdk = aws::sdk_config();
    let store = Store::new(aws::dynamodb(&sdk), settings.tables);
    let tokens = Arc::new(store.daraja_token(&settings.daraja.token_id()));
    let orders = Orders {
        edge: Edge::new(settings.edge, store.clone()),
        store,
        daraja: Arc::new(Daraja::new(settings.daraja, tokens)?),
        stk: Arc::new(settings.stk),
        callbacks: Arc::new(settings.callbacks),
        pins: settings.pins,
        gateways: settings.gateways,
        bucket: Bucket::new(&sdk, http_client::build(TO_FETCH)?, &settings.bucket),
        pricing: settings.pricing,
        payment_window: settings.payment_window,
        verified_sellers: settings.verified_sellers,
    };
    descrow_web::run(orders::app(orders)).await
}
