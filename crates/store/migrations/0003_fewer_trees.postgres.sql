-- The claim's key begins with the invoice, so that it grows at its end; by service it is found through periods_claim.
alter table periods drop constraint periods_pkey;
alter table periods add primary key (seller_id, invoice_id, service_id, period);
drop index periods_of_invoice;

-- An entry of the trail no longer locks the seller's own row, where all writers of a seller would meet.
alter table audit drop constraint audit_seller_id_fkey;

-- The plan of a guard is made once for a connection, perhaps before there is any invoice, and then kept: it must look the
-- invoices up by their key and never read all of them.
alter function refuse_late_rows() set enable_seqscan = off;
alter function refuse_late_rows() set enable_hashjoin = off;
alter function refuse_late_rows() set enable_mergejoin = off;
