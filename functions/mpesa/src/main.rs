//! Wires the mpesa function.

use descrow_platform::{aws, start, wake::StandardQueue};
use descrow_store::Store;
use descrow_web::Edge;
use mpesa::{Mpesa, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = start(Settings::read);
    let config = aws::sdk_config();
    let store = Store::new(aws::dynamodb(&config), settings.tables);
    let checks = StandardQueue::new(aws::sqs(&config), settings.checks);
    let edge = Edge::new(settings.edge, store.clone());
    descrow_web::run(mpesa::app(Mpesa { edge, store, checks })).await
}
