//! What must be true of every database, checked row by row.

use perennial_billing::{AmountRules, Currency, Money, SellerId, TaxGroup, TaxRounding};

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
const PAGE_DOCUMENTS: i64 = 1_000;

/// What to do about a document that is not as it was issued.
const RESTORE: &str = "Somebody changed the database behind the program. Compare with a backup and with what customers were \
    sent, and put back what was there.";
/// What to do about rows that should have been written together.
const RESTORE_ROWS: &str =
    "Rows are missing or were added behind the program. Compare with a backup and put back what was there.";
/// What to do about dates.
const LOOK_AT_SERVICE: &str = "Look at the service's invoices (`perennial invoice list --customer ID`) and set its dates to what \
    they bill.";

/// A check is a statement whose rows are problems, each with a `problem` column of text.
struct Check {
    code: &'static str,
    promise: &'static str,
    advice: &'static str,
    sql: &'static str,
}

static CHECKS: [Check; 33] = [
    Check {
        code: "number_gap",
        promise: "numbers have no gaps",
        advice: RESTORE_ROWS,
        sql: "select s.fiscal_year || ': ' || count(i.id) || ' invoices for the numbers ' || s.first_number || ' to ' \
        || (s.next_number - 1) as problem from number_series s left join invoices i on i.seller_id = s.seller_id \
        and i.kind = s.kind and i.fiscal_year = s.fiscal_year where s.seller_id = $1 \
        group by s.kind, s.fiscal_year, s.first_number, s.next_number \
        having count(i.id) <> s.next_number - s.first_number or coalesce(min(i.series_number), s.first_number) <> \
        s.first_number or coalesce(max(i.series_number), s.next_number - 1) <> s.next_number - 1",
    },
    Check {
        code: "number_outside_series",
        promise: "every invoice belongs to a series",
        advice: RESTORE_ROWS,
        sql: "select 'invoice ' || i.number as problem from invoices i left join number_series s on s.seller_id = i.seller_id \
        and s.kind = i.kind and s.fiscal_year = i.fiscal_year where i.seller_id = $1 and (s.seller_id is null or \
        i.series_number < s.first_number or i.series_number >= s.next_number)",
    },
    Check {
        code: "period_billed_twice",
        promise: "every period is billed at most once",
        advice: "Credit one of the invoices (`perennial invoice credit ID`).",
        sql: "select 'service ' || service_id || ', period ' || period || ' is on ' || count(*) || ' invoices' as problem \
        from periods where seller_id = $1 and state <> 'void' group by service_id, period having count(*) > 1",
    },
    Check {
        code: "total_of_lines",
        promise: "every total equals its lines",
        advice: RESTORE,
        sql: "select 'invoice ' || i.number || ': net ' || i.net_minor || ', lines ' || coalesce(sum(l.net_minor), 0) \
        as problem from invoices i left join invoice_lines l on l.seller_id = i.seller_id and l.invoice_id = i.id \
        where i.seller_id = $1 group by i.id, i.number, i.net_minor having i.net_minor <> coalesce(sum(l.net_minor), 0)",
    },
    Check {
        code: "total_of_taxes",
        promise: "every total equals its tax groups",
        advice: RESTORE,
        sql: "select 'invoice ' || i.number || ': net ' || i.net_minor || ', bases ' || coalesce(sum(t.base_minor), 0) \
        || ', tax ' || i.tax_minor || ', groups ' || coalesce(sum(t.tax_minor), 0) as problem \
        from invoices i left join invoice_taxes t on t.seller_id = i.seller_id and t.invoice_id = i.id \
        where i.seller_id = $1 group by i.id, i.number, i.net_minor, i.tax_minor \
        having i.net_minor <> coalesce(sum(t.base_minor), 0) or i.tax_minor <> coalesce(sum(t.tax_minor), 0)",
    },
    Check {
        code: "books_of_invoice",
        promise: "every invoice is booked",
        advice: RESTORE,
        sql: "select 'invoice ' || i.number || ': receivable ' || coalesce(b.owed, 0) || ', revenue ' || coalesce(b.earned, 0) \
            || ', VAT ' || coalesce(b.vat, 0) as problem from invoices i left join (select source_id, \
            sum(case when debit = 'receivable' then amount_minor when credit = 'receivable' then -amount_minor else 0 end) as owed, \
            sum(case when credit = 'revenue' then amount_minor when debit = 'revenue' then -amount_minor else 0 end) as earned, \
            sum(case when credit = 'vat' then amount_minor when debit = 'vat' then -amount_minor else 0 end) as vat \
            from ledger where seller_id = $1 and source = 'invoice' group by source_id) b on b.source_id = i.id \
            where i.seller_id = $1 and i.kind <> 'credit_note' and (coalesce(b.owed, 0), coalesce(b.earned, 0), coalesce(b.vat, 0)) \
            <> (case when i.status = 'void' or i.kind = 'deposit' then 0 else i.total_minor end, \
            case when i.status = 'void' or i.kind = 'deposit' then 0 else i.net_minor end, \
            case when i.status = 'void' or i.kind = 'deposit' then 0 else i.tax_minor end)",
    },
    Check {
        code: "line_without_period",
        promise: "every line of an invoice has claimed its period",
        advice: RESTORE_ROWS,
        sql: "select 'invoice ' || i.number || ', line ' || l.line as problem from invoice_lines l \
        join invoices i on i.seller_id = l.seller_id and i.id = l.invoice_id \
        left join periods p on p.seller_id = l.seller_id and p.invoice_id = l.invoice_id \
        and p.service_id = l.service_id and ((p.starts = l.period_starts and p.ends = l.period_ends) or exists (select 1 from moved_periods m \
        where m.seller_id = p.seller_id and m.invoice_id = p.invoice_id and m.service_id = p.service_id \
        and m.to_period = p.period and m.starts <= l.period_starts and m.ends >= l.period_ends) \
        or (l.addon_id is not null and p.starts <= l.period_starts and p.ends > l.period_starts)) \
        where l.seller_id = $1 and i.kind = 'invoice' and l.service_id is not null and p.period is null and not exists (select 1 from \
        service_changes c where c.seller_id = l.seller_id and c.invoice_id = l.invoice_id and c.service_id = l.service_id)",
    },
    Check {
        code: "part_of_whole",
        promise: "every part of a period is of its whole",
        advice: RESTORE,
        sql: "select 'invoice ' || i.number || ', line ' || l.line as problem from invoice_lines l \
        join invoices i on i.seller_id = l.seller_id and i.id = l.invoice_id where l.seller_id = $1 \
        and l.whole_minor is not null and (l.share_of < 1 or l.share_days < 0 or l.share_days > l.share_of \
        or abs(coalesce(l.gross_minor, l.net_minor)) > l.whole_minor or (l.share_days = l.share_of and abs(coalesce(l.gross_minor, l.net_minor)) <> l.whole_minor))",
    },
    Check {
        code: "day_billed_twice",
        promise: "no day of a service is billed twice",
        advice: "Credit the later invoice, or its line (`perennial invoice credit ID --line N`).",
        sql: "select 'service ' || service_id || ', period ' || period || ' begins on ' || starts || ', billed up to ' || before \
        as problem from (select service_id, period, starts, lag(coalesce(given_back_from, ends)) \
        over (partition by service_id order by period) as before from periods where seller_id = $1 and state <> 'void' \
        and (given_back_from is null or given_back_from > starts)) p where starts < before",
    },
    Check {
        code: "period_state",
        promise: "a period is paid when its invoice is",
        advice: LOOK_AT_SERVICE,
        sql: "select 'invoice ' || i.number || ' is ' || i.status || ', its period is ' || p.state as problem from periods p \
        join invoices i on i.seller_id = p.seller_id and i.id = p.invoice_id where p.seller_id = $1 \
        and p.state <> 'void' \
        and p.state <> case i.status when 'issued' then 'invoiced' when 'written_off' then 'invoiced' \
        when 'credited' then p.state else i.status end",
    },
    Check {
        code: "open_invoice",
        promise: "a service knows its open invoice",
        advice: LOOK_AT_SERVICE,
        sql: "select 'service ' || s.id || ': open invoice ' || coalesce(cast(s.open_invoice_id as text), 'none') \
        || ', unpaid ' || coalesce(cast(p.invoice_id as text), 'none') as problem from services s \
        left join periods p on p.seller_id = s.seller_id and p.service_id = s.id and p.state = 'invoiced' \
        and p.state <> 'void' \
        and exists (select 1 from invoices i where i.seller_id = p.seller_id and i.id = p.invoice_id and i.status = 'issued') \
        where s.seller_id = $1 and s.open_invoice_id is distinct from p.invoice_id",
    },
    Check {
        code: "run_complete",
        promise: "a finished run has renewed what it found or says why not",
        advice: "Run again: what is due is found and renewed, once.",
        sql: "select 'run ' || r.id || ': found ' || r.found || ', renewed ' || r.renewed || ', told ' || r.told as problem \
        from (select id, found, (select count(*) from invoices i join periods p on p.seller_id = i.seller_id \
        and p.invoice_id = i.id where i.seller_id = runs.seller_id and i.run_id = runs.id) as renewed, \
        (select count(*) from run_services s where s.seller_id = runs.seller_id and s.run_id = runs.id) as told \
        from runs where seller_id = $1 and finished_at is not null) r where r.found <> r.renewed + r.told",
    },
    Check {
        code: "outbox_without_invoice",
        promise: "every outbox row has its invoice",
        advice: RESTORE_ROWS,
        sql: "select 'outbox row ' || o.id as problem from outbox o \
        left join invoices i on i.seller_id = o.seller_id and i.id = o.invoice_id where o.seller_id = $1 \
        and i.id is null and o.kind = 'invoice_mail'",
    },
    Check {
        code: "coupon_uses",
        promise: "a coupon was used as often as it says",
        advice: RESTORE_ROWS,
        sql: "select 'coupon ' || c.code || ': used ' || c.uses || ' times, for ' || count(u.service_id) || ' services' \
        as problem from coupons c left join coupon_uses u on u.seller_id = c.seller_id and u.coupon_id = c.id \
        where c.seller_id = $1 group by c.id, c.code, c.uses having c.uses <> count(u.service_id)",
    },
    Check {
        code: "total_of_tax_lines",
        promise: "every tax group's base equals its lines",
        advice: RESTORE,
        sql: "select 'invoice ' || i.number || ', ' || t.tax_country || ' ' || t.tax_category || ': base ' || t.base_minor || ', lines ' \
            || coalesce(l.net, 0) as problem from invoice_taxes t join invoices i on i.seller_id = t.seller_id and i.id = t.invoice_id \
            left join (select invoice_id, tax_country, tax_category, tax_rate_ppm, sum(net_minor) as net from invoice_lines \
            where seller_id = $1 group by invoice_id, tax_country, tax_category, tax_rate_ppm) l on l.invoice_id = t.invoice_id \
            and l.tax_country = t.tax_country and l.tax_category = t.tax_category and l.tax_rate_ppm = t.tax_rate_ppm \
            where t.seller_id = $1 and t.base_minor <> coalesce(l.net, 0)",
    },
    Check {
        code: "books_of_credit_note",
        promise: "every credit note is booked",
        advice: RESTORE,
        sql: "select 'credit note ' || i.number || ': revenue ' || coalesce(b.earned, 0) || ', VAT ' || coalesce(b.vat, 0) as problem \
            from invoices i left join (select source_id, \
            sum(case when debit = 'revenue' then amount_minor when credit = 'revenue' then -amount_minor else 0 end) as earned, \
            sum(case when debit = 'vat' then amount_minor when credit = 'vat' then -amount_minor else 0 end) as vat \
            from ledger where seller_id = $1 and source = 'credit_note' group by source_id) b on b.source_id = i.id \
            where i.seller_id = $1 and i.kind = 'credit_note' and (coalesce(b.earned, 0), coalesce(b.vat, 0)) \
            <> (i.net_minor, i.tax_minor)",
    },
    Check {
        code: "books_receivable",
        promise: "what the books say is owed equals what is to be paid",
        advice: RESTORE_ROWS,
        sql: "select b.currency || ': booked ' || sum(b.booked) || ', to be paid ' || sum(b.open) as problem from ( \
            select currency, sum(case when debit = 'receivable' then amount_minor else -amount_minor end) as booked, 0 as open \
            from ledger where seller_id = $1 and (debit = 'receivable' or credit = 'receivable') group by currency \
            union all select currency, 0, sum(open_minor) from invoices where seller_id = $1 and kind = 'invoice' \
            group by currency) b group by b.currency having sum(b.booked) <> sum(b.open)",
    },
    Check {
        code: "books_credit",
        promise: "what the books say of credit equals what customers have",
        advice: RESTORE_ROWS,
        sql: "select b.currency || ': booked ' || sum(b.booked) || ', of customers ' || sum(b.held) as problem from ( \
            select currency, sum(case when credit = 'credit' then amount_minor else -amount_minor end) as booked, 0 as held \
            from ledger where seller_id = $1 and (debit = 'credit' or credit = 'credit') group by currency \
            union all select currency, 0, sum(balance_minor) from credits where seller_id = $1 group by currency) b \
            group by b.currency having sum(b.booked) <> sum(b.held)",
    },
    Check {
        code: "books_of_payment",
        promise: "every payment is booked",
        advice: RESTORE,
        sql: "select 'payment ' || p.id || ': ' || p.amount_minor || ', booked ' || coalesce(b.booked, 0) as problem from payments p \
            left join (select source_id, sum(case when debit = 'bank' then amount_minor else 0 end) as booked from ledger \
            where seller_id = $1 and source = 'payment' group by source_id) b on b.source_id = p.id \
            where p.seller_id = $1 and p.amount_minor <> coalesce(b.booked, 0)",
    },
    Check {
        code: "books_of_refund",
        promise: "every refund is booked",
        advice: RESTORE,
        sql: "select 'refund ' || r.id || ': ' || r.amount_minor || ', booked ' || coalesce(b.booked, 0) as problem from refunds r \
            left join (select source_id, sum(case when credit = 'bank' then amount_minor else 0 end) as booked from ledger \
            where seller_id = $1 and source = 'refund' group by source_id) b on b.source_id = r.id \
            where r.seller_id = $1 and r.amount_minor <> coalesce(b.booked, 0)",
    },
    Check {
        code: "books_without_event",
        promise: "every booking has what it was for",
        advice: RESTORE_ROWS,
        sql: "select l.source || ' ' || l.source_id || ', entry ' || l.entry as problem from ledger l where l.seller_id = $1 \
            and ((l.source in ('invoice', 'credit_note') and not exists (select 1 from invoices i where i.seller_id = l.seller_id \
            and i.id = l.source_id)) or (l.source = 'payment' and not exists (select 1 from payments p \
            where p.seller_id = l.seller_id and p.id = l.source_id)) or (l.source = 'refund' and not exists (select 1 from refunds r \
            where r.seller_id = l.seller_id and r.id = l.source_id)) or (l.source = 'settlement' and not exists (select 1 \
            from settlements s where s.seller_id = l.seller_id and s.id = l.source_id)))",
    },
    Check {
        code: "settled_amount",
        promise: "what is to be paid is what is not settled",
        advice: RESTORE_ROWS,
        sql: "select 'invoice ' || i.number || ': total ' || i.total_minor || ', open ' || i.open_minor || ', settled ' \
            || coalesce(s.settled, 0) as problem from invoices i left join (select invoice_id, sum(amount_minor) as settled \
            from settlements where seller_id = $1 group by invoice_id) s on s.invoice_id = i.id where i.seller_id = $1 \
            and i.kind <> 'credit_note' and i.status <> 'void' and i.total_minor - i.open_minor <> coalesce(s.settled, 0)",
    },
    Check {
        code: "void_settled",
        promise: "nothing was paid for a void invoice",
        advice: RESTORE_ROWS,
        sql: "select 'invoice ' || i.number || ': settlement ' || s.id as problem from settlements s join invoices i \
            on i.seller_id = s.seller_id and i.id = s.invoice_id where s.seller_id = $1 and i.status = 'void'",
    },
    Check {
        code: "payment_used",
        promise: "every payment went somewhere whole",
        advice: RESTORE_ROWS,
        sql: "select 'payment ' || p.id || ': ' || p.amount_minor || ', paid ' || coalesce(s.settled, 0) || ', to credit ' \
            || coalesce(c.credited, 0) as problem from payments p left join (select source_id, sum(amount_minor) as settled \
            from settlements where seller_id = $1 and source = 'payment' group by source_id) s on s.source_id = p.id \
            left join (select payment_id, sum(amount_minor) as credited from credit_entries where seller_id = $1 \
            and kind = 'overpaid' group by payment_id) c on c.payment_id = p.id where p.seller_id = $1 \
            and p.amount_minor <> coalesce(s.settled, 0) + coalesce(c.credited, 0)",
    },
    Check {
        code: "settlement_without_source",
        promise: "every settlement has what settled it",
        advice: RESTORE_ROWS,
        sql: "select 'settlement ' || s.id || ' by ' || s.source || ' ' || s.source_id as problem from settlements s where s.seller_id = $1 \
            and ((s.source = 'payment' and not exists (select 1 from payments p where p.seller_id = s.seller_id \
            and p.id = s.source_id)) or (s.source = 'credit_note' and not exists (select 1 from invoices i \
            where i.seller_id = s.seller_id and i.id = s.source_id and i.kind = 'credit_note')))",
    },
    Check {
        code: "credit_balance",
        promise: "what a customer has equals its moves",
        advice: RESTORE_ROWS,
        sql: "select 'customer ' || b.customer_id || ', ' || b.currency || ': has ' || sum(b.held) || ', moved ' || sum(b.moved) as problem \
            from (select customer_id, currency, balance_minor as held, 0 as moved from credits where seller_id = $1 \
            union all select customer_id, currency, 0, sum(amount_minor) from credit_entries where seller_id = $1 \
            group by customer_id, currency) b group by b.customer_id, b.currency having sum(b.held) <> sum(b.moved)",
    },
    Check {
        code: "credit_log",
        promise: "every move of credit leaves what it says",
        advice: RESTORE_ROWS,
        sql: "select 'customer ' || e.customer_id || ', move ' || e.id || ': leaves ' || e.balance_minor || ', adds up to ' || e.summed \
            as problem from (select id, customer_id, balance_minor, sum(amount_minor) over (partition by customer_id, currency \
            order by id) as summed from credit_entries where seller_id = $1) e where e.balance_minor <> e.summed",
    },
    Check {
        code: "credited_too_much",
        promise: "no more is given back than was asked for",
        advice: RESTORE_ROWS,
        sql: "select 'invoice ' || i.number || ': total ' || i.total_minor || ', given back ' || sum(n.total_minor) as problem \
            from invoices n join invoices i on i.seller_id = n.seller_id and i.id = n.corrects_id where n.seller_id = $1 \
            and n.kind = 'credit_note' group by i.id, i.number, i.total_minor having sum(n.total_minor) > i.total_minor",
    },
    Check {
        code: "credit_note_of",
        promise: "every credit note corrects an invoice of its customer",
        advice: RESTORE,
        sql: "select 'credit note ' || n.number as problem from invoices n left join invoices i on i.seller_id = n.seller_id \
            and i.id = n.corrects_id and i.kind = 'invoice' and i.customer_id = n.customer_id and i.currency = n.currency \
            where n.seller_id = $1 and n.kind = 'credit_note' and i.id is null",
    },
    Check {
        code: "line_without_invoice",
        promise: "every line and tax group has its invoice",
        advice: RESTORE_ROWS,
        sql: "select 'line ' || l.line || ' of invoice id ' || l.invoice_id as problem from invoice_lines l left join invoices i \
            on i.seller_id = l.seller_id and i.id = l.invoice_id where l.seller_id = $1 and i.id is null union all \
            select 'tax ' || t.tax_category || ' of invoice id ' || t.invoice_id from invoice_taxes t left join invoices i \
            on i.seller_id = t.seller_id and i.id = t.invoice_id where t.seller_id = $1 and i.id is null",
    },
    Check {
        code: "period_without_invoice",
        promise: "every period has its invoice",
        advice: RESTORE_ROWS,
        sql: "select 'service ' || p.service_id || ', period ' || p.period || ', invoice id ' || p.invoice_id as problem from periods p \
            left join invoices i on i.seller_id = p.seller_id and i.id = p.invoice_id where p.seller_id = $1 and i.id is null",
    },
    Check {
        code: "paid_through",
        promise: "a service is paid through its paid periods",
        advice: LOOK_AT_SERVICE,
        sql: "select 'service ' || s.id || ': paid through ' || coalesce(cast(s.paid_through as text), 'never') || ', period ' || p.period \
            || ' is paid up to ' || p.ends as problem from periods p join services s on s.seller_id = p.seller_id \
            and s.id = p.service_id where p.seller_id = $1 and p.state = 'paid' and p.given_back_from is null \
            and p.ends <= s.billed_through and (s.paid_through is null or s.paid_through < p.ends)",
    },
    Check {
        code: "paid_beyond_billed",
        promise: "no service is paid beyond what is billed",
        advice: LOOK_AT_SERVICE,
        sql: "select 'service ' || s.id || ': paid through ' || s.paid_through || ', billed through ' || s.billed_through as problem \
            from services s where s.seller_id = $1 and s.paid_through > s.billed_through",
    },
];

/// Statements with a count of their rows and no more of them than are listed.
static LIMITED: Texts<&'static str> = Texts::new();

impl Store {
    /// Checks one seller's rows. Every check is listed, with what it found. Nobody waits for it, and what is written meanwhile
    /// is seen whole or not at all by each check. Three connections look at the same time.
    pub async fn examine(&self, seller: SellerId) -> Result<Vec<Finding>> {
        // Every second one each: the checks that take long stand side by side.
        let (even, odd, rest) = tokio::try_join!(
            self.check(seller, CHECKS.iter().step_by(2)),
            self.check(seller, CHECKS.iter().skip(1).step_by(2)),
            self.check_in_rust(seller)
        )?;
        let mut odd = odd.into_iter();
        Ok(even.into_iter().flat_map(|finding| std::iter::once(finding).chain(odd.next())).chain(rest).collect())
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

    /// What needs arithmetic, a digest or the calendar.
    async fn check_in_rust(&self, seller: SellerId) -> Result<Vec<Finding>> {
        let mut look = self.look_at_everything().await?;
        let mut findings = Vec::from(documents(&mut look, seller).await?);
        findings.push(schedules(&mut look, seller).await?);
        Ok(findings)
    }
}

/// What needs arithmetic or a digest is done in Rust, page by page.
async fn documents(conn: &mut Conn, seller: SellerId) -> Result<[Finding; 2]> {
    let mut changed = Finding::of("document_changed", "no document has changed since it was issued", RESTORE);
    let mut tax = Finding::of("tax_of_base", "the tax of every group follows from its rate", RESTORE);
    let mut after = 0;
    loop {
        let sql = "select id, number, kind, customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, \
            rounding_minor, total_minor, rounding, tax_rounding, includes_tax, seller, buyer, run_id, corrects_id, reason, \
            home_currency, home_rate_billionths, home_rate_on, home_rate_source, home_tax_minor, digest from invoices \
            where seller_id = $1 and id > $2 order by id limit $3";
        let page = conn.rows(sql, params![seller.0, after, PAGE_DOCUMENTS]).await?;
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
