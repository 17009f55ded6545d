-- Invoices get companions: credit notes, and deposits, which ask for money that becomes credit. What refers to them is laid
-- aside first, because SQLite keeps a table that others refer to.
create table old_lines as select * from invoice_lines;
create table old_taxes as select * from invoice_taxes;
create table old_periods as select * from periods;
create table old_entries as select * from ledger_entries;
create table old_outbox as select * from outbox;
drop table invoice_lines;
drop table invoice_taxes;
drop table periods;
drop table ledger_entries;
drop table outbox;

-- Issued documents. seller and buyer are frozen copies as JSON; only status, paid_at and open_minor ever change. open_minor
-- is what is still to be paid. digest is of everything else but the id and the number; none for those from before.
create table new_invoices (
    seller_id integer not null references sellers (id),
    id integer not null check (id >= 1),
    kind text not null check (kind in ('invoice', 'credit_note', 'deposit')),
    fiscal_year integer not null,
    series_number integer not null,
    number text not null,
    customer_id integer not null,
    issued_on text not null,
    due_on text not null,
    issued_at integer not null,
    currency text not null,
    net_minor integer not null,
    tax_minor integer not null,
    total_minor integer not null check (total_minor = net_minor + tax_minor + rounding_minor),
    rounding text not null check (rounding in ('half_up', 'half_even')),
    seller text not null,
    buyer text not null,
    status text not null check (status in ('issued', 'paid', 'credited', 'written_off', 'void')),
    paid_at integer,
    run_id integer,
    rounding_minor integer not null,
    tax_rounding text not null check (tax_rounding in ('group', 'line')),
    includes_tax integer not null,
    corrects_id integer,
    reason text,
    home_currency text,
    home_rate_billionths integer,
    home_rate_on text,
    home_rate_source text,
    home_tax_minor integer,
    digest text,
    open_minor integer not null check (open_minor >= 0 and (open_minor > 0) = (status = 'issued')),
    primary key (seller_id, id),
    unique (seller_id, kind, fiscal_year, series_number),
    unique (seller_id, number),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) strict;

insert into new_invoices (seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on,
    issued_at, currency, net_minor, tax_minor, rounding_minor, total_minor, rounding, tax_rounding, includes_tax, seller,
    buyer, run_id, status, paid_at, open_minor)
select seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency,
    net_minor, tax_minor, 0, total_minor, rounding, 'group', 0, seller, buyer, run_id,
    case when status = 'issued' and total_minor = 0 then 'paid' else status end,
    case when status = 'issued' and total_minor = 0 then coalesce(paid_at, issued_at) else paid_at end,
    case status when 'issued' then total_minor else 0 end from invoices;

drop table invoices;
alter table new_invoices rename to invoices;
create index invoices_of_customer on invoices (seller_id, customer_id, id);
create index invoices_of_run on invoices (seller_id, run_id, currency) where run_id is not null;
create index invoices_open on invoices (seller_id, due_on) where status = 'issued';
create index invoices_correcting on invoices (seller_id, corrects_id) where corrects_id is not null;

-- A line that a person writes may be about no service. In gross prices, gross_minor is what the net is taken from.
create table invoice_lines (
    seller_id integer not null,
    invoice_id integer not null,
    line integer not null check (line >= 1),
    service_id integer,
    addon_id integer,
    product_id integer,
    description text not null,
    quantity_millionths integer not null,
    unit_price_minor integer not null,
    net_minor integer not null,
    tax_category text not null,
    tax_rate_ppm integer not null,
    period_starts text,
    period_ends text,
    price_origin text not null,
    price_id integer,
    whole_minor integer,
    whole_starts text,
    share_days integer,
    share_of integer,
    allowance_minor integer,
    allowance_reason text,
    discount_code text,
    tax_country text not null,
    gross_minor integer,
    corrects_line integer,
    primary key (seller_id, invoice_id, line),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict, without rowid;

insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description, quantity_millionths,
    unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, price_origin, price_id, whole_minor,
    whole_starts, share_days, share_of, allowance_minor, allowance_reason, discount_code, tax_country)
select l.seller_id, l.invoice_id, l.line, l.service_id, l.addon_id, l.product_id, l.description, l.quantity_millionths,
    l.unit_price_minor, l.net_minor, l.tax_category, l.tax_rate_ppm, l.period_starts, l.period_ends, l.price_origin,
    l.price_id, l.whole_minor, l.whole_starts, l.share_days, l.share_of, l.allowance_minor, l.allowance_reason,
    l.discount_code, s.country from old_lines l join sellers s on s.id = l.seller_id;
drop table old_lines;

create table invoice_taxes (
    seller_id integer not null,
    invoice_id integer not null,
    tax_category text not null,
    tax_rate_ppm integer not null,
    base_minor integer not null,
    tax_minor integer not null,
    tax_country text not null,
    primary key (seller_id, invoice_id, tax_country, tax_category, tax_rate_ppm),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict, without rowid;

insert into invoice_taxes (seller_id, invoice_id, tax_country, tax_category, tax_rate_ppm, base_minor, tax_minor)
select t.seller_id, t.invoice_id, s.country, t.tax_category, t.tax_rate_ppm, t.base_minor, t.tax_minor from old_taxes t
    join sellers s on s.id = t.seller_id;
drop table old_taxes;

create table periods (
    seller_id integer not null,
    service_id integer not null,
    period integer not null check (period >= 0),
    invoice_id integer not null,
    starts text not null,
    ends text not null check (ends > starts),
    state text not null check (state in ('invoiced', 'paid', 'void')),
    given_back_from text,
    primary key (seller_id, invoice_id, service_id, period),
    foreign key (seller_id, service_id) references services (seller_id, id),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict;

insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state, given_back_from)
select seller_id, service_id, period, invoice_id, starts, ends, state, given_back_from from old_periods;
drop table old_periods;
create unique index periods_claim on periods (seller_id, service_id, period) where state <> 'void';

-- Each row moves an amount from one account to another: the books cannot but balance. What it was for stands beside it.
create table ledger (
    seller_id integer not null,
    source text not null check (source in ('invoice', 'credit_note', 'payment', 'refund', 'settlement')),
    source_id integer not null,
    entry integer not null check (entry >= 1),
    debit text not null check (debit in ('receivable', 'revenue', 'vat', 'bank', 'credit', 'bad_debt', 'rounding')),
    credit text not null check (credit in ('receivable', 'revenue', 'vat', 'bank', 'credit', 'bad_debt', 'rounding')),
    currency text not null,
    amount_minor integer not null check (amount_minor > 0),
    booked_on text not null,
    product_id integer,
    tax_country text,
    tax_category text,
    tax_rate_ppm integer,
    primary key (seller_id, source, source_id, entry),
    check (debit <> credit)
) strict, without rowid;

-- What was booked before is booked again with what it was for, by product and tax; undone where what was owed was booked the
-- other way. Where nothing was owed in all, that was not booked, but what the customer owed and was owed moved.
insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on, product_id,
    tax_country, tax_category, tax_rate_ppm)
with booked as (
    select e.seller_id, e.invoice_id, e.currency, e.booked_on,
        case when (e.amount_minor > 0) = (i.total_minor > 0) then 1 else -1 end as sign
    from old_entries e join invoices i on i.seller_id = e.seller_id and i.id = e.invoice_id where e.account = 'receivable'
    union all
    select seller_id, id, currency, issued_on, 1 from invoices where total_minor = 0 and status <> 'void'
), moved as (
    select seller_id, invoice_id, 'revenue' as account, product_id, tax_country, tax_category, tax_rate_ppm,
        sum(net_minor) as minor from invoice_lines
    group by seller_id, invoice_id, product_id, tax_country, tax_category, tax_rate_ppm
    union all
    select seller_id, invoice_id, 'vat', null, tax_country, tax_category, tax_rate_ppm, tax_minor from invoice_taxes
)
select m.seller_id, 'invoice', m.invoice_id,
    row_number() over (partition by m.seller_id, m.invoice_id
        order by b.booked_on, b.sign desc, m.account, m.product_id, m.tax_country, m.tax_category, m.tax_rate_ppm),
    case when m.minor * b.sign > 0 then 'receivable' else m.account end,
    case when m.minor * b.sign > 0 then m.account else 'receivable' end,
    b.currency, abs(m.minor), b.booked_on, m.product_id, m.tax_country, m.tax_category, m.tax_rate_ppm
from moved m join booked b on b.seller_id = m.seller_id and b.invoice_id = m.invoice_id where m.minor <> 0;
drop table old_entries;

-- An event is told to others who want to hear of it.
create table outbox (
    seller_id integer not null,
    id integer not null check (id >= 1),
    kind text not null check (kind in ('invoice_mail', 'price_notice')),
    invoice_id integer,
    state text not null check (state in ('queued', 'sent', 'failed', 'called_off')),
    attempts integer not null,
    created_at integer not null,
    next_attempt_at integer not null,
    campaign_id integer,
    customer_id integer,
    primary key (seller_id, id),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict;

insert into outbox (seller_id, id, kind, invoice_id, state, attempts, created_at, next_attempt_at, campaign_id, customer_id)
select seller_id, id, kind, invoice_id, state, attempts, created_at, next_attempt_at, campaign_id, customer_id
    from old_outbox;
drop table old_outbox;
create index outbox_of_invoice on outbox (seller_id, invoice_id);
create index outbox_queued on outbox (next_attempt_at) where state = 'queued';
create index outbox_of_campaign on outbox (seller_id, campaign_id) where campaign_id is not null;

create table new_series (
    seller_id integer not null references sellers (id),
    kind text not null check (kind in ('invoice', 'credit_note', 'deposit')),
    fiscal_year integer not null,
    first_number integer not null check (first_number >= 1),
    next_number integer not null check (next_number >= first_number),
    primary key (seller_id, kind, fiscal_year)
) strict;

insert into new_series (seller_id, kind, fiscal_year, first_number, next_number)
select seller_id, kind, fiscal_year, first_number, next_number from number_series;
drop table number_series;
alter table new_series rename to number_series;

alter table customers drop column tax_category;
alter table customers drop column tax_rate_ppm;

insert into ids (kind, next) values
    ('payment', 1), ('refund', 1), ('settlement', 1), ('credit_entry', 1), ('event', 1), ('draft', 1), ('vat_check', 1);

create trigger invoices_frozen before update of
    seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency,
    net_minor, tax_minor, rounding_minor, total_minor, rounding, tax_rounding, includes_tax, seller, buyer, run_id,
    corrects_id, reason, home_currency, home_rate_billionths, home_rate_on, home_rate_source, home_tax_minor, digest
on invoices begin select raise(abort, 'an issued invoice never changes'); end;

create trigger invoices_kept before delete on invoices
begin select raise(abort, 'an issued invoice is never deleted'); end;

create trigger invoice_lines_frozen before update on invoice_lines
begin select raise(abort, 'an issued invoice never changes'); end;

create trigger invoice_lines_kept before delete on invoice_lines
begin select raise(abort, 'an issued invoice never changes'); end;

create trigger invoice_lines_closed before insert on invoice_lines
when exists (select 1 from invoices where seller_id = new.seller_id and id = new.invoice_id)
begin select raise(abort, 'an issued invoice never changes'); end;

create trigger invoice_taxes_frozen before update on invoice_taxes
begin select raise(abort, 'an issued invoice never changes'); end;

create trigger invoice_taxes_kept before delete on invoice_taxes
begin select raise(abort, 'an issued invoice never changes'); end;

create trigger invoice_taxes_closed before insert on invoice_taxes
when exists (select 1 from invoices where seller_id = new.seller_id and id = new.invoice_id)
begin select raise(abort, 'an issued invoice never changes'); end;

create trigger ledger_frozen before update on ledger
begin select raise(abort, 'a booked entry never changes'); end;

create trigger ledger_kept before delete on ledger
begin select raise(abort, 'a booked entry never changes'); end;
