-- What happened is told to whoever listens. An event is found by its id alone: one tree less to write with an invoice.
drop index events_of_subject;
-- The invoice that it is about, where it happened to something else.
alter table events add column invoice_id bigint;

-- Who wants to be told.
create table webhooks (
    seller_id bigint not null references sellers (id),
    id bigint not null check (id >= 1),
    url text not null,
    description text not null,
    -- The names of events, with spaces between; a star is all of them.
    events text not null,
    -- What messages are signed with: bytes in base64. After a change, the one before signs too for a while.
    secret text not null,
    previous_secret text,
    previous_until timestamptz,
    is_enabled boolean not null,
    -- Since when, and why, it is told nothing any more.
    disabled_at timestamptz,
    disabled_reason text not null default '',
    -- Whether the seller's people are still to be told that it was disabled because it failed.
    is_notice_due boolean not null default false,
    -- Since when it has taken nothing.
    failing_since timestamptz,
    created_at timestamptz not null,
    version bigint not null,
    primary key (seller_id, id)
);

-- An event on its way to a webhook.
create table webhook_deliveries (
    seller_id bigint not null,
    webhook_id bigint not null,
    event_id bigint not null,
    subject text not null,
    subject_id bigint not null,
    state text not null check (state in ('queued', 'delivered', 'failed')),
    queued_at timestamptz not null,
    next_attempt_at timestamptz not null,
    -- Grows when somebody asks for it again, so that the end of an earlier try does not count for this one.
    round bigint not null default 1,
    attempts bigint not null default 0,
    first_attempt_at timestamptz,
    -- The node that took it last, and until when it holds it.
    claimed_by text,
    claimed_until timestamptz,
    -- What the last attempt was answered with, and how long that took.
    status bigint,
    milliseconds bigint,
    reason text not null default '',
    settled_at timestamptz,
    primary key (seller_id, webhook_id, event_id),
    foreign key (seller_id, webhook_id) references webhooks (seller_id, id)
);
create index webhook_deliveries_due on webhook_deliveries (seller_id, webhook_id, next_attempt_at, event_id)
    where state = 'queued';
-- The first of those that wait for one thing is sent first.
create index webhook_deliveries_in_order on webhook_deliveries (seller_id, webhook_id, subject, subject_id, event_id)
    where state = 'queued';
create index webhook_deliveries_failed on webhook_deliveries (seller_id, webhook_id, event_id) where state = 'failed';
create index webhook_deliveries_by_age on webhook_deliveries (settled_at) where settled_at is not null;

-- Through which day it is told that invoices are overdue.
alter table sellers add column overdue_through date;

create sequence ids_webhook;
