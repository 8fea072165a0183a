//! A private S3 bucket: uploads by presigned URL, and what a function needs to judge what was uploaded.
//!
//! The signatures come from the SDK's own signer, which every AWS client links anyway; the S3 SDK itself would add more
//! than a megabyte to each function for the few requests that are made here.

mod key;
mod sign;
#[cfg(feature = "bucket-testing")]
pub mod testing;

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError};
use aws_smithy_types::base64;
use aws_types::SdkConfig;
use reqwest::{Method, StatusCode};

pub use self::key::{InvalidKey, ObjectKey};
use self::sign::{Placement, Unsignable, sign};
use crate::{Deadline, deadline::DeadlinePassed};

/// How long a presigned upload may be begun.
pub const UPLOAD_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How long a presigned reading may be begun.
pub const READING_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// What one try of a request may take until its answer begins.
const PATIENCE: Duration = Duration::from_secs(3);
/// Tries of one request: the first, and two when S3 was not reached or failed by itself.
const TRIES: u32 = 3;
/// Before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(50);

/// The bucket did not do what it was asked for. Names neither keys nor URLs: those hold accounts and credentials.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// There is nothing to sign with.
    #[error("no credentials for the bucket")]
    Credentials(#[from] CredentialsError),
    /// The request cannot be signed.
    #[error("a request to the bucket cannot be signed")]
    Unsignable(#[from] Unsignable),
    /// No answer in time; what became of the request is unknown.
    #[error("the bucket did not answer in time")]
    Late(#[from] DeadlinePassed),
    /// The bucket was not reached, or the connection broke.
    #[error("the bucket was not reached")]
    Unreachable(#[source] reqwest::Error),
    /// The bucket refused.
    #[error("the bucket refused: {status} {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// S3's error code, empty where the answer had none (as to HEAD).
        code: String,
    },
    /// A copy was begun and not made.
    #[error("the bucket did not finish: {status} {code}")]
    Unfinished {
        /// HTTP status, which says nothing.
        status: u16,
        /// S3's error code, empty where the answer broke off.
        code: String,
    },
    /// The answer lacks what S3 always says.
    #[error("the bucket's answer has no {0}")]
    Incomplete(&'static str),
    /// The object is larger than the reader takes.
    #[error("the object has more than {limit} bytes")]
    TooLarge {
        /// What the reader takes.
        limit: usize,
    },
}

impl From<reqwest::Error> for BucketError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

impl BucketError {
    /// Whether the same request may well succeed if made again.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Late(_) | Self::Unreachable(_) | Self::Unfinished { .. } => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

/// What somebody promised to upload. S3 takes nothing else with the URL that is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Media type.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Hash of the content.
    pub sha256: [u8; 32],
}

/// A permission to upload one object. Whoever holds it can use it, so it is for its client alone and has no `Debug`.
pub struct PresignedUpload {
    /// Where to `PUT` the content.
    pub url: String,
    /// Headers to send with it; `Content-Length`, which HTTP clients set by themselves, is signed as well.
    pub headers: [(&'static str, String); 2],
    /// Until when it may be begun.
    pub expires_at: SystemTime,
}

/// An object that is in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Media type, as uploaded.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Hash of the content, which S3 computed; `None` if the upload did not ask for it.
    pub sha256: Option<[u8; 32]>,
}

impl StoredObject {
    /// Whether it is what was promised.
    pub fn keeps(&self, promise: &Upload) -> bool {
        self.size == promise.size && self.content_type == promise.content_type && self.sha256 == Some(promise.sha256)
    }
}

/// One bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    http: reqwest::Client,
    name: String,
    /// What stands before `/<key>` in a URL.
    base: String,
    region: String,
    credentials: Option<SharedCredentialsProvider>,
}

impl Bucket {
    /// The bucket `name`, with region, credentials and endpoint of `config`, through `http`.
    pub fn new(config: &SdkConfig, http: reqwest::Client, name: &str) -> Self {
        let region = config.region().map_or("us-east-1", AsRef::as_ref).to_owned();
        let base = match config.endpoint_url() {
            // Local: one host serves every bucket.
            Some(endpoint) => format!("{}/{name}", endpoint.trim_end_matches('/')),
            None if region.starts_with("cn-") => format!("https://{name}.s3.{region}.amazonaws.com.cn"),
            None => format!("https://{name}.s3.{region}.amazonaws.com"),
        };
        Self { http, name: name.to_owned(), base, region, credentials: config.credentials_provider() }
    }

    /// Permits to upload exactly `promise` as `key` until [`UPLOAD_LIFETIME`] after `now`. Makes no request.
    ///
    /// # Errors
    /// [`BucketError::Credentials`], [`BucketError::Unsignable`].
    pub async fn presign_put(
        &self,
        key: &ObjectKey,
        promise: &Upload,
        now: SystemTime,
    ) -> Result<PresignedUpload, BucketError> {
        let headers =
            [("content-type", promise.content_type.clone()), ("x-amz-checksum-sha256", base64::encode(promise.sha256))];
        let size = promise.size.to_string();
        let signed = headers.iter().map(|(name, value)| (*name, value.as_str())).chain([("content-length", &*size)]);
        let signed: Vec<_> = signed.collect();
        let placement = Placement::Query(UPLOAD_LIFETIME);
        let request = self.signed(&Method::PUT, key, &signed, placement, now).await?;
        Ok(PresignedUpload { url: request.uri().to_string(), headers, expires_at: now + UPLOAD_LIFETIME })
    }

    /// A URL under which whoever holds it can read `key` until [`READING_LIFETIME`] after `now`. Makes no request.
    ///
    /// # Errors
    /// [`BucketError::Credentials`], [`BucketError::Unsignable`].
    pub async fn presign_get(&self, key: &ObjectKey, now: SystemTime) -> Result<String, BucketError> {
        let request = self.signed(&Method::GET, key, &[], Placement::Query(READING_LIFETIME), now).await?;
        Ok(request.uri().to_string())
    }

    /// What is stored as `key`, without its content.
    ///
    /// # Errors
    /// [`BucketError`]; a missing object is none.
    pub async fn head(&self, key: &ObjectKey, deadline: Deadline) -> Result<Option<StoredObject>, BucketError> {
        let Some(answer) = self.request(&Method::HEAD, key, &[("x-amz-checksum-mode", "ENABLED")], deadline).await?
        else {
            return Ok(None);
        };
        let text = |name: &str| answer.headers().get(name)?.to_str().ok();
        let size = text("content-length").and_then(|text| text.parse().ok());
        let sha256 = text("x-amz-checksum-sha256").and_then(|text| base64::decode(text).ok()?.try_into().ok());
        Ok(Some(StoredObject {
            content_type: text("content-type").unwrap_or_default().to_owned(),
            size: size.ok_or(BucketError::Incomplete("content-length"))?,
            sha256,
        }))
    }

    /// The content of `key`, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`BucketError`]; a missing object is none.
    pub async fn get(&self, key: &ObjectKey, limit: usize, deadline: Deadline) -> Result<Option<Vec<u8>>, BucketError> {
        self.read(key, &[], limit, deadline).await
    }

    /// The first `count` bytes of `key`, or all where it has less: enough to recognise its format by.
    ///
    /// # Errors
    /// [`BucketError`]; a missing object is none, an empty one is refused (416).
    pub async fn start_of(
        &self,
        key: &ObjectKey,
        count: usize,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, BucketError> {
        let range = format!("bytes=0-{}", count.saturating_sub(1));
        self.read(key, &[("range", &range)], count, deadline).await
    }

    async fn read(
        &self,
        key: &ObjectKey,
        headers: &[(&str, &str)],
        limit: usize,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, BucketError> {
        let Some(mut answer) = self.request(&Method::GET, key, headers, deadline).await? else { return Ok(None) };
        let announced = answer.content_length().unwrap_or(0);
        let mut content = Vec::with_capacity(usize::try_from(announced).unwrap_or(usize::MAX).min(limit));
        while let Some(chunk) = deadline.bound(answer.chunk()).await?? {
            if content.len() + chunk.len() > limit {
                return Err(BucketError::TooLarge { limit });
            }
            content.extend_from_slice(&chunk);
        }
        Ok(Some(content))
    }

    /// Copies `from` to `to` with its type and its checksum; `false` where there is nothing under `from`.
    ///
    /// # Errors
    /// [`BucketError`]
    pub async fn copy(&self, from: &ObjectKey, to: &ObjectKey, deadline: Deadline) -> Result<bool, BucketError> {
        let source = format!("/{}/{from}", self.name);
        let Some(answer) = self.request(&Method::PUT, to, &[("x-amz-copy-source", &source)], deadline).await? else {
            return Ok(false);
        };
        // S3 begins to answer before it is done: what goes wrong after that stands in the body of a 200.
        let status = answer.status().as_u16();
        let text = deadline.bound(answer.text()).await??;
        if text.contains("<CopyObjectResult") {
            return Ok(true);
        }
        Err(BucketError::Unfinished { status, code: error_code(&text) })
    }

    /// Removes `key`; that it is not there is as good.
    ///
    /// # Errors
    /// [`BucketError`]
    pub async fn delete(&self, key: &ObjectKey, deadline: Deadline) -> Result<(), BucketError> {
        self.request(&Method::DELETE, key, &[], deadline).await.map(drop)
    }

    /// Asks until there is an answer that will stay, `None` for a missing object.
    async fn request(
        &self,
        method: &Method,
        key: &ObjectKey,
        headers: &[(&str, &str)],
        deadline: Deadline,
    ) -> Result<Option<reqwest::Response>, BucketError> {
        let mut tried = 1;
        loop {
            let answer = self.attempt(method, key, headers, deadline).await;
            let pause = PAUSE * tried;
            match answer {
                Err(error) if error.is_temporary() && tried < TRIES && deadline.allows(pause) => {
                    tokio::time::sleep(pause).await;
                    tried += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn attempt(
        &self,
        method: &Method,
        key: &ObjectKey,
        headers: &[(&str, &str)],
        deadline: Deadline,
    ) -> Result<Option<reqwest::Response>, BucketError> {
        let request = self.signed(method, key, headers, Placement::Headers, SystemTime::now()).await?;
        let request = reqwest::Request::try_from(request.map(|()| reqwest::Body::from("")))?;
        let deadline = deadline.within(PATIENCE);
        let answer = deadline.bound(self.http.execute(request)).await??;
        if answer.status().is_success() {
            return Ok(Some(answer));
        }
        let status = answer.status();
        let code = error_code(&deadline.bound(answer.text()).await?.unwrap_or_default());
        // HEAD has no code, and the bucket itself is never removed.
        if status == StatusCode::NOT_FOUND && (code.is_empty() || code == "NoSuchKey") {
            return Ok(None);
        }
        Err(BucketError::Refused { status: status.as_u16(), code })
    }

    async fn signed(
        &self,
        method: &Method,
        key: &ObjectKey,
        headers: &[(&str, &str)],
        placement: Placement,
        now: SystemTime,
    ) -> Result<http::Request<()>, BucketError> {
        let none = || CredentialsError::not_loaded("the configuration has no credentials");
        let credentials = self.credentials.as_ref().ok_or_else(none)?.provide_credentials().await?;
        let url = format!("{}/{key}", self.base);
        Ok(sign(method.as_str(), &url, headers, &credentials, &self.region, placement, now)?)
    }
}

/// The code in S3's XML of an error; nothing else of it, since it repeats keys and signatures.
fn error_code(body: &str) -> String {
    let code = body.split("<Code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}
