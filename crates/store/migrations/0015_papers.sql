-- How a seller is reached and paid, and how its documents look. A look is never changed: a document keeps the number of the
-- one that it was issued with, and looks the same for ever.
alter table sellers add column phone text not null default '';
alter table sellers add column website text not null default '';
alter table sellers add column plusgiro text not null default '';
alter table sellers add column swish text not null default '';
alter table sellers add column fik_creditor text not null default '';
alter table sellers add column payment_reference text not null default '';
alter table sellers add column brand {int} not null default 0;
alter table sellers add column e_invoices text not null default 'warn' check (e_invoices in ('off', 'warn', 'block'));

create table brands (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    accent text not null,
    logo text not null,
    footer text not null,
    closing text not null,
    columns text not null,
    created_at {instant} not null,
    primary key (seller_id, id)
) {strict};
