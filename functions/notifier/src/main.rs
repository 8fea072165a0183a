//! `DynamoDB` streams of orders, payments and notifications → notification rows, messages and WebSocket pushes.

// The SDK's futures nest deeper than the compiler's default allows for.
#![recursion_limit = "256"]

use std::{sync::Arc, time::Duration};

use descrow_platform::{Deadline, aws, push::Pusher, start};
use descrow_store::{Store, Table, Tables};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use notifier::{
    batch::{StreamEvent, process},
    fan_out::Courier,
};

/// What one push may take at the most, when all of them are slow; who alone is slow is given up before (`fan_out`).
const PATIENCE: Duration = Duration::from_millis(800);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (tables, endpoint) = start(|c| {
        let wanted =
            [Table::Notifications, Table::Messages, Table::Connections, Table::Sessions, Table::MpesaTransactions];
        let (tables, endpoint) = (Tables::from_config(c, &wanted), c.url("WS_MANAGEMENT_URL", &["http", "https"]));
        Some((tables?, endpoint?))
    });
    let sdk = aws::sdk_config();
    let courier = Courier::new(Pusher::new(&sdk, &endpoint, PATIENCE));
    let wired = Arc::new((Store::new(aws::dynamodb(&sdk), tables), courier));
    run(service_fn(move |event: LambdaEvent<StreamEvent>| {
        let wired = Arc::clone(&wired);
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            Ok::<_, Error>(process(event.payload, &wired.0, &wired.1, deadline).await)
        }
    }))
    .await
}
