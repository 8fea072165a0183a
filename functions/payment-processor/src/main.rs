//! `mpesa-callbacks` → settled payments.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::event::sqs::SqsEvent;
use descrow_mpesa::{ClientSettings, Daraja, StkSettings};
use descrow_platform::{Deadline, aws, queue, start};
use descrow_store::{Store, Table, Tables};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payment_processor::Processor;

/// The tables this function sees.
const TABLES: [Table; 5] =
    [Table::MpesaTransactions, Table::Orders, Table::Ledger, Table::ChainCommands, Table::Limits];
/// A message is not begun with less than this left: a read, a status query and a transaction.
const NEEDED: Duration = Duration::from_secs(8);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (tables, client, stk) = start(|c| {
        let parts = (Tables::from_config(c, &TABLES), ClientSettings::read(c), StkSettings::read(c));
        Some((parts.0?, parts.1?, parts.2?))
    });
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), tables);
    let tokens = Arc::new(store.daraja_token(&client.token_id()));
    let processor = Arc::new(Processor { daraja: Daraja::new(client, tokens)?, store, stk });
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let processor = Arc::clone(&processor);
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            let batch = queue::process(event.payload, deadline, NEEDED, false, |message| {
                let processor = Arc::clone(&processor);
                async move { processor.handle(message.body.as_deref().unwrap_or_default(), deadline).await }
            });
            Ok::<_, Error>(batch.await)
        }
    }))
    .await
}
