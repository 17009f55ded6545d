//! Both databases have the same tables, with the same columns, keys and indexes.

use perennial_testkit::Kind;

use crate::shop::Shop;

/// Tables that one database needs and the other does not: SQLite's counters, where PostgreSQL has sequences; and the
/// migrator's own.
const APART: &str = "('ids', '_sqlx_migrations')";

/// Asks both databases and asserts that they answer alike.
async fn assert_same(sqlite: &str, postgres: &str) {
    let file = Shop::bare(Kind::Sqlite).await.look(&sqlite.replace("{apart}", APART));
    let server = Shop::bare(Kind::Postgres).await.look(&postgres.replace("{apart}", APART));
    assert!(file.len() > 5, "the question found too little: {file:?}");
    assert_eq!(file, server);
}

#[tokio::test]
async fn the_tables_are_the_same() {
    assert_same(
        "select name from sqlite_master where type = 'table' and name not in {apart} order by name",
        "select table_name from information_schema.tables where table_schema = 'public' and table_name not in {apart} \
         order by table_name collate \"C\"",
    )
    .await;
}

/// Dates are text in SQLite, instants microseconds and booleans 0 or 1, so these types have one word here.
#[tokio::test]
async fn the_columns_are_the_same_in_order_type_and_nullability() {
    assert_same(
        "select t.name, c.name, case lower(c.type) when 'integer' then 'integer' else 'text' end, \
         case when c.\"notnull\" then 'NO' else 'YES' end from sqlite_master t join pragma_table_info(t.name) c \
         where t.type = 'table' and t.name not in {apart} order by t.name, c.cid",
        "select table_name, column_name, case data_type when 'bigint' then 'integer' when 'boolean' then 'integer' \
         when 'timestamp with time zone' then 'integer' when 'text' then 'text' when 'date' then 'text' \
         else data_type end, is_nullable from information_schema.columns where table_schema = 'public' \
         and table_name not in {apart} order by table_name collate \"C\", ordinal_position",
    )
    .await;
}

#[tokio::test]
async fn the_primary_keys_are_the_same() {
    assert_same(
        "select t.name, c.pk, c.name from sqlite_master t join pragma_table_info(t.name) c \
         where t.type = 'table' and t.name not in {apart} and c.pk > 0 order by t.name, c.pk",
        "select t.table_name, k.ordinal_position, k.column_name from information_schema.table_constraints t \
         join information_schema.key_column_usage k using (constraint_schema, constraint_name) \
         where t.table_schema = 'public' and t.constraint_type = 'PRIMARY KEY' and t.table_name not in {apart} \
         order by t.table_name collate \"C\", k.ordinal_position",
    )
    .await;
}

/// Every table's key begins with the seller: that is isolation by construction, and how a cluster is divided.
#[tokio::test]
async fn every_key_begins_with_the_seller() {
    let shop = Shop::bare(Kind::Sqlite).await;
    let others = shop.look(&format!(
        "select t.name from sqlite_master t join pragma_table_info(t.name) c where t.type = 'table' \
         and t.name not in {APART} and c.pk = 1 and c.name <> 'seller_id' order by t.name"
    ));
    // A sandbox is the whole installation, whose clock its sellers share.
    assert_eq!(others, ["sandbox", "sellers"]);
}

#[tokio::test]
async fn the_indexes_are_the_same() {
    // Those of primary and unique keys have names of the database's own choice: `sqlite_…`, `…_pkey`, `…_key`.
    assert_same(
        "select t.name, i.name, i.\"unique\", i.partial from sqlite_master t join pragma_index_list(t.name) i \
         where t.type = 'table' and t.name not in {apart} and i.origin = 'c' order by t.name, i.name",
        "select c.relname, i.relname, x.indisunique::int, (x.indpred is not null)::int from pg_index x \
         join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid \
         join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relname not in {apart} \
         and not exists (select 1 from pg_constraint k where k.conindid = x.indexrelid) \
         order by c.relname collate \"C\", i.relname collate \"C\"",
    )
    .await;
}

/// But for those of one column, which SQLite keeps without an index.
#[tokio::test]
async fn the_unique_keys_are_the_same() {
    assert_same(
        "select t.name, (select group_concat(name, ',') from pragma_index_info(i.name)) as columns \
         from sqlite_master t join pragma_index_list(t.name) i \
         where t.type = 'table' and t.name not in {apart} and i.origin in ('u', 'pk') order by t.name, columns",
        "select * from (select c.relname::text collate \"C\" as name, \
         (select string_agg(a.attname, ',' order by k.nth) \
         from unnest(u.conkey) with ordinality k (col, nth) join pg_attribute a on a.attrelid = u.conrelid \
         and a.attnum = k.col) collate \"C\" as columns from pg_constraint u join pg_class c on c.oid = u.conrelid \
         where u.connamespace = 'public'::regnamespace and u.contype in ('u', 'p') \
         and c.relname not in {apart} and (u.contype = 'u' or c.relname not in ('sellers', 'sandbox'))) keys \
         order by name, columns",
    )
    .await;
}

#[tokio::test]
async fn the_references_are_the_same() {
    assert_same(
        "select t.name, f.\"table\", group_concat(f.\"from\", ',') as columns, group_concat(f.\"to\", ',') \
         from sqlite_master t join pragma_foreign_key_list(t.name) f where t.type = 'table' and t.name not in {apart} \
         group by t.name, f.id order by t.name, f.\"table\", columns",
        "select * from (select c.relname::text collate \"C\" as name, d.relname::text collate \"C\" as other, \
         (select string_agg(a.attname, ',' order by k.nth) from unnest(f.conkey) with ordinality k (col, nth) \
         join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.col) collate \"C\" as columns, \
         (select string_agg(a.attname, ',' order by k.nth) from unnest(f.confkey) with ordinality k (col, nth) \
         join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.col) as targets from pg_constraint f \
         join pg_class c on c.oid = f.conrelid join pg_class d on d.oid = f.confrelid \
         where f.connamespace = 'public'::regnamespace and f.contype = 'f') refs \
         order by name, other, columns",
    )
    .await;
}
