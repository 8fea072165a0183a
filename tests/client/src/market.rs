//! What users do on the marketplace.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    api::{ApiError, text_at},
    png::picture,
    session::Session,
};

/// A product to be listed.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its price in DOT, a decimal.
    pub price_dot: &'a str,
    /// Its price in dollars, a decimal.
    pub price_usd: &'a str,
    /// Pieces.
    pub quantity: u32,
}

impl Session {
    /// Uploads a picture of this user's own; gives its CID.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn upload_picture(&self) -> Result<String, ApiError> {
        let path = "/api/products/upload";
        let part = reqwest::multipart::Part::bytes(picture(Uuid::new_v4().as_u128()))
            .file_name("picture.png")
            .mime_str("image/png")?;
        let body = self.upload(path, reqwest::multipart::Form::new().part("image", part)).send().await?;
        text_at(&body, "/images/0/cid", path)
    }

    /// Lists a product with these images; gives its id.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn offer(&self, offer: Offer<'_>, images: &[String]) -> Result<String, ApiError> {
        let path = "/api/products";
        let body = json!({
            "title": offer.title, "description": "Sold by the stack's client.", "category": "demo",
            "priceDot": offer.price_dot, "priceUsd": offer.price_usd, "images": images, "quantity": offer.quantity,
        });
        let call = self.post(path, &body).header("Idempotency-Key", &Uuid::new_v4().to_string());
        text_at(&call.send().await?, "/id", path)
    }

    /// Orders one piece of a product, to be paid by M-Pesa from `phone`; gives the order.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn order(&self, product: &str, phone: &str) -> Result<Value, ApiError> {
        let body = json!({
            "productId": product, "paymentMode": "mpesa", "phoneNumber": phone, "quantity": 1,
            "deliveryAddress": "Moi Avenue 12, Nairobi",
        });
        self.post("/api/orders", &body).header("Idempotency-Key", &Uuid::new_v4().to_string()).send().await
    }

    /// Orders one piece of a product, to be paid in DOT; gives the order.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn order_in_dot(&self, product: &str) -> Result<Value, ApiError> {
        let body = json!({"productId": product, "paymentMode": "dot", "deliveryAddress": "Moi Avenue 12, Nairobi"});
        self.post("/api/orders", &body).header("Idempotency-Key", &Uuid::new_v4().to_string()).send().await
    }

    /// Asks the buyer's phone to pay; gives the payment.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn pay_by_mpesa(&self, order: &str) -> Result<Value, ApiError> {
        let path = format!("/api/orders/{order}/pay/mpesa");
        let call = self.post(&path, &json!({})).header("Idempotency-Key", &Uuid::new_v4().to_string());
        let body = call.send().await?;
        body.get("payment").cloned().ok_or_else(|| ApiError::Incomplete {
            path,
            missing: "payment".into(),
            body: body.to_string(),
        })
    }

    /// Says that the order was sent.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn ship(&self, order: &str) -> Result<Value, ApiError> {
        let body = json!({ "carrier": "G4S", "trackingNumber": "KE123456789" });
        let call = self.post(&format!("/api/orders/{order}/ship"), &body);
        call.header("Idempotency-Key", &Uuid::new_v4().to_string()).send().await
    }

    /// Confirms that the order arrived.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn confirm(&self, order: &str) -> Result<Value, ApiError> {
        let call = self.post(&format!("/api/orders/{order}/confirm"), &json!({}));
        call.header("Idempotency-Key", &Uuid::new_v4().to_string()).send().await
    }

    /// The order as it is now.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn see_order(&self, order: &str) -> Result<Value, ApiError> {
        self.get(&format!("/api/orders/{order}")).send().await
    }
}
