//! Invoices in the making: they have no number yet.

use jiff::Timestamp;
use perennial_billing::{CustomerId, DraftId, Quantity, SellerId, TaxClass};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// An invoice in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its id.
    pub id: DraftId,
    /// Who is to be billed.
    pub customer: CustomerId,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Who began it.
    pub actor: String,
    /// Its lines.
    pub lines: Vec<DraftLine>,
}

/// One of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftLine {
    /// What the customer will read.
    pub description: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one, in minor units of the customer's currency.
    pub unit_price_minor: i64,
    /// What kind of supply it is.
    pub tax_class: TaxClass,
}

/// Writes a new draft.
pub async fn insert(tx: &mut Tx, seller: SellerId, draft: &Draft) -> Result<()> {
    let sql = "insert into drafts (seller_id, id, customer_id, created_at, actor) values ($1, $2, $3, $4, $5)";
    let values = params![seller.0, draft.id.0, draft.customer.0, draft.created_at, draft.actor.clone()];
    tx.execute(sql, values).await?;
    let l = || draft.lines.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .same("draft_id", draft.id.0)
        .int("line", (1i64..).take(draft.lines.len()))
        .text("description", l().map(|line| line.description.clone()))
        .int("quantity_millionths", l().map(|line| line.quantity.millionths()))
        .int("unit_price_minor", l().map(|line| line.unit_price_minor))
        .text("tax_class", l().map(|line| line.tax_class.as_str().to_owned()));
    let sql = "insert into draft_lines (seller_id, draft_id, line, description, quantity_millionths, unit_price_minor, \
        tax_class) select seller_id, draft_id, line, description, quantity_millionths, unit_price_minor, tax_class \
        from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// The draft with this id. Within a transaction it is held until that ends.
pub async fn get(conn: &mut Conn, seller: SellerId, id: DraftId) -> Result<Option<Draft>> {
    let sql = "select id, customer_id, created_at, actor from drafts where seller_id = $1 and id = $2 {for update}";
    let Some(row) = conn.row(sql, params![seller.0, id.0]).await? else { return Ok(None) };
    read(conn, seller, &row).await.map(Some)
}

/// Drafts, oldest first, from after this one on: at most so many.
pub async fn page(conn: &mut Conn, seller: SellerId, after: DraftId, limit: i64) -> Result<Vec<Draft>> {
    let sql =
        "select id, customer_id, created_at, actor from drafts where seller_id = $1 and id > $2 order by id limit $3";
    let mut drafts = Vec::new();
    for row in conn.rows(sql, params![seller.0, after.0, limit]).await? {
        drafts.push(read(conn, seller, &row).await?);
    }
    Ok(drafts)
}

async fn read(conn: &mut Conn, seller: SellerId, row: &Row) -> Result<Draft> {
    let id = DraftId(row.int("id")?);
    let sql = "select description, quantity_millionths, unit_price_minor, tax_class from draft_lines \
        where seller_id = $1 and draft_id = $2 order by line";
    let lines = conn.rows(sql, params![seller.0, id.0]).await?;
    let line = |row: &Row| {
        Ok(DraftLine {
            description: row.text("description")?,
            quantity: Quantity::from_millionths(row.int("quantity_millionths")?),
            unit_price_minor: row.int("unit_price_minor")?,
            tax_class: row.word("tax_class", TaxClass::from_word)?,
        })
    };
    Ok(Draft {
        id,
        customer: CustomerId(row.int("customer_id")?),
        created_at: row.instant("created_at")?,
        actor: row.text("actor")?,
        lines: lines.iter().map(line).collect::<Result<_>>()?,
    })
}

/// Throws a draft away. Tells whether there was one.
pub async fn delete(tx: &mut Tx, seller: SellerId, id: DraftId) -> Result<bool> {
    let key = || params![seller.0, id.0];
    tx.execute("delete from draft_lines where seller_id = $1 and draft_id = $2", key()).await?;
    Ok(tx.execute("delete from drafts where seller_id = $1 and id = $2", key()).await? == 1)
}
