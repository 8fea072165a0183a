//! The edge that all route families share: what it is configured with, and what handlers ask of it.

use std::{future::Future, net::IpAddr, sync::Arc};

use descrow_domain::Timestamp;
use descrow_platform::Config;
use descrow_store::{Store, Wanted};
use http::HeaderMap;

use crate::{
    ApiError, Code, Live,
    cors::Origins,
    evidence::{Evidence, Identity},
    limits::{Admission, Counted, Quota, account_subject, network},
    page::CursorKey,
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
    store: Store,
}

impl Edge {
    /// An edge with its settings, over the tables `limits`, `sessions` and `users` of `store`.
    pub fn new(config: EdgeConfig, store: Store) -> Self {
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
    /// first read. `read` must change nothing, since it is done for those too who are refused. Every route that changes state begins with it, or with [`crate::Visitor::admit`] where it takes no token.
    ///
    /// # Errors
    /// 401 where the session was revoked or its user's role changed, 429 where a quota is used up, 503 where neither
    /// can be known, else what `read` says.
    pub async fn live<E: Evidence, T, X: Into<ApiError>>(
        &self,
        evidence: E,
        read: impl Future<Output = Result<T, X>>,
    ) -> Result<(Live<E>, T), ApiError> {
        // Boxed, since the futures of the SDK are large and every route would carry both of them in its own.
        let (live, value) = futures_util::join!(Box::pin(self.prove(evidence)), Box::pin(read));
        Ok((live?, value.map_err(Into::into)?))
    }

    async fn prove<E: Evidence>(&self, evidence: E) -> Result<Live<E>, ApiError> {
        let session = evidence.session();
        let wanted = Wanted { family: Some(session.family()), user: Some(session.account()), ..Wanted::default() };
        let standing = self.0.store.read_together(&wanted);
        let (admitted, standing) = futures_util::join!(session.admission().decide(true), standing);
        admitted?;
        let standing = standing?;
        let family = standing.family.filter(|family| family.alive(Timestamp::now()));
        match (family, standing.user) {
            (Some(_), Some(user)) if user.auth_version == session.auth_version() => {
                Ok(Live::proven(evidence, user.phone))
            }
            (Some(_), Some(_)) => {
                Err(ApiError::new(Code::SessionOutdated, "Your role or KYC status changed. Refresh the access token."))
            }
            _ => Err(ApiError::new(Code::SessionRevoked, "You were logged out. Log in again.")),
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
