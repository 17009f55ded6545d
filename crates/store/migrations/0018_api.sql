-- What the API remembers. Words in braces are the dialect's, as in step 1.

-- The first answer to a request with an Idempotency-Key, written in the transaction that did what it asked for.
create table answers (
    seller_id {int} not null,
    api_key_id {int} not null,
    idempotency_key text not null,
    -- SHA-256 over method, path and body, in hexadecimal.
    fingerprint text not null,
    status {int} not null check (status between 200 and 299),
    -- Headers that belong to it, as a JSON object.
    headers text not null,
    body text not null,
    at {instant} not null,
    primary key (seller_id, api_key_id, idempotency_key),
    foreign key (seller_id, api_key_id) references api_keys (seller_id, id)
) {strict};

create index answers_by_age on answers (at);

-- version moves with every change, so that who changes a customer can say which one was read.
alter table customers add column version {int} not null default 1;

-- A key keeps its id when it gets a new secret; for a while the old one works too.
alter table api_keys add column is_test {bool} not null default false;
alter table api_keys add column description text not null default '';
alter table api_keys add column previous_hash text;
alter table api_keys add column previous_until {instant};
alter table api_keys add column last_used_at {instant};
-- Addresses and networks it may be used from, separated by spaces; empty is anywhere.
alter table api_keys add column addresses text not null default '';
create unique index api_keys_previous on api_keys (previous_hash) where previous_hash is not null;

-- For whom staff did it, if they said so.
alter table audit add column on_behalf_of {int};

-- For lists by what is rare: none of these is written when a renewal is issued.
create index invoices_settled on invoices (seller_id, status, id) where status <> 'issued';
create index invoices_of_other_kinds on invoices (seller_id, kind, id) where kind <> 'invoice';
create index services_not_active on services (seller_id, status, id) where status <> 'active';
create index customers_by_email on customers (seller_id, email);
