-- A price may be for those who take many: from so many on. Several prices can then start on one day.
alter table prices add column from_quantity_millionths bigint not null default 0 check (from_quantity_millionths >= 0);
alter table prices drop constraint prices_seller_id_product_id_cycle_currency_starts_key;
alter table prices add unique (seller_id, product_id, cycle, currency, starts, from_quantity_millionths);

-- A notice of a price campaign goes to a customer and carries no invoice; it is called off with its campaign.
alter table outbox alter column invoice_id drop not null;
alter table outbox drop constraint outbox_kind_check;
alter table outbox add check (kind in ('invoice_mail', 'price_notice'));
alter table outbox drop constraint outbox_state_check;
alter table outbox add check (state in ('queued', 'sent', 'failed', 'called_off'));
alter table outbox add column campaign_id bigint;
alter table outbox add column customer_id bigint;

create index outbox_of_campaign on outbox (seller_id, campaign_id) where campaign_id is not null;

create sequence ids_coupon;
create sequence ids_campaign;
