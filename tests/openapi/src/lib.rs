//! The OpenAPI document of the whole API, from what each route family registers.

/// The document: JSON, the same for the same code.
///
/// # Errors
/// A family's part has no JSON form.
pub fn generate() -> Result<String, serde_json::Error> {
    descrow_web::document::complete([
        auth::openapi(),
        products::openapi(),
        orders::openapi(),
        notifications::openapi(),
        health::openapi(),
    ])
}
