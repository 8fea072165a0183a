//! Cleaning of images, on files that Pillow wrote (`images/make.py`) and on whatever proptest makes of them.

use descrow_domain::image::{BadImage, Format, clean};
use proptest::prelude::*;

/// Each image, upright and turned, with its format.
const PHOTOS: [(&str, Format, &[u8]); 6] = [
    ("photo.jpg", Format::Jpeg, include_bytes!("images/photo.jpg")),
    ("photo-turned.jpg", Format::Jpeg, include_bytes!("images/photo-turned.jpg")),
    ("photo.png", Format::Png, include_bytes!("images/photo.png")),
    ("photo-turned.png", Format::Png, include_bytes!("images/photo-turned.png")),
    ("photo.webp", Format::Webp, include_bytes!("images/photo.webp")),
    ("photo-turned.webp", Format::Webp, include_bytes!("images/photo-turned.webp")),
];

/// The TIFF entry "orientation, one SHORT, 6: turned by a quarter", which is all that may stay of Exif.
const TURNED: &[u8] = b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_maker_the_place_and_the_tail_are_gone_and_the_orientation_stays() {
    for (name, format, photo) in PHOTOS {
        assert!(contains(photo, b"Private maker"), "{name} proves something");
        let image = clean(photo).unwrap();
        assert_eq!((image.format(), Format::of(photo)), (format, Some(format)), "{name}");
        for private in [&b"Private"[..], b"xmpmeta", b"GPS", b"\x01\0\x02\0\x02\0\0\0S"] {
            assert!(!contains(image.bytes(), private), "{name} keeps {private:?}");
        }
        assert_eq!(contains(image.bytes(), TURNED), name.contains("turned"), "{name}");
        let exif =
            contains(image.bytes(), b"Exif") || contains(image.bytes(), b"eXIf") || contains(image.bytes(), b"EXIF");
        assert_eq!(exif, name.contains("turned"), "{name}");
    }
}

#[test]
fn cleaning_a_clean_image_changes_nothing() {
    for (name, _, photo) in PHOTOS {
        let once = clean(photo).unwrap();
        assert_eq!(clean(once.bytes()), Ok(once.clone()), "{name}");
        assert!(once.into_bytes().len() < photo.len(), "{name}");
    }
}

#[test]
fn an_image_cut_off_anywhere_is_refused() {
    for (name, _, photo) in PHOTOS {
        let whole = clean(photo).unwrap().into_bytes();
        for length in 0..whole.len() {
            assert!(clean(&whole[..length]).is_err(), "{name} of {length} bytes");
        }
    }
}

#[test]
fn what_is_no_image_is_refused_with_the_reason() {
    let png = PHOTOS[2].2;
    let mut broken = png.to_vec();
    broken[20] ^= 1;
    let no_data = [&png[..33], b"\0\0\0\0IEND\xAE\x42\x60\x82"].concat();
    for (bytes, expected) in [
        (&b""[..], BadImage::UnknownFormat),
        (b"GIF89a", BadImage::UnknownFormat),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", BadImage::UnknownFormat),
        (b"\xFF\xD8\xFF\xD9", BadImage::Damaged("no picture in it")),
        (b"\xFF\xD8\xFF\xE0\0\x01", BadImage::Damaged("segment length")),
        (b"\xFF\xD8\xFF\xDA\0\x02", BadImage::Damaged("scan before frame")),
        (b"\xFF\xD8\xFF\xDB\0\x02ab", BadImage::Damaged("marker expected")),
        (b"RIFF\x04\0\0\0WEBP", BadImage::Damaged("no picture in it")),
        (&broken, BadImage::Damaged("checksum")),
        (&no_data, BadImage::Damaged("no picture in it")),
        (&png[..8], BadImage::CutOff),
    ] {
        assert_eq!(clean(bytes), Err(expected), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn damaged_files_never_panic_and_what_passes_is_clean(
        which in 0..PHOTOS.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = PHOTOS[which].2.to_vec();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(image) = clean(&bytes) {
            prop_assert_eq!(clean(image.bytes()), Ok(image.clone()));
        }
    }
}
