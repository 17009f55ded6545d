-- How a seller taxes, numbers and is paid. Its tax_rate_ppm holds only if own_tax_rate says so; otherwise the rate of its
-- country on the day of issue does.
alter table sellers add column own_tax_rate {bool} not null default true;
update sellers set own_tax_rate = false where tax_rate_ppm = case country when 'AT' then 200000 when 'BE' then 210000
    when 'BG' then 200000 when 'CY' then 190000 when 'CZ' then 210000 when 'DE' then 190000 when 'DK' then 250000
    when 'EE' then 240000 when 'ES' then 210000 when 'FI' then 255000 when 'FR' then 200000 when 'GR' then 240000
    when 'HR' then 250000 when 'HU' then 270000 when 'IE' then 230000 when 'IT' then 220000 when 'LT' then 210000
    when 'LU' then 170000 when 'LV' then 210000 when 'MT' then 180000 when 'NL' then 210000 when 'PL' then 230000
    when 'PT' then 230000 when 'RO' then 210000 when 'SE' then 250000 when 'SI' then 220000 when 'SK' then 230000
    when 'NO' then 250000 when 'CH' then 81000 when 'GB' then 200000 else -1 end;
alter table sellers add column vat_registered {bool} not null default true;
alter table sellers add column oss_from {date};
alter table sellers add column vat_number_policy text not null default 'trust'
    check (vat_number_policy in ('trust', 'require'));
alter table sellers add column prices_include_tax {bool} not null default false;
alter table sellers add column tax_rounding text not null default 'group' check (tax_rounding in ('group', 'line'));
alter table sellers add column cash_rounding_minor {int} not null default 1 check (cash_rounding_minor >= 1);
alter table sellers add column auto_apply_credit {bool} not null default false;
alter table sellers add column late_payment text not null default 'keep'
    check (late_payment in ('keep', 'restart', 'skip'));
alter table sellers add column credit_note_pattern text not null default 'CN-{YYYY}-{NNNNN}';
alter table sellers add column deposit_pattern text not null default 'DEP-{YYYY}-{NNNNN}';
alter table sellers add column number_reset text not null default 'yearly' check (number_reset in ('yearly', 'never'));
alter table sellers add column fiscal_year_month {int} not null default 1 check (fiscal_year_month between 1 and 12);

alter table products add column late_payment text check (late_payment in ('keep', 'restart', 'skip'));

-- vat_number_status is what a check of the number that the customer has came to.
alter table customers add column vat_number_status text not null default 'unchecked'
    check (vat_number_status in ('unchecked', 'valid', 'invalid'));
alter table customers add column vat_checked_at {instant};
alter table customers add column exemption_reason text not null default '';

-- Standard rates that a seller knows better, by country, from a day on.
create table tax_rates (
    seller_id {int} not null references sellers (id),
    country text not null,
    starts {date} not null,
    rate_ppm {int} not null check (rate_ppm between 0 and 1000000),
    primary key (seller_id, country, starts)
) {strict};

-- The evidence of checks of VAT numbers.
create table vat_checks (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    customer_id {int} not null,
    number text not null,
    at {instant} not null,
    checker text not null,
    outcome text not null check (outcome in ('valid', 'invalid')),
    name text not null,
    address text not null,
    consultation text not null,
    primary key (seller_id, id),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};

create index vat_checks_of_customer on vat_checks (seller_id, customer_id, id);

-- Money that came in. The reference is the payer's or the provider's own: it comes in once.
create table payments (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    customer_id {int} not null,
    currency text not null,
    amount_minor {int} not null check (amount_minor > 0),
    method text not null,
    reference text not null,
    paid_on {date} not null,
    at {instant} not null,
    actor text not null,
    primary key (seller_id, id),
    unique (seller_id, method, reference),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};

create index payments_of_customer on payments (seller_id, customer_id, id);

-- Money that went back, out of a customer's credit.
create table refunds (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    customer_id {int} not null,
    payment_id {int},
    currency text not null,
    amount_minor {int} not null check (amount_minor > 0),
    method text not null,
    reference text not null,
    paid_on {date} not null,
    at {instant} not null,
    actor text not null,
    primary key (seller_id, id),
    unique (seller_id, method, reference),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};

create index refunds_of_customer on refunds (seller_id, customer_id, id);

-- What took something off what is to be paid for an invoice: a payment, the customer's credit, a credit note, or that it was
-- written off.
create table settlements (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    invoice_id {int} not null,
    source text not null check (source in ('payment', 'credit', 'credit_note', 'write_off')),
    source_id {int} not null,
    amount_minor {int} not null check (amount_minor > 0),
    at {instant} not null,
    primary key (seller_id, id),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id)
) {strict};

create index settlements_of_invoice on settlements (seller_id, invoice_id, id);
create index settlements_by_source on settlements (seller_id, source, source_id);

-- What customers have with the seller, by currency.
create table credits (
    seller_id {int} not null,
    customer_id {int} not null,
    currency text not null,
    balance_minor {int} not null check (balance_minor >= 0),
    primary key (seller_id, customer_id, currency),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};

-- Every move of it, with the balance afterwards.
create table credit_entries (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    customer_id {int} not null,
    currency text not null,
    amount_minor {int} not null check (amount_minor <> 0),
    balance_minor {int} not null check (balance_minor >= 0),
    at {instant} not null,
    kind text not null check (kind in ('overpaid', 'deposited', 'credited', 'applied', 'refunded')),
    invoice_id {int},
    payment_id {int},
    refund_id {int},
    actor text not null,
    primary key (seller_id, id),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};

create index credit_entries_of_customer on credit_entries (seller_id, customer_id, id);

-- What happened, for those who want to be told; written with what happened.
create table events (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    at {instant} not null,
    name text not null,
    subject text not null,
    subject_id {int} not null,
    data text not null,
    primary key (seller_id, id)
) {strict};

create index events_of_subject on events (seller_id, subject, subject_id, id);

-- An invoice in the making. It has no number, and may be thrown away.
create table drafts (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    customer_id {int} not null,
    created_at {instant} not null,
    actor text not null,
    primary key (seller_id, id),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};

create table draft_lines (
    seller_id {int} not null,
    draft_id {int} not null,
    line {int} not null check (line >= 1),
    description text not null,
    quantity_millionths {int} not null check (quantity_millionths > 0),
    unit_price_minor {int} not null check (unit_price_minor >= 0),
    tax_class text not null,
    primary key (seller_id, draft_id, line),
    foreign key (seller_id, draft_id) references drafts (seller_id, id)
) {strict};

-- A period whose days moved because it was paid late, as its invoice has it.
create table moved_periods (
    seller_id {int} not null,
    service_id {int} not null,
    period {int} not null,
    invoice_id {int} not null,
    starts {date} not null,
    ends {date} not null,
    to_period {int} not null,
    policy text not null check (policy in ('restart', 'skip')),
    at {instant} not null,
    primary key (seller_id, invoice_id, service_id, period)
) {strict};
