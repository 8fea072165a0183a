//! `DynamoDB` streams of orders and books → counters.

use aws_lambda_events::event::dynamodb::Event;
use descrow_platform::{Deadline, aws, start};
use descrow_store::{Store, Table, Tables};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let tables = start(|c| Tables::from_config(c, &[Table::Counters]));
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), tables);
    run(service_fn(move |event: LambdaEvent<Event>| {
        let store = store.clone();
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            Ok::<_, Error>(analytics::batch::process(event.payload, &store, deadline).await)
        }
    }))
    .await
}
