-- What is taken off the periods of a service, copied from the coupon it was given for: a share or an amount, for so many
-- more periods, for those that begin through a day, or for ever.
alter table services add column discount_code text;
alter table services add column discount_ppm {int};
alter table services add column discount_minor {int};
alter table services add column discount_periods {int};
alter table services add column discount_through {date};

-- What a campaign made of the price, for periods that begin on a day or later.
alter table services add column campaign_id {int};
alter table services add column campaign_price_minor {int};
alter table services add column campaign_price_from {date};

-- A word of the seller's own, by which campaigns choose.
alter table customers add column customer_group text not null default '';

-- Days in which customers have to be told before their price changes.
alter table sellers add column price_notice_days {int} not null default 30 check (price_notice_days between 0 and 365);

-- uses moves with every use, in the transaction that uses it: so a limit holds whoever asks at the same time.
create table coupons (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    code text not null,
    percent_ppm {int} check (percent_ppm between 1 and 1000000),
    amount_minor {int} check (amount_minor >= 1),
    currency text,
    periods {int} check (periods >= 1),
    through {date},
    product_id {int},
    customer_id {int},
    redeem_through {date},
    max_uses {int} check (max_uses >= 1),
    uses {int} not null check (uses >= 0),
    primary key (seller_id, id),
    unique (seller_id, code),
    check ((percent_ppm is null) <> (amount_minor is null)),
    check (max_uses is null or uses <= max_uses)
) {strict};

-- A coupon is used once for a service, ever.
create table coupon_uses (
    seller_id {int} not null,
    coupon_id {int} not null,
    service_id {int} not null,
    at {instant} not null,
    actor text not null,
    primary key (seller_id, coupon_id, service_id),
    foreign key (seller_id, coupon_id) references coupons (seller_id, id),
    foreign key (seller_id, service_id) references services (seller_id, id)
) {strict};

-- percent_ppm, amount_minor and target_minor: one of them says how prices were changed. ending is in hundredths.
create table campaigns (
    seller_id {int} not null references sellers (id),
    id {int} not null check (id >= 1),
    name text not null,
    percent_ppm {int},
    amount_minor {int},
    target_minor {int},
    currency text,
    ending {int} check (ending between 0 and 99),
    starts {date} not null,
    at {instant} not null,
    actor text not null,
    state text not null check (state in ('planned', 'undone')),
    primary key (seller_id, id)
) {strict};

-- A service as a campaign found it, to be put back while its first period at the new price is not billed.
create table campaign_services (
    seller_id {int} not null,
    campaign_id {int} not null,
    service_id {int} not null,
    customer_id {int} not null,
    currency text not null,
    old_minor {int} not null,
    new_minor {int} not null,
    yearly_minor {int} not null,
    first_starts {date} not null,
    state text not null check (state in ('planned', 'opted_out', 'undone')),
    before_own_price_minor {int},
    before_own_price_through {date},
    before_price_kept_on {date},
    before_campaign_id {int},
    before_campaign_price_minor {int},
    before_campaign_price_from {date},
    primary key (seller_id, campaign_id, service_id),
    foreign key (seller_id, campaign_id) references campaigns (seller_id, id),
    foreign key (seller_id, service_id) references services (seller_id, id)
) {strict};

create index campaign_services_of_service on campaign_services (seller_id, service_id);

-- Whether prices that the catalogue does not have in a customer's currency are converted from the seller's own, and what
-- they end in, in hundredths; none is whatever comes out.
alter table sellers add column convert_prices {bool} not null default false;
alter table sellers add column converted_ending {int} check (converted_ending between 0 and 99);

-- What a unit of the seller's currency is worth in another one, in billionths, from a day on. A later rate starts; none is
-- ever overwritten.
create table exchange_rates (
    seller_id {int} not null references sellers (id),
    currency text not null,
    starts {date} not null,
    rate_billionths {int} not null check (rate_billionths > 0),
    source text not null,
    primary key (seller_id, currency, starts)
) {strict};
