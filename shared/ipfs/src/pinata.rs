//! Pinata's pinning API (`POST /pinning/pinFileToIPFS`, `GET /data/pinList`, docs.pinata.cloud).

use descrow_platform::{Deadline, Secret};
use serde::Deserialize;
use url::Url;

use crate::{
    ContentId,
    pin::{AskFuture, File, PinError, PinFuture, PinService, answer, part, verified},
};

/// Who calls Pinata.
pub enum PinataAccess {
    /// A token, as Pinata gives them out today.
    Jwt(Secret),
    /// A key with its secret, as it gave them out before.
    KeyPair {
        /// The key.
        key: Secret,
        /// Its secret.
        secret: Secret,
    },
}

/// Pinata.
pub struct Pinata {
    http: reqwest::Client,
    pin: Url,
    list: Url,
    access: PinataAccess,
}

#[derive(Deserialize)]
struct Pinned {
    #[serde(rename = "IpfsHash")]
    hash: String,
}

#[derive(Deserialize)]
struct Pins {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    ipfs_pin_hash: String,
}

impl Pinata {
    /// A client of the API at `base` (`https://api.pinata.cloud`).
    ///
    /// # Errors
    /// `base` cannot have a path.
    pub fn new(http: reqwest::Client, base: &Url, access: PinataAccess) -> Result<Self, url::ParseError> {
        let (pin, list) = (base.join("/pinning/pinFileToIPFS")?, base.join("/data/pinList")?);
        Ok(Self { http, pin, list, access })
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.access {
            PinataAccess::Jwt(jwt) => request.bearer_auth(jwt.expose()),
            PinataAccess::KeyPair { key, secret } => {
                request.header("pinata_api_key", key.expose()).header("pinata_secret_api_key", secret.expose())
            }
        }
    }

    async fn upload(&self, file: File<'_>) -> Result<String, PinError> {
        let metadata = serde_json::json!({ "name": file.name }).to_string();
        let form = reqwest::multipart::Form::new()
            .part("file", part(file)?)
            .text("pinataMetadata", metadata)
            .text("pinataOptions", r#"{"cidVersion":1}"#);
        let request = self.signed(self.http.post(self.pin.clone())).multipart(form);
        let body = answer(request.send().await?).await?;
        serde_json::from_slice::<Pinned>(&body).map(|pinned| pinned.hash).map_err(|_| PinError::NoAnswer)
    }

    async fn pinned(&self, id: ContentId) -> Result<bool, PinError> {
        let id = id.to_string();
        let mut url = self.list.clone();
        url.query_pairs_mut()
            .append_pair("status", "pinned")
            .append_pair("hashContains", &id)
            .append_pair("includeCount", "false")
            .append_pair("pageLimit", "1");
        let body = answer(self.signed(self.http.get(url)).send().await?).await?;
        let pins = serde_json::from_slice::<Pins>(&body).map_err(|_| PinError::NoAnswer)?;
        Ok(pins.rows.iter().any(|row| row.ipfs_pin_hash == id))
    }
}

impl PinService for Pinata {
    fn pin<'a>(&'a self, file: File<'a>, deadline: Deadline) -> PinFuture<'a> {
        Box::pin(verified(file, deadline, move || self.upload(file)))
    }

    fn has(&self, id: ContentId, deadline: Deadline) -> AskFuture<'_> {
        Box::pin(async move { deadline.bound(self.pinned(id)).await? })
    }
}
