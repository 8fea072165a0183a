//! The OpenAPI document of the whole API, from what each route family registers; and the AsyncAPI document of its WebSocket.

pub mod asyncapi;
pub mod samples;

/// The document: JSON, the same for the same code.
///
/// # Errors
/// A family's part has no JSON form.
pub fn generate() -> Result<String, serde_json::Error> {
    descrow_web::document::complete([
        auth::openapi(),
        products::openapi(),
        orders::openapi(),
        pay_dot::openapi(),
        mpesa::openapi(),
        admin::openapi(),
        notifications::openapi(),
        rates::openapi(),
        health::openapi(),
    ])
}

/// The page that lists every error code: Markdown.
pub fn errors() -> String {
    format!(
        "# Errors\n\n\
         Generated from `Code` in `src/error.rs` by `cargo xtask openapi --write`; do not edit.\n\n\
         Every error has a stable `code`, which programs may match on, in one of two shapes. By default:\n\
         `{{\"error\": \"<title>\", \"message\": \"…\", \"code\": \"<code>\", \"requestId\": \"…\"}}`, with `details` (a list of\n\
         `{{\"field\", \"message\"}}`, every broken rule at once) in place of `message` where fields are concerned. With\n\
         `Accept: application/problem+json` the shape of RFC 9457, whose `type` is `urn:descrow:error:<code>`. What the API\n\
         gateway refuses before a function runs has the same codes. `GET /openapi.json` says which operation answers which.\n\n{}",
        descrow_web::Code::table()
    )
}
