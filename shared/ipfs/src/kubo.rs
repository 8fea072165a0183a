//! A Kubo node's RPC (`POST /api/v0/add` and `pin/ls`, docs.ipfs.tech/reference/kubo/rpc).

use descrow_platform::{Deadline, Secret};
use serde::Deserialize;
use url::Url;

use crate::{
    ContentId,
    pin::{AskFuture, File, PinError, PinFuture, PinService, answer, part, verified},
};

/// A Kubo node; `token` where a proxy in front of it wants one.
pub struct Kubo {
    http: reqwest::Client,
    add: Url,
    list: Url,
    token: Option<Secret>,
}

/// Whether a base URL is that of a node's RPC.
pub(crate) fn is_rpc(base: &Url) -> bool {
    base.path().trim_end_matches('/').ends_with("/api/v0")
}

#[derive(Deserialize)]
struct Added {
    #[serde(rename = "Hash")]
    hash: String,
}

#[derive(Deserialize)]
struct Pins {
    #[serde(rename = "Keys", default)]
    keys: serde_json::Map<String, serde_json::Value>,
}

impl Kubo {
    /// A client of the RPC at `base`, which ends in `/api/v0`.
    ///
    /// # Errors
    /// `base` cannot have a path.
    pub fn new(http: reqwest::Client, base: &Url, token: Option<Secret>) -> Result<Self, url::ParseError> {
        let command = |name: &str| base.join(&format!("{}/{name}", base.path().trim_end_matches('/')));
        let (mut add, list) = (command("add")?, command("pin/ls")?);
        // Stated, since the defaults are the node's configuration.
        add.set_query(Some("cid-version=1&cid-base=base32&raw-leaves=true&chunker=size-262144&pin=true&quieter=true"));
        Ok(Self { http, add, list, token })
    }

    fn command(&self, url: Url) -> reqwest::RequestBuilder {
        let request = self.http.post(url);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    async fn pinned(&self, id: ContentId) -> Result<bool, PinError> {
        let mut url = self.list.clone();
        url.query_pairs_mut().append_pair("arg", &id.to_string()).append_pair("type", "recursive");
        match answer(self.command(url).send().await?).await {
            Ok(body) => {
                let pins = serde_json::from_slice::<Pins>(&body).map_err(|_| PinError::NoAnswer)?;
                Ok(!pins.keys.is_empty())
            }
            // A node fails where it is asked for what it has not pinned.
            Err(PinError::Refused(500)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn add(&self, file: File<'_>) -> Result<String, PinError> {
        let form = reqwest::multipart::Form::new().part("file", part(file)?);
        let body = answer(self.command(self.add.clone()).multipart(form).send().await?).await?;
        // One JSON object a line; the last one is the file.
        let last = body.split(|b| *b == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
        serde_json::from_slice::<Added>(last).map(|added| added.hash).map_err(|_| PinError::NoAnswer)
    }
}

impl PinService for Kubo {
    fn pin<'a>(&'a self, file: File<'a>, deadline: Deadline) -> PinFuture<'a> {
        Box::pin(verified(file, deadline, move || self.add(file)))
    }

    fn has(&self, id: ContentId, deadline: Deadline) -> AskFuture<'_> {
        Box::pin(async move { deadline.bound(self.pinned(id)).await? })
    }
}
