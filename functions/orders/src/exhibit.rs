//! A piece of evidence as a party brings it: words, a small file in a form, or a large one that waits in the bucket.

use descrow_domain::{evidence::EvidenceKind, text::Text};
use descrow_web::{Fields, Input, Request, uploads::UploadId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::brought::{FILE, Filled, Form};

/// Evidence to be added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"kind": "text", "text": "The left pedal is missing.", "description": "When I opened the parcel"}))]
pub struct AddEvidence {
    /// What it is: `text` with `text`, everything else with `uploadId`.
    #[schema(value_type = String, pattern = "^(image|document|video|text)$")]
    kind: Input<String>,
    /// The words themselves.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 10_000)]
    text: Input<String>,
    /// The id of an upload of yours (`POST /api/orders/{id}/evidence/uploads`).
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$")]
    upload_id: Input<String>,
    /// What it shows.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000)]
    description: Input<String>,
}

/// Evidence in a form.
#[derive(ToSchema)]
pub struct EvidenceForm {
    /// An image (JPEG, PNG, WebP), a PDF, a film (MP4, `WebM`) or a text in UTF-8 of at most 4 MiB.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    #[allow(dead_code, reason = "read from the form by name; the type is there for the document")]
    file: Vec<u8>,
    /// What it shows.
    #[schema(min_length = 1, max_length = 2000)]
    #[allow(dead_code, reason = "read from the form by name; the type is there for the document")]
    description: Option<String>,
}

/// Where the content is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the request, as words.
    Text(Vec<u8>),
    /// In the request, as a file.
    File(Vec<u8>),
    /// In the bucket.
    Upload(UploadId),
}

/// A piece of evidence, in domain types; its content is not judged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// Where its content is.
    pub(crate) source: Source,
    /// What it is said to be.
    pub(crate) claimed: Option<EvidenceKind>,
    /// What it shows.
    pub(crate) description: Option<Text<1, 2000>>,
    /// What stands before the names of its fields.
    pub(crate) within: &'static str,
}

impl Exhibit {
    /// The field that its content came in.
    pub(crate) fn field(&self) -> String {
        let name = match self.source {
            Source::Text(_) => "text",
            Source::File(_) => FILE,
            Source::Upload(_) => "uploadId",
        };
        format!("{}{name}", self.within)
    }
}

impl AddEvidence {
    /// The evidence, whose fields are named after `within`.
    pub(crate) fn exhibit(self, within: &'static str, fields: &mut Fields) -> Option<Exhibit> {
        let named = |field: &str| format!("{within}{field}");
        let kind = fields.choice(&named("kind"), self.kind, &EvidenceKind::NAMES);
        let text = fields.optional::<Text<1, 10_000>>(&named("text"), self.text);
        let upload = fields.optional(&named("uploadId"), self.upload_id);
        let description = fields.optional(&named("description"), self.description);
        let (kind, text, upload): (EvidenceKind, _, Option<UploadId>) = (kind?, text?, upload?);
        let source = match (text, upload) {
            (Some(text), None) if kind == EvidenceKind::Text => Source::Text(text.as_str().as_bytes().to_vec()),
            (None, Some(upload)) => Source::Upload(upload),
            (Some(_), Some(_)) => {
                fields.refuse(named("uploadId"), "must not be there beside text");
                return None;
            }
            (Some(_), None) => {
                fields.refuse(named("kind"), "must be text where text is given");
                return None;
            }
            (None, None) => {
                let missing = if kind == EvidenceKind::Text { "text" } else { "uploadId" };
                fields.refuse(named(missing), "is required");
                return None;
            }
        };
        Some(Exhibit { source, claimed: Some(kind), description: description?, within })
    }
}

impl Request for AddEvidence {
    type Valid = Exhibit;

    fn validate(self, fields: &mut Fields) -> Option<Exhibit> {
        self.exhibit("", fields)
    }
}

impl Form for AddEvidence {
    const TEXTS: &'static [&'static str] = &["description"];

    fn filled(mut form: Filled, fields: &mut Fields) -> Option<Exhibit> {
        let description = fields.optional("description", form.text("description"));
        let Some(file) = form.file else {
            fields.refuse(FILE, "is required");
            return None;
        };
        Some(in_form(&file, description?))
    }
}

/// The evidence that is a form's file.
pub(crate) fn in_form(file: &[u8], description: Option<Text<1, 2000>>) -> Exhibit {
    Exhibit { source: Source::File(file.to_vec()), claimed: None, description, within: "" }
}
