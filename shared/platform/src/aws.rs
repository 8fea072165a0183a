//! AWS clients built from what Lambda puts into the environment.
//!
//! The `aws-config` provider chain is skipped: in Lambda the credentials are environment variables, and the chain costs
//! code size and start-up time (ANCHORS B2). They are read anew for each resolution, since Lambda may rotate them. TLS is
//! `ring`. Every operation has a timeout, which the SDK does not set by itself.

use std::time::Duration;

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};

use crate::aws_http;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(2);

/// Credentials as Lambda hands them out.
#[derive(Debug)]
struct EnvironmentCredentials;

impl ProvideCredentials for EnvironmentCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let read = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        future::ProvideCredentials::ready(match (read("AWS_ACCESS_KEY_ID"), read("AWS_SECRET_ACCESS_KEY")) {
            (Some(key), Some(secret)) => {
                Ok(Credentials::new(key, secret, read("AWS_SESSION_TOKEN"), None, "lambda-environment"))
            }
            _ => Err(CredentialsError::not_loaded("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set")),
        })
    }
}

/// The configuration every client shares. `AWS_ENDPOINT_URL` points it at a local AWS.
pub fn sdk_config() -> SdkConfig {
    let region = std::env::var("AWS_REGION")
        .or_else(|_| std::env::var("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|_| "us-east-1".into());
    let mut builder = SdkConfig::builder()
        .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::v2026_01_12())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentCredentials))
        .http_client(aws_http::client(CONNECT))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_secs(3))
                .operation_timeout(Duration::from_secs(8))
                .build(),
        );
    if let Some(endpoint) = std::env::var("AWS_ENDPOINT_URL").ok().filter(|e| !e.is_empty()) {
        builder = builder.endpoint_url(endpoint);
    }
    builder.build()
}

/// A DynamoDB client.
#[cfg(feature = "dynamodb")]
pub fn dynamodb(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(config)
}

/// An SQS client. Queue URLs are used with the configured endpoint, since a local AWS names a host of its own in them.
#[cfg(feature = "sqs")]
pub fn sqs(config: &SdkConfig) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(config)
}
