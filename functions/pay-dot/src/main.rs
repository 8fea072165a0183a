//! Wires the pay-dot function.

use std::sync::Arc;

use descrow_chain::Connector;
use descrow_platform::{aws, start};
use descrow_store::Store;
use descrow_web::Edge;
use pay_dot::{PayDot, Settings};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = start(Settings::read);
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), settings.tables);
    let app = PayDot {
        edge: Edge::new(settings.edge, store.clone()),
        store,
        connector: Arc::new(Connector::new(settings.node)),
        contract: settings.contract,
    };
    descrow_web::run(pay_dot::app(app)).await
}
