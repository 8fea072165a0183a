//! The one error of the HTTP edge.
//!
//! Lower layers keep their own enums, which know nothing of HTTP; a handler converts them at its last step. What a
//! client sees is decided by the [`Code`] alone: a 4xx shows its message, a 5xx shows a constant, so that leaking an
//! internal message is impossible by construction and not by care. The cause is logged once, by the edge.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:literal, $code:literal, $title:literal;)+) => {
        /// Every error a client can see. The code is stable: clients may match on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The HTTP status, as a number.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The title, the same for every error of this code.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// When it happens, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+)),+ }
            }
        }
    };
}

codes! {
    /// A field, parameter or header breaks a rule; `details` lists every one that does.
    ValidationFailed = 400, "validation_failed", "Validation failed";
    /// The body is not JSON; `details` names the place where reading stopped.
    MalformedJson = 400, "malformed_json", "Malformed JSON";
    /// The cursor was not issued for this list, this filter and this user.
    InvalidCursor = 400, "invalid_cursor", "Invalid cursor";
    /// The challenge is unknown, used, expired or was issued to another account.
    InvalidChallenge = 401, "invalid_challenge", "Invalid challenge";
    /// The signature does not belong to the account and the challenge.
    InvalidSignature = 401, "invalid_signature", "Invalid signature";
    /// The route needs an access token in `Authorization: Bearer`.
    MissingToken = 401, "missing_token", "Authentication required";
    /// The token was not issued by this service.
    InvalidToken = 401, "invalid_token", "Invalid token";
    /// The token's time is over; refresh it.
    TokenExpired = 401, "token_expired", "Token expired";
    /// The session was logged out or revoked.
    SessionRevoked = 401, "session_revoked", "Session revoked";
    /// The user's role or KYC status changed since the token was issued; refresh it.
    SessionOutdated = 401, "session_outdated", "Session outdated";
    /// An older refresh token was used again; the session and all its tokens are revoked.
    RefreshReused = 401, "refresh_token_reused", "Refresh token reused";
    /// The user's role does not allow this.
    WrongRole = 403, "wrong_role", "Forbidden";
    /// There is no such thing, or it is somebody else's.
    NotFound = 404, "not_found", "Not found";
    /// The signature is good, but the account is not registered.
    NotRegistered = 404, "not_registered", "Not registered";
    /// The path exists, but not with this method.
    MethodNotAllowed = 405, "method_not_allowed", "Method not allowed";
    /// The account is registered already.
    AlreadyRegistered = 409, "already_registered", "Already registered";
    /// A seller needs a phone number in its profile: buyers' payments are sent to it.
    PhoneNumberRequired = 409, "phone_number_required", "Phone number required";
    /// The user's documents wait for a decision or were approved, or the account changed since the upload was begun.
    KycState = 409, "kyc_state", "KYC state conflict";
    /// Documents that were promised are not there, or are not what was promised; `details` says which.
    KycDocuments = 409, "kyc_documents", "KYC documents missing";
    /// The order's status does not allow this.
    OrderState = 409, "order_state", "Order state conflict";
    /// Another admin proposed to decide the dispute differently; `details` says how.
    ProposalDiffers = 409, "proposal_differs", "Another proposal stands";
    /// The payment's status does not allow this.
    PaymentState = 409, "payment_state", "Payment state conflict";
    /// The product cannot be ordered: inactive, sold out, or fewer are left.
    ProductUnavailable = 409, "product_unavailable", "Product unavailable";
    /// The seller has no number that M-Pesa could pay; orders in DOT are possible.
    SellerWithoutPhone = 409, "seller_without_phone", "Seller without phone number";
    /// The seller's identity is not verified yet.
    SellerUnverified = 409, "seller_unverified", "Seller not verified";
    /// The contract could not pay the seller: its account has to receive funds on the chain, or to be mapped, first.
    SellerNotPayable = 409, "seller_not_payable", "Seller not payable";
    /// The order's dispute takes no evidence: there is none, or its deadline has passed; `details` says which.
    EvidenceClosed = 409, "evidence_closed", "Evidence closed";
    /// A payment for this order is under way or done.
    PaymentInProgress = 409, "payment_in_progress", "Payment in progress";
    /// The contract does not know the order yet; ask again after `Retry-After`.
    OrderNotOnChain = 409, "order_not_on_chain", "Order not on the chain yet";
    /// The account on the chain has less than the order costs.
    BalanceTooLow = 409, "balance_too_low", "Balance too low";
    /// Somebody else changed it at the same time; read it again.
    VersionConflict = 409, "version_conflict", "Conflict";
    /// A request with this idempotency key is being worked on; ask again after `Retry-After`.
    IdempotencyInProgress = 409, "idempotency_in_progress", "Request in progress";
    /// The body is larger than the route takes.
    BodyTooLarge = 413, "body_too_large", "Body too large";
    /// The body is not of the media type that the route takes.
    UnsupportedMediaType = 415, "unsupported_media_type", "Unsupported media type";
    /// The idempotency key was used with another body.
    IdempotencyKeyReused = 422, "idempotency_key_reused", "Idempotency key reused";
    /// Too many requests; ask again after `Retry-After`.
    RateLimited = 429, "rate_limited", "Too many requests";
    /// The request's headers are larger than any client needs.
    HeadersTooLarge = 431, "headers_too_large", "Request header fields too large";
    /// Something failed here that should not.
    Internal = 500, "internal_error", "Internal server error";
    /// M-Pesa refused or did not answer.
    PaymentService = 502, "payment_service_error", "Payment service error";
    /// The content store (IPFS) refused or did not answer.
    ContentService = 502, "content_service_error", "Content service error";
    /// A part that this route needs is not available; ask again after `Retry-After`.
    Unavailable = 503, "service_unavailable", "Service unavailable";
    /// The chain's node refused or did not answer; ask again after `Retry-After`.
    ChainUnavailable = 503, "chain_unavailable", "Chain unavailable";
    /// There are no exchange rates to price anything with: too old, or they jumped; `GET /api/rates` says which.
    RatesUnavailable = 503, "rates_unavailable", "Exchange rates unavailable";
    /// The answer was not ready in time; what was begun may still happen.
    DeadlinePassed = 504, "deadline_passed", "Gateway timeout";
}

impl Code {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.number()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What a client is told instead of the internal message; `None` where the message is for the client.
    const fn constant_message(self) -> Option<&'static str> {
        match self.number() {
            503 if matches!(self, Self::RatesUnavailable) => {
                Some("Exchange rates are not available, so nothing can be priced now. GET /api/rates says why.")
            }
            500 => Some("Something went wrong on our side. Quote the requestId when you report it."),
            502 => Some("A service that we depend on refused or did not answer. Nothing was lost; try again later."),
            503 => Some("Temporarily not available. Try again later."),
            504 => Some("The answer was not ready in time. Read the state before you repeat the request."),
            _ => None,
        }
    }

    /// The documentation's table of every code, in Markdown.
    pub fn table() -> String {
        use std::fmt::Write;
        // Writing to a String cannot fail.
        let mut table = String::from("| status | code | title | when |\n|---|---|---|---|\n");
        for code in Self::ALL {
            let (number, name, title) = (code.number(), code.as_str(), code.title());
            let _ok = writeln!(table, "| {number} | `{name}` | {title} | {} |", code.meaning().trim());
        }
        table
    }
}

/// One rule that the request breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// The field, parameter or header, as the client wrote it.
    #[schema(example = "title")]
    pub field: String,
    /// What is wrong with it.
    #[schema(example = "must have 1 to 255 characters")]
    pub message: String,
}

/// An error on its way to a client.
#[derive(Clone, Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    message: Cow<'static, str>,
    details: Vec<FieldProblem>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error with a message for the client; where the code's status is a 5xx the message is logged instead.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { code, message: message.into(), details: Vec::new(), headers: Vec::new(), cause: None }))
    }

    /// Every rule that the request breaks, at once.
    pub fn validation(details: Vec<FieldProblem>) -> Self {
        Self::with_details(Code::ValidationFailed, "The request breaks the rules listed in details.", details)
    }

    /// The one rule that the request breaks.
    pub fn field(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::validation(vec![FieldProblem { field: field.into(), message: message.to_string() }])
    }

    /// An error of `code` that says in `details` what stands against the request.
    pub fn with_details(code: Code, message: &'static str, details: Vec<FieldProblem>) -> Self {
        let mut error = Self::new(code, message);
        error.0.details = details;
        error
    }

    /// There is no such thing, or it is somebody else's, which is the same to a stranger.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here.")
    }

    /// Something failed that should not; `cause` is logged and never shown.
    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::caused(Code::Internal, cause)
    }

    /// An error of `code` with a cause that is logged and never shown. For codes with a 5xx status.
    pub fn caused(code: Code, cause: impl Error + Send + Sync + 'static) -> Self {
        let mut error = Self::new(code, code.title());
        error.0.cause = Some(Arc::new(cause));
        error
    }

    /// The same with `Retry-After`.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The same with another response header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The rules that the request breaks.
    pub fn details(&self) -> &[FieldProblem] {
        &self.0.details
    }

    /// What the client is told: the message of a 4xx, a constant for every 5xx.
    pub fn public_message(&self) -> &str {
        self.0.code.constant_message().unwrap_or(&self.0.message)
    }

    /// What the log is told: the message and the chain of causes.
    pub(crate) fn internal_message(&self) -> String {
        let mut text = self.0.message.to_string();
        let mut cause: Option<&dyn Error> = self.0.cause.as_ref().map(|c| c.as_ref() as &dyn Error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// The body in the house's shape, or RFC 9457's where the client asked for it.
    pub(crate) fn body(&self, request_id: &str, problem: bool) -> Vec<u8> {
        let code = self.code();
        let details = (!self.details().is_empty()).then(|| self.details());
        let rendered = if problem {
            serde_json::to_vec(&Problem {
                type_: format!("urn:descrow:error:{}", code.as_str()),
                title: code.title(),
                status: code.number(),
                detail: self.public_message(),
                code: code.as_str(),
                errors: details,
                request_id,
            })
        } else {
            serde_json::to_vec(&House {
                error: code.title(),
                message: details.is_none().then(|| self.public_message()),
                details,
                code: code.as_str(),
                request_id,
            })
        };
        rendered.unwrap_or_default()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code().as_str(), self.public_message())
    }
}

impl Error for ApiError {}

impl IntoResponse for ApiError {
    /// Carries the error to the edge, which knows the request's id and the shape that the client wants, and renders it.
    fn into_response(self) -> Response {
        let mut response = self.code().status().into_response();
        response.headers_mut().extend(self.0.headers.iter().cloned());
        response.extensions_mut().insert(self);
        response
    }
}

/// The house's shape of an error.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Error)]
#[serde(rename_all = "camelCase")]
pub(crate) struct House<'a> {
    /// The title, the same for every error of this code.
    #[schema(example = "Not found")]
    error: &'a str,
    /// What happened, for people. Absent where `details` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// Every rule that the request breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a [FieldProblem]>,
    /// Stable; programs may match on it.
    #[schema(example = "not_found")]
    code: &'a str,
    /// Quote it when you report the error.
    request_id: &'a str,
}

/// The shape of RFC 9457, for clients that accept `application/problem+json`.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem<'a> {
    /// `urn:descrow:error:` and the code.
    #[serde(rename = "type")]
    type_: String,
    /// The title, the same for every error of this code.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened, for people.
    detail: &'a str,
    /// Stable; programs may match on it.
    code: &'a str,
    /// Every rule that the request breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [FieldProblem]>,
    /// Quote it when you report the error.
    request_id: &'a str,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_5xx_never_renders_its_message_or_its_cause() {
        for code in Code::ALL {
            for problem in [false, true] {
                let error = ApiError::caused(*code, std::io::Error::other("password=hunter2"));
                let body = String::from_utf8(error.body("r-1", problem)).unwrap();
                assert!(!body.contains("hunter2"), "{body}");
                if code.number() >= 500 {
                    let body = String::from_utf8(ApiError::new(*code, "hunter2").body("r-1", problem)).unwrap();
                    assert!(!body.contains("hunter2"), "{body}");
                }
            }
        }
    }

    #[test]
    fn codes_are_unique_and_their_statuses_are_errors() {
        let names: HashSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
        }
    }

    #[test]
    fn both_shapes_are_exact() {
        let plain = ApiError::not_found();
        assert_eq!(
            String::from_utf8(plain.body("r-1", false)).unwrap(),
            r#"{"error":"Not found","message":"There is nothing here.","code":"not_found","requestId":"r-1"}"#
        );
        let invalid = ApiError::field("title", "is required");
        assert_eq!(
            String::from_utf8(invalid.body("r-1", false)).unwrap(),
            r#"{"error":"Validation failed","details":[{"field":"title","message":"is required"}],"code":"validation_failed","requestId":"r-1"}"#
        );
        assert_eq!(
            String::from_utf8(invalid.body("r-1", true)).unwrap(),
            concat!(
                r#"{"type":"urn:descrow:error:validation_failed","title":"Validation failed","status":400,"#,
                r#""detail":"The request breaks the rules listed in details.","code":"validation_failed","#,
                r#""errors":[{"field":"title","message":"is required"}],"requestId":"r-1"}"#
            )
        );
    }

    #[test]
    fn the_table_has_a_line_for_every_code() {
        assert_eq!(Code::table().lines().count(), Code::ALL.len() + 2);
    }
}
