-- A price may be for those who take many: from so many on. Several prices can then start on one day.
create table new_prices (
    seller_id integer not null,
    id integer not null check (id >= 1),
    product_id integer not null,
    cycle text not null,
    currency text not null,
    starts text not null,
    amount_minor integer not null check (amount_minor >= 0),
    from_quantity_millionths integer not null default 0 check (from_quantity_millionths >= 0),
    primary key (seller_id, id),
    unique (seller_id, product_id, cycle, currency, starts, from_quantity_millionths),
    foreign key (seller_id, product_id) references products (seller_id, id)
) strict;

insert into new_prices (seller_id, id, product_id, cycle, currency, starts, amount_minor)
select seller_id, id, product_id, cycle, currency, starts, amount_minor from prices;

drop table prices;
alter table new_prices rename to prices;

create trigger prices_frozen before update on prices
begin select raise(abort, 'a price version never changes'); end;

create trigger prices_kept before delete on prices
begin select raise(abort, 'a price version never changes'); end;

-- A notice of a price campaign goes to a customer and carries no invoice; it is called off with its campaign.
create table new_outbox (
    seller_id integer not null,
    id integer not null check (id >= 1),
    kind text not null check (kind in ('invoice_mail', 'price_notice')),
    invoice_id integer,
    state text not null check (state in ('queued', 'sent', 'failed', 'called_off')),
    attempts integer not null,
    created_at integer not null,
    next_attempt_at integer not null,
    campaign_id integer,
    customer_id integer,
    primary key (seller_id, id),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) strict;

insert into new_outbox (seller_id, id, kind, invoice_id, state, attempts, created_at, next_attempt_at)
select seller_id, id, kind, invoice_id, state, attempts, created_at, next_attempt_at from outbox;

drop table outbox;
alter table new_outbox rename to outbox;

create index outbox_of_invoice on outbox (seller_id, invoice_id);
create index outbox_queued on outbox (next_attempt_at) where state = 'queued';
create index outbox_of_campaign on outbox (seller_id, campaign_id) where campaign_id is not null;

insert into ids (kind, next) values ('coupon', 1), ('campaign', 1);
