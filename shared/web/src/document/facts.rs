//! What the document can know of an operation from its handler's own arguments: who may call it, and how it can refuse.
//!
//! [`crate::routes!`] asks every handler for the types that it takes, and notes the answers beside the operation. An
//! extractor that says nothing here does not compile in a handler, so that no route is missing its errors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use utoipa::openapi::{Paths, RefOr, Schema, path::Operation};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{Authenticated, Body, Code, Id, IdempotencyKey, Known, Page, Query, Request, RequestInfo, Visitor};

/// Extension of an operation: the roles that may call it. Published.
pub(crate) const ROLES: &str = "x-descrow-roles";
/// Extension of an operation: what its handler's arguments say, until [`super::complete`] has used it.
pub(crate) const FACTS: &str = "x-descrow-facts";

/// What an argument of a handler tells of its route.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Roles that may call it; none where the argument does not ask.
    roles: Option<BTreeSet<&'static str>>,
    /// A token may be left out.
    optional: bool,
    codes: BTreeSet<Code>,
    parameters: BTreeMap<&'static str, Value>,
    known: bool,
}

impl Facts {
    /// The route can refuse with these.
    pub fn refuses(&mut self, codes: &[Code]) {
        self.codes.extend(codes);
    }

    /// The route is for these roles.
    pub fn roles(&mut self, roles: &[&'static str]) {
        self.roles = Some(roles.iter().copied().collect());
        self.refuses(&[Code::MissingToken, Code::InvalidToken, Code::TokenExpired]);
        if roles.len() < ALL_ROLES.len() {
            self.refuses(&[Code::WrongRole]);
        }
    }

    fn parameter(&mut self, name: &'static str, parameter: Value) {
        self.parameters.insert(name, parameter);
    }

    /// Notes this beside the operation.
    fn note(mut self, changes: bool, operation: &mut Operation) {
        if changes && self.roles.is_some() && !self.optional {
            // Every change begins with `Edge::live`.
            self.refuses(&[Code::SessionRevoked, Code::SessionOutdated]);
        }
        let codes: Vec<_> = self.codes.iter().map(|code| code.as_str()).collect();
        let parameters: Vec<_> = self.parameters.into_values().collect();
        let facts = json!({"codes": codes, "parameters": parameters, "known": self.known, "optional": self.optional,
            "secured": self.roles.is_some()});
        let extensions = operation.extensions.get_or_insert_default();
        extensions.insert(FACTS.to_owned(), facts);
        if let Some(roles) = self.roles.filter(|_| !self.optional) {
            extensions.insert(ROLES.to_owned(), json!(roles));
        }
    }
}

/// Every role there is.
const ALL_ROLES: [&str; 3] = ["admin", "buyer", "seller"];

/// An extractor that says what a route that takes it asks of its clients.
#[diagnostic::on_unimplemented(
    message = "the OpenAPI document does not know what `{Self}` asks of a client",
    note = "implement descrow_web::document::Taken for it, saying how it can refuse a request"
)]
pub trait Taken {
    /// Notes it.
    fn note(facts: &mut Facts);
}

macro_rules! silent {
    ($($type:ty),+) => {$(
        impl Taken for $type {
            fn note(_facts: &mut Facts) {}
        }
    )+};
}

silent!(RequestInfo, Visitor, http::HeaderMap, axum::extract::Request, axum::body::Bytes);

impl<S> Taken for axum::extract::State<S> {
    fn note(_facts: &mut Facts) {}
}

impl Taken for Authenticated {
    fn note(facts: &mut Facts) {
        facts.roles(&ALL_ROLES);
    }
}

impl Taken for Option<Authenticated> {
    fn note(facts: &mut Facts) {
        facts.refuses(&[Code::InvalidToken, Code::TokenExpired]);
        facts.optional = true;
    }
}

impl<T> Taken for Id<T> {
    fn note(facts: &mut Facts) {
        facts.refuses(&[Code::NotFound]);
    }
}

impl Taken for Known {
    fn note(facts: &mut Facts) {
        facts.known = true;
        facts.parameter(
            "If-None-Match",
            json!({"name": "If-None-Match", "in": "header", "required": false,
                "description": "An `ETag` that the client has already.",
                "schema": {"type": "string"}, "example": "\"wWt0m7Ytq0ZCq0vN\""}),
        );
    }
}

fn key(facts: &mut Facts, required: bool) {
    facts.refuses(&[Code::ValidationFailed, Code::IdempotencyInProgress, Code::IdempotencyKeyReused]);
    facts.parameter(
        "Idempotency-Key",
        json!({"name": "Idempotency-Key", "in": "header", "required": required,
            "description": "Names this request: sent again with it, it is answered again and not done again, for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
            "example": "3f0d1f6e-0c1c-4d4b-9a43-5d7f0a0b7c11"}),
    );
}

impl Taken for IdempotencyKey {
    fn note(facts: &mut Facts) {
        key(facts, true);
    }
}

impl Taken for Option<IdempotencyKey> {
    fn note(facts: &mut Facts) {
        key(facts, false);
    }
}

impl<R: Request> Taken for Body<R> {
    fn note(facts: &mut Facts) {
        facts.refuses(&[Code::ValidationFailed, Code::MalformedJson, Code::BodyTooLarge, Code::UnsupportedMediaType]);
    }
}

impl<R: Request> Taken for Query<R> {
    fn note(facts: &mut Facts) {
        facts.refuses(&[Code::ValidationFailed]);
    }
}

impl<F: Request> Taken for Page<F> {
    fn note(facts: &mut Facts) {
        facts.refuses(&[Code::ValidationFailed, Code::InvalidCursor]);
        facts.parameter(
            "limit",
            json!({"name": "limit", "in": "query", "required": false, "description": "Entries wanted.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "example": 20}),
        );
        facts.parameter(
            "cursor",
            json!({"name": "cursor", "in": "query", "required": false,
                "description": "`nextCursor` of the page before. It is good for the same list, filter and user only.",
                "schema": {"type": "string", "maxLength": 2048, "pattern": "^[-_A-Za-z0-9]+$", "format": "descrow-cursor"},
                "example": "q83vASNFZ4mrze8BI0VniSIwMDAwMTc5MDAwMDAwMDAwMCI"}),
        );
    }
}

/// A handler, seen as the list of its arguments.
pub trait Takes<Arguments> {
    /// What they say together.
    fn facts() -> Facts;
}

macro_rules! takes {
    ($($argument:ident)*) => {
        impl<F, Answer, $($argument,)*> Takes<(Answer, $($argument,)*)> for F
        where
            F: Fn($($argument,)*) -> Answer,
            $($argument: Taken,)*
        {
            fn facts() -> Facts {
                #[allow(unused_mut, reason = "a handler may take nothing")]
                let mut facts = Facts::default();
                $(<$argument as Taken>::note(&mut facts);)*
                facts
            }
        }
    };
}

takes!();
takes!(A);
takes!(A B);
takes!(A B C);
takes!(A B C D);
takes!(A B C D E);
takes!(A B C D E G);
takes!(A B C D E G H);
takes!(A B C D E G H I);

/// One handler's registration with what its arguments say. [`crate::routes!`] calls it.
pub fn noted<S, A, H: Takes<A>>(registered: UtoipaMethodRouter<S>, _handler: &H) -> UtoipaMethodRouter<S> {
    let (schemas, mut paths, router) = registered;
    for (changes, operation) in operations(&mut paths) {
        H::facts().note(changes, operation);
    }
    (schemas, paths, router)
}

/// Two registrations of one path as one.
pub fn beside<S>(one: UtoipaMethodRouter<S>, other: UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let (mut schemas, mut paths, router): (Vec<(String, RefOr<Schema>)>, _, _) = one;
    schemas.extend(other.0);
    paths.merge(other.1);
    (schemas, paths, router.merge(other.2))
}

/// The operations with whether they change something.
pub(crate) fn operations(paths: &mut Paths) -> impl Iterator<Item = (bool, &mut Operation)> {
    paths.paths.values_mut().flat_map(|item| {
        let reads = item.get.as_mut().map(|operation| (false, operation));
        let changes = [&mut item.post, &mut item.put, &mut item.delete, &mut item.patch];
        reads.into_iter().chain(changes.into_iter().filter_map(Option::as_mut).map(|operation| (true, operation)))
    })
}

/// Registers handlers of one path in router and document at once, as `utoipa_axum`'s macro of this name does; the document
/// learns from each handler's arguments who may call it and how it can refuse.
#[macro_export]
macro_rules! routes {
    ($first:path $(, $next:path)* $(,)?) => {{
        let registered = $crate::document::noted($crate::utoipa_routes!($first), &$first);
        $(
            let registered = $crate::document::beside(
                registered,
                $crate::document::noted($crate::utoipa_routes!($next), &$next),
            );
        )*
        registered
    }};
}
