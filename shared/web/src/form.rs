//! Bodies in `multipart/form-data`: small files, as many as a Lambda event holds.

use axum::body::{Body, Bytes};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use multer::Multipart;
use sha2::{Digest, Sha256};

use crate::{ApiError, Code};

/// The most bytes that the parts of a form may have together: a Lambda event takes 6 MB, of which base64 takes a third.
pub const FORM_LIMIT: usize = 4 * 1024 * 1024;
/// What a form may have besides: boundaries and part headers.
const FRAMING: usize = 64 * 1024;

/// One part of a form.
#[derive(Clone, Debug)]
pub struct Part {
    /// The field's name; empty where it has none.
    pub name: String,
    /// The content.
    pub bytes: Bytes,
}

/// The parts of a form in their order, not more than `most` and one.
///
/// # Errors
/// 415 where it is no form, 413 where its parts have more than [`FORM_LIMIT`] bytes, 400 where it is cut off.
pub async fn parts(headers: &HeaderMap, body: Body, most: usize) -> Result<Vec<Part>, ApiError> {
    let boundary = boundary(headers)
        .ok_or_else(|| ApiError::new(Code::UnsupportedMediaType, "Send multipart/form-data with a boundary."))?;
    let bytes = Limited::new(body, FORM_LIMIT + FRAMING).collect().await.map_err(|_| too_large())?.to_bytes();
    let mut form = open(bytes, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|_| malformed())? {
        let name = field.name().unwrap_or_default().to_owned();
        parts.push(Part { name, bytes: field.bytes().await.map_err(|_| malformed())? });
        if parts.len() > most {
            break;
        }
    }
    if parts.iter().map(|part| part.bytes.len()).sum::<usize>() > FORM_LIMIT {
        return Err(too_large());
    }
    Ok(parts)
}

/// The SHA-256 of what a form says, which is the same whatever boundary its client made up for this try of it: a browser makes
/// one for each. `None` where the body is no form, or not a whole one.
pub(crate) async fn digest(headers: &HeaderMap, body: Bytes) -> Option<[u8; 32]> {
    let mut form = open(body, boundary(headers)?);
    let mut whole = Sha256::new_with_prefix(b"multipart/form-data\0");
    while let Some(mut field) = form.next_field().await.ok()? {
        let texts = [field.name(), field.file_name(), field.content_type().map(AsRef::as_ref)];
        for text in texts {
            // One that is not there is not an empty one; and none can pass for two of them.
            whole.update([u8::from(text.is_some())]);
            whole.update(text.unwrap_or_default().len().to_be_bytes());
            whole.update(text.unwrap_or_default());
        }
        let mut bytes = Sha256::new();
        while let Some(chunk) = field.chunk().await.ok()? {
            bytes.update(chunk);
        }
        whole.update(bytes.finalize());
    }
    Some(whole.finalize().into())
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok())?;
    multer::parse_boundary(kind).ok()
}

fn open(bytes: Bytes, boundary: String) -> Multipart<'static> {
    let whole = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(bytes)));
    Multipart::new(whole, boundary)
}

fn malformed() -> ApiError {
    ApiError::field("body", "is not a complete multipart form")
}

fn too_large() -> ApiError {
    ApiError::new(Code::BodyTooLarge, "The parts of a form have at most 4194304 bytes together.")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    type Written<'a> = (&'a str, Option<&'a str>, Option<&'a str>, &'a [u8]);

    fn write(boundary: &str, parts: &[Written<'_>]) -> (HeaderMap, Bytes) {
        let mut body = Vec::new();
        for (name, file, kind, bytes) in parts {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            let kind = kind.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
            let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n{kind}\r\n");
            body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
        }
        body.extend(format!("--{boundary}--\r\n").into_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}").parse().unwrap());
        (headers, body.into())
    }

    fn digest_of((headers, body): (HeaderMap, Bytes)) -> Option<[u8; 32]> {
        digest(&headers, body).now_or_never().unwrap()
    }

    #[test]
    fn forms_that_differ_in_anything_but_the_boundary_have_different_digests() {
        let png = Some("image/png");
        let forms: [&[Written<'_>]; 11] = [
            &[],
            &[("file", None, None, b"a")],
            &[("file", None, None, b"b")],
            &[("file", None, None, b"")],
            &[("fil", None, None, b"a")],
            &[("file", Some("a.png"), None, b"a")],
            &[("file", Some(""), None, b"a")],
            &[("file", None, png, b"a")],
            &[("file", Some("a.png"), png, b"a")],
            &[("file", None, None, b"a"), ("file", None, None, b"a")],
            &[("file", None, None, b"a"), ("text", None, None, b"")],
        ];
        let digests: std::collections::HashSet<_> = forms.map(|parts| digest_of(write("x", parts)).unwrap()).into();
        assert_eq!(digests.len(), forms.len());
        for parts in forms {
            assert_eq!(digest_of(write("x", parts)), digest_of(write("--another", parts)), "{parts:?}");
        }
        assert_ne!(
            digest_of(write("x", &[("a", None, None, b""), ("b", None, None, b"")])),
            digest_of(write("x", &[("b", None, None, b""), ("a", None, None, b"")])),
            "their order is part of it"
        );
    }

    #[test]
    fn what_is_no_whole_form_has_no_digest_of_its_own() {
        let (headers, body) = write("x", &[("file", None, None, b"a")]);
        assert_eq!(digest_of((headers.clone(), body.slice(..body.len() - 8))), None);
        assert_eq!(digest_of((headers, Bytes::new())), None);
        let mut json = HeaderMap::new();
        json.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        assert_eq!(digest_of((json, Bytes::from_static(b"{}"))), None);
    }

    proptest! {
        #[test]
        fn a_boundary_never_matters(one in "[A-Za-z0-9]{30,40}", other in "-{0,10}[A-Za-z0-9]{30,40}",
            content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let parts: [Written<'_>; 2] = [("reason", None, None, b"It broke."), ("file", Some("f"), Some("image/png"), &content)];
            let digest = digest_of(write(&one, &parts));
            prop_assert!(digest.is_some());
            prop_assert_eq!(digest, digest_of(write(&other, &parts)));
        }
    }
}
