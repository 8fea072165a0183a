//! The IPFS clients against the simulated Pinata, Kubo and gateway.

use std::time::Duration;

use crate::support::soon;
use descrow_ipfs::{ContentId, FetchError, File, Gateways, Kubo, PinError, PinService, Pinata, PinataAccess, pin_once};
use descrow_platform::{Secret, http_client};
use sandbox::{API_KEY, API_SECRET, Behaviour, JWT, Operation, Options, Rule, Sandbox};
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
    let pinata = Pinata::new(http.clone(), &base, jwt(JWT)).unwrap();
    Rig { sandbox, pinata, base, http }
}

fn jwt(text: &str) -> PinataAccess {
    PinataAccess::Jwt(Secret::new(text))
}

/// The RPC of a real node, where `DESCROW_KUBO_RPC` names one (`http://127.0.0.1:5001/api/v0`), else the sandbox's.
fn node(rig: &Rig) -> Url {
    match std::env::var("DESCROW_KUBO_RPC") {
        Ok(url) => url.parse().unwrap(),
        Err(_) => rig.base.join("/api/v0").unwrap(),
    }
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
}

#[tokio::test]
async fn a_kubo_node_names_the_cids_that_we_compute_and_gives_back_what_it_pinned() {
    let rig = rig().await;
    let node = node(&rig);
    let kubo = Kubo::new(rig.http.clone(), &node, None).unwrap();
    let gateways = Gateways::new(rig.http.clone(), vec![node]);
    // Nothing, less than a chunk, exactly one, one byte more, and several.
    for length in [0, 1, 262_143, 262_144, 262_145, 1_048_577] {
        // Of this run alone: a real node keeps what it has.
        let mut bytes: Vec<u8> = (0..length).map(|i: usize| (i >> 10).to_le_bytes()[0]).collect();
        let mark = std::process::id().to_le_bytes();
        bytes.iter_mut().zip(mark).for_each(|(byte, mark)| *byte = mark);
        let cid = ContentId::of(&bytes);
        if length > 1 {
            assert_eq!(kubo.has(cid, soon()).await, Ok(false), "{length} bytes before");
        }
        assert_eq!(kubo.pin(file(&bytes), soon()).await, Ok(cid), "{length} bytes");
        assert_eq!(kubo.has(cid, soon()).await, Ok(true), "{length} bytes after");
        assert_eq!(gateways.get(cid, 2_000_000, soon()).await.as_deref(), Ok(&*bytes), "{length} bytes again");
    }
    assert_eq!(gateways.public_url(ContentId::of(b"x")), None, "no browser asks an RPC");
}

#[tokio::test]
async fn what_is_pinned_already_is_not_sent_again_whoever_pinned_it() {
    let rig = rig().await;
    let kubo = Kubo::new(rig.http.clone(), &rig.base.join("/api/v0").unwrap(), None).unwrap();
    let access = PinataAccess::KeyPair { key: Secret::new(API_KEY), secret: Secret::new(API_SECRET) };
    let by_key = Pinata::new(rig.http.clone(), &rig.base, access).unwrap();
    let cid = ContentId::of(b"once");
    for service in [&rig.pinata as &dyn PinService, &by_key, &kubo] {
        assert_eq!(pin_once(service, file(b"once"), soon()).await, Ok(cid));
        assert_eq!(rig.sandbox.requests(Operation::Pin).len(), 1);
    }
    let refused = Behaviour::Error { status: 500, code: "X".into(), message: "down".into() };
    rig.sandbox.misbehave(Rule::once(refused).on(Operation::PinList));
    assert_eq!(pin_once(&rig.pinata, file(b"once"), soon()).await, Ok(cid), "who does not say is sent the file");
    assert_eq!(rig.sandbox.requests(Operation::Pin).len(), 2);
    rig.sandbox.misbehave(Rule::once(Behaviour::WrongCid).on(Operation::Pin));
    assert_eq!(pin_once(&by_key, file(b"another"), soon()).await, Err(PinError::Mismatch));
}

#[tokio::test]
async fn a_key_needs_its_secret() {
    let rig = rig().await;
    for (key, secret, expected) in [
        (API_KEY, API_SECRET, Ok(ContentId::of(b"a"))),
        (API_KEY, "wrong", Err(PinError::Unauthorised(401))),
        ("wrong", API_SECRET, Err(PinError::Unauthorised(401))),
    ] {
        let access = PinataAccess::KeyPair { key: Secret::new(key), secret: Secret::new(secret) };
        let pinata = Pinata::new(rig.http.clone(), &rig.base, access).unwrap();
        assert_eq!(pinata.pin(file(b"a"), soon()).await, expected, "{key} {secret}");
    }
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
    let stranger = Pinata::new(rig.http.clone(), &rig.base, jwt("wrong")).unwrap();
    assert_eq!(stranger.pin(file(b"a"), soon()).await, Err(PinError::Unauthorised(401)));
}

#[tokio::test]
async fn a_node_that_wants_a_token_obeys_only_who_has_it() {
    let rig = rig().await;
    rig.sandbox.configure(|settings| settings.kubo_token = Some("of-the-node".into()));
    let node = rig.base.join("/api/v0").unwrap();
    let kubo = |token: Option<&str>| Kubo::new(rig.http.clone(), &node, token.map(Secret::new)).unwrap();
    let cid = ContentId::of(b"a");
    for stranger in [None, Some("wrong")] {
        assert_eq!(kubo(stranger).pin(file(b"a"), soon()).await, Err(PinError::Unauthorised(403)), "{stranger:?}");
        assert_eq!(kubo(stranger).has(cid, soon()).await, Err(PinError::Unauthorised(403)), "{stranger:?}");
    }
    assert_eq!(kubo(Some("of-the-node")).pin(file(b"a"), soon()).await, Ok(cid));
    assert_eq!(kubo(Some("of-the-node")).has(cid, soon()).await, Ok(true));
}

#[tokio::test]
async fn a_node_lies_and_forgets_as_a_gateway_does_and_another_cid_waits_for_a_pin() {
    let rig = rig().await;
    let cid = rig.pinata.pin(file(b"hello"), soon()).await.unwrap();
    rig.sandbox.misbehave(Rule::once(Behaviour::WrongCid));
    // What a node has not it fails to give, which says less than a gateway's 404.
    let places = [(rig.base.clone(), FetchError::NotFound), (rig.base.join("/api/v0").unwrap(), FetchError::NoAnswer)];
    for (base, missing) in places {
        let place = Gateways::new(rig.http.clone(), vec![base]);
        rig.sandbox.misbehave(Rule::once(Behaviour::Corrupt));
        assert_eq!(place.get(cid, 100, soon()).await, Err(FetchError::Mismatch));
        rig.sandbox.misbehave(Rule::once(Behaviour::Missing));
        assert_eq!(place.get(cid, 100, soon()).await, Err(missing));
        assert_eq!(place.get(cid, 100, soon()).await.as_deref(), Ok(b"hello".as_slice()));
    }
    assert_eq!(rig.pinata.pin(file(b"hello"), soon()).await, Err(PinError::Mismatch));
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
        let pinata = Pinata::new(http.clone(), &sandbox.ipfs_url().parse().unwrap(), jwt(JWT)).unwrap();
        pinata.pin(file(b"kept"), soon()).await.unwrap()
    };
    std::fs::write(folder.join(ContentId::of(b"other").to_string()), "tampered").unwrap();
    let sandbox = Sandbox::start(options()).await.unwrap();
    let gateways = Gateways::new(http, vec![sandbox.ipfs_url().parse().unwrap()]);
    assert_eq!(gateways.get(cid, 100, soon()).await.as_deref(), Ok(b"kept".as_slice()));
    assert_eq!(gateways.get(ContentId::of(b"other"), 100, soon()).await, Err(FetchError::NotFound));
    std::fs::remove_dir_all(folder).unwrap();
}
