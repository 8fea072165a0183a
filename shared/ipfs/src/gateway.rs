//! Fetching through HTTP gateways and Kubo nodes, none of which is trusted.

use std::time::Duration;

use descrow_platform::Deadline;
use url::Url;

use crate::{ContentId, kubo::is_rpc};

/// How long one gateway may take before the next is asked.
const PER_GATEWAY: Duration = Duration::from_secs(6);

/// Why content could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Every gateway said that it does not have it.
    #[error("no gateway has the content")]
    NotFound,
    /// It is larger than the caller takes.
    #[error("the content is larger than {0} bytes")]
    TooLarge(u64),
    /// A gateway returned other content, and no other gateway returned the right one.
    #[error("gateways returned other content than the CID names")]
    Mismatch,
    /// No gateway gave an answer in time.
    #[error("no gateway answered")]
    NoAnswer,
}

/// Gateways, asked one after the other. One whose URL ends in `/api/v0` is a Kubo node's RPC and asked by its command `cat`;
/// browsers cannot ask there.
pub struct Gateways {
    http: reqwest::Client,
    bases: Vec<Url>,
}

/// How content is asked for.
enum Place {
    /// By path.
    Gateway(Url),
    /// By command.
    Node(Url),
}

impl Gateways {
    /// Gateways at `bases` (`https://gateway.pinata.cloud`), in the order they are asked.
    pub fn new(http: reqwest::Client, bases: Vec<Url>) -> Self {
        Self { http, bases }
    }

    /// Where a browser finds the content: at the first gateway.
    pub fn public_url(&self, id: ContentId) -> Option<String> {
        self.places(id).find_map(|place| if let Place::Gateway(url) = place { Some(url.into()) } else { None })
    }

    fn places(&self, id: ContentId) -> impl Iterator<Item = Place> {
        self.bases.iter().filter_map(move |base| at(base, id))
    }

    /// Fetches content of at most `limit` bytes, and returns it only when it is what the CID names.
    ///
    /// # Errors
    /// [`FetchError`]: the most telling of what the gateways said.
    pub async fn get(&self, id: ContentId, limit: u64, deadline: Deadline) -> Result<Vec<u8>, FetchError> {
        let mut worst = FetchError::NoAnswer;
        for place in self.places(id) {
            let outcome = deadline.within(PER_GATEWAY).bound(self.read(place, limit)).await;
            let error = match outcome {
                Ok(Ok(bytes)) if ContentId::of(&bytes) == id => return Ok(bytes),
                Ok(Ok(_)) => FetchError::Mismatch,
                Ok(Err(error)) => error,
                Err(_) => FetchError::NoAnswer,
            };
            tracing::warn!(cid = %id, %error, "ipfs.gateway_failed");
            worst = telling(worst, error);
        }
        Err(worst)
    }

    /// The size in bytes that a gateway gives for the content: its word only, unlike what [`Gateways::get`] returns.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn file_size(&self, id: ContentId, deadline: Deadline) -> Result<u64, FetchError> {
        let mut worst = FetchError::NoAnswer;
        let gateways =
            self.places(id).filter_map(|place| if let Place::Gateway(url) = place { Some(url) } else { None });
        for url in gateways {
            let size = async {
                let response = self.http.head(url).send().await.map_err(|_| FetchError::NoAnswer)?;
                found(&response)?;
                let header = response.headers().get("content-length").and_then(|v| v.to_str().ok());
                header.and_then(|v| v.parse().ok()).ok_or(FetchError::NoAnswer)
            };
            match deadline.within(PER_GATEWAY).bound(size).await {
                Ok(Ok(size)) => return Ok(size),
                Ok(Err(error)) => worst = telling(worst, error),
                Err(_) => {}
            }
        }
        Err(worst)
    }

    async fn read(&self, place: Place, limit: u64) -> Result<Vec<u8>, FetchError> {
        let request = match place {
            Place::Gateway(url) => self.http.get(url),
            Place::Node(url) => self.http.post(url),
        };
        let mut response = request.send().await.map_err(|_| FetchError::NoAnswer)?;
        found(&response)?;
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(FetchError::TooLarge(limit));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| FetchError::NoAnswer)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > limit {
                return Err(FetchError::TooLarge(limit));
            }
        }
        Ok(bytes)
    }
}

fn at(base: &Url, id: ContentId) -> Option<Place> {
    let path = base.path().trim_end_matches('/');
    if is_rpc(base) {
        let mut url = base.join(&format!("{path}/cat")).ok()?;
        url.query_pairs_mut().append_pair("arg", &id.to_string());
        return Some(Place::Node(url));
    }
    base.join(&format!("{path}/ipfs/{id}")).ok().map(Place::Gateway)
}

fn found(response: &reqwest::Response) -> Result<(), FetchError> {
    match response.status().as_u16() {
        200 => Ok(()),
        404 | 410 => Err(FetchError::NotFound),
        _ => Err(FetchError::NoAnswer),
    }
}

/// Of two errors the one that says more.
fn telling(known: FetchError, new: FetchError) -> FetchError {
    let rank = |error| match error {
        FetchError::NoAnswer => 0,
        FetchError::NotFound => 1,
        FetchError::TooLarge(_) => 2,
        FetchError::Mismatch => 3,
    };
    if rank(new) > rank(known) { new } else { known }
}
