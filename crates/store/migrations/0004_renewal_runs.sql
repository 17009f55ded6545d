-- The rules of the renewal run. run_minute is a local time of day, in minutes since midnight.
alter table sellers add column lead_days {int} not null default 14 check (lead_days between 0 and 365);
alter table sellers add column daily_run {bool} not null default true;
alter table sellers add column run_minute {int} not null default 180 check (run_minute between 0 and 1439);
alter table sellers add column renew_suspended {bool} not null default true;
alter table sellers add column max_periods_behind {int} not null default 3 check (max_periods_behind between 0 and 1000);
alter table sellers add column consolidation_days {int} not null default 0 check (consolidation_days between 0 and 31);
alter table sellers add column invoicing text not null default 'together'
    check (invoicing in ('together', 'separate'));

-- None is the seller's way.
alter table customers add column invoicing text check (invoicing in ('together', 'separate'));

-- Nearer than the seller's lead time: for a customer, or for a product, a cycle or both. 0 and '' are any.
create table lead_times (
    seller_id {int} not null references sellers (id),
    customer_id {int} not null,
    product_id {int} not null,
    cycle text not null,
    days {int} not null check (days between 0 and 365),
    primary key (seller_id, customer_id, product_id, cycle)
) {strict};

-- renew_on is the day from which the run renews a service: the lead time before its next period, or the day of the next
-- try after one that failed; ends_on is set while a cancellation at the end of what is billed is pending.
alter table services add column renew_on {date};
alter table services add column ends_on {date};

create index services_due on services (seller_id, renew_on, customer_id, id, status)
    where auto_renew and status in ('active', 'suspended') and open_invoice_id is null and ends_on is null;
create index services_ending on services (seller_id, ends_on) where ends_on is not null;

-- One run at a time and seller: whoever starts a second one helps with the first.
create table runs (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    day {date} not null,
    through {date} not null check (through >= day),
    origin text not null check (origin in ('schedule', 'request')),
    started_at {instant} not null,
    finished_at {instant},
    found {int} not null,
    chunks {int} not null,
    primary key (seller_id, id)
) {strict};

create unique index runs_open on runs (seller_id) where finished_at is null;
create unique index runs_scheduled on runs (seller_id, day) where origin = 'schedule';

-- What a run has found. A row goes with the invoice that renews it, and stays with the reason if there is none: failures
-- counts how often in a row this period of it was not renewed.
create table run_services (
    seller_id {int} not null,
    run_id {int} not null,
    customer_id {int} not null,
    service_id {int} not null,
    state text not null check (state in ('todo', 'skipped', 'failed')),
    reason text not null,
    period {int},
    failures {int} not null,
    primary key (seller_id, run_id, customer_id, service_id)
) {strict};

create index run_services_problems on run_services (seller_id, run_id, service_id) where state <> 'todo';
create index run_services_of_service on run_services (seller_id, service_id, run_id) where state <> 'todo';

-- A part of a run: what it has found from one service to another, in the order of customers and services. One node works on
-- it until held_until.
create table run_chunks (
    seller_id {int} not null,
    run_id {int} not null,
    chunk {int} not null,
    from_customer {int} not null,
    from_service {int} not null,
    to_customer {int} not null,
    to_service {int} not null,
    held_by text,
    held_until {instant},
    primary key (seller_id, run_id, chunk)
) {strict};

-- Which run issued it. No reference to the run, whose row all writers of a run would then meet at.
alter table invoices add column run_id {int};
-- By currency, so that the sums of a run need no sorting.
create index invoices_of_run on invoices (seller_id, run_id, currency) where run_id is not null;

create table cancellations (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    service_id {int} not null,
    timing text not null check (timing in ('immediate', 'end_of_period')),
    reason text not null,
    other_reason text not null,
    actor text not null,
    requested_at {instant} not null,
    ends_on {date} not null,
    state text not null check (state in ('pending', 'done', 'revoked')),
    primary key (seller_id, id),
    foreign key (seller_id, service_id) references services (seller_id, id)
) {strict};

create index cancellations_of_service on cancellations (seller_id, service_id, id);
create unique index cancellations_pending on cancellations (seller_id, service_id) where state = 'pending';

-- There is a row only in a database that was made to rehearse in: how far its clock runs ahead, in microseconds.
create table sandbox (
    id {int} not null primary key check (id = 1),
    ahead {int} not null check (ahead >= 0)
) {strict};
