-- Invoices get companions: credit notes, and deposits, which ask for money that becomes credit. open_minor is what is still
-- to be paid. digest is of everything that is frozen but the id and the number; none for those from before.
alter table invoices drop constraint invoices_kind_check;
alter table invoices add check (kind in ('invoice', 'credit_note', 'deposit'));
alter table invoices drop constraint invoices_status_check;
alter table invoices add check (status in ('issued', 'paid', 'credited', 'written_off', 'void'));
alter table invoices add column rounding_minor bigint not null default 0;
alter table invoices alter column rounding_minor drop default;
alter table invoices drop constraint invoices_check;
alter table invoices add check (total_minor = net_minor + tax_minor + rounding_minor);
alter table invoices add column tax_rounding text not null default 'group' check (tax_rounding in ('group', 'line'));
alter table invoices alter column tax_rounding drop default;
alter table invoices add column includes_tax boolean not null default false;
alter table invoices alter column includes_tax drop default;
alter table invoices add column corrects_id bigint;
alter table invoices add column reason text;
alter table invoices add column home_currency text;
alter table invoices add column home_rate_billionths bigint;
alter table invoices add column home_rate_on date;
alter table invoices add column home_rate_source text;
alter table invoices add column home_tax_minor bigint;
alter table invoices add column digest text;
alter table invoices add column open_minor bigint not null default 0;
alter table invoices alter column open_minor drop default;
update invoices set status = 'paid', paid_at = coalesce(paid_at, issued_at) where status = 'issued' and total_minor = 0;
update invoices set open_minor = total_minor where status = 'issued';
alter table invoices add check (open_minor >= 0 and (open_minor > 0) = (status = 'issued'));
create index invoices_open on invoices (seller_id, due_on) where status = 'issued';
create index invoices_correcting on invoices (seller_id, corrects_id) where corrects_id is not null;

-- A line that a person writes may be about no service. In gross prices, gross_minor is what the net is taken from.
alter table invoice_lines alter column service_id drop not null;
alter table invoice_lines alter column product_id drop not null;
alter table invoice_lines alter column period_starts drop not null;
alter table invoice_lines alter column period_ends drop not null;
alter table invoice_lines add column tax_country text not null default '';
alter table invoice_lines alter column tax_country drop default;
alter table invoice_lines add column gross_minor bigint;
alter table invoice_lines add column corrects_line bigint;
alter table invoice_taxes add column tax_country text not null default '';
alter table invoice_taxes alter column tax_country drop default;
alter table invoice_lines disable trigger user;
alter table invoice_taxes disable trigger user;
update invoice_lines set tax_country = s.country from sellers s where s.id = invoice_lines.seller_id;
update invoice_taxes set tax_country = s.country from sellers s where s.id = invoice_taxes.seller_id;
alter table invoice_lines enable trigger user;
alter table invoice_taxes enable trigger user;
alter table invoice_taxes drop constraint invoice_taxes_pkey;
alter table invoice_taxes add primary key (seller_id, invoice_id, tax_country, tax_category, tax_rate_ppm);

-- Each row moves an amount from one account to another: the books cannot but balance. What it was for stands beside it.
create table ledger (
    seller_id bigint not null,
    source text not null check (source in ('invoice', 'credit_note', 'payment', 'refund', 'settlement')),
    source_id bigint not null,
    entry bigint not null check (entry >= 1),
    debit text not null check (debit in ('receivable', 'revenue', 'vat', 'bank', 'credit', 'bad_debt', 'rounding')),
    credit text not null check (credit in ('receivable', 'revenue', 'vat', 'bank', 'credit', 'bad_debt', 'rounding')),
    currency text not null,
    amount_minor bigint not null check (amount_minor > 0),
    booked_on date not null,
    product_id bigint,
    tax_country text,
    tax_category text,
    tax_rate_ppm bigint,
    primary key (seller_id, source, source_id, entry),
    check (debit <> credit)
);

-- What was booked before is booked again with what it was for, by product and tax; undone where what was owed was booked the
-- other way. Where nothing was owed in all, that was not booked, but what the customer owed and was owed moved.
insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on, product_id,
    tax_country, tax_category, tax_rate_ppm)
with booked as (
    select e.seller_id, e.invoice_id, e.currency, e.booked_on,
        case when (e.amount_minor > 0) = (i.total_minor > 0) then 1 else -1 end as sign
    from ledger_entries e join invoices i on i.seller_id = e.seller_id and i.id = e.invoice_id where e.account = 'receivable'
    union all
    select seller_id, id, currency, issued_on, 1 from invoices where total_minor = 0 and status <> 'void'
), moved as (
    select seller_id, invoice_id, 'revenue' as account, product_id, tax_country, tax_category, tax_rate_ppm,
        sum(net_minor)::bigint as minor from invoice_lines
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
drop table ledger_entries;

alter table number_series drop constraint number_series_kind_check;
alter table number_series add check (kind in ('invoice', 'credit_note', 'deposit'));

alter table customers drop column tax_category;
alter table customers drop column tax_rate_ppm;

create sequence ids_payment;
create sequence ids_refund;
create sequence ids_settlement;
create sequence ids_credit_entry;
create sequence ids_event;
create sequence ids_draft;
create sequence ids_vat_check;

drop trigger invoices_frozen on invoices;
create trigger invoices_frozen before update of
    seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency,
    net_minor, tax_minor, rounding_minor, total_minor, rounding, tax_rounding, includes_tax, seller, buyer, run_id,
    corrects_id, reason, home_currency, home_rate_billionths, home_rate_on, home_rate_source, home_tax_minor, digest
on invoices for each row execute function refuse_change('an issued invoice never changes');

create trigger ledger_frozen before update or delete on ledger
for each row execute function refuse_change('a booked entry never changes');

create trigger ledger_not_truncated before truncate on ledger
for each statement execute function refuse_change('a booked entry never changes');
