//! One question to one dependency: is it there? Nothing is changed, no token is spent, and what it says is not passed on.

use std::time::Duration;

use descrow_platform::Deadline;
use descrow_store::{Store, Wanted};
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use url::Url;

/// The key of an item that does not exist, and need not.
const NO_ITEM: &str = "health#probe";

/// What is asked, and under which name.
pub struct Probe {
    name: &'static str,
    required: bool,
    ask: Box<dyn Fn() -> BoxFuture<'static, Result<(), Silence>> + Send + Sync>,
}

/// The dependency is not there as it should be. For the log: the answer shows only that it is so.
#[derive(Debug, thiserror::Error)]
pub enum Silence {
    /// The database refused or did not answer.
    #[error("{0}")]
    Database(#[from] descrow_store::StoreError),
    /// SQS refused or did not answer; its code.
    #[error("SQS failed: {0}")]
    Queue(String),
    /// Nothing answered HTTP.
    #[error("no HTTP answer: {0}")]
    Http(reqwest::Error),
    /// Something answered that is not a node.
    #[error("the answer is not a block header")]
    NoHeader,
}

impl From<reqwest::Error> for Silence {
    fn from(error: reqwest::Error) -> Self {
        // A node's URL may hold its key.
        Self::Http(error.without_url())
    }
}

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is there.
    Ok,
    /// It is not, or not as it should be.
    Failed,
    /// It did not say within the time.
    Timeout,
}

impl Probe {
    /// What one dependency may take.
    pub const TIMEOUT: Duration = Duration::from_secs(2);

    /// A probe named `name`, of what the stack cannot do without.
    pub fn new<F>(name: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Silence>> + Send + 'static,
    {
        Self { name, required: true, ask: Box::new(move || ask().boxed()) }
    }

    /// Reads one key of DynamoDB.
    pub(crate) fn database(store: Store) -> Self {
        Self::new("database", move || {
            let store = store.clone();
            async move {
                let wanted = Wanted { idempotency: Some(NO_ITEM.to_owned()), ..Wanted::default() };
                store.read_together(&wanted).await.map(|_| ()).map_err(Silence::from)
            }
        })
    }

    /// Asks SQS for an attribute of the queue at `url`.
    pub(crate) fn queue(name: &'static str, sqs: aws_sdk_sqs::Client, url: String) -> Self {
        use aws_sdk_sqs::{error::ProvideErrorMetadata, types::QueueAttributeName};
        Self::new(name, move || {
            let request = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn);
            async move {
                let answer = request.send().await;
                answer.map(|_| ()).map_err(|e| Silence::Queue(e.code().unwrap_or("not reached").to_owned()))
            }
        })
    }

    /// Asks a node for its best block's header.
    pub(crate) fn chain(http: reqwest::Client, url: Url) -> Self {
        Self::new("chain", move || {
            let question = json!({"jsonrpc": "2.0", "id": 1, "method": "chain_getHeader", "params": []});
            let request = http.post(url.clone()).json(&question);
            async move {
                let answer: Value = request.send().await?.json().await?;
                answer.pointer("/result/number").map(|_| ()).ok_or(Silence::NoHeader)
            }
        })
    }

    /// Takes any HTTP answer at `url` as a sign of life: asking more would spend a token or a quota.
    pub(crate) fn answers(name: &'static str, http: reqwest::Client, url: Url) -> Self {
        Self::new(name, move || {
            let request = http.get(url.clone());
            async move { request.send().await.map(|_| ()).map_err(Silence::from) }
        })
    }

    /// The same of what only others need: reported, and no more.
    #[must_use]
    pub fn informative(self) -> Self {
        Self { required: false, ..self }
    }

    /// Whether the stack cannot do without it.
    pub(crate) fn required(&self) -> bool {
        self.required
    }

    /// The dependency's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Asks, for at most [`Probe::TIMEOUT`] and never past `deadline`.
    pub(crate) async fn run(&self, deadline: Deadline) -> Finding {
        match deadline.within(Self::TIMEOUT).bound((self.ask)()).await {
            Ok(Ok(())) => Finding::Ok,
            Ok(Err(silence)) => {
                tracing::warn!(dependency = self.name, error = %silence, "health.dependency_failed");
                Finding::Failed
            }
            Err(_) => Finding::Timeout,
        }
    }
}
