//! The IPFS clients against the simulated Pinata, Kubo and gateway.

use std::time::Duration;

use crate::support::soon;
use descrow_ipfs::{ContentId, FetchError, File, Gateways, Kubo, PinError, PinService, Pinata};
use descrow_platform::{Secret, http_client};
use sandbox::{Behaviour, JWT, Operation, Options, Rule, Sandbox};
use url::Url;

struct Rig {
    sandbox: Sandbox,
    pinata: Pinata,
    base: Url,
    http: reqwest::Client,
}

async fn rig() -> Rig {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let http = http_client::build(Duration::from_secs(5)).unwrap();
    let base: Url = sandbox.ipfs_url().parse().unwrap();
    let pinata = Pinata::new(http.clone(), &base, Secret::new(JWT)).unwrap();
    Rig { sandbox, pinata, base, http }
}

fn file(bytes: &[u8]) -> File<'_> {
    File { name: "file.bin", media_type: "image/png", bytes }
}

#[tokio::test]
async fn what_is_pinned_is_found_under_its_own_cid() {
    let rig = rig().await;
    let large = vec![7; 600_000];
    let gateways = Gateways::new(rig.http.clone(), vec![rig.base.clone()]);
    for bytes in [b"hello world".as_slice(), &large] {
        let cid = rig.pinata.pin(file(bytes), soon()).await.unwrap();
        assert_eq!(cid, ContentId::of(bytes));
        assert_eq!(gateways.get(cid, 1_000_000, soon()).await.as_deref(), Ok(bytes));
        assert_eq!(gateways.file_size(cid, soon()).await, Ok(bytes.len() as u64));
        let response = rig.http.get(gateways.public_url(cid).unwrap()).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "image/png");
    }
    let kubo = Kubo::new(rig.http.clone(), &rig.base.join("/api/v0").unwrap(), None).unwrap();
    assert_eq!(kubo.pin(file(&large), soon()).await, Ok(ContentId::of(&large)));
}

#[tokio::test]
async fn a_pin_is_verified_retried_and_refused() {
    let rig = rig().await;
    rig.sandbox.misbehave(Rule::once(Behaviour::WrongCid));
    assert_eq!(rig.pinata.pin(file(b"a"), soon()).await, Err(PinError::Mismatch));
    rig.sandbox.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::Pin));
    assert_eq!(rig.pinata.pin(file(b"a"), soon()).await, Ok(ContentId::of(b"a")), "a lost answer is asked for again");
    let down = Behaviour::Error { status: 503, code: "X".into(), message: "down".into() };
    rig.sandbox.misbehave(Rule { times: 2, ..Rule::once(down) }.on(Operation::Pin));
    assert_eq!(rig.pinata.pin(file(b"a"), soon()).await, Err(PinError::Refused(503)));
    let stranger = Pinata::new(rig.http.clone(), &rig.base, Secret::new("wrong")).unwrap();
    assert_eq!(stranger.pin(file(b"a"), soon()).await, Err(PinError::Unauthorised(401)));
}

#[tokio::test]
async fn a_lying_gateway_is_passed_over_and_never_believed() {
    let (liar, honest) = (rig().await, rig().await);
    let cid = liar.pinata.pin(file(b"hello"), soon()).await.unwrap();
    honest.pinata.pin(file(b"hello"), soon()).await.unwrap();
    liar.sandbox.misbehave(Rule::once(Behaviour::Corrupt).always());
    let both = Gateways::new(liar.http.clone(), vec![liar.base.clone(), honest.base.clone()]);
    assert_eq!(both.get(cid, 100, soon()).await.as_deref(), Ok(b"hello".as_slice()));
    let alone = Gateways::new(liar.http.clone(), vec![liar.base.clone()]);
    assert_eq!(alone.get(cid, 100, soon()).await, Err(FetchError::Mismatch));
    let honest_alone = Gateways::new(honest.http.clone(), vec![honest.base.clone()]);
    assert_eq!(honest_alone.get(cid, 4, soon()).await, Err(FetchError::TooLarge(4)));
    assert_eq!(honest_alone.get(ContentId::of(b"unknown"), 100, soon()).await, Err(FetchError::NotFound));
}

#[tokio::test]
async fn files_survive_a_restart_where_a_folder_is_given() {
    let folder = std::env::temp_dir().join(format!("descrow-sandbox-{}", std::process::id()));
    let options = || Options { data: Some(folder.clone()), ..Options::default() };
    let http = http_client::build(Duration::from_secs(5)).unwrap();
    let cid = {
        let sandbox = Sandbox::start(options()).await.unwrap();
        let pinata = Pinata::new(http.clone(), &sandbox.ipfs_url().parse().unwrap(), Secret::new(JWT)).unwrap();
        pinata.pin(file(b"kept"), soon()).await.unwrap()
    };
    std::fs::write(folder.join(ContentId::of(b"other").to_string()), "tampered").unwrap();
    let sandbox = Sandbox::start(options()).await.unwrap();
    let gateways = Gateways::new(http, vec![sandbox.ipfs_url().parse().unwrap()]);
    assert_eq!(gateways.get(cid, 100, soon()).await.as_deref(), Ok(b"kept".as_slice()));
    assert_eq!(gateways.get(ContentId::of(b"other"), 100, soon()).await, Err(FetchError::NotFound));
    std::fs::remove_dir_all(folder).unwrap();
}
