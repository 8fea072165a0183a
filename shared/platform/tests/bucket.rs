//! The bucket's client against a bucket on loopback that checks what S3 checks.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::{Duration, SystemTime};

use descrow_platform::{
    Deadline,
    bucket::{BucketError, ObjectKey, PresignedUpload, StoredObject, Upload, testing::TestBucket},
};
use sha2::{Digest, Sha256};

const CONTENT: &[u8] = b"\xff\xd8\xff and so on";

fn promise() -> Upload {
    Upload {
        content_type: "image/jpeg".into(),
        size: CONTENT.len().try_into().unwrap(),
        sha256: Sha256::digest(CONTENT).into(),
    }
}

fn key() -> ObjectKey {
    "kyc/5Grw/0192/passport".parse().unwrap()
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

async fn put(upload: &PresignedUpload, content: &[u8], changed: Option<(&'static str, &str)>) -> u16 {
    let http = descrow_platform::http_client::build(Duration::from_secs(5)).unwrap();
    let mut request = http.put(&upload.url).body(content.to_owned());
    for (name, value) in &upload.headers {
        let value = changed.filter(|(changed, _)| changed == name).map_or(value.as_str(), |(_, value)| value);
        request = request.header(*name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn what_was_promised_is_taken_seen_read_and_removed() {
    let stand_in = TestBucket::start();
    let bucket = &stand_in.bucket;
    assert_eq!(bucket.head(&key(), soon()).await.unwrap(), None);
    assert_eq!(bucket.get(&key(), 100, soon()).await.unwrap(), None);
    let now = SystemTime::now();
    let upload = bucket.presign_put(&key(), &promise(), now).await.unwrap();
    assert_eq!(upload.expires_at, now + Duration::from_secs(900));
    assert_eq!(put(&upload, CONTENT, None).await, 200);
    let stored = bucket.head(&key(), soon()).await.unwrap().unwrap();
    assert!(stored.keeps(&promise()));
    assert_eq!(bucket.get(&key(), CONTENT.len(), soon()).await.unwrap().as_deref(), Some(CONTENT));
    assert_eq!(bucket.start_of(&key(), 3, soon()).await.unwrap().as_deref(), Some(&CONTENT[..3]));
    assert_eq!(bucket.start_of(&key(), 1000, soon()).await.unwrap().as_deref(), Some(CONTENT));
    let url = bucket.presign_get(&key(), now).await.unwrap();
    let http = descrow_platform::http_client::build(Duration::from_secs(5)).unwrap();
    assert_eq!(http.get(&url).send().await.unwrap().bytes().await.unwrap(), CONTENT);
    let other = url.replace("passport", "selfie");
    assert_eq!(http.get(&other).send().await.unwrap().status(), 403, "signed for one key");
    let copy: ObjectKey = "kept/5Grw/passport".parse().unwrap();
    assert!(bucket.copy(&key(), &copy, soon()).await.unwrap());
    assert_eq!(stand_in.objects()[copy.as_str()], stand_in.objects()[key().as_str()]);
    assert!(bucket.head(&copy, soon()).await.unwrap().unwrap().keeps(&promise()));
    bucket.delete(&copy, soon()).await.unwrap();
    assert!(!bucket.copy(&copy, &key(), soon()).await.unwrap(), "there is nothing to copy");
    let refused = bucket.get(&key(), CONTENT.len() - 1, soon()).await;
    assert!(matches!(refused, Err(BucketError::TooLarge { limit }) if limit == CONTENT.len() - 1));
    for _ in 0..2 {
        bucket.delete(&key(), soon()).await.unwrap();
        assert!(stand_in.objects().is_empty());
    }
}

#[tokio::test]
async fn nothing_but_what_was_promised_is_taken() {
    let stand_in = TestBucket::start();
    let upload = stand_in.bucket.presign_put(&key(), &promise(), SystemTime::now()).await.unwrap();
    let mut other = CONTENT.to_vec();
    other.reverse();
    assert_eq!(put(&upload, &CONTENT[1..], None).await, 403, "another size");
    assert_eq!(put(&upload, &other, None).await, 400, "another content");
    assert_eq!(put(&upload, CONTENT, Some(("content-type", "text/html"))).await, 403, "another type");
    let hash = aws_smithy_types::base64::encode(Sha256::digest(&other));
    assert_eq!(put(&upload, &other, Some(("x-amz-checksum-sha256", &hash))).await, 403, "another checksum");
    let elsewhere = PresignedUpload { url: upload.url.replace("passport", "selfie"), ..upload };
    assert_eq!(put(&elsewhere, CONTENT, None).await, 403, "another key");
    let old = SystemTime::now() - Duration::from_secs(901);
    let late = stand_in.bucket.presign_put(&key(), &promise(), old).await.unwrap();
    assert_eq!(put(&late, CONTENT, None).await, 403, "too late");
    assert!(stand_in.objects().is_empty());
}

#[test]
fn an_object_without_a_known_hash_keeps_no_promise() {
    let stored = |sha256| StoredObject { content_type: "image/jpeg".into(), size: promise().size, sha256 };
    assert!(stored(Some(promise().sha256)).keeps(&promise()));
    assert!(!stored(Some([0; 32])).keeps(&promise()));
    assert!(!stored(None).keeps(&promise()));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_a_temporary_error_without_a_url() {
    let config = descrow_platform::aws::sdk_config()
        .into_builder()
        .endpoint_url("http://127.0.0.1:9")
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            aws_credential_types::Credentials::new("a", "b", None, None, "test"),
        ))
        .build();
    let http = descrow_platform::http_client::build(Duration::from_secs(2)).unwrap();
    let bucket = descrow_platform::bucket::Bucket::new(&config, http, "bucket");
    let error = bucket.head(&key(), soon()).await.unwrap_err();
    assert!(error.is_temporary());
    assert!(!format!("{error:?}").contains("5Grw"), "{error:?}");
}
