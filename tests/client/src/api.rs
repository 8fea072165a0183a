//! REST: requests with a token, answers as JSON, refusals as errors.

use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use serde_json::Value;

/// What any one request may take. Cold functions on a busy machine need seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer, or none in time.
    #[error("{method} {path}: no answer: {source}")]
    NoAnswer {
        /// The request's method.
        method: Method,
        /// The request's path.
        path: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// Refused.
    #[error("{method} {path}: {status} {code}: {body}")]
    Refused {
        /// The request's method.
        method: Method,
        /// The request's path.
        path: String,
        /// HTTP status.
        status: StatusCode,
        /// The API's stable code; empty where the answer has none.
        code: String,
        /// The whole answer.
        body: String,
    },
    /// The answer lacks something.
    #[error("{path}: the answer has no {missing}: {body}")]
    Incomplete {
        /// The request's path.
        path: String,
        /// What it lacks.
        missing: String,
        /// The whole answer.
        body: String,
    },
    /// The client could not be set up.
    #[error("HTTP client: {0}")]
    Setup(#[from] reqwest::Error),
}

impl ApiError {
    /// Status and code of a refusal.
    pub fn refusal(&self) -> Option<(u16, &str)> {
        match self {
            Self::Refused { status, code, .. } => Some((status.as_u16(), code)),
            _ => None,
        }
    }
}

/// The REST API, as nobody in particular.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
}

/// A request about to be sent.
#[derive(Debug)]
pub struct Call {
    method: Method,
    path: String,
    request: reqwest::RequestBuilder,
}

impl Api {
    /// The API at `base`.
    ///
    /// # Errors
    /// [`ApiError::Setup`].
    pub fn new(base: &str) -> Result<Self, ApiError> {
        let http = descrow_platform::http_client::build(PATIENCE)?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned() })
    }

    /// A request to `path`, which begins with a slash.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let request = self.http.request(method.clone(), format!("{}{path}", self.base));
        Call { method, path: path.to_owned(), request }
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `POST path` with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }
}

impl Call {
    /// With this access token.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.request = self.request.bearer_auth(token);
        self
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// With this body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        self
    }

    /// With this text as body, of no particular type.
    #[must_use]
    pub fn text(mut self, body: String) -> Self {
        self.request = self.request.body(body);
        self
    }

    /// With this form as body.
    #[must_use]
    pub fn form(mut self, form: reqwest::multipart::Form) -> Self {
        self.request = self.request.multipart(form);
        self
    }

    /// Sends it, whatever the answer is: status and body, `null` where that is no JSON.
    ///
    /// # Errors
    /// [`ApiError::NoAnswer`].
    pub async fn answer(self) -> Result<(StatusCode, Value), ApiError> {
        let Self { method, path, request } = self;
        let lost = |source| ApiError::NoAnswer { method: method.clone(), path: path.clone(), source };
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        let text = response.text().await.map_err(lost)?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// Sends it and gives the body of a success.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn send(self) -> Result<Value, ApiError> {
        let (method, path) = (self.method.clone(), self.path.clone());
        let (status, body) = self.answer().await?;
        if status.is_success() {
            return Ok(body);
        }
        let code = body.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(ApiError::Refused { method, path, status, code, body: body.to_string() })
    }
}

/// The text at `pointer` (RFC 6901) of an answer.
///
/// # Errors
/// [`ApiError::Incomplete`].
pub fn text_at(body: &Value, pointer: &str, path: &str) -> Result<String, ApiError> {
    body.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned).ok_or_else(|| ApiError::Incomplete {
        path: path.to_owned(),
        missing: pointer.to_owned(),
        body: body.to_string(),
    })
}
