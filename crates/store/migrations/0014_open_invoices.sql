-- What is to be paid, in the order of the invoices: a new one is put at the end, beside the one before it. By due date, each
-- went to a page of its own, and renewing paid for it.
drop index invoices_open;
create index invoices_open on invoices (seller_id, id) where status = 'issued';
