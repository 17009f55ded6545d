-- One renewal of seller 1 in one call: what a careful person writes by hand for this schema. Answers with the invoice's
-- id, or with the open invoice's id made negative. Words in braces are the bytes that the digest is of, filled in by mod.rs.
create function bench_renew(the_service bigint) returns bigint language plpgsql as $$
declare
    today constant date := current_date;
    year constant bigint := extract(year from today);
    f record;
    a record;
    invoice constant bigint := nextval('ids_invoice');
    starts_day date;
    ends_day date;
    due_day date;
    starts_number bigint;
    ends_number bigint;
    days text;
    origin text;
    line_text text;
    service_net bigint;
    line_net bigint;
    line_bytes bytea;
    net bigint;
    tax bigint;
    total bigint;
    line bigint := 1;
    today_number constant bigint := to_char(today, 'YYYYMMDD')::bigint;
    microseconds constant bigint := (extract(epoch from now()) * 1000000)::bigint;
    nth bigint;
    digest text;
begin
    select s.customer_id, s.product_id, s.label, s.status, s.cycle, s.anchor, s.next_period, s.billed_through,
        s.quantity_millionths, s.open_invoice_id, p.name as product_name, c.currency, e.country,
        -- At home all standard supplies bear the seller's rate; who is taxed otherwise is not renewed here.
        case when e.vat_registered and p.tax_class = 'standard' and c.country = e.country and not c.tax_exempt
            then coalesce((
                select r.rate_ppm from tax_rates r
                where r.seller_id = 1 and r.country = e.country and r.starts <= today
                order by r.starts desc limit 1
            ), case when e.own_tax_rate then e.tax_rate_ppm when e.country = 'SE' then 250000 end)
        end as rate,
        e.payment_terms_days, e.renew_ahead_months, e.rounding,
        coalesce(s.own_price_minor, v.amount_minor) as price, case when s.own_price_minor is null then v.id end as price_id,
        json_build_object('name', e.name, 'address1', e.address1, 'address2', e.address2, 'postcode', e.postcode,
            'city', e.city, 'country', e.country, 'vatNumber', e.vat_number, 'companyNumber', e.company_number,
            'email', e.email, 'iban', e.iban, 'bic', e.bic, 'bankgiro', e.bankgiro)::text as seller,
        json_build_object('kind', c.kind, 'name', c.name, 'company', c.company, 'email', c.email,
            'address1', c.address1, 'address2', c.address2, 'postcode', c.postcode, 'city', c.city,
            'country', c.country, 'vatNumber', c.vat_number, 'language', c.language)::text as buyer
    into f
    from services s
    join customers c on c.seller_id = s.seller_id and c.id = s.customer_id
    join products p on p.seller_id = s.seller_id and p.id = s.product_id
    join sellers e on e.id = s.seller_id
    left join lateral (
        select id, amount_minor from prices
        where seller_id = 1 and product_id = s.product_id and cycle = s.cycle and currency = c.currency
            and starts <= s.billed_through
        order by starts desc limit 1
    ) v on true
    where s.seller_id = 1 and s.id = the_service
    for update of s;
    if not found then
        raise 'service % not found', the_service;
    end if;
    if f.open_invoice_id is not null then
        return -f.open_invoice_id;
    end if;
    starts_day := f.billed_through;
    if f.status <> 'active' or f.rate is null or starts_day > today + make_interval(months => f.renew_ahead_months::int) then
        raise 'service % cannot be renewed', the_service;
    end if;
    ends_day := f.anchor + make_interval(months => f.next_period::int + 1);
    due_day := greatest(starts_day, today + f.payment_terms_days::int);
    starts_number := to_char(starts_day, 'YYYYMMDD')::bigint;
    ends_number := to_char(ends_day, 'YYYYMMDD')::bigint;
    days := ', ' || starts_day || ' – ' || (ends_day - 1);
    insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state)
    values (1, the_service, f.next_period, invoice, starts_day, ends_day, 'invoiced');
    net := (f.price * f.quantity_millionths + 500000) / 1000000;
    origin := case when f.price_id is null then 'own' else 'catalogue' end;
    line_text := f.product_name || ' ' || f.label || days;
    line_bytes := {line bytes};
    insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description,
        quantity_millionths, unit_price_minor, net_minor, tax_country, tax_category, tax_rate_ppm, period_starts,
        period_ends, price_origin, price_id)
    values (1, invoice, line, the_service, null, f.product_id, line_text, f.quantity_millionths, f.price, net, f.country,
        'S', f.rate, starts_day, ends_day, origin, f.price_id);
    service_net := net;
    for a in
        select addons.id, addons.product_id, addons.quantity_millionths, p.name,
            coalesce(addons.own_price_minor, v.amount_minor) as price,
            case when addons.own_price_minor is null then v.id end as price_id
        from addons
        join products p on p.seller_id = addons.seller_id and p.id = addons.product_id
        left join lateral (
            select id, amount_minor from prices
            where seller_id = 1 and product_id = addons.product_id and cycle = f.cycle and currency = f.currency
                and starts <= starts_day
            order by starts desc limit 1
        ) v on true
        where addons.seller_id = 1 and addons.service_id = the_service and addons.status = 'active'
        order by addons.id
    loop
        line := line + 1;
        line_net := (a.price * a.quantity_millionths + 500000) / 1000000;
        net := net + line_net;
        origin := case when a.price_id is null then 'own' else 'catalogue' end;
        line_text := '+ ' || a.name || days;
        line_bytes := line_bytes || {addon bytes};
        insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description,
            quantity_millionths, unit_price_minor, net_minor, tax_country, tax_category, tax_rate_ppm, period_starts,
            period_ends, price_origin, price_id)
        values (1, invoice, line, the_service, a.id, a.product_id, line_text, a.quantity_millionths, a.price, line_net,
            f.country, 'S', f.rate, starts_day, ends_day, origin, a.price_id);
        insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on,
            product_id, tax_country, tax_category, tax_rate_ppm)
        values (1, 'invoice', invoice, line, 'receivable', 'revenue', f.currency, line_net, today, a.product_id, f.country,
            'S', f.rate);
    end loop;
    tax := (net * f.rate + 500000) / 1000000;
    total := net + tax;
    insert into invoice_taxes (seller_id, invoice_id, tax_country, tax_category, tax_rate_ppm, base_minor, tax_minor)
    values (1, invoice, f.country, 'S', f.rate, net, tax);
    -- What add-ons earned is booked already. Each statement costs a check of all constraints, so this is one.
    insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on, product_id,
        tax_country, tax_category, tax_rate_ppm)
    values (1, 'invoice', invoice, 1, 'receivable', 'revenue', f.currency, service_net, today, f.product_id, f.country, 'S',
            f.rate),
        (1, 'invoice', invoice, line + 1, 'receivable', 'vat', f.currency, tax, today, null, f.country, 'S', f.rate);
    update services set next_period = next_period + 1, billed_through = ends_day,
        renew_on = ends_day - (select lead_days::int from sellers where id = 1), open_invoice_id = invoice,
        version = version + 1
    where seller_id = 1 and id = the_service;
    insert into outbox (seller_id, id, kind, invoice_id, customer_id, state, attempts, created_at, next_attempt_at)
    values (1, nextval('ids_outbox'), 'invoice_mail', invoice, f.customer_id, 'queued', 0, now(), now());
    insert into audit (seller_id, id, at, actor, action, subject, subject_id)
    values (1, nextval('ids_audit'), now(), 'key:1', 'service.renewed', 'service', the_service);
    digest := left(encode(sha256({head bytes} || line_bytes || {tax bytes}), 'hex'), {digits});
    -- Last, because the series is what other writers wait for.
    insert into number_series (seller_id, kind, fiscal_year, first_number, next_number)
    values (1, 'invoice', year, 1, 2)
    on conflict (seller_id, kind, fiscal_year) do update set next_number = number_series.next_number + 1
    returning next_number - 1 into nth;
    insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on,
        issued_at, currency, net_minor, tax_minor, rounding_minor, total_minor, rounding, tax_rounding, includes_tax, seller,
        buyer, digest, status, paid_at, open_minor)
    values (1, invoice, 'invoice', year, nth, year::text || lpad(nth::text, greatest(5, length(nth::text)), '0'),
        f.customer_id, today, due_day, now(), f.currency, net, tax, 0, total, f.rounding, 'group', false, f.seller, f.buyer,
        digest, 'issued', null, total);
    return invoice;
end $$;
