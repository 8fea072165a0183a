//! A WebSocket of a user, and everything that came through it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::{
    api::{ApiError, text_at},
    session::Session,
};

/// The connection could not be made, or what was waited for did not come.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// No ticket.
    #[error(transparent)]
    Ticket(#[from] ApiError),
    /// Refused, with the HTTP status of the handshake where there was one.
    #[error("WebSocket was refused: {0}")]
    Refused(Box<tungstenite::Error>),
    /// What was waited for did not come in time.
    #[error("no {what} within {} s; {count} messages came", .patience.as_secs())]
    Silence {
        /// What was waited for.
        what: String,
        /// How long.
        patience: Duration,
        /// How many messages came in all.
        count: usize,
    },
}

/// Called with each message as it arrives.
pub type Listener = Box<dyn Fn(&Value) + Send>;

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    heard: Arc<Mutex<Vec<Value>>>,
    count: watch::Receiver<usize>,
    say: mpsc::Sender<String>,
    task: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Socket {
    /// Connects as the session's user with a fresh ticket.
    ///
    /// # Errors
    /// [`SocketError`].
    pub async fn open(session: &Session, listener: Listener) -> Result<Self, SocketError> {
        let path = "/api/realtime/ticket";
        let ticket = session.post(path, &json!({})).send().await?;
        let (url, ticket) = (text_at(&ticket, "/url", path)?, text_at(&ticket, "/ticket", path)?);
        Self::connect(&url, &ticket, listener).await
    }

    /// Connects to `url` with `ticket`.
    ///
    /// # Errors
    /// [`SocketError::Refused`].
    pub async fn connect(url: &str, ticket: &str, listener: Listener) -> Result<Self, SocketError> {
        let (mut stream, _) = tokio_tungstenite::connect_async(format!("{url}?ticket={ticket}"))
            .await
            .map_err(|error| SocketError::Refused(Box::new(error)))?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let (say, mut said) = mpsc::channel::<String>(8);
        let list = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    frame = stream.next() => match frame {
                        Some(Ok(Message::Text(text))) => {
                            let message = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "unreadable": text.as_str() }));
                            listener(&message);
                            let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
                            list.push(message);
                            counted.send_replace(list.len());
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                        Some(Ok(_)) => {}
                    },
                    text = said.recv() => match text {
                        Some(text) => if stream.send(Message::text(text)).await.is_err() { return },
                        None => return,
                    },
                }
            }
        });
        Ok(Self { heard, count, say, task })
    }

    /// Sends a text.
    pub async fn say(&self, text: &str) {
        // A closed connection shows in the answer that does not come.
        let _closed = self.say.send(text.to_owned()).await;
    }

    /// Everything that came so far.
    pub fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a message that `wanted` accepts, among those that came and those to come.
    ///
    /// # Errors
    /// [`SocketError::Silence`].
    pub async fn wait(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, SocketError> {
        let end = Instant::now() + patience;
        let mut count = self.count.clone();
        loop {
            let seen = *count.borrow_and_update();
            if let Some(found) = self.heard().into_iter().find(&wanted) {
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, count.changed()).await {
                Ok(Ok(())) => {}
                // Closed, or out of time.
                _ => return Err(SocketError::Silence { what: what.to_owned(), patience, count: seen }),
            }
        }
    }

    /// Waits for the order to reach a status; gives the order.
    ///
    /// # Errors
    /// [`SocketError::Silence`].
    pub async fn wait_for_status(&self, order: &str, status: &str, patience: Duration) -> Result<Value, SocketError> {
        let what = format!("order.updated with status {status}");
        let message = self.wait(&what, patience, |message| {
            text(message, "/type") == "order.updated"
                && text(message, "/order/id") == order
                && text(message, "/order/status") == status
        });
        Ok(message.await?.get("order").cloned().unwrap_or_default())
    }

    /// Waits for the user's payment of the order to reach a status; gives the payment.
    ///
    /// # Errors
    /// [`SocketError::Silence`].
    pub async fn wait_for_payment(&self, order: &str, status: &str, patience: Duration) -> Result<Value, SocketError> {
        let what = format!("payment.updated with status {status}");
        let message = self.wait(&what, patience, |message| {
            text(message, "/type") == "payment.updated"
                && text(message, "/payment/orderId") == order
                && text(message, "/payment/status") == status
        });
        Ok(message.await?.get("payment").cloned().unwrap_or_default())
    }

    /// Waits for the user's payment of the order to end, well or not; gives the payment.
    ///
    /// # Errors
    /// [`SocketError::Silence`].
    pub async fn wait_for_end_of_payment(&self, order: &str, patience: Duration) -> Result<Value, SocketError> {
        let message = self.wait("payment.updated with its end", patience, |message| {
            text(message, "/type") == "payment.updated"
                && text(message, "/payment/orderId") == order
                && ["succeeded", "failed", "review"].contains(&text(message, "/payment/status"))
        });
        Ok(message.await?.get("payment").cloned().unwrap_or_default())
    }
}

/// The text at `pointer` (RFC 6901); empty where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
