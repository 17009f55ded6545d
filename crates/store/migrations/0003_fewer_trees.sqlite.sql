-- Rows that are only ever found by their invoice, and entries of the trail, lie in the order of their keys and not beside
-- an index: one tree to write instead of two. Not so what has a second index: by that one, SQLite would then no longer
-- look, but read all rows of a seller. The claim's key begins with the invoice, so that it grows at its end; by service it
-- is found through periods_claim. An entry of the trail no longer refers to the seller's own row.

create table new_invoice_lines (
    seller_id integer not null,
    invoice_id integer not null,
    line integer not null check (line >= 1),
    service_id integer not null,
    addon_id integer,
    product_id integer not null,
    description text not null,
    quantity_millionths integer not null,
    unit_price_minor integer not null,
    net_minor integer not null,
    tax_category text not null,
    tax_rate_ppm integer not null,
    period_starts text not null,
    period_ends text not null,
    price_origin text not null,
    price_id integer,
    primary key (seller_id, invoice_id, line),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict, without rowid;

insert into new_invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description,
    quantity_millionths, unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends,
    price_origin, price_id)
select seller_id, invoice_id, line, service_id, addon_id, product_id, description, quantity_millionths,
    unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, price_origin, price_id from
    invoice_lines;

drop table invoice_lines;
alter table new_invoice_lines rename to invoice_lines;

create table new_invoice_taxes (
    seller_id integer not null,
    invoice_id integer not null,
    tax_category text not null,
    tax_rate_ppm integer not null,
    base_minor integer not null,
    tax_minor integer not null,
    primary key (seller_id, invoice_id, tax_category, tax_rate_ppm),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict, without rowid;

insert into new_invoice_taxes (seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor)
select seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor from invoice_taxes;

drop table invoice_taxes;
alter table new_invoice_taxes rename to invoice_taxes;

create table new_periods (
    seller_id integer not null,
    service_id integer not null,
    period integer not null check (period >= 0),
    invoice_id integer not null,
    starts text not null,
    ends text not null check (ends > starts),
    state text not null check (state in ('invoiced', 'paid', 'void')),
    primary key (seller_id, invoice_id, service_id, period),
    foreign key (seller_id, service_id) references services (seller_id, id),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict;

insert into new_periods (seller_id, service_id, period, invoice_id, starts, ends, state)
select seller_id, service_id, period, invoice_id, starts, ends, state from periods;

drop table periods;
alter table new_periods rename to periods;

create table new_ledger_entries (
    seller_id integer not null,
    invoice_id integer not null,
    entry integer not null check (entry >= 1),
    account text not null check (account in ('receivable', 'revenue', 'vat')),
    currency text not null,
    amount_minor integer not null,
    booked_on text not null,
    primary key (seller_id, invoice_id, entry),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict, without rowid;

insert into new_ledger_entries (seller_id, invoice_id, entry, account, currency, amount_minor, booked_on)
select seller_id, invoice_id, entry, account, currency, amount_minor, booked_on from ledger_entries;

drop table ledger_entries;
alter table new_ledger_entries rename to ledger_entries;

create table new_audit (
    seller_id integer not null,
    id integer not null check (id >= 1),
    at integer not null,
    actor text not null,
    action text not null,
    subject text not null,
    subject_id integer not null,
    primary key (seller_id, id)
) strict, without rowid;

insert into new_audit (seller_id, id, at, actor, action, subject, subject_id)
select seller_id, id, at, actor, action, subject, subject_id from audit;

drop table audit;
alter table new_audit rename to audit;

create unique index periods_claim on periods (seller_id, service_id, period) where state <> 'void';

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

create trigger ledger_entries_frozen before update on ledger_entries
begin select raise(abort, 'a booked entry never changes'); end;

create trigger ledger_entries_kept before delete on ledger_entries
begin select raise(abort, 'a booked entry never changes'); end;

create trigger audit_frozen before update on audit
begin select raise(abort, 'the audit trail never changes'); end;

create trigger audit_kept before delete on audit
begin select raise(abort, 'the audit trail never changes'); end;
