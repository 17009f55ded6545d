-- Ids: sequences, so that writers on several nodes never wait for each other here.
create sequence ids_seller;
create sequence ids_customer;
create sequence ids_contact;
create sequence ids_product;
create sequence ids_price;
create sequence ids_service;
create sequence ids_addon;
create sequence ids_invoice;
create sequence ids_outbox;
create sequence ids_audit;
create sequence ids_api_key;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception using message = tg_argv[0], errcode = 'restrict_violation';
end $$;

-- An issued invoice never changes.
create trigger invoices_frozen before update of
    seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency,
    net_minor, tax_minor, total_minor, rounding, seller, buyer
on invoices for each row execute function refuse_change('an issued invoice never changes');

create trigger invoices_kept before delete on invoices
for each row execute function refuse_change('an issued invoice is never deleted');

create trigger invoices_not_truncated before truncate on invoices
for each statement execute function refuse_change('an issued invoice is never deleted');

create trigger invoice_lines_frozen before update or delete on invoice_lines
for each row execute function refuse_change('an issued invoice never changes');

create trigger invoice_lines_not_truncated before truncate on invoice_lines
for each statement execute function refuse_change('an issued invoice never changes');

create trigger invoice_taxes_frozen before update or delete on invoice_taxes
for each row execute function refuse_change('an issued invoice never changes');

create trigger invoice_taxes_not_truncated before truncate on invoice_taxes
for each statement execute function refuse_change('an issued invoice never changes');

-- Lines are written before their invoice, so a line whose invoice is there already comes too late. Once a statement.
create function refuse_late_rows() returns trigger language plpgsql as $$
begin
    if exists (
        select 1 from added join invoices on invoices.seller_id = added.seller_id and invoices.id = added.invoice_id
    ) then
        raise exception using message = 'an issued invoice never changes', errcode = 'restrict_violation';
    end if;
    return null;
end $$;

create trigger invoice_lines_closed after insert on invoice_lines
referencing new table as added for each statement execute function refuse_late_rows();

create trigger invoice_taxes_closed after insert on invoice_taxes
referencing new table as added for each statement execute function refuse_late_rows();

create trigger ledger_entries_frozen before update or delete on ledger_entries
for each row execute function refuse_change('a booked entry never changes');

create trigger ledger_entries_not_truncated before truncate on ledger_entries
for each statement execute function refuse_change('a booked entry never changes');

create trigger prices_frozen before update or delete on prices
for each row execute function refuse_change('a price version never changes');

create trigger prices_not_truncated before truncate on prices
for each statement execute function refuse_change('a price version never changes');

create trigger audit_frozen before update or delete on audit
for each row execute function refuse_change('the audit trail never changes');

create trigger audit_not_truncated before truncate on audit
for each statement execute function refuse_change('the audit trail never changes');
