//! `payouts` → B2C.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::event::sqs::SqsEvent;
use descrow_mpesa::{B2cSettings, CallbackUrls, ClientSettings, Daraja};
use descrow_platform::{Deadline, aws, queue, start};
use descrow_store::{Store, Table, Tables};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payout_sender::PayoutSender;

/// The tables this function sees; the order names a new attempt in the transaction that queues it.
const TABLES: [Table; 3] = [Table::MpesaTransactions, Table::Orders, Table::Limits];
/// A payout is not begun with less than this left: two writes and a call.
const NEEDED: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (tables, client, b2c, urls) = start(|c| {
        let tables = Tables::from_config(c, &TABLES);
        let (client, b2c, urls) = (ClientSettings::read(c), B2cSettings::read(c), CallbackUrls::read(c));
        Some((tables?, client?, b2c?, urls?))
    });
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), tables);
    let tokens = Arc::new(store.daraja_token(&client.token_id()));
    let sender = Arc::new(PayoutSender { daraja: Daraja::new(client, tokens)?, store, b2c, urls });
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let sender = Arc::clone(&sender);
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            let batch = queue::process(event.payload, deadline, NEEDED, true, |message| {
                let sender = Arc::clone(&sender);
                async move { sender.handle(message.body.as_deref().unwrap_or_default(), deadline).await }
            });
            Ok::<_, Error>(batch.await)
        }
    }))
    .await
}
