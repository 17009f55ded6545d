create trigger brands_frozen before update on brands begin select raise(abort, 'a look never changes'); end;
create trigger brands_kept before delete on brands begin select raise(abort, 'a look never changes'); end;
