//! How a seller's documents look.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use perennial_billing::SellerId;
use perennial_render::pdf::{Brand, Color, Column, check_logo};
use perennial_store::brands::{self, StoredBrand};
use perennial_store::{Conn, sellers};

use crate::error::refuse;
use crate::{App, AppError, Caller, Problem, Result};

/// The largest picture that a look holds, in bytes: it goes into every document.
pub const MAX_LOGO_BYTES: usize = 200_000;
/// The longest text in the foot of pages, in characters: two lines.
pub const MAX_FOOTER_CHARACTERS: usize = 200;
/// The longest text under the amounts, in characters.
pub const MAX_CLOSING_CHARACTERS: usize = 2_000;

impl App {
    /// How documents look that are issued now.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such seller.
    pub async fn brand(&self, caller: &Caller) -> Result<Brand> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        brand_of(&mut conn, caller.seller, seller.party.brand).await
    }

    /// Makes documents look so that are issued from now on. Those that were issued stay as they are.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for a picture that cannot be read or is too large, and for texts that are too long.
    pub async fn set_brand(&self, caller: &Caller, brand: &Brand) -> Result<()> {
        let mut problems = Vec::new();
        if let Some(logo) = &brand.logo {
            if logo.len() > MAX_LOGO_BYTES {
                problems.push(Problem::new("logo", format!("has more than {MAX_LOGO_BYTES} bytes: make it smaller")));
            } else if let Err(error) = check_logo(logo) {
                problems.push(Problem::new("logo", error.to_string()));
            }
        }
        for (field, text, most) in
            [("footer", &brand.footer, MAX_FOOTER_CHARACTERS), ("closing", &brand.closing, MAX_CLOSING_CHARACTERS)]
        {
            if text.chars().count() > most {
                problems.push(Problem::new(field, format!("is longer than {most} characters")));
            } else if text.chars().any(|c| c.is_control() && !(field == "closing" && c == '\n')) {
                problems.push(Problem::new(field, "contains control characters"));
            }
        }
        refuse(problems)?;
        let mut tx = self.store.begin().await?;
        brands::add(&mut tx, caller.seller, &write_brand(brand), self.clock.now()).await?;
        self.note(&mut tx, caller.seller, caller, "seller.branded", "seller", caller.seller.0).await?;
        Ok(tx.commit().await?)
    }
}

fn write_brand(brand: &Brand) -> StoredBrand {
    let (red, green, blue) = brand.accent;
    let columns: Vec<&str> = brand.columns.iter().map(|column| column.as_str()).collect();
    StoredBrand {
        accent: format!("#{red:02x}{green:02x}{blue:02x}"),
        logo: brand.logo.as_deref().map(|logo| BASE64.encode(logo)).unwrap_or_default(),
        footer: brand.footer.clone(),
        closing: brand.closing.clone(),
        columns: columns.join(","),
    }
}

/// The look with this number; the usual one if there is none.
pub(crate) async fn brand_of(conn: &mut Conn, seller: SellerId, id: i64) -> Result<Brand> {
    let stored = brands::get(conn, seller, id).await?;
    Ok(stored.map(|stored| read_brand(&stored)).unwrap_or_default())
}

/// What was kept; what cannot be read is as usual.
fn read_brand(stored: &StoredBrand) -> Brand {
    let usual = Brand::default();
    Brand {
        accent: read_color(&stored.accent).unwrap_or(usual.accent),
        logo: BASE64.decode(&stored.logo).ok().filter(|logo| !logo.is_empty()),
        footer: stored.footer.clone(),
        closing: stored.closing.clone(),
        columns: stored.columns.split(',').filter_map(Column::from_word).collect(),
    }
}

/// A colour as `#1f4e79`.
#[must_use]
pub fn read_color(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |from: usize| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok();
    Some((part(0)?, part(2)?, part(4)?))
}
