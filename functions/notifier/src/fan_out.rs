//! Pushes each user's messages to each of the user's devices.

use std::future::Future;

use descrow_domain::{Account, Timestamp};
use descrow_platform::{
    Deadline,
    push::{Pushed, Pusher},
};
use futures_util::{StreamExt, future::join_all, stream};

use crate::rows::{Rows, Unavailable};

/// Users that are served at a time; each device of theirs is pushed to by itself.
const USERS_AT_A_TIME: usize = 64;

/// API Gateway says "gone" of a connection whose `$connect` has not returned yet. A row that is younger than this is kept:
/// its device is arriving rather than leaving.
const YOUNG_MILLIS: i64 = 30_000;

/// The messages of one batch for one user, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Whom they are for.
    pub user: Account,
    /// The place in the batch of the first record they come from.
    pub first_record: usize,
    /// The messages as JSON.
    pub messages: Vec<String>,
}

/// Something that pushes to a connection.
pub trait Push: Sync {
    /// Sends `messages` in order, until one fails.
    fn push(&self, connection: &str, messages: &[String], deadline: Deadline) -> impl Future<Output = Pushed> + Send;
}

impl Push for Pusher {
    async fn push(&self, connection: &str, messages: &[String], deadline: Deadline) -> Pushed {
        Self::push(self, connection, messages, deadline).await
    }
}

/// Delivers all mail. Returns the earliest record whose user's devices could not be looked up; a device that is slow or
/// refuses is no failure, since it can ask for what it missed.
pub async fn deliver<R: Rows, P: Push>(mail: Vec<Mail>, rows: &R, push: &P, deadline: Deadline) -> Option<usize> {
    let failed = stream::iter(mail).map(|mail| async move {
        match deliver_one(&mail, rows, push, deadline).await {
            Ok(()) => None,
            Err(error) => {
                tracing::error!(error = %error, "notifier.connections_unavailable");
                Some(mail.first_record)
            }
        }
    });
    failed.buffer_unordered(USERS_AT_A_TIME).filter_map(std::future::ready).collect::<Vec<_>>().await.into_iter().min()
}

async fn deliver_one<R: Rows, P: Push>(mail: &Mail, rows: &R, push: &P, deadline: Deadline) -> Result<(), Unavailable> {
    let connections = deadline.bound(rows.connections(&mail.user)).await??;
    join_all(connections.iter().map(|connection| async move {
        let pushed = push.push(&connection.id, &mail.messages, deadline).await;
        if pushed == Pushed::Gone && Timestamp::now().millis_since(connection.connected_at) > YOUNG_MILLIS {
            // Its row also expires by itself, so a failure here is not worth a retry of the batch.
            match deadline.bound(rows.forget_connection(&connection.id)).await {
                Ok(Ok(())) => tracing::info!("notifier.connection_gone"),
                Ok(Err(error)) => tracing::warn!(error = %error, "notifier.forget_failed"),
                Err(error) => tracing::warn!(error = %error, "notifier.forget_failed"),
            }
        }
    }))
    .await;
    Ok(())
}
