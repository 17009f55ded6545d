-- A service's own price holds for periods that begin through a day, or for ever; without one, it may keep the catalogue's
-- price of a day.
alter table services add column own_price_through {date}
    check (own_price_through is null or own_price_minor is not null);
alter table services add column price_kept_on {date} check (price_kept_on is null or own_price_minor is null);
