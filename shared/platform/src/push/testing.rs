//! API Gateway's management API on loopback, for tests of what pushes to connections and closes them. It answers by the
//! connection's name, and remembers what it was asked.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::Pusher;

/// The stand-in. It lives as long as the test's runtime.
#[derive(Clone, Debug)]
pub struct ManagementApi {
    endpoint: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl ManagementApi {
    /// Starts it. A connection named `gone` is closed, `swallowed` too without the exception's name, `busy` is throttled, and
    /// `slow` never answers; every other one is open.
    ///
    /// # Panics
    /// When it cannot be started: a test has nothing else to do then.
    #[allow(clippy::expect_used)]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let api = Self { endpoint: format!("http://{address}/prod"), seen: Arc::default() };
        let seen = Arc::clone(&api.seen);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, Arc::clone(&seen)));
            }
        });
        api
    }

    /// A client of it.
    pub fn pusher(&self, patience: Duration) -> Pusher {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = crate::aws::sdk_config()
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Pusher::new(&config, &self.endpoint, patience)
    }

    /// What it was asked, in order: the method, the connection as the URL has it, and the message.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers one request and closes; a client that goes away meanwhile needs no answer.
async fn answer(mut socket: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let Some((head, body)) = read(&mut socket).await else { return };
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let connection = path.rsplit('/').next().unwrap_or_default();
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{method} {connection} {body}"));
    let status = match connection {
        "gone" => "410 Gone\r\nx-amzn-errortype: GoneException",
        "swallowed" => "410 Gone",
        "slow" => return std::future::pending().await,
        "busy" => "429 Busy\r\nx-amzn-errortype: LimitExceededException",
        _ => "200 OK",
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _gone = socket.write_all(answer.as_bytes()).await;
}

/// The head and the body of a request.
async fn read(socket: &mut TcpStream) -> Option<(String, String)> {
    let (mut request, mut buffer) = (String::new(), vec![0; 4096]);
    loop {
        let read = socket.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        request.push_str(&String::from_utf8_lossy(buffer.get(..read)?));
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
        });
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}
