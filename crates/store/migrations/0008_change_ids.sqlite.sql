insert into ids (kind, next) values ('service_change', 1);
