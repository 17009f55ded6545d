-- What is sent goes to a customer, is taken by one node at a time, and has a history.
alter table sellers add column quiet_hours text not null default '';
alter table sellers add column mail_xml text not null default 'off' check (mail_xml in ('off', 'ubl', 'cii'));

alter table outbox drop constraint outbox_kind_check;
alter table outbox add constraint outbox_kind_check check (kind in ('invoice_mail', 'reminder_mail', 'price_notice'));
update outbox set customer_id = i.customer_id from invoices i
where i.seller_id = outbox.seller_id and i.id = outbox.invoice_id and outbox.customer_id is null;
alter table outbox alter column customer_id set not null;
-- Of the tries, how many had been made when somebody asked for another round.
alter table outbox add column attempts_before bigint not null default 0;
-- The node that took it last, and until when it holds it.
alter table outbox add column claimed_by text;
alter table outbox add column claimed_until timestamptz;
alter table outbox add column message_id text not null default '';
alter table outbox add column settled_at timestamptz;
alter table outbox add column reason text not null default '';

drop index outbox_queued;
create index outbox_queued on outbox (next_attempt_at, seller_id, id) where state = 'queued';
-- What was taken once and waits: few rows, and none of it is written with an invoice.
create index outbox_taken on outbox (seller_id, customer_id, id) where claimed_by is not null and settled_at is null;
create index outbox_failed on outbox (seller_id, id) where state = 'failed';

create table deliveries (
    seller_id bigint not null,
    outbox_id bigint not null,
    attempt bigint not null check (attempt >= 1),
    email text not null,
    is_copy boolean not null,
    outcome text not null check (outcome in ('accepted', 'deferred', 'refused', 'bounced')),
    reply text not null,
    at timestamptz not null,
    primary key (seller_id, outbox_id, attempt, email, outcome),
    foreign key (seller_id, outbox_id) references outbox (seller_id, id)
);
create index deliveries_refused on deliveries (seller_id, at) where outcome in ('refused', 'bounced');

-- A notice tells a customer what becomes of its services.
create index campaign_services_of_customer on campaign_services (seller_id, campaign_id, customer_id);

create table mail_templates (
    seller_id bigint not null references sellers (id),
    name text not null,
    body text not null,
    changed_at timestamptz not null,
    primary key (seller_id, name)
);
