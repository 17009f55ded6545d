-- Words in braces are the dialect's: {int} integer|bigint, {date} text|date, {instant} integer|timestamptz,
-- {bool} integer|boolean, {strict} closes a table. Amounts are minor units of the row's currency.

-- version moves with every change, so that what is remembered about a seller is known to be old.
create table sellers (
    id {int} not null primary key,
    name text not null,
    address1 text not null,
    address2 text not null,
    postcode text not null,
    city text not null,
    country text not null,
    vat_number text not null,
    company_number text not null,
    email text not null,
    iban text not null,
    bic text not null,
    bankgiro text not null,
    currency text not null,
    time_zone text not null,
    tax_rate_ppm {int} not null check (tax_rate_ppm between 0 and 1000000),
    number_pattern text not null,
    payment_terms_days {int} not null check (payment_terms_days between 0 and 365),
    renew_ahead_months {int} not null check (renew_ahead_months between 0 and 120),
    open_invoice_policy text not null check (open_invoice_policy in ('return', 'conflict')),
    mail_invoices {bool} not null,
    rounding text not null check (rounding in ('half_up', 'half_even')),
    created_at {instant} not null,
    version {int} not null
) {strict};

create table customers (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    kind text not null check (kind in ('private', 'company')),
    name text not null,
    company text not null,
    email text not null,
    address1 text not null,
    address2 text not null,
    postcode text not null,
    city text not null,
    country text not null,
    vat_number text not null,
    language text not null,
    currency text not null,
    tax_exempt {bool} not null,
    tax_category text not null check (tax_category in ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')),
    tax_rate_ppm {int} not null check (tax_rate_ppm between 0 and 1000000),
    created_on {date} not null,
    primary key (seller_id, id)
) {strict};

create table billing_contacts (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    customer_id {int} not null,
    email text not null,
    description text not null,
    primary key (seller_id, id),
    unique (seller_id, customer_id, email),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};

-- version moves with every change of the product or of its prices.
create table products (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    name text not null,
    service_type {int} not null check (service_type >= 0),
    kind text not null,
    tax_class text not null,
    price_source text not null,
    version {int} not null,
    primary key (seller_id, id)
) {strict};

-- Versions: a price is never overwritten, a later one starts.
create table prices (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    product_id {int} not null,
    cycle text not null,
    currency text not null,
    starts {date} not null,
    amount_minor {int} not null check (amount_minor >= 0),
    primary key (seller_id, id),
    unique (seller_id, product_id, cycle, currency, starts),
    foreign key (seller_id, product_id) references products (seller_id, id)
) {strict};

-- next_period is the next one to bill and starts on billed_through; free_invoice_id is the last renewal invoice if there
-- was nothing to pay, so that a repeat before its period begins is answered with it; version moves with every change, so that a plan
-- made from an older row is made again.
create table services (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    customer_id {int} not null,
    product_id {int} not null,
    label text not null,
    status text not null check (status in ('pending', 'active', 'suspended', 'cancelled', 'terminated', 'fraud')),
    cycle text not null,
    anchor {date} not null,
    first_period {int} not null check (first_period >= 0),
    next_period {int} not null check (next_period >= first_period),
    billed_through {date},
    paid_through {date},
    quantity_millionths {int} not null check (quantity_millionths > 0),
    own_price_minor {int} check (own_price_minor >= 0),
    auto_renew {bool} not null,
    open_invoice_id {int},
    free_invoice_id {int},
    version {int} not null,
    primary key (seller_id, id),
    foreign key (seller_id, customer_id) references customers (seller_id, id),
    foreign key (seller_id, product_id) references products (seller_id, id)
) {strict};

create index services_of_customer on services (seller_id, customer_id);

create table addons (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    service_id {int} not null,
    product_id {int} not null,
    quantity_millionths {int} not null check (quantity_millionths > 0),
    own_price_minor {int} check (own_price_minor >= 0),
    status text not null check (status in ('active', 'cancelled')),
    primary key (seller_id, id),
    foreign key (seller_id, service_id) references services (seller_id, id),
    foreign key (seller_id, product_id) references products (seller_id, id)
) {strict};

create index addons_of_service on addons (seller_id, service_id);

-- Legal numbers: one row per seller, document kind and fiscal year, taken late in the committing transaction.
create table number_series (
    seller_id {int} not null references sellers (id),
    kind text not null check (kind in ('invoice')),
    fiscal_year {int} not null,
    first_number {int} not null check (first_number >= 1),
    next_number {int} not null check (next_number >= first_number),
    primary key (seller_id, kind, fiscal_year)
) {strict};

-- Issued documents. seller and buyer are frozen copies as JSON; only status and the payment columns ever change.
create table invoices (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    kind text not null check (kind in ('invoice')),
    fiscal_year {int} not null,
    series_number {int} not null,
    number text not null,
    customer_id {int} not null,
    issued_on {date} not null,
    due_on {date} not null,
    issued_at {instant} not null,
    currency text not null,
    net_minor {int} not null,
    tax_minor {int} not null,
    total_minor {int} not null check (total_minor = net_minor + tax_minor),
    rounding text not null check (rounding in ('half_up', 'half_even')),
    seller text not null,
    buyer text not null,
    status text not null check (status in ('issued', 'paid', 'void')),
    paid_at {instant},
    primary key (seller_id, id),
    unique (seller_id, kind, fiscal_year, series_number),
    unique (seller_id, number),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};

create index invoices_of_customer on invoices (seller_id, customer_id, id);

-- What belongs to an invoice is written before it, so that the number is taken last: hence the deferred keys.
create table invoice_lines (
    seller_id {int} not null,
    invoice_id {int} not null,
    line {int} not null check (line >= 1),
    service_id {int} not null,
    addon_id {int},
    product_id {int} not null,
    description text not null,
    quantity_millionths {int} not null,
    unit_price_minor {int} not null,
    net_minor {int} not null,
    tax_category text not null,
    tax_rate_ppm {int} not null,
    period_starts {date} not null,
    period_ends {date} not null,
    price_origin text not null,
    price_id {int},
    primary key (seller_id, invoice_id, line),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) {strict};

create table invoice_taxes (
    seller_id {int} not null,
    invoice_id {int} not null,
    tax_category text not null,
    tax_rate_ppm {int} not null,
    base_minor {int} not null,
    tax_minor {int} not null,
    primary key (seller_id, invoice_id, tax_category, tax_rate_ppm),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) {strict};

-- The claim: a period of a service is billed once, while the invoice that billed it is not void.
create table periods (
    seller_id {int} not null,
    service_id {int} not null,
    period {int} not null check (period >= 0),
    invoice_id {int} not null,
    starts {date} not null,
    ends {date} not null check (ends > starts),
    state text not null check (state in ('invoiced', 'paid', 'void')),
    primary key (seller_id, service_id, period, invoice_id),
    foreign key (seller_id, service_id) references services (seller_id, id),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) {strict};

create unique index periods_claim on periods (seller_id, service_id, period) where state <> 'void';
create index periods_of_invoice on periods (seller_id, invoice_id);

-- Double entry: the entries of one document sum to zero; debit is positive.
create table ledger_entries (
    seller_id {int} not null,
    invoice_id {int} not null,
    entry {int} not null check (entry >= 1),
    account text not null check (account in ('receivable', 'revenue', 'vat')),
    currency text not null,
    amount_minor {int} not null,
    booked_on {date} not null,
    primary key (seller_id, invoice_id, entry),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) {strict};

-- Written with the business change, delivered afterwards.
create table outbox (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    kind text not null check (kind in ('invoice_mail')),
    invoice_id {int} not null,
    state text not null check (state in ('queued', 'sent', 'failed')),
    attempts {int} not null,
    created_at {instant} not null,
    next_attempt_at {instant} not null,
    primary key (seller_id, id),
    foreign key (seller_id, invoice_id) references invoices (seller_id, id) deferrable initially deferred
) {strict};

create index outbox_of_invoice on outbox (seller_id, invoice_id);
create index outbox_queued on outbox (next_attempt_at) where state = 'queued';

-- Who changed what, when.
create table audit (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    at {instant} not null,
    actor text not null,
    action text not null,
    subject text not null,
    subject_id {int} not null,
    primary key (seller_id, id)
) {strict};

-- The key itself is shown once and kept only as a SHA-256 in hexadecimal.
create table api_keys (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    name text not null,
    hint text not null,
    hash text not null unique,
    scopes text not null,
    customer_id {int},
    created_at {instant} not null,
    expires_at {instant},
    revoked_at {instant},
    primary key (seller_id, id),
    foreign key (seller_id, customer_id) references customers (seller_id, id)
) {strict};
