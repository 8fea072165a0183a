//! The real endpoints that the command line names instead of simulated parts: read and tried before anything starts.

use std::{
    env, fs,
    hash::{Hash as _, Hasher},
    net::{TcpStream, ToSocketAddrs as _},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::error::Category;
use ureq::http::Uri;

use crate::{
    cli,
    outside::Contract,
    settings::{Chain, Daraja, DarajaAccount, Ipfs},
};

/// How long an endpoint has to take a connection.
const PATIENCE: Duration = Duration::from_secs(5);
const HTTP: [&str; 2] = ["http", "https"];
const WEBSOCKET: [&str; 2] = ["ws", "wss"];

/// What is real; the rest is simulated.
#[derive(Default)]
pub(crate) struct Real {
    pub(crate) daraja: Option<Daraja>,
    pub(crate) ipfs: Option<Ipfs>,
    pub(crate) chain: Option<Chain>,
}

impl Real {
    /// Reads options, credentials and environment, and sees that each endpoint takes a connection.
    pub(crate) fn new(options: &cli::Up) -> anyhow::Result<Self> {
        let cli::Up { detach: _, daraja_url, daraja_credentials, chain_url, contract, ipfs_url, ipfs_gateway } =
            options;
        let daraja = match (daraja_url, daraja_credentials) {
            (Some(url), Some(file)) => {
                reachable("--daraja-url", url, HTTP)?;
                Some(Daraja { url: url.clone(), control_url: None, account: credentials(file)? })
            }
            _ => None,
        };
        let chain = match (chain_url, contract) {
            (Some(url), Some(contract)) => {
                reachable("--chain-url", url, WEBSOCKET)?;
                ensure!(is_address(contract), "--contract is not an address: 0x and 40 hex digits");
                let contract = Contract { address: contract.clone(), from_block: None };
                Some(Chain { url: url.clone(), contract, oracle_seed: secret("ORACLE_SEED", "--chain-url")? })
            }
            _ => None,
        };
        let ipfs = match (ipfs_url, ipfs_gateway) {
            (Some(url), Some(gateway)) => {
                reachable("--ipfs-url", url, HTTP)?;
                reachable("--ipfs-gateway", gateway, HTTP)?;
                let jwt = secret("IPFS_JWT", "--ipfs-url");
                Some(pinning(url, gateway, jwt)?)
            }
            _ => None,
        };
        Ok(Self { daraja, ipfs, chain })
    }

    /// Whether something is left for the sandbox to play.
    pub(crate) fn needs_sandbox(&self) -> bool {
        self.daraja.is_none() || self.ipfs.is_none()
    }

    /// Changes with every endpoint and every credential.
    pub(crate) fn hash(&self, hasher: &mut impl Hasher) {
        self.daraja.as_ref().map(|daraja| (&daraja.url, &daraja.account)).hash(hasher);
        self.ipfs.as_ref().map(|ipfs| (&ipfs.url, &ipfs.gateway, &ipfs.jwt)).hash(hasher);
        self.chain.as_ref().map(|chain| (&chain.url, &chain.contract.address, &chain.oracle_seed)).hash(hasher);
    }
}

fn secret(variable: &str, option: &str) -> anyhow::Result<String> {
    let value = env::var(variable).ok().filter(|value| !value.is_empty());
    value.with_context(|| format!("{option} needs {variable} in the environment"))
}

/// A pinning API with its gateway. The token is Pinata's; a node may do without.
fn pinning(url: &str, gateway: &str, jwt: anyhow::Result<String>) -> anyhow::Result<Ipfs> {
    let is_rpc = |url: &str| url.trim_end_matches('/').ends_with("/api/v0");
    ensure!(!is_rpc(gateway), "--ipfs-gateway is a Kubo node's RPC, which no browser can ask; its gateway is wanted");
    let jwt = if is_rpc(url) { jwt.unwrap_or_default() } else { jwt? };
    Ok(Ipfs { url: url.to_owned(), gateway: gateway.to_owned(), jwt })
}

/// An account at Daraja from a file. Nothing of its content is ever in an error: it holds secrets.
fn credentials(file: &Path) -> anyhow::Result<DarajaAccount> {
    let shown = file.display();
    let bytes = fs::read(file).with_context(|| format!("--daraja-credentials: cannot read {shown}"))?;
    let wrong = |error: serde_json::Error| match error.classify() {
        Category::Data => format!("{shown} does not hold the texts that `up --help` lists"),
        _ => format!("{shown} is not JSON (line {}, column {})", error.line(), error.column()),
    };
    let account: DarajaAccount = match serde_json::from_slice(&bytes) {
        Ok(account) => account,
        Err(error) => bail!("--daraja-credentials: {}", wrong(error)),
    };
    let DarajaAccount {
        consumer_key,
        consumer_secret,
        shortcode,
        passkey,
        b2c_shortcode,
        initiator_name,
        security_credential,
    } = &account;
    let texts = [
        ("consumerKey", consumer_key),
        ("consumerSecret", consumer_secret),
        ("shortcode", shortcode),
        ("passkey", passkey),
        ("b2cShortcode", b2c_shortcode),
        ("initiatorName", initiator_name),
        ("securityCredential", security_credential),
    ];
    let empty: Vec<&str> = texts.into_iter().filter(|(_, text)| text.is_empty()).map(|(name, _)| name).collect();
    ensure!(empty.is_empty(), "--daraja-credentials: {shown} leaves {} empty", empty.join(", "));
    Ok(account)
}

/// Sees that `url` is one, and that somebody listens there. The functions do not use a proxy, and neither does this.
fn reachable(option: &str, url: &str, schemes: [&str; 2]) -> anyhow::Result<()> {
    let parsed: Option<Uri> = url.parse().ok();
    let parts = parsed.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?, uri.port_u16())));
    let Some((scheme, host, port)) = parts.filter(|(scheme, ..)| schemes.contains(scheme)) else {
        bail!("{option} is not a URL that begins with {}:// or {}://", schemes[0], schemes[1]);
    };
    let port = port.unwrap_or(if scheme == schemes[1] { 443 } else { 80 });
    let host = host.trim_matches(['[', ']']);
    let addresses = (host, port).to_socket_addrs().with_context(|| format!("{option}: {host} is not known"))?;
    let mut reason = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => reason = Some(error),
        }
    }
    match reason {
        Some(error) => Err(error).with_context(|| format!("{option}: nothing answers at {host}:{port}")),
        None => bail!("{option}: {host} has no address"),
    }
}

fn is_address(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|digits| digits.len() == 40 && hex::decode(digits).is_ok())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The credentials in a file of this content.
    fn read(name: &str, content: &str) -> Result<DarajaAccount, String> {
        let file = env::temp_dir().join(format!("xtask-real-{}-{name}.json", std::process::id()));
        fs::write(&file, content).unwrap();
        let result =
            credentials(&file).map_err(|error| format!("{error:#}").replace(&file.display().to_string(), "FILE"));
        fs::remove_file(file).unwrap();
        result
    }

    #[test]
    fn credentials_that_are_none_are_refused_without_a_word_of_them() {
        let full = r#"{"consumerKey":"a","consumerSecret":"b","shortcode":"1","passkey":"c","b2cShortcode":"2",
            "initiatorName":"d","securityCredential":"e"}"#;
        assert_eq!(read("full", full).unwrap().security_credential, "e");
        let refused = |name, content: &str| read(name, content).err().unwrap();
        assert_eq!(
            refused("cut", r#"{"consumerKey":"hush"#),
            "--daraja-credentials: FILE is not JSON (line 1, column 20)"
        );
        assert_eq!(
            refused("other", r#"{"consumerKey":["hush"]}"#),
            "--daraja-credentials: FILE does not hold the texts that `up --help` lists"
        );
        assert_eq!(
            refused("empty", &full.replace("\"c\"", "\"\"").replace("\"e\"", "\"\"")),
            "--daraja-credentials: FILE leaves passkey, securityCredential empty"
        );
        let missing = credentials(Path::new("/nowhere/at/all.json")).err().unwrap();
        assert_eq!(missing.to_string(), "--daraja-credentials: cannot read /nowhere/at/all.json");
    }

    #[test]
    fn pinata_needs_its_token_and_every_service_a_gateway_that_browsers_can_ask() {
        let read = |url, gateway, jwt: Option<&str>| {
            let jwt = jwt.map(ToOwned::to_owned).context("no token");
            pinning(url, gateway, jwt)
                .map(|Ipfs { url, gateway, jwt }| [url, gateway, jwt])
                .map_err(|error| error.to_string())
        };
        let (pinata, gateway) = ("https://api.pinata.cloud", "https://gateway.pinata.cloud");
        assert_eq!(read(pinata, gateway, Some("x")), Ok([pinata, gateway, "x"].map(ToOwned::to_owned)));
        assert_eq!(read(pinata, gateway, None), Err("no token".to_owned()));
        for node in ["http://127.0.0.1:5001/api/v0", "http://127.0.0.1:5001/api/v0/"] {
            assert_eq!(read(node, gateway, None), Ok([node, gateway, ""].map(ToOwned::to_owned)));
            assert_eq!(read(node, gateway, Some("x")), Ok([node, gateway, "x"].map(ToOwned::to_owned)));
            let rpc = "--ipfs-gateway is a Kubo node's RPC, which no browser can ask; its gateway is wanted";
            assert_eq!(read(pinata, node, Some("x")), Err(rpc.to_owned()));
        }
    }

    #[test]
    fn an_endpoint_is_a_url_of_its_kind_at_which_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let tried = |url: String| reachable("--chain-url", &url, WEBSOCKET).map_err(|error| error.to_string());
        assert_eq!(tried(format!("ws://127.0.0.1:{port}/rpc")), Ok(()));
        let wrong = Err("--chain-url is not a URL that begins with ws:// or wss://".to_owned());
        assert_eq!(tried(format!("http://127.0.0.1:{port}")), wrong);
        assert_eq!(tried("127.0.0.1".to_owned()), wrong);
        drop(listener);
        assert_eq!(
            tried(format!("ws://127.0.0.1:{port}")),
            Err(format!("--chain-url: nothing answers at 127.0.0.1:{port}"))
        );
    }

    #[test]
    fn an_address_is_twenty_bytes_of_hex() {
        assert!(is_address("0xe2a313e210a6ec1d5a9c0806545670f2e6264f86"));
        for wrong in
            ["e2a313e210a6ec1d5a9c0806545670f2e6264f86", "0xe2a3", "0xz2a313e210a6ec1d5a9c0806545670f2e6264f86"]
        {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
