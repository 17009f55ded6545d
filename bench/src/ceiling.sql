-- The ceiling: the first {limit} services of seller 1 renewed by a handful of statements in one transaction, written for
-- both databases. Words in braces are filled in by ceiling.rs.
{begin};

-- Which price version is valid when; the last one has no end.
create temporary table bench_prices as
select id, product_id, cycle, currency, amount_minor, starts,
    lead(starts) over (partition by product_id, cycle, currency order by starts) as ends
from prices where seller_id = 1;

-- At home all standard supplies bear the seller's rate; who is taxed otherwise is not renewed here.
create temporary table bench_seller as
select e.*, coalesce((
    select r.rate_ppm from tax_rates r where r.seller_id = 1 and r.country = e.country and r.starts <= {today}
    order by r.starts desc limit 1
), case when e.own_tax_rate then e.tax_rate_ppm when e.country = 'SE' then 250000 end) as home_rate_ppm,
    {seller json} as copy
from sellers e where e.id = 1;

create temporary table bench_plan as
select row_number() over (order by s.id) as nth, {next invoice} as invoice_id, s.id as service_id, s.customer_id,
    s.next_period, s.billed_through as starts, {period end} as ends, {last day} as last_day,
    c.currency, s.cycle, e.country as tax_country, 'S'{text} as tax_category, e.home_rate_ppm as tax_rate_ppm, e.rounding,
    {due} as due_on,
    s.product_id, p.name || ' ' || s.label as title, s.quantity_millionths,
    coalesce(s.own_price_minor, v.amount_minor) as price, case when s.own_price_minor is null then v.id end as price_id,
    e.copy as seller, {buyer json} as buyer
from services s
join customers c on c.seller_id = s.seller_id and c.id = s.customer_id
join products p on p.seller_id = s.seller_id and p.id = s.product_id
join bench_seller e on e.id = s.seller_id
left join bench_prices v on v.product_id = s.product_id and v.cycle = s.cycle and v.currency = c.currency
    and v.starts <= s.billed_through and (v.ends is null or v.ends > s.billed_through)
where s.seller_id = 1 and s.status = 'active' and s.open_invoice_id is null and s.billed_through <= {horizon}
    and e.vat_registered and p.tax_class = 'standard' and c.country = e.country and not c.tax_exempt
order by s.id limit {limit};

create temporary table bench_lines as
select invoice_id, 1 as line, service_id, {no addon} as addon_id, product_id,
    title || ', ' || starts || ' – ' || last_day as description, quantity_millionths, price,
    (price * quantity_millionths + 500000) / 1000000 as net, tax_country, tax_category, tax_rate_ppm, starts, ends,
    case when price_id is null then 'own' else 'catalogue' end as origin, price_id
from bench_plan
union all
select b.invoice_id, 1 + row_number() over (partition by a.service_id order by a.id), b.service_id, a.id, a.product_id,
    '+ ' || p.name || ', ' || b.starts || ' – ' || b.last_day, a.quantity_millionths,
    coalesce(a.own_price_minor, v.amount_minor),
    (coalesce(a.own_price_minor, v.amount_minor) * a.quantity_millionths + 500000) / 1000000,
    b.tax_country, b.tax_category, b.tax_rate_ppm, b.starts, b.ends,
    case when a.own_price_minor is null then 'catalogue' else 'own' end, case when a.own_price_minor is null then v.id end
from addons a
join bench_plan b on b.service_id = a.service_id
join products p on p.seller_id = a.seller_id and p.id = a.product_id
left join bench_prices v on v.product_id = a.product_id and v.cycle = b.cycle and v.currency = b.currency
    and v.starts <= b.starts and (v.ends is null or v.ends > b.starts)
where a.seller_id = 1 and a.status = 'active';

create temporary table bench_taxes as
select invoice_id, tax_country, tax_category, tax_rate_ppm, {net} as net,
    ({net} * tax_rate_ppm + 500000) / 1000000 as tax, count(*) as lines, {join}({line bytes} {joined}) as bytes
from bench_lines group by invoice_id, tax_country, tax_category, tax_rate_ppm;

{analyze}

insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state)
select 1, service_id, next_period, invoice_id, starts, ends, 'invoiced' from bench_plan;

insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description,
    quantity_millionths, unit_price_minor, net_minor, tax_country, tax_category, tax_rate_ppm, period_starts,
    period_ends, price_origin, price_id)
select 1, invoice_id, line, service_id, addon_id, product_id, description, quantity_millionths, price, net, tax_country,
    tax_category, tax_rate_ppm, starts, ends, origin, price_id
from bench_lines order by invoice_id, line;

insert into invoice_taxes (seller_id, invoice_id, tax_country, tax_category, tax_rate_ppm, base_minor, tax_minor)
select 1, invoice_id, tax_country, tax_category, tax_rate_ppm, net, tax from bench_taxes order by invoice_id;

insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on, product_id,
    tax_country, tax_category, tax_rate_ppm)
select 1, 'invoice', l.invoice_id, l.line, 'receivable', 'revenue', b.currency, l.net, {today}, l.product_id,
    l.tax_country, l.tax_category, l.tax_rate_ppm
from bench_lines l join bench_plan b on b.invoice_id = l.invoice_id
union all
select 1, 'invoice', t.invoice_id, t.lines + 1, 'receivable', 'vat', b.currency, t.tax, {today}, null, t.tax_country,
    t.tax_category, t.tax_rate_ppm
from bench_taxes t join bench_plan b on b.invoice_id = t.invoice_id
order by 3, 4;

update services set next_period = b.next_period + 1, billed_through = b.ends, renew_on = {renew on},
    open_invoice_id = b.invoice_id,
    version = version + 1
from bench_plan b where services.seller_id = 1 and services.id = b.service_id;

insert into outbox (seller_id, id, kind, invoice_id, customer_id, state, attempts, created_at, next_attempt_at)
select 1, {next outbox}, 'invoice_mail', invoice_id, customer_id, 'queued', 0, {now}, {now} from bench_plan order by nth;

insert into audit (seller_id, id, at, actor, action, subject, subject_id)
select 1, {next audit}, {now}, 'bench', 'service.renewed', 'service', service_id from bench_plan order by nth;

{advance ids}

insert into number_series (seller_id, kind, fiscal_year, first_number, next_number)
select 1, 'invoice', {year}, 1, 1 + count(*) from bench_plan where true
on conflict (seller_id, kind, fiscal_year) do update
set next_number = number_series.next_number + excluded.next_number - 1;

insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at,
    currency, net_minor, tax_minor, rounding_minor, total_minor, rounding, tax_rounding, includes_tax, seller, buyer, digest,
    status, paid_at, open_minor)
select 1, b.invoice_id, 'invoice', {year}, n.taken + b.nth, {number}, b.customer_id, {today}, b.due_on, {now}, b.currency, t.net,
    t.tax, 0, t.net + t.tax, b.rounding, 'group', {false}, b.seller, b.buyer, {digest}, 'issued', null, t.net + t.tax
from bench_plan b join bench_taxes t on t.invoice_id = b.invoice_id
cross join (
    select next_number - 1 - (select count(*) from bench_plan) as taken from number_series
    where seller_id = 1 and kind = 'invoice' and fiscal_year = {year}
) n
order by b.nth;

commit;
