//! Pinata's pinning API (`POST /pinning/pinFileToIPFS`, docs.pinata.cloud).

use descrow_platform::{Deadline, Secret};
use serde::Deserialize;
use url::Url;

use crate::pin::{File, PinError, PinFuture, PinService, answer, part, verified};

/// Pinata, called with a JWT.
pub struct Pinata {
    http: reqwest::Client,
    endpoint: Url,
    jwt: Secret,
}

#[derive(Deserialize)]
struct Pinned {
    #[serde(rename = "IpfsHash")]
    hash: String,
}

impl Pinata {
    /// A client of the API at `base` (`https://api.pinata.cloud`).
    ///
    /// # Errors
    /// `base` cannot have a path.
    pub fn new(http: reqwest::Client, base: &Url, jwt: Secret) -> Result<Self, url::ParseError> {
        Ok(Self { http, endpoint: base.join("/pinning/pinFileToIPFS")?, jwt })
    }

    async fn upload(&self, file: File<'_>) -> Result<String, PinError> {
        let metadata = serde_json::json!({ "name": file.name }).to_string();
        let form = reqwest::multipart::Form::new()
            .part("file", part(file)?)
            .text("pinataMetadata", metadata)
            .text("pinataOptions", r#"{"cidVersion":1}"#);
        let request = self.http.post(self.endpoint.clone()).bearer_auth(self.jwt.expose()).multipart(form);
        let body = answer(request.send().await?).await?;
        serde_json::from_slice::<Pinned>(&body).map(|pinned| pinned.hash).map_err(|_| PinError::NoAnswer)
    }
}

impl PinService for Pinata {
    fn pin<'a>(&'a self, file: File<'a>, deadline: Deadline) -> PinFuture<'a> {
        Box::pin(verified(file, deadline, move || self.upload(file)))
    }
}
