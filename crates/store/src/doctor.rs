//! What must be true of every database, checked row by row.

mod checks;

use perennial_billing::{AmountRules, Currency, Money, SellerId, TaxGroup, TaxRounding};

use self::checks::{CHECKS, Check, LOOK_AT_SERVICE, RESTORE};
use crate::dialect::Texts;
use crate::digest::Digest;
use crate::invoices::profile;
use crate::sellers::rounding_from_word;
use crate::value::{Row, params};
use crate::{Conn, Result, Store, sellers, services};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable word for the check.
    pub code: &'static str,
    /// What must be true.
    pub check: &'static str,
    /// How often it is not.
    pub count: i64,
    /// Where it is not: at most [`PROBLEMS_LISTED`].
    pub problems: Vec<String>,
    /// What to do about it.
    pub advice: &'static str,
}

impl Finding {
    /// Whether all is well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.count == 0
    }

    fn of(code: &'static str, check: &'static str, advice: &'static str) -> Self {
        Self { code, check, count: 0, problems: Vec::new(), advice }
    }

    /// The same check of other rows.
    fn and(mut self, other: Self) -> Self {
        self.count += other.count;
        self.problems.extend(other.problems);
        self.problems.truncate(PROBLEMS_LISTED);
        self
    }

    fn report(&mut self, problem: impl FnOnce() -> String) {
        self.count += 1;
        if self.problems.len() < PROBLEMS_LISTED {
            self.problems.push(problem());
        }
    }
}

/// Problems listed per check at most.
pub const PROBLEMS_LISTED: usize = 100;
/// Documents that are read together.
const PAGE_DOCUMENTS: i64 = 200;

/// Statements with a count of their rows and no more of them than are listed.
static LIMITED: Texts<&'static str> = Texts::new();

impl Store {
    /// Checks one seller's rows. Every check is listed, with what it found. Nobody waits for it, and what is written meanwhile
    /// is seen whole or not at all by each check. Four connections look at the same time.
    pub async fn examine(&self, seller: SellerId) -> Result<Vec<Finding>> {
        let half = self.newest_document(seller).await? / 2;
        // Every second one each: the checks that take long stand side by side.
        let (even, odd, older, newer) = tokio::try_join!(
            self.check(seller, CHECKS.iter().step_by(2)),
            self.check(seller, CHECKS.iter().skip(1).step_by(2)),
            self.check_documents(seller, 0, half),
            self.check_documents(seller, half, i64::MAX)
        )?;
        let mut odd = odd.into_iter();
        let documents = older.into_iter().zip(newer).map(|(older, newer)| older.and(newer));
        let mut found: Vec<Finding> =
            even.into_iter().flat_map(|finding| std::iter::once(finding).chain(odd.next())).chain(documents).collect();
        let mut look = self.look_at_everything().await?;
        found.push(schedules(&mut look, seller).await?);
        Ok(found)
    }

    /// The id of the newest document; nought if there is none.
    async fn newest_document(&self, seller: SellerId) -> Result<i64> {
        let sql = "select max(id) as newest from invoices where seller_id = $1";
        let rows = self.read().await?.rows(sql, params![seller.0]).await?;
        Ok(rows.first().map(|row| row.opt_int("newest")).transpose()?.flatten().unwrap_or(0))
    }

    /// What statements find.
    async fn check(&self, seller: SellerId, checks: impl Iterator<Item = &'static Check>) -> Result<Vec<Finding>> {
        let mut look = self.look_at_everything().await?;
        let mut findings = Vec::new();
        for check in checks {
            let limited = || {
                let sql = check.sql;
                format!("select problem, count(*) over () as problems from ({sql}) found limit {PROBLEMS_LISTED}")
            };
            let rows = look.rows(LIMITED.get(check.sql, limited), params![seller.0]).await?;
            let mut finding = Finding::of(check.code, check.promise, check.advice);
            finding.count = rows.first().map_or(Ok(0), |row| row.int("problems"))?;
            finding.problems = rows.iter().map(|row| row.text("problem")).collect::<Result<_>>()?;
            findings.push(finding);
        }
        Ok(findings)
    }

    /// What needs arithmetic or a digest is done in Rust, page by page: of the documents after one id, through another.
    async fn check_documents(&self, seller: SellerId, after: i64, through: i64) -> Result<[Finding; 2]> {
        let mut look = self.look_at_everything().await?;
        documents(&mut look, seller, after, through).await
    }
}

async fn documents(conn: &mut Conn, seller: SellerId, mut after: i64, through: i64) -> Result<[Finding; 2]> {
    let mut changed = Finding::of("document_changed", "no document has changed since it was issued", RESTORE);
    let mut tax = Finding::of("tax_of_base", "the tax of every group follows from its rate", RESTORE);
    loop {
        let sql = "select id, number, kind, customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, \
            rounding_minor, total_minor, rounding, tax_rounding, includes_tax, seller, buyer, run_id, corrects_id, reason, \
            home_currency, home_rate_billionths, home_rate_on, home_rate_source, home_tax_minor, digest from invoices \
            where seller_id = $1 and id > $2 and id <= $3 order by id limit $4";
        let page = conn.rows(sql, params![seller.0, after, through, PAGE_DOCUMENTS]).await?;
        let Some(last) = page.last() else { return Ok([changed, tax]) };
        let last = last.int("id")?;
        let sql = "select invoice_id, service_id, addon_id, product_id, description, quantity_millionths, unit_price_minor, \
            net_minor, tax_country, tax_category, tax_rate_ppm, period_starts, period_ends, price_origin, price_id, \
            whole_minor, whole_starts, share_days, share_of, allowance_minor, allowance_reason, discount_code, gross_minor, \
            corrects_line from invoice_lines where seller_id = $1 and invoice_id > $2 and invoice_id <= $3 \
            order by invoice_id, line";
        let lines = conn.rows(sql, params![seller.0, after, last]).await?;
        let sql = "select invoice_id, tax_country, tax_category, tax_rate_ppm, base_minor, tax_minor from invoice_taxes \
            where seller_id = $1 and invoice_id > $2 and invoice_id <= $3 \
            order by invoice_id, tax_country, tax_category, tax_rate_ppm";
        let taxes = conn.rows(sql, params![seller.0, after, last]).await?;
        let (mut line_from, mut tax_from) = (0, 0);
        for invoice in &page {
            let id = invoice.int("id")?;
            let lines = of_document(&lines, &mut line_from, id)?;
            let taxes = of_document(&taxes, &mut tax_from, id)?;
            let number = || invoice.text("number").unwrap_or_default();
            if let Some(digest) = invoice.opt_text("digest")?
                && Digest::of_stored(invoice, lines, taxes)? != digest
            {
                changed.report(|| format!("{} is not as it was issued", number()));
            }
            if let Some(problem) = wrong_tax(invoice, lines, taxes)? {
                tax.report(|| format!("{}: {problem}", number()));
            }
        }
        after = last;
    }
}

/// The rows of one document, from rows in the order of documents.
fn of_document<'a>(rows: &'a [Row], from: &mut usize, id: i64) -> Result<&'a [Row]> {
    while rows.get(*from).map(|row| row.int("invoice_id")).transpose()?.is_some_and(|of| of < id) {
        *from += 1;
    }
    let starts = *from;
    while rows.get(*from).map(|row| row.int("invoice_id")).transpose()? == Some(id) {
        *from += 1;
    }
    Ok(&rows[starts..*from])
}

/// What is wrong with the tax of an invoice, if anything. A credit note gives back what is left of a group, to the last unit.
fn wrong_tax(invoice: &Row, lines: &[Row], taxes: &[Row]) -> Result<Option<String>> {
    if invoice.text("kind")? != "invoice" || invoice.bool("includes_tax")? {
        return Ok(None);
    }
    let rules = AmountRules {
        rounding: invoice.word("rounding", rounding_from_word)?,
        tax_rounding: invoice.word("tax_rounding", TaxRounding::from_word)?,
        ..AmountRules::default()
    };
    let currency: Currency = invoice.parsed("currency")?;
    let lines = lines.iter().map(|line| Ok((profile(line)?, Money::new(line.int("net_minor")?, currency))));
    let Ok(groups) = TaxGroup::of_lines(lines.collect::<Result<Vec<_>>>()?, rules) else { return Ok(None) };
    for row in taxes {
        let (profile, tax) = (profile(row)?, row.int("tax_minor")?);
        let group = groups.iter().find(|group| group.profile == profile);
        if group.is_some_and(|group| group.tax.minor != tax) {
            let right = group.map_or(0, |group| group.tax.minor);
            return Ok(Some(format!("{} {} says {tax}, is {right}", profile.category, profile.rate)));
        }
    }
    Ok(None)
}

/// Calendar arithmetic is done in Rust, never in SQL.
async fn schedules(conn: &mut Conn, seller: SellerId) -> Result<Finding> {
    let check = "billed through is where the next period starts";
    let mut finding = Finding::of("billed_through", check, LOOK_AT_SERVICE);
    let is_known = sellers::get(conn, seller).await?.is_some();
    for service in services::all(conn, seller).await? {
        let due = service.schedule.period(service.next_period).ok().flatten().map(|period| period.starts);
        if due != service.billed_through {
            let show = |date: Option<jiff::civil::Date>| date.map_or("never".to_owned(), |date| date.to_string());
            let (id, next, through) = (service.id, service.next_period, show(service.billed_through));
            finding.report(|| format!("service {id}: period {next} starts {}, billed through {through}", show(due)));
        }
    }
    if !is_known {
        finding.report(|| format!("seller {seller} does not exist"));
    }
    Ok(finding)
}
