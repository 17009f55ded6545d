-- What was taken for paid before, in a rehearsal or by hand, was paid by a payment, which has the invoice's id.
insert into payments (seller_id, id, customer_id, currency, amount_minor, method, reference, paid_on, at, actor)
select seller_id, id, customer_id, currency, total_minor, 'before', 'invoice ' || id,
    date(coalesce(paid_at, issued_at) / 1000000, 'unixepoch'), coalesce(paid_at, issued_at), 'migration'
    from invoices where status = 'paid' and total_minor > 0;
insert into settlements (seller_id, id, invoice_id, source, source_id, amount_minor, at)
select seller_id, id, id, 'payment', id, amount_minor, at from payments;
insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on)
select seller_id, 'payment', id, 1, 'bank', 'receivable', currency, amount_minor, paid_on from payments;
update ids set next = (select coalesce(max(id), 0) + 1 from payments) where kind in ('payment', 'settlement');

create trigger payments_frozen before update on payments begin select raise(abort, 'money that moved never changes'); end;
create trigger payments_kept before delete on payments begin select raise(abort, 'money that moved never changes'); end;
create trigger refunds_frozen before update on refunds begin select raise(abort, 'money that moved never changes'); end;
create trigger refunds_kept before delete on refunds begin select raise(abort, 'money that moved never changes'); end;
create trigger settlements_frozen before update on settlements
begin select raise(abort, 'a settlement never changes'); end;
create trigger settlements_kept before delete on settlements
begin select raise(abort, 'a settlement never changes'); end;
create trigger credit_entries_frozen before update on credit_entries
begin select raise(abort, 'a booked entry never changes'); end;
create trigger credit_entries_kept before delete on credit_entries
begin select raise(abort, 'a booked entry never changes'); end;
create trigger vat_checks_frozen before update on vat_checks begin select raise(abort, 'evidence never changes'); end;
create trigger vat_checks_kept before delete on vat_checks begin select raise(abort, 'evidence never changes'); end;
