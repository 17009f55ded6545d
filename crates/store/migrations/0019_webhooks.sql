-- Held for the step that is merged here.
select 1;
