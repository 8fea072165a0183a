//! Every minute: wakes whoever settles what is overdue, and ends the windows of orders.

use std::sync::Arc;

use descrow_domain::Timestamp;
use descrow_platform::{
    Deadline, aws, start,
    wake::{FifoQueue, StandardQueue},
};
use descrow_store::{Store, Table, Tables};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use reconciler::{Queues, end_windows, sweep};

/// The tables this function sees.
const TABLES: [Table; 4] = [Table::Orders, Table::Products, Table::MpesaTransactions, Table::ChainCommands];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (tables, callbacks, commands, payouts) = start(|c| {
        let tables = Tables::from_config(c, &TABLES);
        let urls = ["QUEUE_MPESA_CALLBACKS", "QUEUE_ORACLE_COMMANDS", "QUEUE_PAYOUTS"].map(|name| c.required(name));
        let [callbacks, commands, payouts] = urls;
        Some((tables?, callbacks?, commands?, payouts?))
    });
    let config = aws::sdk_config();
    let store = Store::new(aws::dynamodb(&config), tables);
    let sqs = aws::sqs(&config);
    let queues = Arc::new(Queues {
        callbacks: StandardQueue::new(sqs.clone(), callbacks),
        commands: FifoQueue::new(sqs.clone(), commands),
        payouts: FifoQueue::new(sqs, payouts),
    });
    run(service_fn(move |event: LambdaEvent<serde::de::IgnoredAny>| {
        let (store, queues) = (store.clone(), Arc::clone(&queues));
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            let now = Timestamp::now();
            // Neither waits for the other, and neither fails with the other.
            let (swept, ended) =
                tokio::join!(sweep(&store, &queues, now, deadline), end_windows(&store, now, deadline));
            let (swept, ended) = (swept?, ended?);
            tracing::info!(
                collections = swept.collections,
                payouts = swept.payouts,
                commands = swept.commands,
                unsent = swept.unsent,
                unreadable = swept.unreadable,
                "reconciler.swept"
            );
            tracing::info!(
                cancelled = ended.cancelled,
                delivered = ended.delivered,
                closed = ended.closed,
                waiting = ended.waiting,
                overtaken = ended.overtaken,
                failed = ended.failed,
                "reconciler.windows_ended"
            );
            Ok::<_, Error>(serde_json::json!({ "swept": swept, "ended": ended }))
        }
    }))
    .await
}
