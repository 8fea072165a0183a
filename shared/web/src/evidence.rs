//! Authorization as evidence: a handler that takes a [`Seller`] can only run for one.
//!
//! [`Authenticated`], [`Buyer`], [`Seller`] and [`Admin`] prove what the access token says, without a round trip: enough
//! to read. What changes state needs [`Live`], which proves that the session still stands; [`crate::Edge::live`] makes
//! it in the same round trip as the route's first read. No field is public: evidence cannot be built elsewhere.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use descrow_domain::{
    Account, Msisdn,
    user::{KycStatus, Role},
};
use http::{HeaderValue, header, request::Parts};
use uuid::Uuid;

use crate::{
    ApiError, Code,
    document::{Facts, Taken},
    limits::Admission,
    token::Claims,
};

/// What the edge made of the `Authorization` header.
#[derive(Clone, Debug)]
pub(crate) struct Identity(pub(crate) Result<Option<Claims>, Code>);

/// Somebody with a valid access token.
#[derive(Clone, Debug)]
pub struct Authenticated {
    claims: Claims,
    admission: Admission,
}

impl Authenticated {
    /// Who.
    pub fn account(&self) -> Account {
        self.claims.sub
    }

    /// In which role, as of the token.
    pub fn role(&self) -> Role {
        self.claims.role
    }

    /// How far the identity is checked, as of the token.
    pub fn kyc(&self) -> KycStatus {
        self.claims.kyc
    }

    /// The session: the refresh family of the token.
    pub fn family(&self) -> Uuid {
        self.claims.fam
    }

    pub(crate) fn auth_version(&self) -> u64 {
        self.claims.ver
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }
}

/// Evidence of somebody, in whatever role.
pub trait Evidence: sealed::Sealed + Send + Sync {
    /// Who it is.
    fn session(&self) -> &Authenticated;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for Authenticated {}
impl Evidence for Authenticated {
    fn session(&self) -> &Authenticated {
        self
    }
}

/// Evidence whose session was found standing when the route began.
#[derive(Clone, Debug)]
pub struct Live<E> {
    evidence: E,
    phone: Option<Msisdn>,
}

impl<E> Live<E> {
    pub(crate) fn proven(evidence: E, phone: Option<Msisdn>) -> Self {
        Self { evidence, phone }
    }

    /// Where M-Pesa reaches the user, as the profile said when the route began.
    pub fn phone(&self) -> Option<&Msisdn> {
        self.phone.as_ref()
    }
}

impl<E> Deref for Live<E> {
    type Target = E;
    fn deref(&self) -> &E {
        &self.evidence
    }
}

/// Why a request has no evidence.
fn refuse(code: Code) -> ApiError {
    let message = match code {
        Code::MissingToken => "Send an access token: Authorization: Bearer <token>.",
        Code::TokenExpired => "The access token expired. Refresh it.",
        Code::WrongRole => "Your role does not allow this.",
        _ => "The access token is not valid.",
    };
    let error = ApiError::new(code, message);
    if code == Code::WrongRole {
        return error;
    }
    let challenge = if code == Code::MissingToken { "Bearer" } else { "Bearer error=\"invalid_token\"" };
    error.header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

fn authenticate(parts: &Parts) -> Result<Option<Authenticated>, ApiError> {
    let identity = parts.extensions.get::<Identity>().cloned().unwrap_or(Identity(Ok(None)));
    let admission = parts.extensions.get::<Admission>();
    match (identity.0, admission) {
        (Ok(Some(claims)), Some(admission)) => Ok(Some(Authenticated { claims, admission: admission.clone() })),
        (Ok(_), _) => Ok(None),
        (Err(code), _) => Err(refuse(code)),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        authenticate(parts)?.ok_or_else(|| refuse(Code::MissingToken))
    }
}

/// On routes that anybody may read and some see more of. A bad token is refused here as well.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, ApiError> {
        authenticate(parts)
    }
}

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident: $($role:ident $text:literal)|+;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Authenticated);

        impl Deref for $name {
            type Target = Authenticated;
            fn deref(&self) -> &Authenticated {
                &self.0
            }
        }

        impl Taken for $name {
            fn note(facts: &mut Facts) {
                facts.roles(&[$($text),+]);
            }
        }

        impl sealed::Sealed for $name {}
        impl Evidence for $name {
            fn session(&self) -> &Authenticated {
                &self.0
            }
        }

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
                let somebody = authenticate(parts)?.ok_or_else(|| refuse(Code::MissingToken))?;
                match somebody.role() {
                    $(Role::$role)|+ => Ok(Self(somebody)),
                    _ => Err(refuse(Code::WrongRole)),
                }
            }
        }
    )+};
}

roles! {
    /// Somebody who may order and pay: a buyer, or a seller who buys.
    Buyer: Buyer "buyer" | Seller "seller";
    /// Somebody who may list products and ship.
    Seller: Seller "seller";
    /// Somebody who decides disputes and KYC.
    Admin: Admin "admin";
}
