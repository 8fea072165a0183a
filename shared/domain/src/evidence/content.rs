//! What may be published as evidence: recognised by its bytes, whatever a name or a header claims.

use super::EvidenceKind;
pub use crate::image::IMAGE_LIMIT;
use crate::image::{self, BadImage};

/// The most bytes of everything else.
pub const CONTENT_LIMIT: usize = 50 * 1024 * 1024;
/// What `ISO/IEC 14496-12` files begin with, after four bytes of length.
const FTYP: &[u8] = b"ftyp";
/// Brands of films that browsers play as MP4. Pictures in HEIC and AVIF have the same frame and other brands.
const MP4_BRANDS: [&[u8]; 10] =
    [b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash"];
/// What EBML begins with, and the type of document that a `WebM` is, within its head.
const EBML: &[u8] = &[0x1A, 0x45, 0xDF, 0xA3];
const WEBM: &[u8] = b"webm";
/// Bytes in which a film's head says what it is.
const HEAD: usize = 64;

/// The formats of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A picture.
    Image(image::Format),
    /// PDF.
    Pdf,
    /// MP4.
    Mp4,
    /// `WebM`.
    Webm,
    /// Text in UTF-8.
    Text,
}

impl Format {
    /// The media types of every format.
    pub const NAMES: [&'static str; 7] =
        ["image/jpeg", "image/png", "image/webp", "application/pdf", "video/mp4", "video/webm", "text/plain"];

    /// The format of the bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if let Some(format) = image::Format::of(bytes) {
            return Some(Self::Image(format));
        }
        let head = bytes.get(..HEAD.min(bytes.len())).unwrap_or_default();
        if head.starts_with(b"%PDF-") {
            Some(Self::Pdf)
        } else if is_mp4(head) {
            Some(Self::Mp4)
        } else if head.starts_with(EBML) && head.windows(WEBM.len()).any(|part| part == WEBM) {
            Some(Self::Webm)
        } else {
            is_text(bytes).then_some(Self::Text)
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Image(format) => format.content_type(),
            Self::Pdf => "application/pdf",
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// The usual ending of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Image(format) => format.extension(),
            Self::Pdf => "pdf",
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
            Self::Text => "txt",
        }
    }

    /// What kind of evidence it is.
    pub fn kind(self) -> EvidenceKind {
        match self {
            Self::Image(_) => EvidenceKind::Image,
            Self::Pdf => EvidenceKind::Document,
            Self::Mp4 | Self::Webm => EvidenceKind::Video,
            Self::Text => EvidenceKind::Text,
        }
    }
}

/// Whether the file's first box names a brand of films, as its own or as one that it is compatible with.
fn is_mp4(head: &[u8]) -> bool {
    let length = head.first_chunk::<4>().map(|length| u32::from_be_bytes(*length));
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0).min(head.len());
    let brands = head.get(8..length).unwrap_or_default().chunks_exact(4).enumerate();
    // The second place is the version of the first brand.
    let mut brands = brands.filter(|(place, _)| *place != 1).map(|(_, brand)| brand);
    head.get(4..8) == Some(FTYP) && brands.any(|brand| MP4_BRANDS.contains(&brand))
}

/// Whether it is text that people can read: UTF-8, of more than blanks, without control characters beside ends of line
/// and tabs.
fn is_text(bytes: &[u8]) -> bool {
    let readable = |text: &str| text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    std::str::from_utf8(bytes).is_ok_and(|text| !text.trim().is_empty() && readable(text))
}

/// Why bytes are not taken as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadContent {
    /// Neither of the formats taken.
    #[error("must be an image (JPEG, PNG, WebP), a PDF, a film (MP4, WebM) or text in UTF-8")]
    UnknownFormat,
    /// A picture that is damaged or out of measure.
    #[error(transparent)]
    Image(#[from] BadImage),
    /// Larger than is taken.
    #[error("has more than {0} bytes")]
    TooLarge(usize),
}

/// Content that may be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its format.
    pub format: Format,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Content {
    /// Judges the bytes; of a picture, what tells about the one who took it is left out ([`image::clean`]). Everything else
    /// is published as it is.
    ///
    /// # Errors
    /// [`BadContent`]
    pub fn publishable(bytes: Vec<u8>) -> Result<Self, BadContent> {
        let format = Format::of(&bytes).ok_or(BadContent::UnknownFormat)?;
        let limit = if matches!(format, Format::Image(_)) { IMAGE_LIMIT } else { CONTENT_LIMIT };
        if bytes.len() > limit {
            return Err(BadContent::TooLarge(limit));
        }
        match format {
            Format::Image(_) => {
                let image = image::clean(&bytes)?;
                Ok(Self { format: Format::Image(image.format()), bytes: image.into_bytes() })
            }
            _ => Ok(Self { format, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: &[u8] = include_bytes!("../../tests/images/photo.png");
    const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41\0\0\0\x08free";
    const WEBM: &[u8] = b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\xF7\x81\x01\x42\x82\x84webm";

    #[test]
    fn a_format_is_known_by_its_bytes() {
        let quicktime_with_brand = b"\0\0\0\x18ftypqt  \0\0\x02\0mp42\0\0\0\0";
        for (bytes, expected) in [
            (PHOTO, Some((EvidenceKind::Image, "image/png"))),
            (b"%PDF-1.7\n\xE2\xE3", Some((EvidenceKind::Document, "application/pdf"))),
            (MP4, Some((EvidenceKind::Video, "video/mp4"))),
            (quicktime_with_brand, Some((EvidenceKind::Video, "video/mp4"))),
            (WEBM, Some((EvidenceKind::Video, "video/webm"))),
            ("Il a cassé.\nIt broke.".as_bytes(), Some((EvidenceKind::Text, "text/plain; charset=utf-8"))),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", None),
            // The version of a brand is no brand.
            (b"\0\0\0\x10ftypqt  isom", None),
            (b"\x1A\x45\xDF\xA3\x9F\x42\x82\x88matroska", None),
            (b"PK\x03\x04\x14\0", None),
            (b"\x7FELF\x02\x01", None),
            (b"caf\xE9", None),
            (b"bell \x07", None),
            (b" \n", None),
            (b"", None),
        ] {
            let found = Format::of(bytes).map(|format| (format.kind(), format.media_type()));
            assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_picture_loses_what_it_tells_and_everything_else_stays_as_it_is() {
        let photo = Content::publishable(PHOTO.to_vec()).unwrap();
        assert_eq!(photo.bytes, image::clean(PHOTO).unwrap().into_bytes());
        assert_ne!(photo.bytes, PHOTO);
        assert_eq!(Content::publishable(MP4.to_vec()).unwrap(), Content { format: Format::Mp4, bytes: MP4.to_vec() });
        assert!(matches!(Content::publishable(PHOTO[..100].to_vec()), Err(BadContent::Image(_))));
        assert_eq!(Content::publishable(b"GIF89a\x01\0".to_vec()), Err(BadContent::UnknownFormat));
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let mut picture = PHOTO.to_vec();
        picture.resize(IMAGE_LIMIT + 1, 0);
        assert_eq!(Content::publishable(picture), Err(BadContent::TooLarge(IMAGE_LIMIT)));
        let mut film = MP4.to_vec();
        film.resize(CONTENT_LIMIT + 1, 0);
        assert_eq!(Content::publishable(film.clone()), Err(BadContent::TooLarge(CONTENT_LIMIT)));
        film.pop();
        assert!(Content::publishable(film).is_ok());
    }
}
