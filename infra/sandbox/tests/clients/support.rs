//! A sandbox, a client of it, and a receiver of its callbacks that always answers 500.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::Uri, routing::post};
use descrow_domain::{Kes, Msisdn, PaymentId};
use descrow_mpesa::{
    B2cSettings, CallbackSecret, CallbackUrls, ClientSettings, Daraja, MemoryTokens, Payout, StkPush, StkSettings,
    TokenStore,
};
use descrow_platform::{Deadline, Secret};
use sandbox::{Options, Sandbox, Settings};
use serde_json::Value;

/// A phone that no rule or policy knows.
pub(crate) const PHONE: &str = "254708374149";

/// What arrived: path and body.
pub(crate) type Arrivals = Arc<Mutex<Vec<(String, String)>>>;

pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    pub(crate) daraja: Daraja,
    pub(crate) tokens: Arc<MemoryTokens>,
    pub(crate) stk: StkSettings,
    pub b2c: B2cSettings,
    pub(crate) urls: CallbackUrls,
    pub(crate) arrivals: Arrivals,
    pub(crate) http: reqwest::Client,
}

pub(crate) async fn rig() -> Rig {
    rig_with(Settings { https_only: false, forbidden_words: false, callback_delay_ms: 5, ..Settings::default() }).await
}

pub(crate) async fn rig_with(settings: Settings) -> Rig {
    let sandbox = Sandbox::start(Options { settings, ..Options::default() }).await.unwrap();
    let (base, arrivals) = receiver().await;
    let secret = CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef"));
    let tokens = Arc::new(MemoryTokens::default());
    Rig {
        daraja: client(&sandbox, tokens.clone(), sandbox::CONSUMER_SECRET),
        tokens,
        stk: StkSettings::new(sandbox::SHORTCODE, Secret::new(sandbox::PASSKEY)),
        b2c: B2cSettings::new(sandbox::PAYOUT_SHORTCODE, sandbox::INITIATOR, Secret::new(sandbox::SECURITY_CREDENTIAL)),
        urls: CallbackUrls::new(&base, secret, true).unwrap(),
        arrivals,
        http: descrow_platform::http_client::build(Duration::from_secs(5)).unwrap(),
        sandbox,
    }
}

pub(crate) fn client(sandbox: &Sandbox, tokens: Arc<dyn TokenStore>, secret: &str) -> Daraja {
    let base = sandbox.daraja_url().parse().unwrap();
    let settings = ClientSettings::new(base, Secret::new(sandbox::CONSUMER_KEY), Secret::new(secret));
    Daraja::new(settings, tokens).unwrap()
}

/// A server that keeps what it gets and refuses it, as a broken webhook would.
async fn receiver() -> (String, Arrivals) {
    let arrivals = Arrivals::default();
    let kept = arrivals.clone();
    let router = Router::new().fallback(post(move |uri: Uri, body: String| {
        kept.lock().unwrap().push((uri.path().to_owned(), body));
        async { axum::http::StatusCode::INTERNAL_SERVER_ERROR }
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (base, arrivals)
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

pub(crate) fn phone(number: &str) -> Msisdn {
    number.parse().unwrap()
}

impl Rig {
    pub(crate) fn push_for(&self, number: &str, amount: u32) -> (PaymentId, StkPush) {
        let id = PaymentId::new();
        let push = StkPush::new(id, phone(number), Kes(amount), "Order".parse().unwrap(), &self.urls).unwrap();
        (id, push)
    }

    pub(crate) fn payout(&self, amount: u32) -> (PaymentId, Payout) {
        let id = PaymentId::new();
        (id, Payout::new(id, phone(PHONE), Kes(amount), &self.urls).unwrap())
    }

    pub(crate) async fn control(&self, path: &str) -> Value {
        let url = format!("{}/control/{path}", self.sandbox.daraja_url());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn tell(&self, method: &str, path: &str, body: Value) -> u16 {
        let url = format!("{}/control/{path}", self.sandbox.daraja_url());
        let request = self.http.request(method.parse().unwrap(), url).json(&body);
        request.send().await.unwrap().status().as_u16()
    }

    /// Answers the open prompt of a phone.
    pub(crate) async fn answer(&self, number: &str, answer: &str) {
        let status =
            self.tell("POST", &format!("prompts/{number}/answer"), serde_json::json!({ "answer": answer })).await;
        assert_eq!(status, 200);
    }

    /// How often an operation was asked for.
    pub(crate) async fn count(&self, operation: &str) -> usize {
        let journal = self.control(&format!("requests?operation={operation}")).await;
        journal["requests"].as_array().unwrap().len()
    }

    /// Waits for `count` callbacks to have arrived, and a little longer for one too many.
    pub(crate) async fn arrived(&self, count: usize) -> Vec<(String, String)> {
        for _ in 0..200 {
            if self.arrivals.lock().unwrap().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let arrivals = self.arrivals.lock().unwrap().clone();
        assert_eq!(arrivals.len(), count, "{arrivals:?}");
        arrivals
    }
}
