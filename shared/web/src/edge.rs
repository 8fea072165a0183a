//! The edge that all route families share: what it is configured with, and what handlers ask of it.

use std::{future::Future, net::IpAddr, sync::Arc};

use descrow_domain::Timestamp;
use descrow_platform::Config;
use http::HeaderMap;

use crate::{
    ApiError, Code, Live, Reply,
    cors::Origins,
    evidence::{Evidence, Identity},
    idempotency::{Claim, IdempotencyKey, Kept},
    limits::{Admission, Counted, Quota, account_subject, network},
    page::CursorKey,
    store::{EdgeStore, StoreFailure},
    token::{SigningKeys, Tokens},
};

/// Seconds an access token lives where `JWT_EXPIRES_IN` does not say.
const TOKEN_LIFETIME: i64 = 900;
/// Bytes that `CURSOR_SECRET` must have.
const CURSOR_SECRET_BYTES: usize = 32;

/// The edge's settings.
pub struct EdgeConfig {
    tokens: Tokens,
    cursors: CursorKey,
    origins: Origins,
    by_ip: Quota,
    by_account: Quota,
    admin: Quota,
}

impl EdgeConfig {
    /// Reads `JWT_SECRET`, `JWT_EXPIRES_IN`, `AUTH_DOMAIN` (the issuer), `CURSOR_SECRET`, `CORS_ORIGINS`, and the quotas
    /// `RATE_LIMIT_IP`, `RATE_LIMIT_ACCOUNT` and `RATE_LIMIT_ADMIN` (`requests/seconds`).
    pub fn read(config: &Config) -> Option<Self> {
        let keys = config.parsed::<SigningKeys>("JWT_SECRET");
        let lifetime = config.parsed_or("JWT_EXPIRES_IN", TOKEN_LIFETIME);
        let issuer = config.required("AUTH_DOMAIN");
        let cursors = config.secret("CURSOR_SECRET", CURSOR_SECRET_BYTES);
        let origins = config.parsed_or("CORS_ORIGINS", Origins::default());
        let by_ip = config.parsed_or("RATE_LIMIT_IP", Quota::new(100, 900));
        let by_account = config.parsed_or("RATE_LIMIT_ACCOUNT", Quota::new(100, 900));
        let admin = config.parsed_or("RATE_LIMIT_ADMIN", Quota::new(20, 300));
        let lifetime = lifetime.filter(|seconds| {
            let sane = (60..=86_400).contains(seconds);
            if !sane {
                config.refuse("JWT_EXPIRES_IN", "is not 60 to 86400 seconds");
            }
            sane
        });
        Some(Self {
            tokens: Tokens::new(&keys?, issuer?, lifetime?).ok()?,
            cursors: CursorKey::new(&cursors?)?,
            origins: origins?,
            by_ip: by_ip?,
            by_account: by_account?,
            admin: admin?,
        })
    }
}

/// The edge. Cheap to clone; a family's state gives it out by `FromRef`.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    config: EdgeConfig,
    store: Arc<dyn EdgeStore>,
}

impl Edge {
    /// An edge with its settings and its state.
    pub fn new(config: EdgeConfig, store: Arc<dyn EdgeStore>) -> Self {
        Self(Arc::new(Inner { config, store }))
    }

    /// Issues access tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.0.config.tokens
    }

    pub(crate) fn cursors(&self) -> &CursorKey {
        &self.0.config.cursors
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.0.config.origins
    }

    /// Proves that the session still stands, and counts the request, in the same round trip as `read`, the route's
    /// first read. Every route that changes state begins with it or with [`Edge::once`].
    ///
    /// # Errors
    /// 401 where the session was revoked or its user's role changed, 429 where a quota is used up, 503 where neither
    /// can be known, else what `read` says.
    pub async fn live<E: Evidence, T, X: Into<ApiError>>(
        &self,
        evidence: E,
        read: impl Future<Output = Result<T, X>>,
    ) -> Result<(Live<E>, T), ApiError> {
        let (live, value) = futures_util::join!(self.prove(evidence), read);
        Ok((live?, value.map_err(Into::into)?))
    }

    /// [`Edge::live`] for a request that is done once however often it comes: `act` runs for the first one and its
    /// answer is kept for the others. Without a key it runs each time. A failed `act` gives the key up.
    ///
    /// # Errors
    /// As [`Edge::live`]; 409 while an equal request is being worked on, 422 where the key came with another body;
    /// else what `act` says.
    pub async fn once<E, T, X, F, A>(
        &self,
        evidence: E,
        key: impl Into<Option<IdempotencyKey>>,
        read: impl Future<Output = Result<T, X>>,
        act: F,
    ) -> Result<Reply, ApiError>
    where
        E: Evidence,
        X: Into<ApiError>,
        F: FnOnce(Live<E>, T) -> A,
        A: Future<Output = Result<Reply, ApiError>>,
    {
        let Some(key) = key.into() else {
            let (live, value) = self.live(evidence, read).await?;
            return act(live, value).await;
        };
        let store = &self.0.store;
        let row = key.row(evidence.session().account());
        let claim = store.claim(row.clone(), key.fingerprint().to_owned());
        let (live, claim, value) = futures_util::join!(self.prove(evidence), claim, read);
        let claim = claim.map_err(|e| unreachable(&e))?;
        // A session that no longer stands gets no old answer either, but must not keep the key it claimed.
        let answered = live.and_then(|live| Ok((key.settle(claim.clone())?, live)));
        let done = match answered {
            Ok((Some(kept), _)) => return Ok(kept),
            Ok((None, live)) => match value {
                Ok(value) => act(live, value).await,
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error),
        };
        match &done {
            Ok(reply) => {
                let kept = store.keep(row, key.fingerprint().to_owned(), Kept::from(reply)).await;
                if let Err(error) = kept {
                    // It was done; only a repeat after the claim ran out would not know. Ids derived from the key help there.
                    tracing::error!(error = %error, "idempotency.answer_not_kept");
                }
            }
            Err(_) if claim == Claim::Fresh => {
                if let Err(error) = store.release(row).await {
                    tracing::warn!(error = %error, "idempotency.claim_not_released");
                }
            }
            Err(_) => {}
        }
        done
    }

    async fn prove<E: Evidence>(&self, evidence: E) -> Result<Live<E>, ApiError> {
        let session = evidence.session();
        let standing = self.0.store.standing(session.family(), session.account());
        let (admitted, standing) = futures_util::join!(session.admission().decide(true), standing);
        admitted?;
        match standing.map_err(|e| unreachable(&e))? {
            None => Err(ApiError::new(Code::SessionRevoked, "You were logged out. Log in again.")),
            Some(version) if version != session.auth_version() => {
                Err(ApiError::new(Code::SessionOutdated, "Your role or KYC status changed. Refresh the access token."))
            }
            Some(_) => Ok(Live::proven(evidence)),
        }
    }

    pub(crate) fn identify(&self, headers: &HeaderMap) -> Identity {
        let Some(value) = headers.get(http::header::AUTHORIZATION) else { return Identity(Ok(None)) };
        let token = value.to_str().ok().and_then(|v| v.split_once(' '));
        Identity(match token {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                self.tokens().verify(token.trim()).map(Some)
            }
            _ => Err(Code::InvalidToken),
        })
    }

    pub(crate) fn admission(&self, ip: Option<IpAddr>, path: &str, identity: &Identity) -> Admission {
        let config = &self.0.config;
        let (policy, quota) =
            if path.starts_with("/api/admin") { ("admin", config.admin) } else { ("ip", config.by_ip) };
        let mut counted = vec![Counted { policy, subject: network(ip), quota }];
        if let Ok(Some(claims)) = &identity.0 {
            let subject = account_subject(claims.sub);
            counted.push(Counted { policy: "account", subject, quota: config.by_account });
        }
        Admission::begin(&self.0.store, counted, Timestamp::now())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("edge store: {0}")]
struct Unreachable(String);

fn unreachable(failure: &StoreFailure) -> ApiError {
    ApiError::caused(Code::Unavailable, Unreachable(failure.to_string())).retry_after(1)
}
