-- What was taken for paid before, in a rehearsal or by hand, was paid by a payment, which has the invoice's id.
insert into payments (seller_id, id, customer_id, currency, amount_minor, method, reference, paid_on, at, actor)
select seller_id, id, customer_id, currency, total_minor, 'before', 'invoice ' || id,
    (coalesce(paid_at, issued_at) at time zone 'UTC')::date, coalesce(paid_at, issued_at), 'migration'
    from invoices where status = 'paid' and total_minor > 0;
insert into settlements (seller_id, id, invoice_id, source, source_id, amount_minor, at)
select seller_id, id, id, 'payment', id, amount_minor, at from payments;
insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on)
select seller_id, 'payment', id, 1, 'bank', 'receivable', currency, amount_minor, paid_on from payments;
select setval('ids_payment', max(id)), setval('ids_settlement', max(id)) from payments having max(id) is not null;

create trigger payments_frozen before update or delete on payments
for each row execute function refuse_change('money that moved never changes');
create trigger payments_not_truncated before truncate on payments
for each statement execute function refuse_change('money that moved never changes');

create trigger refunds_frozen before update or delete on refunds
for each row execute function refuse_change('money that moved never changes');
create trigger refunds_not_truncated before truncate on refunds
for each statement execute function refuse_change('money that moved never changes');

create trigger settlements_frozen before update or delete on settlements
for each row execute function refuse_change('a settlement never changes');
create trigger settlements_not_truncated before truncate on settlements
for each statement execute function refuse_change('a settlement never changes');

create trigger credit_entries_frozen before update or delete on credit_entries
for each row execute function refuse_change('a booked entry never changes');
create trigger credit_entries_not_truncated before truncate on credit_entries
for each statement execute function refuse_change('a booked entry never changes');

create trigger vat_checks_frozen before update or delete on vat_checks
for each row execute function refuse_change('evidence never changes');
create trigger vat_checks_not_truncated before truncate on vat_checks
for each statement execute function refuse_change('evidence never changes');
