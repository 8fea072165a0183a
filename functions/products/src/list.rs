//! `GET /api/products`: the catalogue, newest or price first, public. One round trip: every filter is a key of an index,
//! whose shards are read at once.

use axum::extract::State;
use descrow_domain::{Account, product::ProductStatus, text::Text};
use descrow_store::{ProductList, ProductSort};
use descrow_web::{ApiError, Fields, Input, List, Page, Reply, Request};
use serde::Deserialize;

use crate::{ProductView, Products};

/// Which products to list.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    category: Input<String>,
    seller: Input<String>,
    status: Input<String>,
    sort: Input<String>,
}

/// Which products to list, in domain types.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    category: Option<Text<1, 100>>,
    seller: Option<Account>,
    status: Option<ProductStatus>,
    sort: ProductSort,
}

/// The order as a query says it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    Newest,
    PriceAsc,
    PriceDesc,
}

impl Request for Filter {
    type Valid = Chosen;

    fn validate(self, fields: &mut Fields) -> Option<Chosen> {
        let category = fields.optional("category", self.category);
        let seller = fields.optional("seller", self.seller);
        let status = fields.optional_choice("status", self.status, &["active", "inactive", "sold"]);
        let sort = fields.optional_choice::<Sort>("sort", self.sort, &["newest", "price_asc", "price_desc"]);
        let sort = match sort? {
            None | Some(Sort::Newest) => ProductSort::Newest,
            Some(Sort::PriceAsc) => ProductSort::PriceAscending,
            Some(Sort::PriceDesc) => ProductSort::PriceDescending,
        };
        Some(Chosen { category: category?, seller: seller?, status: status?, sort })
    }
}

/// Lists products, newest or price first.
///
/// The price is the one in DOT; of equal prices the product listed first comes first, and last where the dearest does.
/// Without a status those on offer; a seller's own list has every status unless one is asked for.
#[utoipa::path(get, path = "/api/products", tag = "products",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("category" = Option<String>, Query, min_length = 1, max_length = 100, description = "Only of this category."),
        ("seller" = Option<String>, Query, format = "descrow-account", description = "Only of this account (SS58 or 0x-hex)."),
        ("status" = Option<String>, Query, pattern = "^(active|inactive|sold)$", example = "active", description = "`active`, `inactive` or `sold`."),
        ("sort" = Option<String>, Query, pattern = "^(newest|price_asc|price_desc)$", example = "price_asc", description = "`newest` (where absent), `price_asc` or `price_desc`."),
    ),
    responses((status = 200, description = "A page of products", body = List<ProductView>)))]
pub(crate) async fn list(State(app): State<Products>, page: Page<Filter>) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let wanted = ProductList {
        seller: page.filter.seller,
        status: page.filter.status,
        category: page.filter.category.as_ref().map(Text::as_str),
        sort: page.filter.sort,
        position: position.as_deref(),
        limit: usize::try_from(page.limit).unwrap_or(usize::MAX),
    };
    let found = app.store.products().list(&wanted).await?;
    let items = found.items.iter().map(|product| ProductView::new(product, &app.gateways)).collect();
    Reply::ok(&page.list(items, found.next)?)
}
