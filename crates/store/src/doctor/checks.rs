//! The checks that are statements.

/// What to do about a document that is not as it was issued.
pub(super) const RESTORE: &str = "Somebody changed the database behind the program. Compare with a backup and with what customers were \
    sent, and put back what was there.";
/// What to do about rows that should have been written together.
const RESTORE_ROWS: &str =
    "Rows are missing or were added behind the program. Compare with a backup and put back what was there.";
/// What to do about dates.
pub(super) const LOOK_AT_SERVICE: &str = "Look at the service's invoices (`perennial invoice list --customer ID`) and set its dates to what \
    they bill.";

/// A check is a statement whose rows are problems, each with a `problem` column of text.
pub(super) struct Check {
    pub code: &'static str,
    pub promise: &'static str,
    pub advice: &'static str,
    pub sql: &'static str,
}

pub(super) static CHECKS: [Check; 36] = [
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
        sql: "select 'invoice ' || i.number || ' is ' || i.status || ', its period is ' || p.state as problem from invoices i \
        cross join periods p where p.seller_id = i.seller_id and p.invoice_id = i.id and i.seller_id = $1 \
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
        code: "due_from",
        promise: "a service without an open invoice is found on the day from which it is renewed",
        advice: LOOK_AT_SERVICE,
        sql: "select 'service ' || id || ': renewed from ' || coalesce(cast(renew_on as text), 'never') || ', looked for from ' \
        || coalesce(cast(due_from as text), 'never') as problem from services where seller_id = $1 \
        and open_invoice_id is null and due_from is distinct from renew_on",
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
        and i.id is null and o.kind in ('invoice_mail', 'reminder_mail')",
    },
    Check {
        code: "mail_taken",
        promise: "every mail that was sent was taken by a mail server",
        advice: RESTORE_ROWS,
        sql: "select 'mail ' || o.id as problem from outbox o where o.seller_id = $1 and o.state = 'sent' \
        and o.message_id <> '' and not exists (select 1 from deliveries d where d.seller_id = o.seller_id \
        and d.outbox_id = o.id and d.outcome = 'accepted')",
    },
    Check {
        code: "delivery_without_event",
        promise: "every delivery to a webhook has its event",
        advice: RESTORE_ROWS,
        sql: "select 'webhook ' || d.webhook_id || ', event ' || d.event_id as problem from webhook_deliveries d \
        where d.seller_id = $1 and not exists (select 1 from events e where e.seller_id = d.seller_id and e.id = d.event_id)",
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
