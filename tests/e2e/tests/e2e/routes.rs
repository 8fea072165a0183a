//! Every operation of the OpenAPI document, asked by nobody, by somebody whose time is over, in a wrong role, and by a
//! stranger. What each is to be answered follows from the document; a route that it says nothing of fails the test.

use e2e::{Fault, Outcome, lab::Lab, token::an_hour_old};
use reqwest::Method;
use serde_json::{Value, json};
use stack_client::{api::Call, session::Session, socket::text};
use uuid::Uuid;

use crate::CALM;

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    /// Roles that may call it; none where a token is not needed.
    roles: Vec<String>,
    secured: bool,
    query: String,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

impl Operation {
    /// Every operation, as the stack documents itself.
    async fn all(lab: &Lab) -> Outcome<Vec<Self>> {
        let document = lab.api.get("/openapi.json").send().await?;
        let paths = document.get("paths").and_then(Value::as_object).ok_or("no paths")?;
        let mut operations = Vec::new();
        for (path, item) in paths {
            for (method, operation) in item.as_object().into_iter().flatten() {
                operations.push(Self::read(method, path, operation)?);
            }
        }
        Ok(operations)
    }

    fn read(method: &str, path: &str, operation: &Value) -> Outcome<Self> {
        let security = operation.get("security").and_then(Value::as_array).ok_or("an operation without security")?;
        let roles = operation.get("x-descrow-roles").and_then(Value::as_array).into_iter().flatten();
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
            let example = parameter.get("example").map_or_else(String::new, |example| {
                example.as_str().map_or_else(|| example.to_string(), ToOwned::to_owned)
            });
            // A cursor that was made up, or an old key, would be refused for itself.
            match (text(parameter, "/in"), text(parameter, "/name")) {
                ("query", name) if name != "cursor" => query.push(format!("{name}={example}")),
                ("header", "Idempotency-Key") => headers.push(("Idempotency-Key".into(), Uuid::new_v4().to_string())),
                _ => {}
            }
        }
        Ok(Self {
            method: method.to_uppercase().parse()?,
            path: path.to_owned(),
            roles: roles.filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            secured: !security.is_empty() && !security.contains(&json!({})),
            query: query.join("&"),
            headers,
            body: operation.pointer("/requestBody/content/application~1json/example").cloned(),
        })
    }

    /// The request of the documented examples, with `id` for the path's own.
    fn call(&self, lab: &Lab, id: &str) -> Call {
        let path = self.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        let path = format!("{}?{}", path.collect::<Vec<_>>().join("/"), self.query);
        let mut call = lab.api.call(self.method.clone(), path.trim_end_matches('?'));
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        match &self.body {
            Some(body) => call.json(body),
            None => call,
        }
    }

    async fn answer(&self, lab: &Lab, id: &str, token: Option<&str>) -> Outcome<(u16, String)> {
        let call = self.call(lab, id);
        let call = if let Some(token) = token { call.token(token) } else { call };
        let (status, body) = call.answer().await?;
        Ok((status.as_u16(), text(&body, "/code").to_owned()))
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn every_route_refuses_who_has_no_token_an_old_one_or_a_wrong_role() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let (buyer, seller, admin) = tokio::try_join!(lab.user("buyer"), lab.user("seller"), lab.admin("admin"))?;
    let tokens = [("buyer", buyer.session.token()), ("seller", seller.session.token()), ("admin", admin.token())];
    let configuration = lab.aws.configuration(lab.stack.functions.get("auth").ok_or("no auth")?).await?;
    let expired = an_hour_old(buyer.session.token(), text(&configuration, "/Environment/Variables/JWT_SECRET"))?;
    let operations = Operation::all(&lab).await?;
    assert!(operations.len() >= 25, "{} operations", operations.len());
    let nowhere = Uuid::now_v7().to_string();
    for operation in operations {
        let name = operation.name();
        let answer = operation.answer(&lab, &nowhere, None).await?;
        if !operation.secured {
            assert!(operation.roles.is_empty(), "{name} has roles and needs no token");
            assert_ne!(answer.1, "missing_token", "{name}");
            continue;
        }
        assert!(!operation.roles.is_empty(), "{name} needs a token, and the document does not say whose");
        assert_eq!(answer, refused(401, "missing_token"), "{name} without a token");
        assert_eq!(operation.answer(&lab, &nowhere, Some(&expired)).await?, refused(401, "token_expired"), "{name}");
        let garbled = format!("{}x", buyer.session.token());
        assert_eq!(operation.answer(&lab, &nowhere, Some(&garbled)).await?, refused(401, "invalid_token"), "{name}");
        for (role, token) in tokens.iter().filter(|(role, _)| !operation.roles.iter().any(|allowed| allowed == role)) {
            let answer = operation.answer(&lab, &nowhere, Some(token)).await?;
            assert_eq!(answer, refused(403, "wrong_role"), "{name} as {role}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn to_a_stranger_what_is_somebody_else_s_is_not_there() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let order = trade.buyer.session.see_order(&trade.order).await?;
    let notification = notified(&trade.seller.session).await?;
    let owned = [
        ("/api/orders/{id}", trade.order.as_str()),
        ("/api/products/{id}", text(&order, "/productId")),
        ("/api/notifications/{id}", notification.as_str()),
    ];
    let (buyer, seller) = tokio::try_join!(lab.user("buyer"), lab.user("seller"))?;
    for operation in Operation::all(&lab).await? {
        let name = operation.name();
        // What is public is there for everybody, and admins are no strangers anywhere.
        if !operation.path.contains('{') || !operation.secured || operation.roles == ["admin"] {
            continue;
        }
        let id = owned.iter().find(|(prefix, _)| operation.path.starts_with(prefix));
        let Some((_, id)) = id else {
            return Err(format!("{name}: add an id of somebody else's to this test").into());
        };
        let strangers = [("buyer", &buyer.session), ("seller", &seller.session)];
        let allowed = strangers.iter().filter(|(role, _)| operation.roles.iter().any(|allowed| allowed == role));
        for (role, stranger) in allowed {
            let there = operation.answer(&lab, id, Some(stranger.token())).await?;
            assert_eq!(there, refused(404, "not_found"), "{name} as another {role}");
            let nowhere = operation.answer(&lab, &Uuid::now_v7().to_string(), Some(stranger.token())).await?;
            assert_eq!(there, nowhere, "{name}: a stranger sees that it is there");
        }
    }
    assert_eq!(trade.status().await?, "created");
    Ok(())
}

/// The id of a notification of `user`'s, once there is one.
async fn notified(user: &Session) -> Outcome<String> {
    let begun = std::time::Instant::now();
    while begun.elapsed() < e2e::lab::PATIENCE {
        let list = user.get("/api/notifications").send().await?;
        if let Some(id) = list.pointer("/items/0/id").and_then(Value::as_str) {
            return Ok(id.to_owned());
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Err(Fault::from("the seller was not told of the order"))
}
