-- Links by which an invoice is looked at and paid without a key. Words in braces are the dialect's, as in step 1.

create table payment_links (
    seller_id {int} not null,
    -- What stands in its address; whoever knows it needs nothing else.
    uuid text not null,
    invoice_id {int} not null,
    created_at {instant} not null,
    expires_at {instant} not null,
    views {int} not null default 0,
    last_viewed_at {instant},
    -- When somebody ended it, and why. One that only expired, or whose invoice is paid, has neither.
    ended_at {instant},
    end_reason text check (end_reason in ('replaced', 'revoked')),
    primary key (seller_id, uuid),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id),
    check ((ended_at is null) = (end_reason is null))
) {strict};

-- It is found by its address alone.
create unique index payment_links_uuid on payment_links (uuid);
-- One at a time for each invoice.
create unique index payment_links_active on payment_links (seller_id, invoice_id) where ended_at is null;
create index payment_links_of_invoice on payment_links (seller_id, invoice_id, created_at);
