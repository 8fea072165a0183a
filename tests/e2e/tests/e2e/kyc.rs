//! KYC documents, from a client's disk into the private bucket and to the profile.

use e2e::{Outcome, lab::Lab};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stack_client::{session::Session, socket::text};

use crate::CALM;

/// What one upload may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

const PASSPORT: &[u8] = b"\xff\xd8\xff\xe0 a passport";
const SELFIE: &[u8] = b"\x89PNG\r\n\x1a\n a selfie";

async fn begin(session: &Session) -> Outcome<Value> {
    let document = |kind, content_type, content: &[u8]| {
        let sha256 = hex::encode(Sha256::digest(content));
        json!({ "kind": kind, "contentType": content_type, "size": content.len(), "sha256": sha256 })
    };
    let documents = [document("passport", "image/jpeg", PASSPORT), document("selfie", "image/png", SELFIE)];
    Ok(session.post("/api/auth/kyc/uploads", &json!({ "documents": documents })).send().await?)
}

/// Uploads as any HTTP client does; `changed` replaces a header of the permission.
async fn put(began: &Value, kind: &str, content: &[u8], changed: Option<(&str, &str)>) -> Outcome<u16> {
    let uploads = began.get("uploads").and_then(Value::as_array).ok_or("no uploads")?;
    let upload = uploads.iter().find(|upload| text(upload, "/kind") == kind).ok_or("no such upload")?;
    let http = descrow_platform::http_client::build(PATIENCE)?;
    let mut request = http.put(text(upload, "/url")).body(content.to_owned());
    for (name, value) in upload.get("headers").and_then(Value::as_object).ok_or("no headers")? {
        let value = value.as_str().ok_or("a header is no text")?;
        let value = changed.filter(|(changed, _)| changed == name).map_or(value, |(_, value)| value);
        request = request.header(name, value);
    }
    Ok(request.send().await?.status().as_u16())
}

async fn submit(session: &Session, submission: &str) -> Outcome<(u16, Value)> {
    let body = json!({ "submissionId": submission, "fullName": "Amina Wanjiru" });
    let (status, answer) = session.post("/api/auth/kyc", &body).answer().await?;
    Ok((status.as_u16(), answer))
}

/// Uploads both documents and hands them in; gives the submission's id.
pub(crate) async fn hand_in(session: &Session) -> Outcome<String> {
    let began = begin(session).await?;
    for (kind, content) in [("passport", PASSPORT), ("selfie", SELFIE)] {
        assert_eq!(put(&began, kind, content, None).await?, 200, "{kind}");
    }
    let submission = text(&began, "/submissionId").to_owned();
    let (status, answer) = submit(session, &submission).await?;
    assert_eq!(status, 200, "{answer}");
    Ok(submission)
}

#[tokio::test]
async fn documents_are_uploaded_by_url_and_handed_in_once() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let (user, stranger) = tokio::try_join!(lab.user("seller"), lab.user("buyer"))?;
    let session = &user.session;
    let began = begin(session).await?;
    let id = text(&began, "/submissionId");

    let (status, early) = submit(session, id).await?;
    assert_eq!((status, text(&early, "/code")), (409, "kyc_documents"), "{early}");
    let missing = json!([{ "field": "passport", "message": "is not uploaded" },
        { "field": "selfie", "message": "is not uploaded" }]);
    assert_eq!(early.get("details"), Some(&missing));

    // The bucket itself refuses what was not promised.
    let mut bent = PASSPORT.to_vec();
    bent.reverse();
    for (content, changed) in [(&PASSPORT[1..], None), (&bent, None), (PASSPORT, Some(("content-type", "text/html")))] {
        let refused = put(&began, "passport", content, changed).await?;
        assert!((400..500).contains(&refused), "{refused}");
    }
    for (kind, content) in [("passport", PASSPORT), ("selfie", SELFIE)] {
        assert_eq!(put(&began, kind, content, None).await?, 200, "{kind}");
    }
    let upload = began.pointer("/uploads/0").ok_or("no upload")?;
    let bare = text(upload, "/url").split('?').next().unwrap_or_default();
    let http = descrow_platform::http_client::build(PATIENCE)?;
    assert_eq!(http.get(bare).send().await?.status(), 403, "nobody reads it without a signature");
    assert!(!bare.contains("Amina"), "{bare}");

    let (status, theirs) = submit(&stranger.session, id).await?;
    assert_eq!((status, text(&theirs, "/code")), (404, "not_found"));
    let (status, profile) = submit(session, id).await?;
    assert_eq!((status, text(&profile, "/kycStatus")), (200, "submitted"), "{profile}");
    let read = session.get("/api/auth/profile").send().await?;
    assert_eq!(read, profile);
    assert_eq!(text(&read, "/kyc/submissionId"), id);
    assert!(read.pointer("/kyc/reason").is_some_and(Value::is_null));

    let (status, outdated) = submit(session, id).await?;
    assert_eq!((status, text(&outdated, "/code")), (401, "session_outdated"));
    Ok(())
}
