//! From a Lambda event to its answer: one deadline, one log line, one place that renders errors.
//!
//! A panic costs its own request only; an overrun is answered 504 while there is still time to answer.

use std::{
    convert::Infallible,
    future::Future,
    net::IpAddr,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{FromRequestParts, MatchedPath, Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use descrow_platform::Deadline;
use futures_util::{
    FutureExt,
    future::{Either, select},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts};
use http_body_util::BodyExt;
use lambda_http::{RequestExt, request::RequestContext};
use tower::ServiceExt;

use crate::{
    ApiError, Code, Edge,
    cors::Origins,
    idempotency::{self, BodyDigest},
    limits::{self, Admission, Uncounted},
};

/// The request's id, as `requestId` in errors.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The most bytes of all headers together.
const HEADER_LIMIT: usize = 16 * 1024;
/// What an invocation may take where Lambda does not say: API Gateway gives up after 29 s.
const DEFAULT_BUDGET: Duration = Duration::from_secs(28);

/// What the edge knows of a request besides the request.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    id: String,
    ip: Option<IpAddr>,
    deadline: Deadline,
    /// The route as the gateway understood the path.
    resource: Option<String>,
}

impl RequestInfo {
    /// The id under which the client can ask about it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Until when it must be answered. Bound every external call by it.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    fn of(request: &lambda_http::Request) -> Self {
        let lambda = request.lambda_context_ref();
        let (gateway_id, ip, resource) = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => (
                context.request_id.clone(),
                context.identity.source_ip.as_deref().and_then(|ip| ip.parse().ok()),
                context.resource_path.clone(),
            ),
            _ => (None, None, None),
        };
        Self {
            id: gateway_id.or_else(|| lambda.map(|c| c.request_id.clone())).unwrap_or_default(),
            ip,
            deadline: lambda.map_or_else(|| Deadline::after(DEFAULT_BUDGET), Deadline::of_invocation),
            resource,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let info = parts.extensions.get::<Self>().cloned();
        info.ok_or_else(|| ApiError::new(Code::Internal, "route outside the edge"))
    }
}

/// A route family behind the edge.
#[derive(Clone)]
pub struct App {
    origins: Origins,
    router: Router,
}

impl App {
    /// Puts `router` behind `edge`.
    pub fn new(edge: Edge, router: Router) -> Self {
        let origins = edge.origins().clone();
        Self::open(origins, router.route_layer(from_fn_with_state(edge, admit)))
    }

    /// A router whose routes know no users and count no requests.
    pub fn open(origins: Origins, router: Router) -> Self {
        let router = router
            .method_not_allowed_fallback(|| async {
                ApiError::new(Code::MethodNotAllowed, "This path does not take that method.")
            })
            .fallback(|| async { ApiError::not_found() });
        Self { origins, router: router.layer(from_fn(name_route)) }
    }

    /// Answers one request.
    pub async fn serve(&self, request: lambda_http::Request) -> http::Response<lambda_http::Body> {
        let begun = Instant::now();
        let info = RequestInfo::of(&request);
        let stage = stage_of(&request);
        let (mut parts, body) = request.into_parts();
        let body = bytes_of(body);
        if let Some(uri) = stage.and_then(|stage| without_stage(&parts.uri, &stage)) {
            parts.uri = uri;
        }
        if parts.headers.contains_key(idempotency::HEADER) {
            parts.extensions.insert(BodyDigest::of(&parts.headers, &body).await);
        }
        parts.extensions.insert(info.clone());
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let mut response = match self.origins.preflight(&method, &headers) {
            Some(preflight) => preflight,
            None if header_bytes(&headers) > HEADER_LIMIT => {
                ApiError::new(Code::HeadersTooLarge, "Headers have at most 16384 bytes.").into_response()
            }
            None => self.route(Request::from_parts(parts, Body::from(body)), info.deadline).await,
        };
        let route = response.extensions_mut().remove::<Route>();
        let status = response.status();
        let error = response.extensions_mut().remove::<ApiError>();
        let mut response = render(response, error.as_ref(), &info.id, &headers).await;
        self.origins.answer(&headers, response.headers_mut());
        if let Ok(id) = HeaderValue::from_str(&info.id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        log(method.as_str(), route.as_ref(), status, error.as_ref(), &info.id, begun.elapsed());
        response
    }

    async fn route(&self, request: Request, deadline: Deadline) -> Response {
        let answering = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind();
        match deadline.bound(answering).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_)) => ApiError::new(Code::Internal, "panicked").into_response(),
            Err(_) => ApiError::new(Code::DeadlinePassed, "deadline passed").into_response(),
        }
    }
}

/// Serves a family until Lambda ends the sandbox.
///
/// # Errors
/// The runtime API could not be reached.
pub async fn run(app: App) -> Result<(), lambda_http::Error> {
    lambda_http::run(Service(app)).await
}

/// The shape in which `lambda_http` takes an application.
struct Service(App);

impl lambda_http::Service<lambda_http::Request> for Service {
    type Response = http::Response<lambda_http::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: lambda_http::Request) -> Self::Future {
        let app = self.0.clone();
        Box::pin(async move { Ok(app.serve(request).await) })
    }
}

/// The route that was taken, for the log.
#[derive(Clone)]
struct Route(MatchedPath);

async fn name_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    // The gateway hands the path over decoded. Where that makes another route of it, its id was none: nothing is here.
    let meant = request.extensions().get::<RequestInfo>().and_then(|info| info.resource.as_deref());
    if meant.is_some_and(|meant| meant.contains('{') && route.as_ref().map(MatchedPath::as_str) != Some(meant)) {
        return ApiError::not_found().into_response();
    }
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(Route(route));
    }
    response
}

/// Between the routing and the handler: who it is, and whether the quota allows it.
async fn admit(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let ip = request.extensions().get::<RequestInfo>().and_then(|info| info.ip);
    let identity = edge.identify(request.headers());
    let admission = edge.admission(ip, request.uri().path(), &identity);
    let (safe, closed) = (request.method().is_safe(), limits::fails_closed(request.uri().path()));
    request.extensions_mut().insert(identity);
    request.extensions_mut().insert(admission.clone());
    let mut response = if safe {
        answer_safe(next.run(request), &admission, closed).await
    } else {
        answer_unsafe(next.run(request).await, &admission).await
    };
    admission.headers(response.headers_mut());
    response
}

/// Counts the request while it is answered; not at all where the answer was in memory, and is there at once. A refusal ends the
/// answering; counters that are late hold an answer up for a moment only, unless the route fails closed.
async fn answer_safe(answer: impl Future<Output = Response>, admission: &Admission, closed: bool) -> Response {
    match select(pin!(answer), pin!(admission.decide(closed))).await {
        Either::Left((response, _)) if response.extensions().get::<Uncounted>().is_some() => response,
        Either::Left((response, deciding)) => {
            let decision = if closed { deciding.await } else { limits::patiently(deciding).await };
            decision.map_or_else(IntoResponse::into_response, |()| response)
        }
        Either::Right((Err(refused), _)) => refused.into_response(),
        Either::Right((Ok(()), answer)) => answer.await,
    }
}

/// A request that was refused before its handler waited for the quota counts all the same.
async fn answer_unsafe(response: Response, admission: &Admission) -> Response {
    if admission.decided() {
        return response;
    }
    if response.status().is_success() {
        // The handler changed state without evidence: a mistake in its code, which a test should meet first.
        tracing::error!("http.route_skipped_admission");
        debug_assert!(false, "a state-changing route must begin with Edge::live, Visitor::admit or Visitor::allowed");
    }
    admission.decide(false).await.map_or_else(IntoResponse::into_response, |()| response)
}

/// The API's stage, where `lambda_http` put it before the path: routes are the same on every stage.
fn stage_of(request: &lambda_http::Request) -> Option<String> {
    let stage = match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(context) => context.stage.clone()?,
        _ => return None,
    };
    let prefix = format!("/{stage}/");
    (!request.raw_http_path().starts_with(&prefix)).then_some(prefix)
}

fn without_stage(uri: &Uri, prefix: &str) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(prefix)?;
    format!("/{rest}").parse().ok()
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn bytes_of(body: lambda_http::Body) -> Bytes {
    match body {
        lambda_http::Body::Text(text) => text.into(),
        lambda_http::Body::Binary(bytes) => bytes.into(),
        _ => Bytes::new(),
    }
}

fn wants_problem(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
    accepted.map(|entry| entry.split(';').next().unwrap_or_default().trim()).any(|e| e == "application/problem+json")
}

async fn render(
    response: Response,
    error: Option<&ApiError>,
    request_id: &str,
    request: &HeaderMap,
) -> http::Response<lambda_http::Body> {
    let (mut parts, body) = response.into_parts();
    parts.extensions.clear();
    let body = if let Some(error) = error {
        let problem = wants_problem(request);
        let kind = if problem { "application/problem+json" } else { "application/json" };
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        parts.headers.append(header::VARY, HeaderValue::from_static("accept"));
        error.body(request_id, problem)
    } else {
        // Bodies of ours are in memory: reading one cannot fail.
        body.collect().await.map(|b| b.to_bytes().to_vec()).unwrap_or_default()
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    parts.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    http::Response::from_parts(parts, lambda_http::Body::Text(String::from_utf8(body).unwrap_or_default()))
}

fn log(
    method: &str,
    route: Option<&Route>,
    status: StatusCode,
    error: Option<&ApiError>,
    request_id: &str,
    took: Duration,
) {
    let route = route.map_or("unmatched", |r| r.0.as_str());
    let status = status.as_u16();
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match error {
        Some(e) if status >= 500 => {
            let (code, cause) = (e.code().as_str(), e.internal_message());
            tracing::error!(method, route, status, code, cause, request_id, duration_ms, "http.request");
        }
        Some(e) => {
            let code = e.code().as_str();
            tracing::info!(method, route, status, code, request_id, duration_ms, "http.request");
        }
        None => tracing::info!(method, route, status, request_id, duration_ms, "http.request"),
    }
}
