//! Pushes each user's messages to each of the user's devices.
//!
//! Devices must not wait for each other, and a batch ends when its last push has ended. So a push that takes long while nobody
//! else is answered is given up ([`SLOW`]), and its device is left alone for a while; devices that are known to have been slow come
//! after all others, and no user has more than a few of the places. A device gets what it was not pushed by `resume`.

mod pace;
mod rest;

use std::{
    collections::HashSet,
    future::Future,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use descrow_domain::{Account, Timestamp};
use descrow_platform::{
    Deadline,
    push::{Pushed, Pusher},
};
use descrow_store::{Connection, StoreError};
use futures_util::{StreamExt, stream};
use uuid::Uuid;

pub use self::pace::SLOW;
use self::{pace::Pace, rest::Rest};
use crate::rows::Rows;

/// Users whose devices are looked up or pushed to at a time.
const USERS_AT_A_TIME: usize = 32;
/// Devices of one user that are pushed to at a time. When so many of them were given up in a portion, the others that were
/// not begun get nothing of it: however many devices a user has, a portion waits for them as long as for one.
const DEVICES_OF_ONE_USER: usize = 8;

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

    /// Closes the connection, as far as that works now.
    fn close(&self, connection: &str, deadline: Deadline) -> impl Future<Output = ()> + Send;
}

impl Push for Pusher {
    async fn push(&self, connection: &str, frames: &[String], deadline: Deadline) -> Pushed {
        Self::push(self, connection, frames, deadline).await
    }

    async fn close(&self, connection: &str, deadline: Deadline) {
        Self::close(self, connection, deadline).await;
    }
}

/// Delivers mail. It lives as long as the function's process, and so does what it learns of slow devices.
#[derive(Debug)]
pub struct Courier<P> {
    push: P,
    rest: Rest,
    /// Whether a push was ever answered.
    warm: AtomicBool,
}

/// Mail with the devices that it goes to.
struct Addressed<'a> {
    mail: &'a Mail,
    devices: Vec<&'a Connection>,
}

impl<P: Push> Courier<P> {
    /// A courier that has learned nothing yet.
    pub fn new(push: P) -> Self {
        Self { push, rest: Rest::default(), warm: AtomicBool::default() }
    }

    /// What it pushes through.
    pub fn push(&self) -> &P {
        &self.push
    }

    /// Delivers all mail. Returns the earliest record whose user's devices could not be looked up; a device that is slow or
    /// refuses is no failure, since it can ask for what it missed.
    pub async fn deliver<R: Rows>(&self, mail: Vec<Mail>, rows: &R, deadline: Deadline) -> Option<usize> {
        let looked_up: Vec<(Mail, Result<Vec<Connection>, Failed>)> = stream::iter(mail)
            .map(|mail| async move {
                let connections = connections(&mail.user, rows, deadline).await;
                (mail, connections)
            })
            .buffer_unordered(USERS_AT_A_TIME)
            .collect()
            .await;
        let failed = looked_up.iter().filter(|(_, found)| found.is_err()).map(|(mail, _)| mail.first_record).min();
        let found = || looked_up.iter().filter_map(|(mail, found)| found.as_ref().ok().map(|found| (mail, found)));
        let Ok(alive) = alive(found().flat_map(|(_, found)| found), rows, deadline).await else {
            return looked_up.iter().map(|(mail, _)| mail.first_record).min();
        };
        let stands = |device: &&Connection| device.family.is_some_and(|family| alive.contains(&family));
        let ended = found().flat_map(|(_, found)| found.iter().filter(|device| !stands(device)));
        let round = |slow: bool| -> Vec<Addressed<'_>> {
            let due = |device: &&Connection| {
                stands(device) && self.rest.knows(&device.id) == slow && !self.rest.has(&device.id)
            };
            found().map(|(mail, found)| Addressed { mail, devices: found.iter().filter(due).collect() }).collect()
        };
        let rounds = [round(false), round(true)];
        let pace = Pace::new(&self.warm);
        for round in rounds {
            let users = round.into_iter().map(|user| self.one_user(user, &pace, rows, deadline));
            stream::iter(users).buffer_unordered(USERS_AT_A_TIME).collect::<()>().await;
        }
        let ends = ended.map(|device| self.end(device, rows, deadline));
        stream::iter(ends).buffer_unordered(DEVICES_OF_ONE_USER).collect::<()>().await;
        failed
    }

    async fn one_user<R: Rows>(&self, user: Addressed<'_>, pace: &Pace<'_>, rows: &R, deadline: Deadline) {
        let Addressed { mail, devices } = user;
        let given_up = AtomicUsize::default();
        let pushes = devices.into_iter().map(|device| {
            let given_up = &given_up;
            async move {
                if given_up.load(Ordering::Relaxed) < DEVICES_OF_ONE_USER
                    && !self.one_device(mail, device, pace, rows, deadline).await
                {
                    given_up.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        stream::iter(pushes).buffer_unordered(DEVICES_OF_ONE_USER).collect::<()>().await;
    }

    /// `false` when the device was given up.
    async fn one_device<R: Rows>(
        &self,
        mail: &Mail,
        device: &Connection,
        pace: &Pace<'_>,
        rows: &R,
        deadline: Deadline,
    ) -> bool {
        let pushed = tokio::select! {
            biased;
            pushed = self.push.push(&device.id, &mail.frames, deadline) => pushed,
            () = pace.outrun() => {
                tracing::info!("notifier.device_slow");
                self.rest.give(&device.id);
                return false;
            }
        };
        pace.answered();
        match pushed {
            Pushed::Delivered => self.rest.forget(&device.id),
            Pushed::Failed => self.rest.give(&device.id),
            Pushed::Gone => {
                self.rest.forget(&device.id);
                if Timestamp::now().millis_since(device.connected_at) > YOUNG_MILLIS {
                    tracing::info!("notifier.connection_gone");
                    forget(device, rows, deadline).await;
                }
            }
        }
        true
    }

    /// Ends a connection whose session has ended: nothing is pushed to it.
    async fn end<R: Rows>(&self, device: &Connection, rows: &R, deadline: Deadline) {
        tracing::info!("notifier.connection_closed");
        self.push.close(&device.id, deadline).await;
        forget(device, rows, deadline).await;
    }
}

/// What was to be read could not be, and may be later.
struct Failed;

/// The connections of `user`. Where a row of them is unreadable there are none: no retry would change that.
async fn connections<R: Rows>(user: &Account, rows: &R, deadline: Deadline) -> Result<Vec<Connection>, Failed> {
    match deadline.bound(rows.connections(user)).await {
        Ok(Ok(connections)) => Ok(connections),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "notifier.connections_unavailable");
            if matches!(error, StoreError::Unreadable { .. }) { Ok(Vec::new()) } else { Err(Failed) }
        }
        Err(error) => {
            tracing::error!(error = %error, "notifier.connections_unavailable");
            Err(Failed)
        }
    }
}

/// The sessions of `devices` that stand now.
async fn alive<R: Rows>(
    devices: impl Iterator<Item = &Connection>,
    rows: &R,
    deadline: Deadline,
) -> Result<HashSet<Uuid>, Failed> {
    let families: HashSet<Uuid> = devices.filter_map(|device| device.family).collect();
    let families: Vec<Uuid> = families.into_iter().collect();
    match deadline.bound(rows.alive(&families, Timestamp::now())).await {
        Ok(Ok(alive)) => Ok(alive),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "notifier.sessions_unavailable");
            Err(Failed)
        }
        Err(error) => {
            tracing::error!(error = %error, "notifier.sessions_unavailable");
            Err(Failed)
        }
    }
}

/// Forgets a connection. Its row also expires by itself, so a failure here is not worth a retry of the batch.
async fn forget<R: Rows>(device: &Connection, rows: &R, deadline: Deadline) {
    match deadline.bound(rows.forget_connection(&device.id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %error, "notifier.forget_failed"),
        Err(error) => tracing::warn!(error = %error, "notifier.forget_failed"),
    }
}
