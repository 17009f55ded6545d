-- What happened is told to whoever listens. An event is found by its id alone: one tree less to write with an invoice.
create table new_events (
    seller_id integer not null,
    id integer not null check (id >= 1),
    at integer not null,
    name text not null,
    subject text not null,
    subject_id integer not null,
    data text not null,
    -- The invoice that it is about, where it happened to something else.
    invoice_id integer,
    primary key (seller_id, id)
) strict, without rowid;

insert into new_events (seller_id, id, at, name, subject, subject_id, data)
select seller_id, id, at, name, subject, subject_id, data from events;
drop table events;
alter table new_events rename to events;

-- Who wants to be told.
create table webhooks (
    seller_id integer not null references sellers (id),
    id integer not null check (id >= 1),
    url text not null,
    description text not null,
    -- The names of events, with spaces between; a star is all of them.
    events text not null,
    -- What messages are signed with: bytes in base64. After a change, the one before signs too for a while.
    secret text not null,
    previous_secret text,
    previous_until integer,
    is_enabled integer not null,
    -- Since when, and why, it is told nothing any more.
    disabled_at integer,
    disabled_reason text not null default '',
    -- Whether the seller's people are still to be told that it was disabled because it failed.
    is_notice_due integer not null default 0,
    -- Since when it has taken nothing.
    failing_since integer,
    created_at integer not null,
    version integer not null,
    primary key (seller_id, id)
) strict;

-- An event on its way to a webhook.
create table webhook_deliveries (
    seller_id integer not null,
    webhook_id integer not null,
    event_id integer not null,
    subject text not null,
    subject_id integer not null,
    state text not null check (state in ('queued', 'delivered', 'failed')),
    queued_at integer not null,
    next_attempt_at integer not null,
    -- Grows when somebody asks for it again, so that the end of an earlier try does not count for this one.
    round integer not null default 1,
    attempts integer not null default 0,
    first_attempt_at integer,
    -- The node that took it last, and until when it holds it.
    claimed_by text,
    claimed_until integer,
    -- What the last attempt was answered with, and how long that took.
    status integer,
    milliseconds integer,
    reason text not null default '',
    settled_at integer,
    primary key (seller_id, webhook_id, event_id),
    foreign key (seller_id, webhook_id) references webhooks (seller_id, id)
) strict;
create index webhook_deliveries_due on webhook_deliveries (seller_id, webhook_id, next_attempt_at, event_id)
    where state = 'queued';
-- The first of those that wait for one thing is sent first.
create index webhook_deliveries_in_order on webhook_deliveries (seller_id, webhook_id, subject, subject_id, event_id)
    where state = 'queued';
create index webhook_deliveries_failed on webhook_deliveries (seller_id, webhook_id, event_id) where state = 'failed';
create index webhook_deliveries_by_age on webhook_deliveries (settled_at) where settled_at is not null;

-- Through which day it is told that invoices are overdue.
alter table sellers add column overdue_through text;

insert into ids (kind, next) values ('webhook', 1);
