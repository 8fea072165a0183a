//! What the template's parameters and secrets are on this machine.

use std::{collections::BTreeMap, env, fs, fs::File, io::Read as _};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{cli, layout::Layout, outside, outside::SandboxUrls, stack};

/// The domain that wallets sign in to.
pub(crate) const AUTH_DOMAIN: &str = "descrow.localhost";

/// An account at Daraja.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DarajaAccount {
    consumer_key: String,
    consumer_secret: String,
    shortcode: String,
    passkey: String,
    b2c_shortcode: String,
    initiator_name: String,
    security_credential: String,
}

/// The world the functions will talk to.
pub(crate) struct World {
    pub(crate) daraja_url: String,
    pub(crate) daraja_control_url: Option<String>,
    daraja: DarajaAccount,
    pub(crate) ipfs_url: String,
    ipfs_jwt: String,
    pub(crate) chain_url: String,
    pub(crate) contract: String,
    oracle_seed: String,
}

impl World {
    /// Real endpoints where `options` name them, the local ones elsewhere.
    pub(crate) fn new(
        options: &cli::Up,
        sandbox: Option<&SandboxUrls>,
        local_chain: Option<(String, String)>,
    ) -> anyhow::Result<Self> {
        let (daraja_url, daraja_control_url, daraja) = match (&options.daraja_url, &options.daraja_credentials) {
            (Some(url), Some(file)) => {
                let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
                // The parser's message could quote the file, which holds secrets.
                let account = serde_json::from_slice(&text)
                    .ok()
                    .with_context(|| format!("{} is not what --help describes", file.display()))?;
                (url.clone(), None, account)
            }
            _ => {
                let sandbox = sandbox.context("there is no Daraja")?;
                (sandbox.daraja.clone(), Some(sandbox.control.clone()), sandbox_account())
            }
        };
        let (ipfs_url, ipfs_jwt) = match &options.ipfs_url {
            Some(url) => (url.clone(), env::var("IPFS_JWT").context("--ipfs-url needs IPFS_JWT in the environment")?),
            None => (sandbox.context("there is no IPFS")?.ipfs.clone(), "sandbox".to_owned()),
        };
        let (chain_url, contract, oracle_seed) = match (&options.chain_url, &options.contract, local_chain) {
            (Some(url), Some(contract), _) => {
                let seed = env::var("ORACLE_SEED").context("--chain-url needs ORACLE_SEED in the environment")?;
                (url.clone(), contract.clone(), seed)
            }
            (_, _, Some((url, contract))) => (url, contract, outside::LOCAL_ORACLE.to_owned()),
            _ => anyhow::bail!("there is no chain"),
        };
        Ok(Self {
            daraja_url,
            daraja_control_url,
            daraja,
            ipfs_url,
            ipfs_jwt,
            chain_url,
            contract,
            oracle_seed,
        })
    }
}

/// What the sandbox's Daraja accepts.
fn sandbox_account() -> DarajaAccount {
    DarajaAccount {
        consumer_key: "sandbox-consumer-key".to_owned(),
        consumer_secret: "sandbox-consumer-secret".to_owned(),
        shortcode: "174379".to_owned(),
        passkey: "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919".to_owned(),
        b2c_shortcode: "600997".to_owned(),
        initiator_name: "testapi".to_owned(),
        security_credential: "sandbox-security-credential".to_owned(),
    }
}

/// The template's secrets, by name, each a JSON object.
pub(crate) fn secrets(world: &World) -> anyhow::Result<BTreeMap<&'static str, BTreeMap<&'static str, String>>> {
    let daraja = &world.daraja;
    Ok([
        ("descrow/auth", vec![("jwt_secret", format!("local:{}", random()?)), ("cursor_secret", random()?)]),
        (
            "descrow/mpesa",
            vec![
                ("consumer_key", daraja.consumer_key.clone()),
                ("consumer_secret", daraja.consumer_secret.clone()),
                ("passkey", daraja.passkey.clone()),
                ("security_credential", daraja.security_credential.clone()),
                ("callback_secret", random()?),
            ],
        ),
        ("descrow/chain", vec![("oracle_seed", world.oracle_seed.clone())]),
        ("descrow/ipfs", vec![("jwt", world.ipfs_jwt.clone())]),
    ]
    .into_iter()
    .map(|(name, pairs)| (name, pairs.into_iter().collect()))
    .collect())
}

/// The template's parameters. `authority` is the local AWS's host and port.
pub(crate) fn parameters(world: &World, authority: &str) -> BTreeMap<&'static str, String> {
    let admin = stack::demo_accounts().remove("admin").map(|account| account.address).unwrap_or_default();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    [
        ("Architecture", architecture),
        ("LocalExecuteApi", &format!("{authority}/_aws/execute-api")),
        // Until the API has an address, see stack/deploy.py.
        ("ApiBaseUrl", &format!("http://{authority}")),
        ("AuthDomain", AUTH_DOMAIN),
        ("CorsOrigins", "http://localhost:3000"),
        ("AdminAccounts", &admin),
        ("DeletionProtection", "false"),
        ("LogRetentionDays", "1"),
        // All clients of the local stack share one address.
        ("RateLimitIp", "100000/900"),
        ("RateLimitAccount", "10000/900"),
        ("MpesaBaseUrl", &world.daraja_url),
        ("MpesaShortcode", &world.daraja.shortcode),
        ("MpesaB2cShortcode", &world.daraja.b2c_shortcode),
        ("MpesaInitiatorName", &world.daraja.initiator_name),
        ("MpesaAllowUnsafeCallbackUrl", "true"),
        ("PolkadotWsUrl", &world.chain_url),
        ("ContractAddress", &world.contract),
        ("IpfsApiUrl", &world.ipfs_url),
        ("IpfsGateways", &world.ipfs_url),
        ("UsdPerDot", "4.50"),
        ("KesPerUsd", "129.25"),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.to_owned()))
    .collect()
}

/// 32 random bytes as hex.
fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no randomness")?;
    Ok(hex::encode(bytes))
}

/// The order that stack/deploy.py reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order<'a> {
    pub(crate) endpoint: String,
    pub(crate) region: &'a str,
    pub(crate) credentials: &'a stack::AwsCredentials,
    pub(crate) stack_name: &'a str,
    pub(crate) template: String,
    pub(crate) zips: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
    pub(crate) parameters: BTreeMap<&'static str, String>,
    /// Functions to run once, as their schedule would in a minute.
    pub(crate) invoke: Vec<String>,
}

/// The template, as the order names it.
pub(crate) fn template(layout: &Layout) -> std::path::PathBuf {
    layout.root().join("infra/template.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same_twice() {
        let (one, two) = (random().unwrap(), random().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
    }

    #[test]
    fn every_parameter_that_the_template_demands_is_given_and_none_that_it_does_not_know() {
        let layout = Layout::new(None).unwrap();
        let text = fs::read_to_string(template(&layout)).unwrap();
        let section = text.split("\nParameters:\n").nth(1).unwrap().split("\nConditions:\n").next().unwrap();
        // A parameter's name stands two spaces in; what follows until the next one is its definition.
        let mut definitions: Vec<(String, String)> = Vec::new();
        for line in section.lines() {
            match line.strip_prefix("  ").filter(|rest| rest.starts_with(char::is_alphabetic)) {
                Some(rest) => {
                    let (name, definition) = rest.split_once(':').unwrap();
                    definitions.push((name.to_owned(), definition.to_owned()));
                }
                None => {
                    if let Some((_, definition)) = definitions.last_mut() {
                        definition.push_str(line);
                    }
                }
            }
        }
        let urls = SandboxUrls { daraja: "d".into(), control: "c".into(), ipfs: "i".into() };
        let world = World::new(&cli::Up::default(), Some(&urls), Some(("ws://chain".into(), "0x00".into()))).unwrap();
        let given = parameters(&world, "127.0.0.1:1");
        for (name, definition) in &definitions {
            assert!(definition.contains("Default:") || given.contains_key(name.as_str()), "{name} is not given");
        }
        for name in given.keys() {
            assert!(definitions.iter().any(|(known, _)| known == name), "{name} is not in the template");
        }
    }
}
