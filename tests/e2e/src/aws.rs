//! The local AWS as its administrator: signed requests to any service.

use std::time::{Duration, SystemTime};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_types::{SdkConfig, region::Region};
use reqwest::Method;
use serde_json::{Value, json};
use stack_client::stack::Stack;

use crate::Outcome;

/// What one request may take; an invocation waits for its function.
const PATIENCE: Duration = Duration::from_secs(90);

/// An administrator of the local AWS.
#[derive(Clone, Debug)]
pub struct Aws {
    http: reqwest::Client,
    endpoint: String,
    region: String,
    credentials: Credentials,
}

impl Aws {
    /// The administrator of `stack`.
    ///
    /// # Errors
    /// The HTTP client could not be set up.
    pub fn new(stack: &Stack) -> Outcome<Self> {
        let keys = &stack.aws_credentials;
        Ok(Self {
            http: descrow_platform::http_client::build(PATIENCE)?,
            endpoint: stack.aws_endpoint.clone(),
            region: stack.region.clone(),
            credentials: Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "stack.json"),
        })
    }

    /// What an SDK's client needs.
    pub fn sdk_config(&self) -> SdkConfig {
        descrow_platform::aws::sdk_config()
            .into_builder()
            .region(Region::new(self.region.clone()))
            .endpoint_url(&self.endpoint)
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .build()
    }

    /// Runs a function now, as its schedule would; gives what it returned.
    ///
    /// # Errors
    /// The function failed, or could not be called.
    pub async fn invoke(&self, function: &str) -> Outcome<Value> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let answer = self.request("lambda", Method::POST, &path, &[], "{}").await?;
        Ok(serde_json::from_str(&answer).unwrap_or(Value::Null))
    }

    /// A function's configuration.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn configuration(&self, function: &str) -> Outcome<Value> {
        let path = format!("/2015-03-31/functions/{function}/configuration");
        Ok(serde_json::from_str(&self.request("lambda", Method::GET, &path, &[], "").await?)?)
    }

    /// Sends a wake-up for row `id` to a queue, as nobody deduplicated it; to a FIFO queue in `group`.
    ///
    /// # Errors
    /// The queue did not take it.
    pub async fn wake(&self, queue: &str, id: &str, group: Option<&str>) -> Outcome<()> {
        let mut message = json!({ "QueueUrl": queue, "MessageBody": json!({ "v": 1, "id": id }).to_string() });
        if let (Some(fields), Some(group)) = (message.as_object_mut(), group) {
            fields.insert("MessageGroupId".into(), group.into());
            fields.insert("MessageDeduplicationId".into(), uuid::Uuid::new_v4().to_string().into());
        }
        self.sqs("SendMessage", &message).await.map(|_| ())
    }

    async fn sqs(&self, operation: &str, body: &Value) -> Outcome<Value> {
        let target = format!("AmazonSQS.{operation}");
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target)];
        let answer = self.request("sqs", Method::POST, "/", &headers, &body.to_string()).await?;
        Ok(serde_json::from_str(&answer).unwrap_or(Value::Null))
    }

    /// Whether IAM lets `role` (its ARN) do `action` on `resource` (an ARN): `allowed`, `implicitDeny` or `explicitDeny`.
    ///
    /// # Errors
    /// IAM could not be asked.
    pub async fn decision(&self, role: &str, action: &str, resource: &str) -> Outcome<String> {
        let fields = [
            ("Action", "SimulatePrincipalPolicy"),
            ("Version", "2010-05-08"),
            ("PolicySourceArn", role),
            ("ActionNames.member.1", action),
            ("ResourceArns.member.1", resource),
        ];
        let body = reqwest::Url::parse_with_params("http://form/", fields)?.query().unwrap_or_default().to_owned();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.request("iam", Method::POST, "/", &headers, &body).await?;
        let decision = answer.split("<EvalDecision>").nth(1).and_then(|rest| rest.split('<').next());
        decision.map(ToOwned::to_owned).ok_or_else(|| format!("no decision in {answer}").into())
    }

    async fn request(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Outcome<String> {
        let url = format!("{}{path}", self.endpoint);
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable =
            SignableRequest::new(method.as_str(), &url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = http::Request::builder().method(method.as_str()).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.to_owned())?;
        instructions.apply_to_request_http1x(&mut request);
        let response = self.http.execute(request.try_into()?).await?;
        let (status, failed) = (response.status(), response.headers().contains_key("x-amz-function-error"));
        let text = response.text().await?;
        if !status.is_success() || failed {
            return Err(format!("{service} {method} {path}: {status}: {text}").into());
        }
        Ok(text)
    }
}
