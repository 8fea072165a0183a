//! Wires the notifications function.

use std::sync::Arc;

use descrow_platform::{aws, start};
use descrow_store::Store;
use descrow_web::Edge;
use notifications::{Notifications, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = start(Settings::read);
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), settings.tables);
    let edge = Edge::new(settings.edge, store.clone());
    let websocket = Arc::new(settings.websocket);
    descrow_web::run(notifications::app(Notifications { edge, store, websocket })).await
}
