//! A digest of what an issued document says, so that a change behind the back of the database's guards is noticed.

use jiff::{Timestamp, civil::Date};
use perennial_billing::TaxGroup;
use sha2::{Digest as _, Sha256};

use crate::Result;
use crate::documents::{Head, LineRow};
use crate::value::{Row, microseconds};

/// Bytes of the digest that are kept, as twice as many hexadecimal digits: enough that nobody finds two documents with the
/// same ones.
const KEPT_BYTES: usize = 16;

/// Takes up the columns of a document, in order: its own, those of its lines, those of its tax. Its id and its number are
/// given by the database when it is written, and are guarded by keys.
#[derive(Default)]
pub(crate) struct Digest(Sha256);

impl Digest {
    fn text(&mut self, text: Option<&str>) -> &mut Self {
        // The length keeps one column from running into the next.
        match text {
            None => self.0.update([0]),
            Some(text) => {
                self.0.update([1]);
                self.0.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                self.0.update(text);
            }
        }
        self
    }

    fn int(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            None => self.0.update([0]),
            Some(number) => {
                self.0.update([2]);
                self.0.update(number.to_be_bytes());
            }
        }
        self
    }

    fn date(&mut self, date: Option<Date>) -> &mut Self {
        let day = |date: Date| (i64::from(date.year()) * 100 + i64::from(date.month())) * 100 + i64::from(date.day());
        self.int(date.map(day))
    }

    fn finish(self) -> String {
        self.0.finalize().iter().take(KEPT_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    /// That of a document which is about to be written.
    pub fn of_new(
        head: &Head<'_>,
        (seller, buyer): (&str, &str),
        at: Timestamp,
        run: Option<i64>,
        lines: &[LineRow<'_>],
        groups: &[TaxGroup],
    ) -> String {
        let mut digest = Self::default();
        let home = head.home_tax;
        digest
            .text(Some(head.kind.as_str()))
            .int(Some(head.customer.0))
            .date(Some(head.issued_on))
            .date(Some(head.due_on))
            .int(Some(microseconds(at)))
            .text(Some(head.total.currency.code()))
            .int(Some(head.net.minor))
            .int(Some(head.tax.minor))
            .int(Some(head.rounding.minor))
            .int(Some(head.total.minor))
            .text(Some(head.rules.rounding.as_str()))
            .text(Some(head.rules.tax_rounding.as_str()))
            .int(Some(head.rules.includes_tax.into()))
            .text(Some(seller))
            .text(Some(buyer))
            .int(run)
            .int(head.corrects.map(|id| id.0))
            .text(head.reason)
            .text(home.map(|home| home.rate.home.code()))
            .int(home.map(|home| home.rate.rate.billionths()))
            .date(home.map(|home| home.rate.starts))
            .text(home.map(|home| home.rate.source.as_str()))
            .int(home.map(|home| home.tax.minor));
        for line in lines {
            digest
                .int(line.service.map(|id| id.0))
                .int(line.addon.map(|id| id.0))
                .int(line.product.map(|id| id.0))
                .text(Some(line.description))
                .int(Some(line.quantity.millionths()))
                .int(Some(line.unit_price.minor))
                .int(Some(line.net.minor))
                .text(Some(line.tax.country.code()))
                .text(Some(line.tax.category.code()))
                .int(Some(line.tax.rate.parts_per_million()))
                .date(line.period.map(|period| period.starts))
                .date(line.period.map(|period| period.ends))
                .text(Some(line.price_origin))
                .int(line.price_id)
                .int(line.part.map(|part| part.whole.minor))
                .date(line.part.map(|part| part.starts))
                .int(line.part.map(|part| part.share.days.into()))
                .int(line.part.map(|part| part.share.of.into()))
                .int(line.allowance.map(|off| off.amount.minor))
                .text(line.allowance.map(|off| off.reason.as_str()))
                .text(line.discount)
                .int(line.gross.map(|gross| gross.minor))
                .int(line.corrects_line);
        }
        // In the order of the database's key.
        let mut groups: Vec<&TaxGroup> = groups.iter().collect();
        groups.sort_by_key(|group| (group.profile.country, group.profile.category.code(), group.profile.rate));
        for group in groups {
            digest
                .text(Some(group.profile.country.code()))
                .text(Some(group.profile.category.code()))
                .int(Some(group.profile.rate.parts_per_million()))
                .int(Some(group.base.minor))
                .int(Some(group.tax.minor));
        }
        digest.finish()
    }

    /// That of a document as it stands in the database.
    pub fn of_stored(row: &Row, lines: &[Row], taxes: &[Row]) -> Result<String> {
        let mut digest = Self::default();
        digest
            .text(Some(&row.text("kind")?))
            .int(Some(row.int("customer_id")?))
            .date(row.opt_date("issued_on")?)
            .date(row.opt_date("due_on")?)
            .int(Some(microseconds(row.instant("issued_at")?)))
            .text(Some(&row.text("currency")?));
        for column in ["net_minor", "tax_minor", "rounding_minor", "total_minor"] {
            digest.int(row.opt_int(column)?);
        }
        digest
            .text(Some(&row.text("rounding")?))
            .text(Some(&row.text("tax_rounding")?))
            .int(Some(row.bool("includes_tax")?.into()))
            .text(Some(&row.text("seller")?))
            .text(Some(&row.text("buyer")?))
            .int(row.opt_int("run_id")?)
            .int(row.opt_int("corrects_id")?)
            .text(row.opt_text("reason")?.as_deref())
            .text(row.opt_text("home_currency")?.as_deref())
            .int(row.opt_int("home_rate_billionths")?)
            .date(row.opt_date("home_rate_on")?)
            .text(row.opt_text("home_rate_source")?.as_deref())
            .int(row.opt_int("home_tax_minor")?);
        for line in lines {
            for column in ["service_id", "addon_id", "product_id"] {
                digest.int(line.opt_int(column)?);
            }
            digest.text(Some(&line.text("description")?));
            for column in ["quantity_millionths", "unit_price_minor", "net_minor"] {
                digest.int(line.opt_int(column)?);
            }
            digest
                .text(Some(&line.text("tax_country")?))
                .text(Some(&line.text("tax_category")?))
                .int(line.opt_int("tax_rate_ppm")?)
                .date(line.opt_date("period_starts")?)
                .date(line.opt_date("period_ends")?)
                .text(Some(&line.text("price_origin")?))
                .int(line.opt_int("price_id")?)
                .int(line.opt_int("whole_minor")?)
                .date(line.opt_date("whole_starts")?)
                .int(line.opt_int("share_days")?)
                .int(line.opt_int("share_of")?)
                .int(line.opt_int("allowance_minor")?)
                .text(line.opt_text("allowance_reason")?.as_deref())
                .text(line.opt_text("discount_code")?.as_deref())
                .int(line.opt_int("gross_minor")?)
                .int(line.opt_int("corrects_line")?);
        }
        for tax in taxes {
            digest.text(Some(&tax.text("tax_country")?)).text(Some(&tax.text("tax_category")?));
            for column in ["tax_rate_ppm", "base_minor", "tax_minor"] {
                digest.int(tax.opt_int(column)?);
            }
        }
        Ok(digest.finish())
    }
}
