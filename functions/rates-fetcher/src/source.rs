//! CoinGecko's `/simple/price`, or what answers like it.

use std::time::Duration;

use descrow_domain::{
    Timestamp,
    rates::{
        Rates,
        feed::{self, UnreadableRates},
    },
};
use descrow_platform::{Deadline, http_client};
use reqwest::header;
use url::Url;

/// What the source may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes; one with rates has a hundred.
const LARGEST: usize = 16 * 1024;
/// What is asked, with every decimal that is known and the time at which the price was found.
const QUERY: &str = "ids=polkadot&vs_currencies=usd,kes&include_last_updated_at=true&precision=full";

/// Whom to ask for rates.
#[derive(Clone, Debug)]
pub struct Source {
    http: reqwest::Client,
    url: Url,
    name: String,
}

/// There are no rates from the source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The URL has no host, or no HTTP client could be built.
    #[error("the source cannot be asked")]
    Setup,
    /// It did not answer, or not in time.
    #[error("no answer: {0}")]
    Silent(reqwest::Error),
    /// The invocation's time was up.
    #[error("no answer before the deadline")]
    Late,
    /// It answered something else than 200: it limits its free users, and has bad days.
    #[error("answered with status {0}")]
    Status(u16),
    /// Its answer is longer than any with rates.
    #[error("the answer has more than {LARGEST} bytes")]
    TooLong,
    /// Its answer holds no rates.
    #[error(transparent)]
    Unreadable(#[from] UnreadableRates),
}

impl From<reqwest::Error> for SourceError {
    fn from(error: reqwest::Error) -> Self {
        Self::Silent(error.without_url())
    }
}

impl Source {
    /// The source whose API is at `base`, such as `https://api.coingecko.com/api/v3`.
    ///
    /// # Errors
    /// [`SourceError::Setup`]
    pub fn new(base: &Url) -> Result<Self, SourceError> {
        let name = base.host_str().ok_or(SourceError::Setup)?.to_owned();
        let mut url = base.clone();
        url.path_segments_mut().map_err(|()| SourceError::Setup)?.pop_if_empty().extend(["simple", "price"]);
        url.set_query(Some(QUERY));
        let http = http_client::build(TIMEOUT).map_err(|_| SourceError::Setup)?;
        Ok(Self { http, url, name })
    }

    /// Its name, as orders show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rates as it says them now.
    ///
    /// # Errors
    /// [`SourceError`]
    pub async fn rates(&self, deadline: Deadline) -> Result<Rates, SourceError> {
        let body = deadline.within(TIMEOUT).bound(self.ask()).await.map_err(|_| SourceError::Late)??;
        Ok(feed::read(&body, &self.name, Timestamp::now())?)
    }

    async fn ask(&self) -> Result<Vec<u8>, SourceError> {
        let mut response = self.http.get(self.url.clone()).header(header::ACCEPT, "application/json").send().await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(SourceError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(SourceError::TooLong);
            }
        }
        Ok(body)
    }
}
