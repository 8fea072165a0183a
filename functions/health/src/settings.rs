//! What the function is configured with: where everything is.

use descrow_platform::Config;
use descrow_store::{Store, Table, Tables};
use descrow_web::Origins;
use url::Url;

use crate::probe::Probe;

/// The function's settings.
pub struct Settings {
    /// The one table that is read.
    pub tables: Tables,
    /// Origins that may ask from a browser.
    pub origins: Origins,
    queues: Vec<(&'static str, String)>,
    chain: Url,
    daraja: Url,
    pins: Url,
    gateway: Url,
}

impl Settings {
    /// Reads `TABLE_LIMITS`, `QUEUE_MPESA_CALLBACKS`, `QUEUE_ORACLE_COMMANDS`, `QUEUE_PAYOUTS`, `POLKADOT_WS_URL`,
    /// `MPESA_BASE_URL`, `IPFS_API_URL`, `IPFS_GATEWAYS` (the first, where browsers are sent, is asked) and `CORS_ORIGINS`.
    pub fn read(config: &Config) -> Option<Self> {
        let tables = Tables::from_config(config, &[Table::Limits]);
        let origins = config.parsed_or("CORS_ORIGINS", Origins::default());
        let queues = [
            ("queue.mpesa-callbacks", config.required("QUEUE_MPESA_CALLBACKS")),
            ("queue.oracle-commands", config.required("QUEUE_ORACLE_COMMANDS")),
            ("queue.payouts", config.required("QUEUE_PAYOUTS")),
        ];
        let chain = config.parsed::<Url>("POLKADOT_WS_URL").and_then(|url| http_url(config, &url));
        let daraja = config.parsed::<Url>("MPESA_BASE_URL");
        let pins = config.parsed::<Url>("IPFS_API_URL");
        let gateways = config.required("IPFS_GATEWAYS");
        let gateway = gateways.and_then(|list| {
            let url = list.split(',').next().and_then(|first| first.trim().parse().ok());
            if url.is_none() {
                config.refuse("IPFS_GATEWAYS", "does not begin with a URL");
            }
            url
        });
        Some(Self {
            tables: tables?,
            origins: origins?,
            queues: queues.into_iter().map(|(name, url)| Some((name, url?))).collect::<Option<_>>()?,
            chain: chain?,
            daraja: daraja?,
            pins: pins?,
            gateway: gateway?,
        })
    }

    /// One probe for each dependency.
    pub fn probes(self, store: Store, sqs: &aws_sdk_sqs::Client, http: &reqwest::Client) -> Vec<Probe> {
        let mut probes = vec![Probe::database(store)];
        probes.extend(self.queues.into_iter().map(|(name, url)| Probe::queue(name, sqs.clone(), url)));
        probes.push(Probe::chain(http.clone(), self.chain));
        probes.push(Probe::answers("mpesa", http.clone(), self.daraja));
        probes.push(Probe::answers("ipfs", http.clone(), self.pins));
        probes.push(Probe::answers("ipfs.gateway", http.clone(), self.gateway).informative());
        probes
    }
}

/// A Substrate node answers JSON-RPC over HTTP at the address of its WebSocket.
fn http_url(config: &Config, url: &Url) -> Option<Url> {
    let text = url.as_str();
    let http = match text.split_once("://") {
        Some(("ws", rest)) => Url::parse(&format!("http://{rest}")).ok(),
        Some(("wss", rest)) => Url::parse(&format!("https://{rest}")).ok(),
        _ => None,
    };
    if http.is_none() {
        config.refuse("POLKADOT_WS_URL", "is not a ws:// or wss:// URL");
    }
    http
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changed: (&str, &str)) -> Result<Settings, descrow_platform::ConfigError> {
        let good = [
            ("TABLE_LIMITS", "t"),
            ("QUEUE_MPESA_CALLBACKS", "q1"),
            ("QUEUE_ORACLE_COMMANDS", "q2"),
            ("QUEUE_PAYOUTS", "q3"),
            ("POLKADOT_WS_URL", "wss://chain.example:443/rpc"),
            ("MPESA_BASE_URL", "https://api.safaricom.example"),
            ("IPFS_API_URL", "https://api.pinata.example"),
            ("IPFS_GATEWAYS", "https://one.example,https://two.example"),
        ];
        let values = good.into_iter().filter(|(name, _)| *name != changed.0).chain([changed]);
        Config::from_values(values.map(|(name, value)| (name.to_owned(), value.to_owned())), Settings::read)
    }

    #[test]
    fn the_chain_is_asked_over_http_where_its_web_socket_is() {
        let secure = read(("LOG_LEVEL", "info")).unwrap();
        assert_eq!(secure.chain.as_str(), "https://chain.example/rpc");
        let plain = read(("POLKADOT_WS_URL", "ws://127.0.0.1:9944")).unwrap();
        assert_eq!(plain.chain.as_str(), "http://127.0.0.1:9944/");
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        for (name, value) in [
            ("POLKADOT_WS_URL", "https://key-hunter2@chain.example"),
            ("MPESA_BASE_URL", "hunter2"),
            ("IPFS_API_URL", "hunter2"),
            ("IPFS_GATEWAYS", "hunter2"),
            ("QUEUE_PAYOUTS", ""),
        ] {
            let error = read((name, value)).err().expect(name).to_string();
            assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
        }
    }
}
