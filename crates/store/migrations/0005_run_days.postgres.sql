create sequence ids_run;
create sequence ids_cancellation;

update services set renew_on = billed_through - 14;

drop trigger invoices_frozen on invoices;
create trigger invoices_frozen before update of
    seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency,
    net_minor, tax_minor, total_minor, rounding, seller, buyer, run_id
on invoices for each row execute function refuse_change('an issued invoice never changes');

-- The rows that were added are looked up one by one in the key of the invoices. Joined the other way round, as a connection
-- does that has planned it while there was no invoice yet, all invoices would be read for each row.
create or replace function refuse_late_rows() returns trigger language plpgsql set enable_seqscan = off as $$
begin
    if exists (
        select 1 from added cross join lateral (
            select 1 from invoices where invoices.seller_id = added.seller_id and invoices.id = added.invoice_id offset 0
        ) as issued
    ) then
        raise exception using message = 'an issued invoice never changes', errcode = 'restrict_violation';
    end if;
    return null;
end $$;
