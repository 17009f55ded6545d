//! Databases that were made to rehearse in: a clock that runs ahead.

use crate::value::params;
use crate::{Conn, Result, Tx};

/// Makes a database a sandbox, for ever.
pub async fn create(tx: &mut Tx) -> Result<()> {
    tx.execute("insert into sandbox (id, ahead) values (1, 0)", Vec::new()).await?;
    Ok(())
}

/// How far a sandbox's clock runs ahead of the machine's, in microseconds; none for a real database.
pub async fn ahead(conn: &mut Conn) -> Result<Option<i64>> {
    let row = conn.row("select ahead from sandbox", Vec::new()).await?;
    row.map(|row| row.int("ahead")).transpose()
}

/// Sets how far the clock runs ahead. It never goes back.
pub async fn set_ahead(tx: &mut Tx, microseconds: i64) -> Result<()> {
    tx.execute("update sandbox set ahead = $1 where ahead < $1", params![microseconds]).await?;
    Ok(())
}
