//! Daraja's callbacks → `mpesa-callbacks`.

use std::sync::Arc;

use descrow_mpesa::CallbackSecret;
use descrow_platform::{Config, Deadline, aws, telemetry, wake::StandardQueue};
use lambda_http::{Error, Request, RequestExt, run, service_fn};
use mpesa_webhook::Webhook;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let settings = Config::from_env(|c| {
        let (secret, queue) = (CallbackSecret::read(c), c.required("QUEUE_MPESA_CALLBACKS"));
        let source_ips = c.optional("MPESA_SOURCE_IPS").unwrap_or_default();
        let source_ips: Option<Vec<_>> =
            source_ips.split(',').map(str::trim).filter(|ip| !ip.is_empty()).map(|ip| ip.parse().ok()).collect();
        if source_ips.is_none() {
            c.refuse("MPESA_SOURCE_IPS", "is not a list of IP addresses");
        }
        Some((secret?, queue?, source_ips?))
    });
    let (secret, queue, source_ips) = match settings {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!(%error, "start.refused");
            std::process::exit(1);
        }
    };
    let queue = StandardQueue::new(aws::sqs(&aws::sdk_config()), queue);
    let webhook = Arc::new(Webhook { secret, queue, source_ips });
    run(service_fn(move |request: Request| {
        let webhook = Arc::clone(&webhook);
        async move {
            let deadline = Deadline::of_invocation(request.lambda_context_ref().ok_or("no Lambda context")?);
            Ok::<_, Error>(webhook.accept(&request, deadline).await)
        }
    }))
    .await
}
