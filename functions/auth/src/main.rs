//! Routes under /api/auth: wallet login, sessions, profile.

use auth::{Auth, settings::Environment};
use descrow_platform::{Config, aws, telemetry};
use descrow_store::Store;
use descrow_web::Edge;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Config::from_env(Environment::read).unwrap_or_else(|error| {
        tracing::error!(error = %error, "config.refused");
        std::process::exit(1)
    });
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), environment.tables);
    let edge = Edge::new(environment.edge, store.clone());
    descrow_web::run(auth::app(Auth { edge, store, settings: environment.settings })).await
}
