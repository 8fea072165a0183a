//! Starting and stopping the two servers.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{Operation, Rule, Settings, control, daraja, ipfs, rates, world::Shared};

/// How long a callback's receiver may take.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(30);

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Daraja's port; 0 for a free one.
    pub daraja_port: u16,
    /// Pinata's port; 0 for a free one.
    pub ipfs_port: u16,
    /// Where pinned files are kept; in memory only where absent.
    pub data: Option<PathBuf>,
    /// The settings at the start, and after a reset.
    pub settings: Settings,
}

/// The sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken, or the folder for files cannot be used.
    #[error("sandbox: {0}")]
    Io(#[from] std::io::Error),
    /// The HTTP client for callbacks could not be built.
    #[error("sandbox: {0}")]
    Http(#[from] reqwest::Error),
}

/// A running sandbox; it stops when this is dropped.
pub struct Sandbox {
    shared: Arc<Shared>,
    daraja: SocketAddr,
    ipfs: SocketAddr,
    servers: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts both servers on loopback.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let content = match &options.data {
            Some(directory) => ipfs::load(directory)?,
            None => HashMap::new(),
        };
        let http = descrow_platform::http_client::build(CALLBACK_TIMEOUT)?;
        let shared = Arc::new(Shared::new(options.settings, options.data, content, http));
        let daraja = TcpListener::bind((Ipv4Addr::LOCALHOST, options.daraja_port)).await?;
        let ipfs = TcpListener::bind((Ipv4Addr::LOCALHOST, options.ipfs_port)).await?;
        let (daraja_at, ipfs_at) = (daraja.local_addr()?, ipfs.local_addr()?);
        let money = daraja::router(Arc::clone(&shared)).merge(control::router(Arc::clone(&shared)));
        let money = money.merge(rates::router(Arc::clone(&shared)));
        let files = ipfs::router(Arc::clone(&shared));
        let servers = [(daraja, money), (ipfs, files)].map(|(listener, router)| {
            tokio::spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::error!(%error, "sandbox.server_ended");
                }
            })
        });
        Ok(Self { shared, daraja: daraja_at, ipfs: ipfs_at, servers: servers.into() })
    }

    /// Daraja's base URL; the control API is at `/control` below it.
    pub fn daraja_url(&self) -> String {
        format!("http://{}", self.daraja)
    }

    /// Pinata's base URL; the gateway is at `/ipfs` below it.
    pub fn ipfs_url(&self) -> String {
        format!("http://{}", self.ipfs)
    }

    /// Base URL of the source of exchange rates, on Daraja's port.
    pub fn rates_url(&self) -> String {
        format!("http://{}/api/v3", self.daraja)
    }

    /// Sets the price of a DOT, as the control API would; JSON numbers as they are to be written. `false` where one is no JSON.
    pub fn price(&self, usd: &str, kes: &str) -> bool {
        let Some(prices) = rates::Prices::new(usd, kes) else { return false };
        self.shared.world().prices = prices;
        true
    }

    /// Adds a misbehaviour, as the control API would.
    pub fn misbehave(&self, rule: Rule) {
        self.shared.world().rules.add(rule);
    }

    /// Changes the settings, as the control API would.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.world().settings);
    }

    /// The originator id of every request for `operation`, B2C or transaction status, in order.
    pub fn requests(&self, operation: Operation) -> Vec<String> {
        let world = self.shared.world();
        let of_operation = world.journal.requests.iter().filter(|request| request.operation == operation);
        let id = |body: &Value| {
            let named = body.get("OriginatorConversationID").or_else(|| body.get("OriginalConversationID"));
            named.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        of_operation.map(|request| id(&request.body)).collect()
    }

    /// Shillings that ever reached `account`, a phone or a shortcode.
    pub fn received(&self, account: &str) -> u64 {
        let world = self.shared.world();
        let (phones, shortcodes) = world.ledger.report();
        phones.get(account).or_else(|| shortcodes.get(account)).map_or(0, |known| known.received)
    }

    /// Runs until the servers end.
    pub async fn wait(mut self) {
        for server in std::mem::take(&mut self.servers) {
            let _ended = server.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}
