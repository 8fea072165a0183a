//! Getting a token that works, without killing one that somebody else uses (DARAJA.md §2).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use descrow_domain::Timestamp;
use descrow_platform::{Deadline, Secret};
use tokio::time::Instant;

use crate::{
    CallError,
    client::{Lost, exchange},
    settings::ClientSettings,
    token::{AccessToken, StoredToken, TokenStore},
    tolerant::Object,
};

/// How long a container trusts what it read: it saves the read on bursts, and a stale token is noticed by its refusal.
const CACHE: Duration = Duration::from_secs(30);
/// How long the right to refresh is held at most.
const LOCK_SECONDS: i64 = 10;
/// How often another container's refresh is looked for.
const POLL: Duration = Duration::from_millis(150);
/// How long one OAuth call may take; shorter than the lock, so that nobody else begins meanwhile.
const OAUTH_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest life that is believed, in seconds.
const LIFETIME_MAX: u32 = 86_400;

pub(crate) struct TokenSource {
    store: Arc<dyn TokenStore>,
    cache: Mutex<Option<(StoredToken, Instant)>>,
}

impl TokenSource {
    pub(crate) fn new(store: Arc<dyn TokenStore>) -> Self {
        Self { store, cache: Mutex::new(None) }
    }

    /// A token; `refused` is the version that Daraja just refused, which is not given out again.
    pub(crate) async fn token(
        &self,
        http: &reqwest::Client,
        settings: &ClientSettings,
        refused: Option<u64>,
        deadline: Deadline,
    ) -> Result<StoredToken, CallError> {
        let usable = |stored: &StoredToken, now| stored.token.fresh(now) && Some(stored.version) != refused;
        if let Some(stored) = self.cached().filter(|s| usable(s, Timestamp::now())) {
            return Ok(stored);
        }
        loop {
            let now = Timestamp::now();
            let stored = deadline.bound(self.store.read()).await.map_err(|_| CallError::NoToken)??;
            if let Some(stored) = stored.as_ref().filter(|s| usable(s, now)) {
                return Ok(self.remember(stored.clone()));
            }
            let version = stored.as_ref().map_or(0, |s| s.version);
            let until = now.plus_seconds(LOCK_SECONDS);
            if deadline.bound(self.store.lock(version, now, until)).await.map_err(|_| CallError::NoToken)?? {
                return self.refresh(http, settings, stored, refused, deadline).await;
            }
            // Somebody else refreshes; using the old token now would only lose the race against its end.
            if !deadline.allows(POLL * 2) {
                return Err(CallError::NoToken);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Fetches and stores a new token. Called with the right to do so.
    async fn refresh(
        &self,
        http: &reqwest::Client,
        settings: &ClientSettings,
        old: Option<StoredToken>,
        refused: Option<u64>,
        deadline: Deadline,
    ) -> Result<StoredToken, CallError> {
        let version = old.as_ref().map_or(0, |s| s.version);
        match fetch(http, settings, deadline.within(OAUTH_TIMEOUT)).await {
            Ok(token) => {
                let stored = StoredToken { version: version + 1, token };
                // A token that could not be shared still serves this call; the others will refresh after its refusal.
                if let Err(error) = self.store.replace(version, stored.token.clone()).await {
                    tracing::warn!(%error, "daraja.token_not_shared");
                }
                Ok(self.remember(stored))
            }
            Err(error) => {
                if let Err(error) = self.store.unlock(version).await {
                    tracing::warn!(%error, "daraja.token_lock_not_released");
                }
                // Past 85 % of its life the old one is still good while Daraja's OAuth is away.
                match old.filter(|s| s.token.alive(Timestamp::now()) && Some(s.version) != refused) {
                    Some(stored) => Ok(stored),
                    None => Err(error),
                }
            }
        }
    }

    fn cached(&self) -> Option<StoredToken> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.as_ref().filter(|(_, read_at)| read_at.elapsed() < CACHE).map(|(stored, _)| stored.clone())
    }

    fn remember(&self, stored: StoredToken) -> StoredToken {
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = Some((stored.clone(), Instant::now()));
        stored
    }
}

/// One OAuth call.
async fn fetch(
    http: &reqwest::Client,
    settings: &ClientSettings,
    deadline: Deadline,
) -> Result<AccessToken, CallError> {
    let mut url = settings.base_url.join("/oauth/v1/generate").map_err(|_| CallError::NoToken)?;
    url.query_pairs_mut().append_pair("grant_type", "client_credentials");
    let pair = format!("{}:{}", settings.consumer_key.expose(), settings.consumer_secret.expose());
    let request = http.get(url).header("Authorization", format!("Basic {}", STANDARD.encode(pair)));
    let issued_at = Timestamp::now();
    let (status, body) = match exchange("oauth", request, deadline).await {
        Ok(answer) => answer,
        Err(Lost::NotSent | Lost::NoAnswer) => return Err(CallError::NoToken),
    };
    // A wrong key or secret is answered by 400 or 401 with nothing in it, or by 400.008.0x.
    let answer = Object::parse(&body);
    let code = answer.as_ref().and_then(|a| a.text("errorCode")).unwrap_or_default();
    if code.starts_with("400.008") || (matches!(status, 400 | 401) && body.trim().is_empty()) {
        tracing::error!(http_status = status, "daraja.credentials_refused");
        return Err(CallError::BadCredentials);
    }
    let token = answer.filter(|_| status == 200).and_then(|a| {
        let lifetime_s = a.text("expires_in")?.parse().ok().filter(|s| (1..=LIFETIME_MAX).contains(s))?;
        Some(AccessToken {
            secret: Secret::new(a.text("access_token").filter(|t| !t.is_empty())?),
            issued_at,
            lifetime_s,
        })
    });
    token.ok_or_else(|| {
        tracing::warn!(http_status = status, "daraja.no_token");
        CallError::NoToken
    })
}
