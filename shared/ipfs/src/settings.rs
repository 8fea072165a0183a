//! The environment's choice of services.

use std::time::Duration;

use descrow_platform::{Config, Secret, http_client};
use url::Url;

use crate::{Gateways, Kubo, PinService, Pinata, PinataAccess, kubo::is_rpc};

/// How long one request may take in all.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Reads `IPFS_API_URL`, `IPFS_JWT`, `IPFS_API_KEY` and `IPFS_API_SECRET`. A URL that ends in `/api/v0` is a Kubo node's RPC,
/// where a token is optional; every other one is Pinata's API, where either the token is required or key and secret are.
pub fn pin_service(config: &Config) -> Option<Box<dyn PinService>> {
    let base = config.parsed::<Url>("IPFS_API_URL")?;
    let http = client(config)?;
    let service: Result<Box<dyn PinService>, _> = if is_rpc(&base) {
        let token = config.optional("IPFS_JWT").map(Secret::new);
        Kubo::new(http, &base, token).map(|kubo| Box::new(kubo) as _)
    } else {
        Pinata::new(http, &base, pinata_access(config)?).map(|pinata| Box::new(pinata) as _)
    };
    service.map_err(|_| config.refuse("IPFS_API_URL", "is not a base URL")).ok()
}

/// The token where there is one.
fn pinata_access(config: &Config) -> Option<PinataAccess> {
    let [jwt, key, secret] =
        ["IPFS_JWT", "IPFS_API_KEY", "IPFS_API_SECRET"].map(|name| config.optional(name).map(Secret::new));
    match (jwt, key, secret) {
        (Some(jwt), _, _) => Some(PinataAccess::Jwt(jwt)),
        (None, Some(key), Some(secret)) => Some(PinataAccess::KeyPair { key, secret }),
        _ => {
            config.refuse("IPFS_JWT", "is not set, nor IPFS_API_KEY with IPFS_API_SECRET");
            None
        }
    }
}

/// Reads `IPFS_GATEWAYS`, a comma list of base URLs, the first of which browsers are sent to. A node's RPC (`/api/v0`) may be
/// among them and is passed over for browsers, which need one that they can ask.
pub fn gateways(config: &Config) -> Option<Gateways> {
    let list = config.required("IPFS_GATEWAYS")?;
    let bases: Result<Vec<Url>, _> = list.split(',').map(|base| base.trim().parse()).collect();
    let problem = match bases {
        Ok(bases) if bases.iter().all(is_rpc) => "names no gateway that browsers can ask",
        Ok(bases) if !bases.iter().any(Url::cannot_be_a_base) => return Some(Gateways::new(client(config)?, bases)),
        _ => "is not a comma list of base URLs",
    };
    config.refuse("IPFS_GATEWAYS", problem);
    None
}

fn client(config: &Config) -> Option<reqwest::Client> {
    let built = http_client::build(TIMEOUT);
    built.map_err(|_| config.refuse("IPFS_API_URL", "cannot be used: no TLS back end")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(pairs: &[(&str, &str)]) -> Option<String> {
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let read = Config::from_values(pairs, |c| Some((pin_service(c)?, gateways(c)?)));
        read.err().map(|error| error.to_string())
    }

    #[test]
    fn the_url_chooses_the_service() {
        let gateways = ("IPFS_GATEWAYS", "https://gateway.pinata.cloud, https://ipfs.io");
        assert_eq!(refusal(&[("IPFS_API_URL", "http://127.0.0.1:5001/api/v0"), gateways]), None);
        assert_eq!(refusal(&[("IPFS_API_URL", "https://api.pinata.cloud"), ("IPFS_JWT", "x"), gateways]), None);
        let keyless = refusal(&[("IPFS_API_URL", "https://api.pinata.cloud"), gateways]);
        let nor = "bad configuration: IPFS_JWT is not set, nor IPFS_API_KEY with IPFS_API_SECRET";
        assert_eq!(keyless.as_deref(), Some(nor));
        let (key, secret) = (("IPFS_API_KEY", "k"), ("IPFS_API_SECRET", "s"));
        assert_eq!(refusal(&[("IPFS_API_URL", "https://api.pinata.cloud"), key, secret, gateways]), None);
        let half = refusal(&[("IPFS_API_URL", "https://api.pinata.cloud"), key, gateways]);
        assert_eq!(half.as_deref(), Some(nor));
        let bad = refusal(&[("IPFS_API_URL", "http://h/api/v0"), ("IPFS_GATEWAYS", "https://a,nonsense")]);
        assert_eq!(bad.as_deref(), Some("bad configuration: IPFS_GATEWAYS is not a comma list of base URLs"));
    }

    #[test]
    fn browsers_are_sent_to_the_first_gateway_that_they_can_ask_and_there_is_one() {
        let read = |list: &str| Config::from_values([("IPFS_GATEWAYS".to_owned(), list.to_owned())], gateways);
        for list in ["https://a.example/base/,https://b.example", "http://node:5001/api/v0/,https://a.example/base"] {
            let gateways = read(list).unwrap_or_else(|error| panic!("{error}"));
            let url = gateways.public_url(crate::ContentId::of(b"hello world")).unwrap();
            assert_eq!(url, "https://a.example/base/ipfs/bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
        }
        let nodes = read("http://node:5001/api/v0,http://other:5001/api/v0/").err().map(|error| error.to_string());
        let none = "bad configuration: IPFS_GATEWAYS names no gateway that browsers can ask";
        assert_eq!(nodes.as_deref(), Some(none));
    }
}
