-- Ids: a counter per kind. One writer at a time, so a plain row is enough.
create table ids (
    kind text not null primary key,
    next integer not null
) strict;

insert into ids (kind, next) values
    ('seller', 1), ('customer', 1), ('contact', 1), ('product', 1), ('price', 1), ('service', 1), ('addon', 1),
    ('invoice', 1), ('outbox', 1), ('audit', 1), ('api_key', 1);

-- An issued invoice never changes. `recursive_triggers` is on, so `insert or replace` meets these too.
create trigger invoices_frozen before update of
    seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency,
    net_minor, tax_minor, total_minor, rounding, seller, buyer
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

create trigger ledger_entries_frozen before update on ledger_entries
begin select raise(abort, 'a booked entry never changes'); end;

create trigger ledger_entries_kept before delete on ledger_entries
begin select raise(abort, 'a booked entry never changes'); end;

create trigger prices_frozen before update on prices
begin select raise(abort, 'a price version never changes'); end;

create trigger prices_kept before delete on prices
begin select raise(abort, 'a price version never changes'); end;

create trigger audit_frozen before update on audit
begin select raise(abort, 'the audit trail never changes'); end;

create trigger audit_kept before delete on audit
begin select raise(abort, 'the audit trail never changes'); end;
