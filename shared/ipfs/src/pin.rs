//! Pinning: the service keeps a file; its CID was known before it was asked.

use std::{future::Future, pin::Pin, time::Duration};

use descrow_platform::{Deadline, deadline::DeadlinePassed};

use crate::ContentId;

/// More than this is no answer of a pinning service's.
const ANSWER_MAX: usize = 64 * 1024;
/// How long a service may think about whether it has a file: sending it once more is no harm.
const TO_ASK: Duration = Duration::from_secs(3);

/// A file to pin.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// A name for the service's own lists; not part of the content.
    pub name: &'a str,
    /// The media type.
    pub media_type: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// Why a file is not known to be pinned. Pinning is idempotent: any of these may be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// No answer in time, or none at all; the file may be pinned nevertheless.
    #[error("the pinning service gave no answer")]
    NoAnswer,
    /// The service refuses our credentials.
    #[error("the pinning service refuses our credentials (HTTP {0})")]
    Unauthorised(u16),
    /// The service limits our calls.
    #[error("the pinning service limits our calls")]
    Throttled,
    /// The service refuses the request or fails.
    #[error("the pinning service answered HTTP {0}")]
    Refused(u16),
    /// The service named another CID than the content has: it stored something else.
    #[error("the pinning service named another CID than the content has")]
    Mismatch,
    /// The file's name or media type cannot be written into a request.
    #[error("the file cannot be sent")]
    Unsendable,
}

impl PinError {
    /// Whether the same call may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer | Self::Throttled => true,
            Self::Refused(status) => *status >= 500,
            Self::Unauthorised(_) | Self::Mismatch | Self::Unsendable => false,
        }
    }
}

impl From<DeadlinePassed> for PinError {
    fn from(_: DeadlinePassed) -> Self {
        Self::NoAnswer
    }
}

impl From<reqwest::Error> for PinError {
    fn from(_: reqwest::Error) -> Self {
        // The error's own text adds the URL only, which the log of the caller knows.
        Self::NoAnswer
    }
}

/// What a pin service returns.
pub type PinFuture<'a> = Pin<Box<dyn Future<Output = Result<ContentId, PinError>> + Send + 'a>>;

/// What a pin service returns when it is asked.
pub type AskFuture<'a> = Pin<Box<dyn Future<Output = Result<bool, PinError>> + Send + 'a>>;

/// Somebody who keeps files.
pub trait PinService: Send + Sync {
    /// Pins a file and returns its CID, verified. Tries again once when the first answer was no refusal.
    fn pin<'a>(&'a self, file: File<'a>, deadline: Deadline) -> PinFuture<'a>;

    /// Whether it keeps the content already.
    fn has(&self, id: ContentId, deadline: Deadline) -> AskFuture<'_>;
}

/// Pins a file unless the service says that it has it, whoever pinned it and when. The CID is the content's own either way.
///
/// The service is asked, and no record of ours: a record would still say so after somebody removed the pin there. Two who
/// pin the same at the same time both send it, and the service keeps it once.
///
/// # Errors
/// [`PinError`] of the pinning; a service that does not say what it has is sent the file.
pub async fn pin_once(service: &dyn PinService, file: File<'_>, deadline: Deadline) -> Result<ContentId, PinError> {
    let id = ContentId::of(file.bytes);
    match service.has(id, deadline.within(TO_ASK)).await {
        Ok(true) => return Ok(id),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "ipfs.not_said_whether_pinned"),
    }
    service.pin(file, deadline).await
}

/// Sends `attempt` at most twice, and believes only the CID of the content.
pub(crate) async fn verified<F, Fut>(file: File<'_>, deadline: Deadline, attempt: F) -> Result<ContentId, PinError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<String, PinError>>,
{
    let expected = ContentId::of(file.bytes);
    let named = match deadline.bound(attempt()).await? {
        Err(error) if error.is_transient() && !deadline.remaining().is_zero() => {
            tracing::warn!(%error, "ipfs.pin_retried");
            deadline.bound(attempt()).await??
        }
        answer => answer?,
    };
    if named.parse() == Ok(expected) {
        return Ok(expected);
    }
    tracing::error!(%expected, "ipfs.pin_mismatch");
    Err(PinError::Mismatch)
}

/// The body of a successful answer; other answers by their meaning.
pub(crate) async fn answer(mut response: reqwest::Response) -> Result<Vec<u8>, PinError> {
    match response.status().as_u16() {
        200..300 => {}
        status @ (401 | 403) => return Err(PinError::Unauthorised(status)),
        429 => return Err(PinError::Throttled),
        status => return Err(PinError::Refused(status)),
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            return Err(PinError::NoAnswer);
        }
    }
    Ok(body)
}

/// The file as a part of a multipart form.
pub(crate) fn part(file: File<'_>) -> Result<reqwest::multipart::Part, PinError> {
    reqwest::multipart::Part::bytes(file.bytes.to_vec())
        .file_name(file.name.to_owned())
        .mime_str(file.media_type)
        .map_err(|_| PinError::Unsendable)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use super::*;

    const HELLO: File<'_> = File { name: "hello.txt", media_type: "text/plain", bytes: b"hello world" };

    async fn run(answers: &[Result<&str, PinError>]) -> (Result<ContentId, PinError>, usize) {
        let asked = Cell::new(0);
        let result = verified(HELLO, Deadline::after(Duration::from_secs(5)), || {
            let answer = answers[asked.replace(asked.get() + 1)].clone();
            async move { answer.map(ToOwned::to_owned) }
        })
        .await;
        (result, asked.get())
    }

    #[tokio::test]
    async fn only_the_contents_own_cid_is_believed() {
        let right = ContentId::of(HELLO.bytes);
        assert_eq!(run(&[Ok(&right.to_string())]).await, (Ok(right), 1));
        let other = ContentId::of(b"other").to_string();
        assert_eq!(run(&[Ok(&other)]).await, (Err(PinError::Mismatch), 1));
        assert_eq!(run(&[Ok("nonsense")]).await, (Err(PinError::Mismatch), 1));
    }

    #[tokio::test]
    async fn a_lost_answer_is_asked_for_once_more_and_a_refusal_is_not() {
        let right = ContentId::of(HELLO.bytes);
        assert_eq!(run(&[Err(PinError::NoAnswer), Ok(&right.to_string())]).await, (Ok(right), 2));
        let twice = [Err(PinError::Refused(502)), Err(PinError::Throttled)];
        assert_eq!(run(&twice).await, (Err(PinError::Throttled), 2));
        assert_eq!(run(&[Err(PinError::Unauthorised(401))]).await, (Err(PinError::Unauthorised(401)), 1));
        assert_eq!(run(&[Err(PinError::Refused(400))]).await, (Err(PinError::Refused(400)), 1));
    }
}
