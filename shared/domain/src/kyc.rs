//! What a user hands in so that an admin can check its identity. All of it is personal data: it is stored in the user's
//! row and in the private bucket, and goes nowhere else, neither into logs and URLs nor to IPFS or the chain.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{Account, Timestamp, image, text::Text};

/// The most bytes of one document.
pub const MAX_DOCUMENT_BYTES: u64 = 10 * 1024 * 1024;

/// What a document shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// The side of the national id with the picture.
    NationalIdFront,
    /// The other side of it.
    NationalIdBack,
    /// The passport's page with the picture.
    Passport,
    /// The user, as of now.
    Selfie,
    /// Where the user lives.
    ProofOfAddress,
}

impl DocumentKind {
    /// The names of every kind, as in the database and in the API.
    pub const NAMES: [&'static str; 5] =
        ["national_id_front", "national_id_back", "passport", "selfie", "proof_of_address"];

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NationalIdFront => "national_id_front",
            Self::NationalIdBack => "national_id_back",
            Self::Passport => "passport",
            Self::Selfie => "selfie",
            Self::ProofOfAddress => "proof_of_address",
        }
    }
}

/// Why documents do not make a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocuments {
    /// Nothing proves the name.
    #[error("must have a passport, or both sides of a national id")]
    NoIdentity,
    /// Nothing shows that the document is its owner's.
    #[error("must have a selfie")]
    NoSelfie,
    /// Which of the two would be looked at?
    #[error("must not have two of the same kind")]
    Twice,
}

/// Whether `kinds` are what an admin needs to decide: one identity document, whole, and a selfie.
///
/// # Errors
/// [`InvalidDocuments`]
pub fn check_kinds(kinds: &[DocumentKind]) -> Result<(), InvalidDocuments> {
    let has = |kind| kinds.contains(&kind);
    if kinds.iter().enumerate().any(|(at, kind)| kinds.iter().skip(at + 1).any(|other| other == kind)) {
        return Err(InvalidDocuments::Twice);
    }
    let whole_id = has(DocumentKind::NationalIdFront) && has(DocumentKind::NationalIdBack);
    if !whole_id && !has(DocumentKind::Passport) {
        return Err(InvalidDocuments::NoIdentity);
    }
    if has(DocumentKind::Selfie) { Ok(()) } else { Err(InvalidDocuments::NoSelfie) }
}

/// A document's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DocumentFormat {
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// PNG.
    #[serde(rename = "image/png")]
    Png,
    /// WebP.
    #[serde(rename = "image/webp")]
    Webp,
    /// PDF.
    #[serde(rename = "application/pdf")]
    Pdf,
}

impl DocumentFormat {
    /// The media types of every format.
    pub const NAMES: [&'static str; 4] = ["image/jpeg", "image/png", "image/webp", "application/pdf"];

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
        }
    }

    /// The format that the first bytes announce, whatever a name or a header claims.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match image::Format::of(bytes) {
            Some(image::Format::Jpeg) => Some(Self::Jpeg),
            Some(image::Format::Png) => Some(Self::Png),
            Some(image::Format::Webp) => Some(Self::Webp),
            None => bytes.starts_with(b"%PDF-").then_some(Self::Pdf),
        }
    }
}

/// The SHA-256 of a file; 64 lower-case hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

/// The text is no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a SHA-256 as 64 hex digits")]
pub struct InvalidSha256;

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, InvalidSha256> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidSha256)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A document, promised or handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KycDocument {
    /// What it shows.
    pub kind: DocumentKind,
    /// Its format.
    pub format: DocumentFormat,
    /// Its bytes, at most [`MAX_DOCUMENT_BYTES`].
    pub size: u64,
    /// The hash of its content.
    pub sha256: Sha256,
}

impl KycDocument {
    /// Where it is in the private bucket once it is handed in.
    pub fn key(&self, account: &Account, submission: &Uuid) -> String {
        self.below("kyc", account, submission)
    }

    /// Where its owner uploads it, for a day: what is never handed in is gone after that.
    pub fn upload_key(&self, account: &Account, submission: &Uuid) -> String {
        self.below("kyc-uploads", account, submission)
    }

    fn below(&self, prefix: &str, account: &Account, submission: &Uuid) -> String {
        format!("{prefix}/{account}/{}/{}", submission.hyphenated(), self.kind.as_str())
    }
}

/// The user's name as its documents have it. Its `Debug` form does not tell it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FullName(Text<1, 200>);

impl FullName {
    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for FullName {
    type Err = crate::text::InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Debug for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullName(…)")
    }
}

/// What was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KycSubmission {
    /// Its id, which is part of the documents' keys.
    pub id: Uuid,
    /// Whom the documents are said to show.
    pub full_name: FullName,
    /// The documents, which were in the bucket then.
    pub documents: Vec<KycDocument>,
    /// When.
    pub submitted_at: Timestamp,
    /// What an admin made of it; `None` while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<KycDecision>,
}

/// Whether the documents convinced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KycVerdict {
    /// They did.
    Verified,
    /// They did not; the user may hand in others.
    Rejected,
}

/// An admin's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KycDecision {
    /// Which.
    pub verdict: KycVerdict,
    /// Why: the user is told. A rejection has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<1, 500>>,
    /// Who decided.
    pub by: Account,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::{DocumentKind::*, *};

    #[test]
    fn a_submission_has_one_whole_identity_document_and_a_selfie() {
        assert_eq!(check_kinds(&[Passport, Selfie]), Ok(()));
        assert_eq!(check_kinds(&[Selfie, NationalIdBack, NationalIdFront, ProofOfAddress]), Ok(()));
        assert_eq!(
            check_kinds(&[Passport, Selfie, NationalIdFront]),
            Ok(()),
            "half an id beside a passport harms nobody"
        );
        assert_eq!(check_kinds(&[NationalIdFront, Selfie]), Err(InvalidDocuments::NoIdentity));
        assert_eq!(check_kinds(&[]), Err(InvalidDocuments::NoIdentity));
        assert_eq!(check_kinds(&[Passport, ProofOfAddress]), Err(InvalidDocuments::NoSelfie));
        assert_eq!(check_kinds(&[Passport, Selfie, Passport]), Err(InvalidDocuments::Twice));
    }

    #[test]
    fn a_format_is_known_by_its_first_bytes() {
        let webp = *b"RIFF\x10\0\0\0WEBPVP8 ";
        for (bytes, format) in [
            (&b"\xff\xd8\xff\xe0"[..], Some(DocumentFormat::Jpeg)),
            (b"\x89PNG\r\n\x1a\n", Some(DocumentFormat::Png)),
            (&webp, Some(DocumentFormat::Webp)),
            (b"%PDF-1.7", Some(DocumentFormat::Pdf)),
            (b"GIF89a", None),
            (b"%PD", None),
            (b"", None),
        ] {
            assert_eq!(DocumentFormat::of(bytes), format, "{bytes:?}");
        }
    }

    #[test]
    fn names_are_those_that_serde_writes() {
        for kind in [NationalIdFront, NationalIdBack, Passport, Selfie, ProofOfAddress] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(DocumentKind::NAMES.contains(&kind.as_str()));
        }
        for format in [DocumentFormat::Jpeg, DocumentFormat::Png, DocumentFormat::Webp, DocumentFormat::Pdf] {
            assert_eq!(serde_json::to_value(format).unwrap(), format.content_type());
            assert!(DocumentFormat::NAMES.contains(&format.content_type()));
        }
    }

    #[test]
    fn a_hash_is_read_as_it_is_written_and_a_name_is_not_shown() {
        let text = "ab".repeat(32);
        let hash: Sha256 = text.parse().unwrap();
        assert_eq!(serde_json::to_value(hash).unwrap(), text);
        assert_eq!(serde_json::from_value::<Sha256>(text.into()).unwrap(), hash);
        for bad in ["", "ab", &"g".repeat(64), &"ab".repeat(33)] {
            assert_eq!(bad.parse::<Sha256>(), Err(InvalidSha256));
        }
        let name: FullName = "Amina Wanjiru".parse().unwrap();
        assert_eq!(format!("{name:?}"), "FullName(…)");
    }
}
