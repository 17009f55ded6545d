-- What is due is found by due_from. It is renew_on, except while an invoice is open that was asked for: such a renewal does not
-- touch the index, and what settles the invoice moves the day.
alter table services add column due_from {date};
update services set due_from = renew_on;

drop index services_due;
create index services_due on services (seller_id, due_from, customer_id, id, status)
    where auto_renew and status in ('active', 'suspended') and ends_on is null;
