//! Bodies that bring a file: JSON, or a form with the file in it.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request as HttpRequest},
};
use descrow_web::{
    ApiError, Body, Fields, Input, Request,
    document::{Facts, Taken},
    form,
};
use http::header;

/// The field that holds the file.
pub(crate) const FILE: &str = "file";

/// A form as it came: its texts by name, and its file.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    texts: BTreeMap<&'static str, Input<String>>,
    /// The file.
    pub(crate) file: Option<Bytes>,
}

impl Filled {
    /// The text of a field.
    pub(crate) fn text(&mut self, name: &str) -> Input<String> {
        self.texts.remove(name).unwrap_or_default()
    }
}

/// A request that can come as a form, too.
pub(crate) trait Form: Request {
    /// The names of its texts.
    const TEXTS: &'static [&'static str];

    /// The request in domain types, as [`Request::validate`] has it.
    fn filled(form: Filled, fields: &mut Fields) -> Option<Self::Valid>;
}

/// A body in domain types, by whichever way it came.
#[derive(Debug)]
pub(crate) struct Brought<R: Form>(pub(crate) R::Valid);

impl<R: Form, S: Send + Sync> FromRequest<S> for Brought<R> {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest, state: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !kind.unwrap_or_default().to_ascii_lowercase().starts_with("multipart/form-data") {
            return Body::<R>::from_request(request, state).await.map(|Body(valid)| Self(valid));
        }
        let (parts, body) = request.into_parts();
        let mut fields = Fields::default();
        let mut form = Filled::default();
        for part in form::parts(&parts.headers, body, R::TEXTS.len() + 1).await? {
            if part.name == FILE {
                if form.file.replace(part.bytes).is_some() {
                    fields.refuse(FILE, "is given twice");
                }
                continue;
            }
            let Some(name) = R::TEXTS.iter().find(|name| **name == part.name) else {
                fields.refuse(part.name, "is not a known field");
                continue;
            };
            let text = String::from_utf8(part.bytes.to_vec()).map_or(Input::Mistyped, Input::Given);
            if form.texts.insert(name, text).is_some() {
                fields.refuse(*name, "is given twice");
            }
        }
        let valid = R::filled(form, &mut fields);
        fields.finish(valid).map(Self)
    }
}

impl<R: Form> Taken for Brought<R> {
    fn note(facts: &mut Facts) {
        Body::<R>::note(facts);
    }
}
