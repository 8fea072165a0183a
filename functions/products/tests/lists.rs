//! Reading products, one by one and in lists, through the router and over a database in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::user::Role;
use descrow_web::testing::Ask;
use serde_json::{Value, json};
use stage::{Stage, bag};

#[tokio::test]
async fn the_list_is_newest_first_by_pages_and_one_round_trip() {
    let stage = Stage::start().await;
    let other = stage.bench.person(3, Role::Seller).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let category = if n % 2 == 0 { "bags" } else { "hats" };
        ids.push(stage.listed(&format!("k{n}"), |body| body["category"] = json!(category)).await);
        // Instants are milliseconds; two in the same one would sort by id.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let foreign = stage.send(Ask::new("POST", "/api/products").by(&other).key("k").json(&bag())).await;
    let foreign = foreign.body["id"].as_str().unwrap().to_owned();
    let pages = |path: String| {
        let stage = &stage;
        async move {
            let (mut found, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let next = cursor.map(|c| format!("&cursor={c}")).unwrap_or_default();
                let page = stage.send(Ask::new("GET", &format!("{path}{next}"))).await;
                assert_eq!((page.status.as_u16(), page.trips), (200, 1), "{}", page.text);
                let items = page.body["items"].as_array().unwrap().clone();
                assert!(items.len() <= 2, "{path}");
                found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
                cursor = page.body["nextCursor"].as_str().map(ToOwned::to_owned);
                if cursor.is_none() {
                    return found;
                }
            }
        }
    };
    ids.reverse();
    let all: Vec<String> = [foreign.clone()].into_iter().chain(ids.clone()).collect();
    assert_eq!(pages("/api/products?limit=2".into()).await, all);
    let bags: Vec<String> = [foreign].into_iter().chain(ids.iter().step_by(2).cloned()).collect();
    assert_eq!(pages("/api/products?limit=2&category=bags".into()).await, bags);
    let own = format!("/api/products?limit=2&seller={}", stage.seller.account);
    assert_eq!(pages(own.clone()).await, ids);
    assert_eq!(pages(own + "&status=inactive").await, Vec::<String>::new());
    assert_eq!(pages("/api/products?limit=2&status=sold".into()).await, Vec::<String>::new());
    assert_eq!(pages("/api/products?limit=2&sort=newest".into()).await, all);
}

#[tokio::test]
async fn the_list_is_by_price_with_every_filter_and_one_round_trip() {
    let stage = Stage::start().await;
    let mut ids = Vec::new();
    // The second is dearer than the first although its digits begin lower.
    for (n, (price, category)) in
        [("9.5", "bags"), ("10", "hats"), ("0.00000001", "bags"), ("9999999999.99999999", "bags"), ("10", "bags")]
            .into_iter()
            .enumerate()
    {
        let change = |body: &mut Value| {
            (body["priceDot"], body["category"], body["priceUsd"]) = (json!(price), json!(category), json!("1"));
        };
        ids.push(stage.listed(&format!("k{n}"), change).await);
    }
    let own = format!("&seller={}", stage.seller.account);
    let order = |numbers: &[usize]| numbers.iter().map(|n| ids[*n].clone()).collect::<Vec<_>>();
    for (filter, cheapest_first) in
        [("", vec![2, 0, 1, 4, 3]), ("&category=bags", vec![2, 0, 4, 3]), ("&category=shoes", vec![])]
    {
        for seller in ["", &own] {
            for status in ["", "&status=active"] {
                let mut expected = order(&cheapest_first);
                for sort in ["price_asc", "price_desc"] {
                    let path = format!("/api/products?limit=2&sort={sort}{filter}{seller}{status}");
                    let (mut found, mut cursor) = (Vec::new(), String::new());
                    loop {
                        let page = stage.send(Ask::new("GET", &format!("{path}{cursor}"))).await;
                        assert_eq!((page.status.as_u16(), page.trips), (200, 1), "{path}: {}", page.text);
                        let items = page.body["items"].as_array().unwrap();
                        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
                        let Some(next) = page.body["nextCursor"].as_str() else { break };
                        cursor = format!("&cursor={next}");
                    }
                    assert_eq!(found, expected, "{path}");
                    expected.reverse();
                }
            }
        }
    }
    let page = stage.send(Ask::new("GET", "/api/products?limit=2&sort=price_asc")).await;
    let cursor = page.body["nextCursor"].as_str().unwrap();
    let other = format!("/api/products?limit=2&sort=price_desc&cursor={cursor}");
    assert_eq!(stage.send(Ask::new("GET", &other)).await.outcome(), (400, "invalid_cursor"));
    let sample = stage.send(Ask::event(include_str!("../../../events/products-list-by-price.json"))).await;
    assert_eq!((sample.status.as_u16(), &sample.body["items"][0]["id"]), (200, &json!(ids[2])));
}

#[tokio::test]
async fn a_product_that_was_read_lately_costs_no_round_trip_and_says_its_age() {
    let stage = Stage::start().await;
    let id = stage.listed("k", |_| {}).await;
    let path = format!("/api/products/{id}");
    let ask = || Ask::new("GET", &path);
    let first = stage.send(ask()).await;
    assert_eq!(
        (first.trips, first.header("age"), first.header("cache-control")),
        (1, Some("0"), Some("public, max-age=300"))
    );
    let again = stage.send(ask()).await;
    assert_eq!((again.status.as_u16(), again.trips, &again.text), (200, 0, &first.text));
    assert_eq!(again.header("etag"), first.header("etag"));
    let known = stage.send(ask().header("if-none-match", first.header("etag").unwrap())).await;
    assert_eq!((known.status.as_u16(), known.trips), (304, 0));

    let change = Ask::new("PUT", &path).by(&stage.seller).json(&json!({"priceDot": "3"}));
    assert_eq!(stage.send_elsewhere(change).await.status, 200);
    assert_eq!(stage.send(ask()).await.body["priceDot"], "2.5", "this instance has not heard of it");
    for (what, fresh) in [("a token", ask().by(&stage.buyer)), ("no-cache", ask().header("cache-control", "no-cache"))]
    {
        let fresh = stage.send(fresh).await;
        assert_eq!((fresh.trips, &fresh.body["priceDot"]), (1, &json!("3")), "{what}");
    }
    assert_eq!(stage.send(ask()).await.body["priceDot"], "3", "what was read is what is kept");
    let here = Ask::new("PUT", &path).by(&stage.seller).json(&json!({"priceDot": "4"}));
    stage.send(here).await;
    let changed = stage.send(ask()).await;
    assert_eq!((changed.trips, &changed.body["priceDot"]), (1, &json!("4")), "who changes it forgets it");
}

#[tokio::test]
async fn a_cursor_serves_its_own_list_only() {
    let stage = Stage::start().await;
    for n in 0..3 {
        stage.listed(&format!("k{n}"), |_| {}).await;
    }
    let page = stage.send(Ask::new("GET", "/api/products?limit=1")).await;
    let cursor = page.body["nextCursor"].as_str().unwrap();
    for path in [
        format!("/api/products?limit=1&category=bags&cursor={cursor}"),
        format!("/api/products?limit=1&cursor=A{cursor}"),
        "/api/products?cursor=".into(),
    ] {
        assert_eq!(stage.send(Ask::new("GET", &path)).await.outcome(), (400, "invalid_cursor"), "{path}");
    }
    let wrong = stage.send(Ask::new("GET", "/api/products?limit=0&status=gone&seller=me&sort=price&by=me")).await;
    assert_eq!(wrong.outcome(), (400, "validation_failed"));
    let mut fields = wrong.fields();
    fields.sort_unstable();
    assert_eq!(fields, ["by", "limit", "seller", "sort", "status"]);
}

#[tokio::test]
async fn a_product_that_a_cache_still_has_is_not_sent_again() {
    let stage = Stage::start().await;
    let id = stage.listed("k", |_| {}).await;
    let path = format!("/api/products/{id}");
    let first = stage.send(Ask::new("GET", &path)).await;
    assert_eq!(first.header("cache-control"), Some("public, max-age=300"));
    let tag = first.header("etag").unwrap().to_owned();
    let again = stage.send(Ask::new("GET", &path).header("if-none-match", &tag)).await;
    assert_eq!((again.status.as_u16(), again.text.as_str(), again.header("etag")), (304, "", Some(tag.as_str())));
    stage.send(Ask::new("PUT", &path).by(&stage.seller).json(&json!({"title": "New"}))).await;
    let changed = stage.send(Ask::new("GET", &path).header("if-none-match", &tag)).await;
    assert_eq!((changed.status.as_u16(), &changed.body["title"]), (200, &json!("New")));
    for id in ["0193a1f0-0000-7000-8000-0000000000ff", "nonsense"] {
        assert_eq!(
            stage.send(Ask::new("GET", &format!("/api/products/{id}"))).await.outcome(),
            (404, "not_found"),
            "{id}"
        );
    }
}
