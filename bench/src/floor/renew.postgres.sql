-- One renewal of seller 1 in one call: what a careful person writes by hand for this schema. Answers with the invoice's
-- id, or with the open invoice's id made negative.
create function bench_renew(the_service bigint) returns bigint language plpgsql as $$
declare
    today constant date := current_date;
    year constant bigint := extract(year from today);
    f record;
    a record;
    invoice constant bigint := nextval('ids_invoice');
    starts_day date;
    ends_day date;
    days text;
    line_net bigint;
    net bigint;
    tax bigint;
    line bigint := 1;
    nth bigint;
begin
    select s.customer_id, s.product_id, s.label, s.status, s.cycle, s.anchor, s.next_period, s.billed_through,
        s.quantity_millionths, s.open_invoice_id, p.name as product_name, c.currency, c.tax_category, c.tax_rate_ppm,
        e.payment_terms_days, e.renew_ahead_months, e.rounding, v.id as price_id,
        coalesce(s.own_price_minor, v.amount_minor) as price, s.own_price_minor is null as is_catalogue,
        json_build_object('name', e.name, 'address1', e.address1, 'address2', e.address2, 'postcode', e.postcode,
            'city', e.city, 'country', e.country, 'vat_number', e.vat_number, 'company_number', e.company_number,
            'email', e.email, 'iban', e.iban, 'bic', e.bic, 'bankgiro', e.bankgiro)::text as seller,
        json_build_object('kind', c.kind, 'name', c.name, 'company', c.company, 'email', c.email,
            'address1', c.address1, 'address2', c.address2, 'postcode', c.postcode, 'city', c.city,
            'country', c.country, 'vat_number', c.vat_number)::text as buyer
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
    if f.status <> 'active' or starts_day > today + make_interval(months => f.renew_ahead_months::int) then
        raise 'service % cannot be renewed', the_service;
    end if;
    ends_day := f.anchor + make_interval(months => f.next_period::int + 1);
    days := ', ' || starts_day || ' – ' || (ends_day - 1);
    insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state)
    values (1, the_service, f.next_period, invoice, starts_day, ends_day, 'invoiced');
    net := (f.price * f.quantity_millionths + 500000) / 1000000;
    insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description,
        quantity_millionths, unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends,
        price_origin, price_id)
    values (1, invoice, line, the_service, null, f.product_id, f.product_name || ' ' || f.label || days,
        f.quantity_millionths, f.price, net, f.tax_category, f.tax_rate_ppm, starts_day, ends_day,
        case when f.is_catalogue then 'catalogue' else 'own' end, case when f.is_catalogue then f.price_id end);
    for a in
        select addons.id, addons.product_id, addons.quantity_millionths, p.name, v.id as price_id,
            coalesce(addons.own_price_minor, v.amount_minor) as price, addons.own_price_minor is null as is_catalogue
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
        insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description,
            quantity_millionths, unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends,
            price_origin, price_id)
        values (1, invoice, line, the_service, a.id, a.product_id, '+ ' || a.name || days,
            a.quantity_millionths, a.price, line_net, f.tax_category, f.tax_rate_ppm, starts_day, ends_day,
            case when a.is_catalogue then 'catalogue' else 'own' end, case when a.is_catalogue then a.price_id end);
    end loop;
    tax := (net * f.tax_rate_ppm + 500000) / 1000000;
    insert into invoice_taxes (seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor)
    values (1, invoice, f.tax_category, f.tax_rate_ppm, net, tax);
    insert into ledger_entries (seller_id, invoice_id, entry, account, currency, amount_minor, booked_on)
    values (1, invoice, 1, 'receivable', f.currency, net + tax, today),
        (1, invoice, 2, 'revenue', f.currency, -net, today),
        (1, invoice, 3, 'vat', f.currency, -tax, today);
    update services set next_period = next_period + 1, billed_through = ends_day,
        renew_on = ends_day - (select lead_days::int from sellers where id = 1), open_invoice_id = invoice,
        version = version + 1
    where seller_id = 1 and id = the_service;
    insert into outbox (seller_id, id, kind, invoice_id, state, attempts, created_at, next_attempt_at)
    values (1, nextval('ids_outbox'), 'invoice_mail', invoice, 'queued', 0, now(), now());
    insert into audit (seller_id, id, at, actor, action, subject, subject_id)
    values (1, nextval('ids_audit'), now(), 'key:1', 'service.renewed', 'service', the_service);
    -- Last, because the series is what other writers wait for.
    insert into number_series (seller_id, kind, fiscal_year, first_number, next_number)
    values (1, 'invoice', year, 1, 2)
    on conflict (seller_id, kind, fiscal_year) do update set next_number = number_series.next_number + 1
    returning next_number - 1 into nth;
    insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on,
        issued_at, currency, net_minor, tax_minor, total_minor, rounding, seller, buyer, status, paid_at)
    values (1, invoice, 'invoice', year, nth, year::text || lpad(nth::text, greatest(5, length(nth::text)), '0'),
        f.customer_id, today, greatest(starts_day, today + f.payment_terms_days::int), now(), f.currency, net, tax,
        net + tax, f.rounding, f.seller, f.buyer, 'issued', null);
    return invoice;
end $$;
