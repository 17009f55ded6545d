create trigger brands_frozen before update or delete on brands
for each row execute function refuse_change('a look never changes');
create trigger brands_not_truncated before truncate on brands
for each statement execute function refuse_change('a look never changes');
