//! WebSocket connect, disconnect and messages.

// The SDK's futures nest deeper than the compiler's default allows for.
#![recursion_limit = "256"]

use std::{sync::Arc, time::Duration};

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use descrow_platform::{Deadline, aws, push::Pusher, start};
use descrow_store::{Store, Table, Tables};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use realtime::route::serve;

/// What one push to a client may take.
const PATIENCE: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (tables, endpoint) = start(|c| {
        let tables = Tables::from_config(c, &[Table::Sessions, Table::Connections, Table::Messages]);
        let endpoint = c.url("WS_MANAGEMENT_URL", &["http", "https"]);
        Some((tables?, endpoint?))
    });
    let sdk = aws::sdk_config();
    let wired = Arc::new((Store::new(aws::dynamodb(&sdk), tables), Pusher::new(&sdk, &endpoint, PATIENCE)));
    run(service_fn(move |event: LambdaEvent<ApiGatewayWebsocketProxyRequest>| {
        let wired = Arc::clone(&wired);
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            Ok::<_, Error>(Box::pin(serve(&event.payload, &wired.0, &wired.1, deadline)).await)
        }
    }))
    .await
}
