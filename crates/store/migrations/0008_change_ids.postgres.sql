create sequence ids_service_change;
