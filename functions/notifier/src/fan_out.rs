//! Pushes each user's messages to each of the user's devices.

mod rest;

use std::future::Future;

use descrow_domain::{Account, Timestamp};
use descrow_platform::{
    Deadline,
    push::{Pushed, Pusher},
};
use descrow_store::Connection;
use futures_util::{StreamExt, stream};

use self::rest::Rest;
use crate::rows::Rows;

/// Users whose devices are looked up at a time.
const USERS_AT_A_TIME: usize = 32;
/// Devices that are pushed to at a time.
const DEVICES_AT_A_TIME: usize = 256;

/// API Gateway says "gone" of a connection whose `$connect` has not returned yet. A row that is younger than this is kept:
/// its device is arriving rather than leaving.
const YOUNG_MILLIS: i64 = 30_000;

/// What one portion has for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Whom it is for.
    pub user: Account,
    /// The place in the batch of the first record it comes from.
    pub first_record: usize,
    /// The messages in frames, in order.
    pub frames: Vec<String>,
}

/// Something that pushes to a connection.
pub trait Push: Sync {
    /// Sends `frames` in order, until one fails.
    fn push(&self, connection: &str, frames: &[String], deadline: Deadline) -> impl Future<Output = Pushed> + Send;
}

impl Push for Pusher {
    async fn push(&self, connection: &str, frames: &[String], deadline: Deadline) -> Pushed {
        Self::push(self, connection, frames, deadline).await
    }
}

/// Delivers mail. It lives as long as the function's process, and so does what it learns of slow devices.
#[derive(Debug)]
pub struct Courier<P> {
    push: P,
    rest: Rest,
}

impl<P: Push> Courier<P> {
    /// A courier that has learned nothing yet.
    pub fn new(push: P) -> Self {
        Self { push, rest: Rest::default() }
    }

    /// What it pushes through.
    pub fn push(&self) -> &P {
        &self.push
    }

    /// Delivers all mail. Returns the earliest record whose user's devices could not be looked up; a device that is slow or
    /// refuses is no failure, since it can ask for what it missed.
    ///
    /// A device that did not take a push in time is left alone for a while, so that it takes others no time until then.
    pub async fn deliver<R: Rows>(&self, mail: Vec<Mail>, rows: &R, deadline: Deadline) -> Option<usize> {
        let looked_up: Vec<(Mail, Option<Vec<Connection>>)> = stream::iter(mail)
            .map(|mail| async move {
                let connections = match deadline.bound(rows.connections(&mail.user)).await {
                    Ok(Ok(connections)) => Some(connections),
                    Ok(Err(error)) => {
                        tracing::error!(error = %error, "notifier.connections_unavailable");
                        None
                    }
                    Err(error) => {
                        tracing::error!(error = %error, "notifier.connections_unavailable");
                        None
                    }
                };
                (mail, connections)
            })
            .buffer_unordered(USERS_AT_A_TIME)
            .collect()
            .await;
        let pushes = looked_up.iter().flat_map(|(mail, connections)| {
            connections.iter().flatten().map(|connection| self.one_device(mail, connection, rows, deadline))
        });
        stream::iter(pushes).buffer_unordered(DEVICES_AT_A_TIME).collect::<()>().await;
        looked_up.iter().filter(|(_, connections)| connections.is_none()).map(|(mail, _)| mail.first_record).min()
    }

    async fn one_device<R: Rows>(&self, mail: &Mail, connection: &Connection, rows: &R, deadline: Deadline) {
        if self.rest.has(&connection.id) {
            return;
        }
        match self.push.push(&connection.id, &mail.frames, deadline).await {
            Pushed::Delivered => {}
            Pushed::Failed => self.rest.give(&connection.id),
            Pushed::Gone => {
                if Timestamp::now().millis_since(connection.connected_at) > YOUNG_MILLIS {
                    // Its row also expires by itself, so a failure here is not worth a retry of the batch.
                    match deadline.bound(rows.forget_connection(&connection.id)).await {
                        Ok(Ok(())) => tracing::info!("notifier.connection_gone"),
                        Ok(Err(error)) => tracing::warn!(error = %error, "notifier.forget_failed"),
                        Err(error) => tracing::warn!(error = %error, "notifier.forget_failed"),
                    }
                }
            }
        }
    }
}
