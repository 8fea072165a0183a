//! Signature version 4, as S3 wants it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningError,
        SigningSettings, UriPathNormalizationMode,
    },
    sign::v4,
};

/// The request cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("not signable")]
pub struct Unsignable(#[source] Box<dyn std::error::Error + Send + Sync>);

impl From<SigningError> for Unsignable {
    fn from(error: SigningError) -> Self {
        Self(Box::new(error))
    }
}

impl From<http::Error> for Unsignable {
    fn from(error: http::Error) -> Self {
        Self(Box::new(error))
    }
}

/// Where the signature stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Placement {
    /// In the headers of a request without a body.
    Headers,
    /// In the URL, for whoever holds it within this time; the body is not covered.
    Query(Duration),
}

/// A request with `headers` and its signature.
///
/// # Errors
/// [`Unsignable`]
pub(super) fn sign(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    credentials: &Credentials,
    region: &str,
    placement: Placement,
    now: SystemTime,
) -> Result<http::Request<()>, Unsignable> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let body = match placement {
        Placement::Headers => {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            SignableBody::Bytes(&[])
        }
        Placement::Query(lifetime) => {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(lifetime);
            SignableBody::UnsignedPayload
        }
    };
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| Unsignable(Box::new(error)))?
        .into();
    let signable = SignableRequest::new(method, url, headers.iter().copied(), body)?;
    let (instructions, _) = aws_sigv4::http_request::sign(signable, &parameters)?.into_parts();
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret and the day of every example in "Authenticating Requests" of the S3 API reference.
    fn example(method: &str, url: &str, headers: &[(&str, &str)], placement: Placement) -> http::Request<()> {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, None, None, "example");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        sign(method, url, headers, &credentials, "us-east-1", placement, now).unwrap()
    }

    #[test]
    fn a_presigned_url_is_that_of_the_s3_reference() {
        let request = example(
            "GET",
            "https://examplebucket.s3.amazonaws.com/test.txt",
            &[],
            Placement::Query(Duration::from_secs(86400)),
        );
        assert_eq!(
            request.uri().to_string(),
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn signed_headers_are_those_of_the_s3_reference() {
        let url = "https://examplebucket.s3.amazonaws.com/test.txt";
        let request = example("GET", url, &[("range", "bytes=0-9")], Placement::Headers);
        assert_eq!(
            request.headers()["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert_eq!(request.headers()["range"], "bytes=0-9");
    }
}
