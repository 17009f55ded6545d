-- What is sent goes to a customer, is taken by one node at a time, and has a history.
alter table sellers add column quiet_hours text not null default '';
alter table sellers add column mail_xml text not null default 'off' check (mail_xml in ('off', 'ubl', 'cii'));

create table new_outbox (
    seller_id integer not null,
    id integer not null check (id >= 1),
    kind text not null check (kind in ('invoice_mail', 'reminder_mail', 'price_notice')),
    invoice_id integer,
    state text not null check (state in ('queued', 'sent', 'failed', 'called_off')),
    attempts integer not null,
    created_at integer not null,
    next_attempt_at integer not null,
    campaign_id integer,
    customer_id integer not null,
    -- Of the tries, how many had been made when somebody asked for another round.
    attempts_before integer not null default 0,
    -- The node that took it last, and until when it holds it.
    claimed_by text,
    claimed_until integer,
    message_id text not null default '',
    settled_at integer,
    reason text not null default '',
    primary key (seller_id, id),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict;

insert into new_outbox (seller_id, id, kind, invoice_id, customer_id, campaign_id, state, attempts, created_at,
    next_attempt_at)
select o.seller_id, o.id, o.kind, o.invoice_id, coalesce(o.customer_id, i.customer_id), o.campaign_id, o.state, o.attempts,
    o.created_at, o.next_attempt_at
from outbox o left join invoices i on i.seller_id = o.seller_id and i.id = o.invoice_id;

drop table outbox;
alter table new_outbox rename to outbox;
create index outbox_of_invoice on outbox (seller_id, invoice_id);
create index outbox_queued on outbox (next_attempt_at, seller_id, id) where state = 'queued';
create index outbox_of_campaign on outbox (seller_id, campaign_id) where campaign_id is not null;
-- What was taken once and waits: few rows, and none of it is written with an invoice.
create index outbox_taken on outbox (seller_id, customer_id, id) where claimed_by is not null and settled_at is null;
create index outbox_failed on outbox (seller_id, id) where state = 'failed';

create table deliveries (
    seller_id integer not null,
    outbox_id integer not null,
    attempt integer not null check (attempt >= 1),
    email text not null,
    is_copy integer not null,
    outcome text not null check (outcome in ('accepted', 'deferred', 'refused', 'bounced')),
    reply text not null,
    at integer not null,
    primary key (seller_id, outbox_id, attempt, email, outcome),
    foreign key (seller_id, outbox_id) references outbox (seller_id, id)
) strict;
create index deliveries_refused on deliveries (seller_id, at) where outcome in ('refused', 'bounced');

-- A notice tells a customer what becomes of its services.
create index campaign_services_of_customer on campaign_services (seller_id, campaign_id, customer_id);

create table mail_templates (
    seller_id integer not null references sellers (id),
    name text not null,
    body text not null,
    changed_at integer not null,
    primary key (seller_id, name)
) strict;
