//! Daraja's callbacks → `mpesa-callbacks`.

use std::sync::Arc;

use descrow_mpesa::CallbackSecret;
use descrow_platform::{Deadline, aws, start, wake::StandardQueue};
use lambda_http::{Error, Request, RequestExt, run, service_fn};
use mpesa_webhook::Webhook;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (secret, queue, source_ips) = start(|c| {
        let (secret, queue) = (CallbackSecret::read(c), c.required("QUEUE_MPESA_CALLBACKS"));
        let source_ips = c.optional("MPESA_SOURCE_IPS").unwrap_or_default();
        let source_ips: Option<Vec<_>> =
            source_ips.split(',').map(str::trim).filter(|ip| !ip.is_empty()).map(|ip| ip.parse().ok()).collect();
        if source_ips.is_none() {
            c.refuse("MPESA_SOURCE_IPS", "is not a list of IP addresses");
        }
        Some((secret?, queue?, source_ips?))
    });
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
