//! How the AWS SDK reaches the network: through the HTTP client that everything else here uses.
//!
//! The SDK's own connector brings a second HTTP stack with HTTP/2, which DynamoDB and SQS do not speak: half a megabyte of
//! each function (see `cargo xtask sizes`).

use std::time::Duration;

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;

/// How long an idle connection is kept: less than AWS keeps it, so that a request seldom meets a closed one.
const IDLE: Duration = Duration::from_secs(15);

/// The connector for every AWS client of this process, which share its connections. A connection must stand within
/// `connect`; how long an answer may take is the SDK's own setting.
///
/// # Panics
/// At start-up, when the TLS back end cannot be set up: nothing works without it.
#[allow(clippy::expect_used)]
pub fn client(connect: Duration) -> SharedHttpClient {
    // Another part of the process may have installed it already, which is as good.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .build()
        .expect("a TLS back end");
    let connector = SharedHttpConnector::new(Connector(http));
    http_client_fn(move |_settings, _components| connector.clone())
}

#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = self.0.clone();
        HttpConnectorFuture::new(async move { send(&http, request).await })
    }
}

async fn send(http: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let (parts, body) = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    // Every request of ours is a text in memory; a stream would have no bytes to show.
    let bytes = body.bytes().map(|bytes| reqwest::Body::from(bytes.to_vec()));
    let bytes = bytes.ok_or_else(|| ConnectorError::user("the request's body is a stream".into()))?;
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, bytes));
    let answer = http.execute(request.map_err(|error| ConnectorError::user(error.into()))?).await.map_err(failed)?;
    let answer: http::Response<reqwest::Body> = answer.into();
    let (parts, body) = answer.into_parts();
    let body = SdkBody::from_body_1_x(body);
    HttpResponse::try_from(http::Response::from_parts(parts, body))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// What the SDK's retries go by: a connection that never stood is safe to try again.
fn failed(error: reqwest::Error) -> ConnectorError {
    let never_connected = error.is_connect();
    let error =
        if error.is_timeout() { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) };
    if never_connected { error.never_connected() } else { error }
}
