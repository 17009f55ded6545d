insert into ids (kind, next) values ('run', 1), ('cancellation', 1);

update services set renew_on = date(billed_through, '-14 days');

drop trigger invoices_frozen;
create trigger invoices_frozen before update of
    seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency,
    net_minor, tax_minor, total_minor, rounding, seller, buyer, run_id
on invoices begin select raise(abort, 'an issued invoice never changes'); end;
