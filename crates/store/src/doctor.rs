//! What must be true of every database, checked row by row.

use perennial_billing::SellerId;

use crate::{Conn, Result, Store, sellers, services};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What must be true.
    pub check: &'static str,
    /// Where it is not; empty when all is well.
    pub problems: Vec<String>,
}

/// Problems listed per check at most.
pub const PROBLEMS_LISTED: usize = 100;

/// A check is a statement whose rows are problems, each with a `problem` column of text.
const CHECKS: [(&str, &str); 14] = [
    (
        "numbers have no gaps",
        "select s.fiscal_year || ': ' || count(i.id) || ' invoices for the numbers ' || s.first_number || ' to ' \
        || (s.next_number - 1) as problem from number_series s left join invoices i on i.seller_id = s.seller_id \
        and i.kind = s.kind and i.fiscal_year = s.fiscal_year where s.seller_id = $1 \
        group by s.kind, s.fiscal_year, s.first_number, s.next_number \
        having count(i.id) <> s.next_number - s.first_number or coalesce(min(i.series_number), s.first_number) <> \
        s.first_number or coalesce(max(i.series_number), s.next_number - 1) <> s.next_number - 1",
    ),
    (
        "every invoice belongs to a series",
        "select 'invoice ' || i.number as problem from invoices i left join number_series s on s.seller_id = i.seller_id \
        and s.kind = i.kind and s.fiscal_year = i.fiscal_year where i.seller_id = $1 and (s.seller_id is null or \
        i.series_number < s.first_number or i.series_number >= s.next_number)",
    ),
    (
        "every period is billed at most once",
        "select 'service ' || service_id || ', period ' || period || ' is on ' || count(*) || ' invoices' as problem \
        from periods where seller_id = $1 and state <> 'void' group by service_id, period having count(*) > 1",
    ),
    (
        "every total equals its lines",
        "select 'invoice ' || i.number || ': net ' || i.net_minor || ', lines ' || coalesce(sum(l.net_minor), 0) \
        as problem from invoices i left join invoice_lines l on l.seller_id = i.seller_id and l.invoice_id = i.id \
        where i.seller_id = $1 group by i.id, i.number, i.net_minor having i.net_minor <> coalesce(sum(l.net_minor), 0)",
    ),
    (
        "every total equals its tax groups",
        "select 'invoice ' || i.number || ': net ' || i.net_minor || ', bases ' || coalesce(sum(t.base_minor), 0) \
        || ', tax ' || i.tax_minor || ', groups ' || coalesce(sum(t.tax_minor), 0) as problem \
        from invoices i left join invoice_taxes t on t.seller_id = i.seller_id and t.invoice_id = i.id \
        where i.seller_id = $1 group by i.id, i.number, i.net_minor, i.tax_minor \
        having i.net_minor <> coalesce(sum(t.base_minor), 0) or i.tax_minor <> coalesce(sum(t.tax_minor), 0)",
    ),
    (
        "the books balance",
        "select 'invoice ' || i.number || ': entries sum to ' || coalesce(sum(e.amount_minor), 0) as problem \
        from invoices i left join ledger_entries e on e.seller_id = i.seller_id and e.invoice_id = i.id \
        where i.seller_id = $1 group by i.id, i.number, i.total_minor, i.status having coalesce(sum(e.amount_minor), 0) <> 0 \
        or coalesce(sum(case when e.account = 'receivable' then e.amount_minor end), 0) \
        <> case when i.status = 'void' then 0 else i.total_minor end",
    ),
    (
        "every line of an invoice has claimed its period",
        "select 'invoice ' || i.number || ', line ' || l.line as problem from invoice_lines l \
        join invoices i on i.seller_id = l.seller_id and i.id = l.invoice_id \
        left join periods p on p.seller_id = l.seller_id and p.invoice_id = l.invoice_id \
        and p.service_id = l.service_id and ((p.starts = l.period_starts and p.ends = l.period_ends) \
        or (l.addon_id is not null and p.starts <= l.period_starts and p.ends > l.period_starts)) \
        where l.seller_id = $1 and p.period is null and not exists (select 1 from \
        service_changes c where c.seller_id = l.seller_id and c.invoice_id = l.invoice_id and c.service_id = l.service_id)",
    ),
    (
        "every part of a period is of its whole",
        "select 'invoice ' || i.number || ', line ' || l.line as problem from invoice_lines l \
        join invoices i on i.seller_id = l.seller_id and i.id = l.invoice_id where l.seller_id = $1 \
        and l.whole_minor is not null and (l.share_of < 1 or l.share_days < 0 or l.share_days > l.share_of \
        or abs(l.net_minor) > l.whole_minor or (l.share_days = l.share_of and abs(l.net_minor) <> l.whole_minor))",
    ),
    (
        "no day of a service is billed twice",
        "select 'service ' || service_id || ', period ' || period || ' begins on ' || starts || ', billed up to ' || before \
        as problem from (select service_id, period, starts, lag(coalesce(given_back_from, ends)) \
        over (partition by service_id order by period) as before from periods where seller_id = $1 and state <> 'void' \
        and (given_back_from is null or given_back_from > starts)) p where starts < before",
    ),
    (
        "a period is paid when its invoice is",
        "select 'invoice ' || i.number || ' is ' || i.status || ', its period is ' || p.state as problem from periods p \
        join invoices i on i.seller_id = p.seller_id and i.id = p.invoice_id where p.seller_id = $1 \
        and p.state <> case i.status when 'issued' then 'invoiced' else i.status end",
    ),
    // What is not void is said as well, because that is what periods_claim, which finds a service's periods, is limited to.
    (
        "a service knows its open invoice",
        "select 'service ' || s.id || ': open invoice ' || coalesce(cast(s.open_invoice_id as text), 'none') \
        || ', unpaid ' || coalesce(cast(p.invoice_id as text), 'none') as problem from services s \
        left join periods p on p.seller_id = s.seller_id and p.service_id = s.id and p.state = 'invoiced' \
        and p.state <> 'void' \
        where s.seller_id = $1 and s.open_invoice_id is distinct from p.invoice_id",
    ),
    (
        "a finished run has renewed what it found or says why not",
        "select 'run ' || r.id || ': found ' || r.found || ', renewed ' || r.renewed || ', told ' || r.told as problem \
        from (select id, found, (select count(*) from invoices i join periods p on p.seller_id = i.seller_id \
        and p.invoice_id = i.id where i.seller_id = runs.seller_id and i.run_id = runs.id) as renewed, \
        (select count(*) from run_services s where s.seller_id = runs.seller_id and s.run_id = runs.id) as told \
        from runs where seller_id = $1 and finished_at is not null) r where r.found <> r.renewed + r.told",
    ),
    (
        "every outbox row has its invoice",
        "select 'outbox row ' || o.id as problem from outbox o \
        left join invoices i on i.seller_id = o.seller_id and i.id = o.invoice_id where o.seller_id = $1 \
        and i.id is null and o.kind = 'invoice_mail'",
    ),
    (
        "a coupon was used as often as it says",
        "select 'coupon ' || c.code || ': used ' || c.uses || ' times, for ' || count(u.service_id) || ' services' \
        as problem from coupons c left join coupon_uses u on u.seller_id = c.seller_id and u.coupon_id = c.id \
        where c.seller_id = $1 group by c.id, c.code, c.uses having c.uses <> count(u.service_id)",
    ),
];

impl Store {
    /// Checks one seller's rows. Every check is listed, with what it found.
    pub async fn examine(&self, seller: SellerId) -> Result<Vec<Finding>> {
        let mut look = self.look_at_everything().await?;
        let conn = &mut *look;
        let mut findings = Vec::new();
        for (check, sql) in CHECKS {
            let rows = conn.rows(sql, crate::value::params![seller.0]).await?;
            let problems = rows.iter().take(PROBLEMS_LISTED).map(|row| row.text("problem")).collect::<Result<_>>()?;
            findings.push(Finding { check, problems });
        }
        findings.push(schedules(conn, seller).await?);
        Ok(findings)
    }
}

/// Calendar arithmetic is done in Rust, never in SQL.
async fn schedules(conn: &mut Conn, seller: SellerId) -> Result<Finding> {
    let mut problems = Vec::new();
    let is_known = sellers::get(conn, seller).await?.is_some();
    for service in services::all(conn, seller).await? {
        let due = service.schedule.period(service.next_period).ok().flatten().map(|period| period.starts);
        if due != service.billed_through && problems.len() < PROBLEMS_LISTED {
            let show = |date: Option<jiff::civil::Date>| date.map_or("never".to_owned(), |date| date.to_string());
            problems.push(format!(
                "service {}: period {} starts {}, billed through {}",
                service.id,
                service.next_period,
                show(due),
                show(service.billed_through)
            ));
        }
    }
    if !is_known {
        problems.push(format!("seller {seller} does not exist"));
    }
    Ok(Finding { check: "billed through is where the next period starts", problems })
}
