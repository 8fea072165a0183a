//! A Kubo node's RPC (`POST /api/v0/add`, docs.ipfs.tech/reference/kubo/rpc).

use descrow_platform::{Deadline, Secret};
use serde::Deserialize;
use url::Url;

use crate::pin::{File, PinError, PinFuture, PinService, answer, part, verified};

/// A Kubo node; `token` where a proxy in front of it wants one.
pub struct Kubo {
    http: reqwest::Client,
    endpoint: Url,
    token: Option<Secret>,
}

#[derive(Deserialize)]
struct Added {
    #[serde(rename = "Hash")]
    hash: String,
}

impl Kubo {
    /// A client of the RPC at `base`, which ends in `/api/v0`.
    ///
    /// # Errors
    /// `base` cannot have a path.
    pub fn new(http: reqwest::Client, base: &Url, token: Option<Secret>) -> Result<Self, url::ParseError> {
        let path = format!("{}/add", base.path().trim_end_matches('/'));
        let mut endpoint = base.join(&path)?;
        // Stated, since the defaults are the node's configuration.
        endpoint.set_query(Some("cid-version=1&raw-leaves=true&chunker=size-262144&pin=true&quieter=true"));
        Ok(Self { http, endpoint, token })
    }

    async fn add(&self, file: File<'_>) -> Result<String, PinError> {
        let form = reqwest::multipart::Form::new().part("file", part(file)?);
        let mut request = self.http.post(self.endpoint.clone()).multipart(form);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let body = answer(request.send().await?).await?;
        // One JSON object a line; the last one is the file.
        let last = body.split(|b| *b == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
        serde_json::from_slice::<Added>(last).map(|added| added.hash).map_err(|_| PinError::NoAnswer)
    }
}

impl PinService for Kubo {
    fn pin<'a>(&'a self, file: File<'a>, deadline: Deadline) -> PinFuture<'a> {
        Box::pin(verified(file, deadline, move || self.add(file)))
    }
}
