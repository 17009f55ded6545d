-- A line that bills a part of a period, or gives one back, says of what: what the whole period costs, on which day it
-- begins, and how many of its days the line is for. Both end on one day.
alter table invoice_lines add column whole_minor {int};
alter table invoice_lines add column whole_starts {date};
alter table invoice_lines add column share_days {int};
alter table invoice_lines add column share_of {int};

-- What is taken off a line, and why.
alter table invoice_lines add column allowance_minor {int};
alter table invoice_lines add column allowance_reason text;
-- The code of the discount it was billed with, also where that is within the whole of a part.
alter table invoice_lines add column discount_code text;

-- The first day of a billed period that a change has given back.
alter table periods add column given_back_from {date};

alter table sellers add column day_count text not null default 'actual'
    check (day_count in ('actual', 'thirty_day_months'));

-- An add-on with a cycle of its own has periods of its own; one without is billed for those of its service.
alter table addons add column cycle text;
alter table addons add column anchor {date};
alter table addons add column first_period {int};
alter table addons add column next_period {int};

-- What a service or an add-on became, from which day, and which invoice bills the difference.
create table service_changes (
    seller_id {int} not null,
    id {int} not null check (id >= 1),
    service_id {int} not null,
    addon_id {int},
    at {instant} not null,
    actor text not null,
    effective_on {date} not null,
    from_product_id {int} not null,
    from_quantity_millionths {int} not null,
    from_cycle text not null,
    product_id {int} not null,
    quantity_millionths {int} not null,
    cycle text not null,
    invoice_id {int},
    taken_back_invoice_id {int},
    primary key (seller_id, id),
    foreign key (seller_id, service_id) references services (seller_id, id)
) {strict};

create index service_changes_of_service on service_changes (seller_id, service_id, id);
create index service_changes_of_invoice on service_changes (seller_id, invoice_id) where invoice_id is not null;
