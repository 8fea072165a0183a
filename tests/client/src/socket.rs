//! A WebSocket of a user, and everything that came through it, once and in order.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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
    inbox::{Inbox, Told},
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

/// How often a client says `ping`: API Gateway closes a connection that was silent for ten minutes.
const PING: Duration = Duration::from_secs(15);

/// What a client says that wants everything it does not have.
fn resume(inbox: &Inbox) -> Message {
    Message::text(json!({ "action": "resume", "after": inbox.last().to_string() }).to_string())
}

/// Called with each message that tells of something, in order.
pub type Listener = Box<dyn Fn(&Value) + Send>;

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    heard: Arc<Mutex<Vec<Told>>>,
    last: Arc<AtomicU64>,
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
    /// Connects as the session's user with a fresh ticket, and hears everything since the ticket.
    ///
    /// # Errors
    /// [`SocketError`].
    pub async fn open(session: &Session, listener: Listener) -> Result<Self, SocketError> {
        Self::open_after(session, None, listener).await
    }

    /// Connects as the session's user, and hears everything after message `after`: what a device does that was away. Without
    /// one, everything since the ticket.
    ///
    /// # Errors
    /// [`SocketError`].
    pub async fn open_after(session: &Session, after: Option<u64>, listener: Listener) -> Result<Self, SocketError> {
        let path = "/api/realtime/ticket";
        let ticket = session.post(path, &json!({})).send().await?;
        let last = text_at(&ticket, "/lastId", path)?.parse().unwrap_or_default();
        let (url, ticket) = (text_at(&ticket, "/url", path)?, text_at(&ticket, "/ticket", path)?);
        Self::connect(&url, &ticket, after.unwrap_or(last), listener).await
    }

    /// Connects to `url` with `ticket`, and hears everything after message `after`.
    ///
    /// # Errors
    /// [`SocketError::Refused`].
    pub async fn connect(url: &str, ticket: &str, after: u64, listener: Listener) -> Result<Self, SocketError> {
        let mut stream = handshake(url, ticket).await?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let last = Arc::new(AtomicU64::new(after));
        let (counted, count) = watch::channel(0);
        let (say, mut said) = mpsc::channel::<String>(8);
        let (log, reached) = (Arc::clone(&heard), Arc::clone(&last));
        let task = tokio::spawn(async move {
            let mut inbox = Inbox::after(after);
            if stream.send(resume(&inbox)).await.is_err() {
                return;
            }
            let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
            loop {
                tokio::select! {
                    frame = stream.next() => match frame {
                        Some(Ok(Message::Text(text))) => {
                            let told = inbox.take(&text);
                            let behind = inbox.is_behind(&told);
                            told.iter().filter(|told| told.id.is_some()).for_each(|told| listener(&told.message));
                            reached.store(inbox.last(), Ordering::SeqCst);
                            let heard = {
                                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                                log.extend(told);
                                log.len()
                            };
                            counted.send_replace(heard);
                            if behind && stream.send(resume(&inbox)).await.is_err() {
                                return;
                            }
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                        Some(Ok(_)) => {}
                    },
                    text = said.recv() => match text {
                        Some(text) => if stream.send(Message::text(text)).await.is_err() { return },
                        None => return,
                    },
                    _ = ping.tick() => {
                        let ping = json!({ "action": "ping" }).to_string();
                        if stream.send(Message::text(ping)).await.is_err() { return }
                    }
                }
            }
        });
        Ok(Self { heard, last, count, say, task })
    }

    /// The id up to which everything was heard: where a device that goes away comes back to.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// Sends a text.
    pub async fn say(&self, text: &str) {
        // A closed connection shows in the answer that does not come.
        let _closed = self.say.send(text.to_owned()).await;
    }

    /// Everything that came so far: each message once, in the order of the ids.
    pub fn heard(&self) -> Vec<Value> {
        self.told().into_iter().map(|told| told.message).collect()
    }

    /// The same with ids, and each message as it came.
    pub fn told(&self) -> Vec<Told> {
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

    /// Waits until the server has closed the connection.
    ///
    /// # Errors
    /// [`SocketError::Silence`]: it is still open.
    pub async fn wait_for_end(&self, patience: Duration) -> Result<(), SocketError> {
        let mut count = self.count.clone();
        let ended = async { while count.changed().await.is_ok() {} };
        tokio::time::timeout(patience, ended).await.map_err(|_| SocketError::Silence {
            what: "end of the connection".to_owned(),
            patience,
            count: *self.count.borrow(),
        })
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

type Stream = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn handshake(url: &str, ticket: &str) -> Result<Stream, SocketError> {
    let opened = tokio_tungstenite::connect_async(format!("{url}?ticket={ticket}")).await;
    opened.map(|(stream, _)| stream).map_err(|error| SocketError::Refused(Box::new(error)))
}

/// The text at `pointer` (RFC 6901); empty where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
