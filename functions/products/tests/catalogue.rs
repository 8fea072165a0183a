//! Listing, changing and taking off products, through the router and over a database in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{Account, ProductId, Timestamp, user::Role};
use descrow_store::Profile;
use descrow_web::testing::{Ask, Person};
use sandbox::{Behaviour, Operation, Rule};
use serde_json::{Value, json};
use stage::{Stage, bag};

fn post(stage: &Stage, key: &str, body: &Value) -> Ask {
    Ask::new("POST", "/api/products").by(&stage.seller).key(key).json(body)
}

#[tokio::test]
async fn a_listed_product_is_published_with_metadata_that_anybody_can_verify() {
    let stage = Stage::start().await;
    let event = include_str!("../../../events/products-create.json");
    let answer = stage.send(Ask::event(event).by(&stage.seller)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (201, 2), "{}", answer.text);
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/api/products/{id}").as_str()));
    let metadata = stage.content(answer.body["metadataCid"].as_str().unwrap()).await;
    let expected = format!(
        "{{\"category\":\"bags\",\"description\":\"Hand sewn, 40 by 30 cm.\",\"images\":[],\"priceDot\":\"2.5\",\
         \"priceUsd\":\"10.50\",\"product\":\"{id}\",\"seller\":\"{}\",\"title\":\"Kitenge bag\",\"version\":1}}",
        stage.seller.account
    );
    assert_eq!(String::from_utf8(metadata).unwrap(), expected);
    let shown = json!({
        "id": id, "seller": stage.seller.account.to_string(), "title": "Kitenge bag",
        "description": "Hand sewn, 40 by 30 cm.", "category": "bags", "priceDot": "2.5", "priceUsd": "10.50", "images": [],
        "metadataCid": answer.body["metadataCid"], "quantity": 3, "status": "active",
        "createdAt": answer.body["createdAt"], "updatedAt": answer.body["createdAt"], "version": 1,
    });
    assert_eq!(answer.body, shown);
    let read = stage.send(Ask::new("GET", &format!("/api/products/{id}"))).await;
    assert_eq!((read.status.as_u16(), read.trips, &read.body), (200, 1, &shown));
}

#[tokio::test]
async fn a_price_in_dot_alone_gets_its_dollars_from_the_rate() {
    let stage = Stage::start().await;
    let answer = stage.send(post(&stage, "k", &bag())).await;
    assert_eq!(answer.body["priceUsd"], "10.50");
    let id = answer.body["id"].as_str().unwrap();
    let dearer = json!({"priceDot": "5"});
    let changed = stage.send(Ask::new("PUT", &format!("/api/products/{id}")).by(&stage.seller).json(&dearer)).await;
    assert_eq!((&changed.body["priceDot"], &changed.body["priceUsd"]), (&json!("5"), &json!("21.00")));
}

#[tokio::test]
async fn a_seller_whom_nobody_could_pay_lists_nothing_until_there_is_a_phone() {
    let stage = Stage::start().await;
    let store = &stage.bench.database.store;
    let with_phone = |phone: Option<&str>| Profile { phone: phone.map(|p| p.parse().unwrap()), ..Profile::default() };
    let listed = stage.send(post(&stage, "before", &bag())).await;
    store.users().set_profile(&stage.seller.account, &with_phone(None), Timestamp::now()).await.unwrap();
    let refused = stage.send(post(&stage, "k", &bag())).await;
    assert_eq!((refused.outcome(), refused.trips), ((409, "phone_number_required"), 1));
    assert_eq!(refused.body["message"], "Add a phone number to your profile: buyers' payments are sent to it.");
    assert_eq!(stage.pins().await, 1, "nothing was published for the one that was refused");
    let again = stage.send(post(&stage, "before", &bag())).await;
    assert_eq!(
        (again.status.as_u16(), &again.text),
        (201, &listed.text),
        "what is listed already is answered the same"
    );

    let phone = with_phone(Some("254708374149"));
    store.users().set_profile(&stage.seller.account, &phone, Timestamp::now()).await.unwrap();
    let now = stage.send(post(&stage, "k", &bag())).await;
    assert_eq!((now.status.as_u16(), now.trips), (201, 2), "the refusal did not use up the key: {}", now.text);
}

#[tokio::test]
async fn the_same_request_twice_lists_one_product_and_answers_the_same() {
    let stage = Stage::start().await;
    let first = stage.send(post(&stage, "k", &bag())).await;
    let again = stage.send(post(&stage, "k", &bag())).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(stage.pins().await, 1);
    let mut other = bag();
    other["title"] = json!("Another bag");
    assert_eq!(stage.send(post(&stage, "k", &other)).await.outcome(), (422, "idempotency_key_reused"));
    let list = stage.send(Ask::new("GET", "/api/products")).await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_equal_requests_at_once_one_lists_the_product() {
    let stage = Stage::start().await;
    let ask = post(&stage, "k", &bag());
    let (a, b) = tokio::join!(stage.send(ask.clone()), stage.send(ask));
    assert_eq!((a.status.as_u16(), &a.text), (201, &b.text), "{}", b.text);
    let list = stage.send(Ask::new("GET", "/api/products")).await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_field_that_breaks_a_rule_is_named() {
    let stage = Stage::start().await;
    let long = "x".repeat(5001);
    let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    let cases = [
        (json!({}), vec!["title", "category", "priceDot"]),
        (json!({"title": "", "category": "", "priceDot": ""}), vec!["title", "category", "priceDot"]),
        (json!({"title": 1, "category": [], "priceDot": 2.5}), vec!["title", "category", "priceDot"]),
        (
            json!({"title": "x".repeat(256), "category": "c".repeat(101), "description": long, "priceDot": "0"}),
            vec!["title", "description", "category", "priceDot"],
        ),
        (json!({"title": "t\u{0}", "category": "c", "priceDot": "1.123456789"}), vec!["title", "priceDot"]),
        (
            json!({"title": "t", "category": "c", "priceDot": "-1", "priceUsd": "0.00", "quantity": 0}),
            vec!["priceDot", "priceUsd", "quantity"],
        ),
        (
            json!({"title": "t", "category": "c", "priceDot": "12345678901", "priceUsd": "1.234", "quantity": 1_000_001}),
            vec!["priceDot", "priceUsd", "quantity"],
        ),
        (
            json!({"title": "t", "category": "c", "priceDot": "1", "images": [cid, "QmOld", "x"]}),
            vec!["images[1]", "images[2]"],
        ),
        (json!({"title": "t", "category": "c", "priceDot": "1", "images": vec![cid; 11]}), vec!["images"]),
        (json!({"title": "t", "category": "c", "priceDot": "1", "seller": "me", "id": "1"}), vec!["id", "seller"]),
    ];
    for (body, expected) in cases {
        let answer = stage.send(post(&stage, "k", &body)).await;
        assert_eq!(answer.outcome(), (400, "validation_failed"), "{body}");
        let mut named = answer.fields();
        if body.get("seller").is_some() {
            named.sort_unstable();
        }
        assert_eq!(named, expected, "{body}");
    }
    let id = stage.listed("k", |_| {}).await;
    let wrong = json!({"title": "", "priceDot": "0", "quantity": -1, "status": "sold", "sellerId": "me"});
    let answer = stage.send(Ask::new("PUT", &format!("/api/products/{id}")).by(&stage.seller).json(&wrong)).await;
    assert_eq!(answer.fields(), ["sellerId", "title", "priceDot", "quantity", "status"]);
    let keyless = stage.send(Ask::new("POST", "/api/products").by(&stage.seller).json(&bag())).await;
    assert_eq!((keyless.outcome(), keyless.fields()), ((400, "validation_failed"), vec!["Idempotency-Key"]));
}

#[tokio::test]
async fn every_field_may_be_as_long_as_the_schema_says_and_not_longer() {
    let stage = Stage::start().await;
    let cid = stage.picture(0).await;
    // Characters count, not bytes: these have three each.
    let cases = [
        ("title", json!("\u{20AC}".repeat(255)), json!("x".repeat(256))),
        ("title", json!("x"), json!("")),
        ("description", json!("\u{20AC}".repeat(5000)), json!("x".repeat(5001))),
        ("category", json!("\u{20AC}".repeat(100)), json!("x".repeat(101))),
        ("priceDot", json!("9999999999.99999999"), json!("10000000000")),
        ("priceDot", json!("0.00000001"), json!("0.000000001")),
        ("priceUsd", json!("99999999.99"), json!("100000000")),
        ("priceUsd", json!("0.01"), json!("0.001")),
        ("quantity", json!(1_000_000), json!(1_000_001)),
        ("quantity", json!(1), json!(0)),
        ("images", json!(vec![&cid; 10]), json!(vec![&cid; 11])),
    ];
    for (n, (field, good, bad)) in cases.into_iter().enumerate() {
        let with = |value: &Value| {
            let mut body = bag();
            body["priceUsd"] = json!("1");
            body[field] = value.clone();
            body
        };
        let taken = stage.send(post(&stage, &format!("good-{n}"), &with(&good))).await;
        assert_eq!(taken.status, 201, "{field} {good}: {}", taken.text);
        let refused = stage.send(post(&stage, &format!("bad-{n}"), &with(&bad))).await;
        assert_eq!((refused.outcome(), refused.fields()), ((400, "validation_failed"), vec![field]), "{bad}");
    }
}

#[tokio::test]
async fn a_price_in_dot_alone_must_be_one_in_dollars_too() {
    let stage = Stage::start().await;
    let (cheap, dear) = (
        "is less than a cent at the rate of the day: give priceUsd with it",
        "is more than 99999999.99 dollars at the rate of the day: give priceUsd with it",
    );
    // At 4.20 dollars for a DOT.
    for (n, (price, expected)) in [
        ("0.00119048", Ok("0.01")),
        ("0.00119047", Err(cheap)),
        ("0.00000001", Err(cheap)),
        ("23809523.80833333", Ok("99999999.99")),
        ("23809523.80833334", Err(dear)),
        ("9999999999.99999999", Err(dear)),
    ]
    .into_iter()
    .enumerate()
    {
        let listed = |key: &str, usd: Option<&str>| {
            let mut body = bag();
            body["priceDot"] = json!(price);
            body["priceUsd"] = json!(usd);
            stage.send(post(&stage, key, &body))
        };
        let alone = listed(&format!("alone-{n}"), None).await;
        match expected {
            Ok(usd) => assert_eq!((alone.status.as_u16(), &alone.body["priceUsd"]), (201, &json!(usd)), "{price}"),
            Err(message) => {
                assert_eq!(alone.outcome(), (400, "validation_failed"), "{price}");
                assert_eq!(alone.body["details"], json!([{"field": "priceDot", "message": message}]), "{price}");
            }
        }
        let both = listed(&format!("both-{n}"), Some("1.00")).await;
        assert_eq!((both.status.as_u16(), &both.body["priceUsd"]), (201, &json!("1.00")), "{price}");
    }
    let id = stage.listed("k", |_| {}).await;
    let ask = Ask::new("PUT", &format!("/api/products/{id}")).by(&stage.seller).json(&json!({"priceDot": "0.001"}));
    let changed = stage.send(ask).await;
    assert_eq!((changed.outcome(), changed.fields()), ((400, "validation_failed"), vec!["priceDot"]));
}

#[tokio::test]
async fn a_change_that_publishes_nothing_new_pins_nothing() {
    let stage = Stage::start().await;
    let id = stage.listed("k", |_| {}).await;
    let path = format!("/api/products/{id}");
    assert_eq!(stage.pins().await, 1);
    let restocked = stage.send(Ask::new("PUT", &path).by(&stage.seller).json(&json!({"quantity": 9}))).await;
    assert_eq!((restocked.status.as_u16(), &restocked.body["quantity"]), (200, &json!(9)));
    assert_eq!(stage.pins().await, 1);
    stage.send(Ask::new("PUT", &path).by(&stage.seller).json(&json!({"title": "New"}))).await;
    assert_eq!(stage.pins().await, 2);
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name_and_publishes_what_it_does() {
    let stage = Stage::start().await;
    let id = stage.listed("k", |_| {}).await;
    let path = format!("/api/products/{id}");
    let before = stage.send(Ask::new("GET", &path)).await.body;
    let body = json!({"title": "Large bag", "quantity": 0});
    let answer = stage.send(Ask::new("PUT", &path).by(&stage.seller).json(&body)).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (200, 2), "{}", answer.text);
    let mut expected = before.clone();
    for (field, value) in
        [("title", json!("Large bag")), ("quantity", json!(0)), ("status", json!("sold")), ("version", json!(2))]
    {
        expected[field] = value;
    }
    for field in ["metadataCid", "updatedAt"] {
        assert_ne!(answer.body[field], before[field], "{field}");
        expected[field] = answer.body[field].clone();
    }
    assert_eq!(answer.body, expected);
    let metadata: Value =
        serde_json::from_slice(&stage.content(answer.body["metadataCid"].as_str().unwrap()).await).unwrap();
    assert_eq!(metadata["title"], "Large bag");
    let back = stage.send(Ask::new("PUT", &path).by(&stage.seller).json(&json!({"quantity": 1}))).await;
    assert_eq!(back.body["status"], "active");
    let event =
        include_str!("../../../events/products-update.json").replace("0193a1f0-0000-7000-8000-0000000000b1", &id);
    let event = stage.send(Ask::event(&event).by(&stage.seller)).await;
    assert_eq!((event.status.as_u16(), &event.body["title"]), (200, &json!("Kitenge bag, large")));
}

#[tokio::test]
async fn a_product_taken_off_stays_for_its_orders_and_leaves_the_catalogue() {
    let stage = Stage::start().await;
    let id = stage.listed("k", |_| {}).await;
    let event =
        include_str!("../../../events/products-delete.json").replace("0193a1f0-0000-7000-8000-0000000000b1", &id);
    let first = stage.send(Ask::event(&event).by(&stage.seller)).await;
    assert_eq!((first.status.as_u16(), first.trips), (204, 2), "{}", first.text);
    let again = stage.send(Ask::event(&event).by(&stage.seller)).await;
    assert_eq!((again.status.as_u16(), again.trips), (204, 1));
    let read = stage.send(Ask::new("GET", &format!("/api/products/{id}"))).await;
    assert_eq!((&read.body["status"], &read.body["version"]), (&json!("inactive"), &json!(2)));
    let list = stage.send(Ask::event(include_str!("../../../events/products-list.json"))).await;
    assert_eq!((list.status.as_u16(), &list.body), (200, &json!({"items": [], "nextCursor": null})));
}

#[tokio::test]
async fn only_its_seller_changes_a_product() {
    let stage = Stage::start().await;
    let id = stage.listed("k", |_| {}).await;
    let path = format!("/api/products/{id}");
    let stranger = stage.bench.person(3, Role::Seller).await;
    let old = Timestamp::now().plus_seconds(-3600);
    let expired = Person {
        token: stage.bench.token(stage.seller.account, stage.seller.family, Role::Seller, old),
        ..stage.seller.clone()
    };
    let gone = stage.bench.person(4, Role::Seller).await;
    stage.bench.database.store.sessions().revoke_family(gone.family).await.unwrap();
    let body = json!({"title": "Mine now"});
    let cases = [
        (None, (401, "missing_token"), (401, "missing_token")),
        (Some(&expired), (401, "token_expired"), (401, "token_expired")),
        (Some(&gone), (401, "session_revoked"), (401, "session_revoked")),
        (Some(&stage.buyer), (403, "wrong_role"), (403, "wrong_role")),
        (Some(&stranger), (404, "not_found"), (201, "")),
    ];
    for (who, own, new) in cases {
        let by = |ask: Ask| who.map_or(ask.clone(), |person| ask.by(person));
        assert_eq!(stage.send(by(Ask::new("PUT", &path).json(&body))).await.outcome(), own, "PUT {who:?}");
        assert_eq!(stage.send(by(Ask::new("DELETE", &path))).await.outcome(), own, "DELETE {who:?}");
        let create = by(Ask::new("POST", "/api/products").key("k").json(&bag()));
        assert_eq!(stage.send(create).await.outcome(), new, "POST {who:?}");
    }
    let read = stage.send(Ask::new("GET", &path)).await;
    assert_eq!((&read.body["title"], &read.body["version"]), (&json!("Kitenge bag"), &json!(1)));
}

#[tokio::test]
async fn nothing_is_listed_that_could_not_be_published() {
    let stage = Stage::start().await;
    stage.world.misbehave(Rule::once(Behaviour::WrongCid).on(Operation::Pin));
    let lied = stage.send(post(&stage, "k", &bag())).await;
    assert_eq!(lied.outcome(), (502, "content_service_error"));
    assert!(!lied.text.contains("CID"), "{}", lied.text);
    let list = stage.send(Ask::new("GET", "/api/products")).await;
    assert_eq!(list.body["items"], json!([]));
    // The key was not used up.
    assert_eq!(stage.send(post(&stage, "k", &bag())).await.status, 201);
}

#[tokio::test]
async fn an_order_that_takes_a_piece_meanwhile_is_not_overwritten() {
    let stage = Stage::start().await;
    let id: ProductId = stage.listed("k", |_| {}).await.parse().unwrap();
    let store = &stage.bench.database.store;
    let mut sold = store.products().get(id).await.unwrap().unwrap();
    assert_eq!(sold.seller_id, Account::from_bytes([1; 32]));
    // The seller's request has read the product; while its metadata is pinned, at the second attempt, a piece is sold.
    stage.world.misbehave(Rule::once(Behaviour::Hang { ms: 600 }).on(Operation::Pin));
    let path = format!("/api/products/{id}");
    let change = stage.send(Ask::new("PUT", &path).by(&stage.seller).json(&json!({"title": "New"})));
    let sale = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        (sold.quantity, sold.version) = (2, 2);
        store.products().replace(&sold).await.unwrap()
    };
    let (answer, _sold) = tokio::join!(change, sale);
    assert_eq!(answer.outcome(), (409, "version_conflict"));
    let kept = store.products().get(id).await.unwrap().unwrap();
    assert_eq!((kept.quantity, kept.title.as_str()), (2, "Kitenge bag"));
}
