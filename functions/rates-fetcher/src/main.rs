//! Every five minutes: fetches the exchange rates.

use std::sync::Arc;

use descrow_platform::{aws, start};
use descrow_store::Store;
use lambda_runtime::{Error, run, service_fn};
use rates_fetcher::{Settings, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = start(Settings::read);
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), settings.tables.clone());
    let settings = Arc::new(settings);
    run(service_fn(move |event| {
        let (store, settings) = (store.clone(), Arc::clone(&settings));
        async move { handle(&store, &settings, event).await.map_err(Error::from) }
    }))
    .await
}
