//! The catalogue, from a seller's large picture to what a stranger finds.

use std::time::{Duration, Instant};

use e2e::{Outcome, lab::Lab};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stack_client::{market::Offer, png};
use uuid::Uuid;

use crate::CALM;

/// How long an index may stay behind its table.
const PATIENCE: Duration = Duration::from_secs(10);

fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn a_large_picture_comes_through_the_bucket_onto_ipfs_and_its_product_into_the_list_by_price() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let seller = lab.user("seller").await?.session;
    let picture = png::large_picture(Uuid::new_v4().as_u128(), 5 << 20);
    let sha256 = hex::encode(Sha256::digest(&picture));
    let promise = json!({"contentType": "image/png", "size": picture.len(), "sha256": sha256});
    let permitted = seller.post("/api/products/uploads", &promise).send().await?;
    let put = |body: Vec<u8>| {
        let mut request = reqwest::Client::new().put(text(&permitted, "/url"));
        for (name, value) in permitted["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        request.body(body).send()
    };
    let stored = put(picture.clone()).await?;
    assert!(stored.status().is_success(), "{}", stored.text().await?);
    let named = json!({"uploads": [text(&permitted, "/uploadId")]});
    let pinned = seller.post("/api/products/upload", &named).send().await?;
    let (cid, url) = (text(&pinned, "/images/0/cid").to_owned(), text(&pinned, "/images/0/url").to_owned());
    let published = reqwest::get(&url).await?.bytes().await?;
    assert!(published == picture, "the gateway has the picture, which had no metadata to lose");
    let again = seller.post("/api/products/upload", &named).send().await?;
    assert_eq!(again, pinned, "whoever lost the answer gets it again");

    let mut ids = Vec::new();
    for price_dot in ["10", "9.5", "100"] {
        let offer = Offer { title: "A lamp", price_dot, price_usd: "2.00", quantity: 1 };
        ids.push(seller.offer(offer, std::slice::from_ref(&cid)).await?);
    }
    let path = format!("/api/products?seller={}&category=demo&sort=price_asc&limit=2", seller.account());
    let end = Instant::now() + PATIENCE;
    let first = loop {
        let page = lab.api.get(&path).send().await?;
        if page["nextCursor"].is_string() || Instant::now() > end {
            break page;
        }
    };
    let second = lab.api.get(&format!("{path}&cursor={}", text(&first, "/nextCursor"))).send().await?;
    let listed: Vec<&Value> =
        [&first, &second].into_iter().filter_map(|page| page["items"].as_array()).flatten().collect();
    let found: Vec<&str> = listed.iter().map(|item| text(item, "/id")).collect();
    assert_eq!(found, [&ids[1], &ids[0], &ids[2]]);
    assert!(listed.iter().all(|item| text(item, "/images/0/url") == url), "{listed:?}");
    Ok(())
}
