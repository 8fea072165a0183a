//! What every request meets first, whichever service it is for: its misbehaviour, and the journal that tells what became of
//! it. A service gives its own words for errors, and what it does where nothing comes between.

use std::{future::Future, time::Duration};

use axum::response::Response;
use serde_json::Value;

use crate::{
    Behaviour, Operation,
    answer::{html, lost_connection, raw},
    behaviour::Stage,
    journal::{Request, now},
    world::Shared,
};

/// A request at the door.
pub(crate) struct Asked {
    pub(crate) operation: Operation,
    /// The phone it concerns.
    pub(crate) phone: Option<String>,
    /// Its body without credentials.
    pub(crate) body: Value,
}

impl From<Operation> for Asked {
    /// No phone, and a body that the journal does not keep.
    fn from(operation: Operation) -> Self {
        Self { operation, phone: None, body: Value::Null }
    }
}

/// An answer, and what the journal calls it: `accepted`, or the error's code.
pub(crate) struct Answered {
    pub(crate) response: Response,
    pub(crate) outcome: String,
}

impl Answered {
    pub(crate) fn new(response: Response, outcome: impl Into<String>) -> Self {
        Self { response, outcome: outcome.into() }
    }

    pub(crate) fn accepted(response: Response) -> Self {
        Self::new(response, "accepted")
    }
}

/// How a service words what it may be made to say.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    /// An error of a status, a code and a message.
    pub(crate) error: fn(u16, &str, &str) -> Response,
    /// Its refusal of a caller.
    pub(crate) refused: fn(Operation) -> Answered,
}

/// Answers a request by `processed`, unless a misbehaviour answers in its place or takes the answer away.
pub(crate) async fn serve(
    shared: &Shared,
    asked: impl Into<Asked>,
    dialect: Dialect,
    processed: impl Future<Output = Answered>,
) -> Response {
    let (at, Asked { operation, phone, body }) = (now(), asked.into());
    let behaviour = shared.take(Stage::Before, operation, phone.as_deref());
    let write = |status: Option<u16>, outcome: String| {
        shared.world().journal.requests.push(Request { at, operation, phone, status, outcome, body });
    };
    let Answered { response, outcome } = match behaviour {
        Some(Behaviour::Hang { ms }) => {
            write(None, "hang".into());
            return lost_connection(Duration::from_millis(ms)).await;
        }
        Some(Behaviour::LoseAnswer) => {
            let outcome = processed.await.outcome;
            write(None, format!("{outcome}, answer lost"));
            return lost_connection(Duration::ZERO).await;
        }
        Some(Behaviour::Html { status }) => Answered::new(html(status), "html"),
        Some(Behaviour::Answer { status, body }) => {
            Answered::new(raw(status, "application/json", body), "scripted answer")
        }
        Some(Behaviour::Error { status, code, message }) => {
            Answered::new((dialect.error)(status, &code, &message), code)
        }
        Some(Behaviour::TokenRefused) => (dialect.refused)(operation),
        Some(Behaviour::Slow { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            processed.await
        }
        // The other stages' behaviours are not taken here.
        _ => processed.await,
    };
    write(Some(response.status().as_u16()), outcome);
    response
}
