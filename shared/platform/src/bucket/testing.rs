//! A bucket on loopback for tests of what hands out uploads and looks at them. It checks signatures, checksums and
//! expiry as S3 does, and keeps what it took.

use std::{
    collections::{BTreeMap, HashMap},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_types::{DateTime, base64, date_time::Format};
use aws_types::{SdkConfig, region::Region};
use sha2::{Digest, Sha256};

use super::{Bucket, Placement, sign};

const REGION: &str = "af-south-1";

/// An object as it was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Media type.
    pub content_type: String,
    /// The bytes.
    pub content: Vec<u8>,
}

type Objects = Arc<Mutex<BTreeMap<String, Kept>>>;

/// The stand-in. It lives as long as the test's process.
#[derive(Clone, Debug)]
pub struct TestBucket {
    /// A client of it.
    pub bucket: Bucket,
    objects: Objects,
}

impl TestBucket {
    /// An empty bucket.
    ///
    /// # Panics
    /// There is no loopback.
    #[allow(clippy::expect_used, reason = "a test without its stand-in has nothing to do")]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let objects = Objects::default();
        let shelf = Arc::clone(&objects);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its test's business.
                let _gone = serve(stream, &format!("http://{address}"), &shelf);
            }
        });
        let config = SdkConfig::builder()
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials()))
            .endpoint_url(format!("http://{address}"))
            .build();
        let http = crate::http_client::build(Duration::from_secs(5)).expect("an HTTP client");
        Self { bucket: Bucket::new(&config, http, "bucket"), objects }
    }

    /// What is in the bucket now, by key.
    pub fn objects(&self) -> BTreeMap<String, Kept> {
        lock(&self.objects).clone()
    }

    /// Puts an object there as if somebody had uploaded it.
    pub fn put(&self, key: &str, content_type: &str, content: &[u8]) {
        let kept = Kept { content_type: content_type.to_owned(), content: content.to_owned() };
        lock(&self.objects).insert(key.to_owned(), kept);
    }
}

fn credentials() -> Credentials {
    Credentials::new("AKIDTEST", "secret", Some("token".to_owned()), None, "test")
}

fn lock(objects: &Objects) -> MutexGuard<'_, BTreeMap<String, Kept>> {
    objects.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came over the wire.
struct Request {
    method: String,
    target: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> std::io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = HashMap::new();
        for line in reader.by_ref().lines() {
            let line = line?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Self { method, target, headers, body })
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Whether the signature in URL or headers is the one that this request would have.
    fn is_authentic(&self, origin: &str) -> bool {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let parameters: HashMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let authorization = self.header("authorization");
        let presigned = authorization.is_empty();
        let named = match parameters.get("X-Amz-SignedHeaders") {
            Some(named) => named.replace("%3B", ";"),
            None => part(authorization, "SignedHeaders=").to_owned(),
        };
        // What the signer adds by itself is left to it.
        let own = ["host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
        let headers: Vec<_> =
            named.split(';').filter(|name| !own.contains(name)).map(|name| (name, self.header(name))).collect();
        let date = parameters.get("X-Amz-Date").copied().unwrap_or_else(|| self.header("x-amz-date"));
        let Some(signed_at) = instant(date) else { return false };
        let lifetime = parameters.get("X-Amz-Expires").and_then(|text| text.parse().ok()).unwrap_or(300);
        let lifetime = Duration::from_secs(lifetime);
        let placement = if presigned { Placement::Query(lifetime) } else { Placement::Headers };
        let url = format!("{origin}{path}");
        let again = sign(&self.method, &url, &headers, &credentials(), REGION, placement, signed_at);
        let is_same = again.is_ok_and(|again| {
            if presigned {
                again.uri().path_and_query().is_some_and(|target| target.as_str() == self.target)
            } else {
                again.headers().get("authorization").is_some_and(|value| value == authorization)
            }
        });
        is_same && SystemTime::now() < signed_at + lifetime
    }
}

fn part<'a>(text: &'a str, name: &str) -> &'a str {
    text.split(name).nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default()
}

/// `20130524T000000Z` as an instant.
fn instant(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let cut = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    let date = [cut(date, 0, 4)?, cut(date, 4, 6)?, cut(date, 6, 8)?].join("-");
    let time = [cut(time, 0, 2)?, cut(time, 2, 4)?, cut(time, 4, 6)?].join(":");
    DateTime::from_str(&format!("{date}T{time}Z"), Format::DateTime).ok()?.try_into().ok()
}

fn serve(mut stream: TcpStream, origin: &str, objects: &Objects) -> std::io::Result<()> {
    let request = Request::read(&stream)?;
    let (status, headers, body) = answer(&request, origin, objects);
    write!(stream, "HTTP/1.1 {status} x\r\nconnection: close\r\n")?;
    for (name, value) in &headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    // An answer to HEAD says how long the answer to GET would be.
    if !headers.iter().any(|(name, _)| name == "content-length") {
        write!(stream, "content-length: {}\r\n", body.len())?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(&body)
}

type Answer = (u16, Vec<(String, String)>, Vec<u8>);

fn refusal(status: u16, code: &str) -> Answer {
    (status, Vec::new(), format!("<Error><Code>{code}</Code></Error>").into_bytes())
}

fn answer(request: &Request, origin: &str, objects: &Objects) -> Answer {
    if !request.is_authentic(origin) {
        return refusal(403, "SignatureDoesNotMatch");
    }
    let path = request.target.split('?').next().unwrap_or_default();
    let key = path.strip_prefix("/bucket/").unwrap_or_default().to_owned();
    let mut objects = lock(objects);
    match request.method.as_str() {
        "PUT" if !request.header("x-amz-copy-source").is_empty() => {
            let source = request.header("x-amz-copy-source").strip_prefix("/bucket/").unwrap_or_default();
            let Some(kept) = objects.get(source).cloned() else { return refusal(404, "NoSuchKey") };
            objects.insert(key, kept);
            (200, Vec::new(), b"<CopyObjectResult></CopyObjectResult>".to_vec())
        }
        "PUT" => {
            let checksum = base64::encode(Sha256::digest(&request.body));
            if request.header("x-amz-checksum-sha256") != checksum {
                return refusal(400, "BadDigest");
            }
            let content_type = request.header("content-type").to_owned();
            objects.insert(key, Kept { content_type, content: request.body.clone() });
            (200, Vec::new(), Vec::new())
        }
        "DELETE" => {
            objects.remove(&key);
            (204, Vec::new(), Vec::new())
        }
        method => {
            let Some(kept) = objects.get(&key) else {
                return if method == "HEAD" { (404, Vec::new(), Vec::new()) } else { refusal(404, "NoSuchKey") };
            };
            let mut headers = vec![
                ("content-type".to_owned(), kept.content_type.clone()),
                ("content-length".to_owned(), kept.content.len().to_string()),
            ];
            if request.header("x-amz-checksum-mode") == "ENABLED" {
                let checksum = base64::encode(Sha256::digest(&kept.content));
                headers.push(("x-amz-checksum-sha256".to_owned(), checksum));
            }
            let last = request.header("range").strip_prefix("bytes=0-").and_then(|last| last.parse::<usize>().ok());
            if let Some(start) = last.and_then(|last| kept.content.get(..=last.min(kept.content.len().checked_sub(1)?)))
            {
                headers.retain(|(name, _)| name != "content-length");
                return (206, headers, start.to_vec());
            }
            (200, headers, if method == "HEAD" { Vec::new() } else { kept.content.clone() })
        }
    }
}
