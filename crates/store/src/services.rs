//! Services: the sold things that are renewed. The v1 API calls them accounts.

use jiff::civil::Date;
use perennial_billing::{
    CampaignId, CampaignPrice, Currency, CustomerId, Cycle, Discount, InvoiceId, Money, Off, PeriodNumber, PriceRule,
    ProductId, Quantity, Rate, Schedule, SellerId, ServiceId, ServiceStatus,
};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// One sold thing of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its id; the v1 API's `accountId`.
    pub id: ServiceId,
    /// Whose it is.
    pub customer: CustomerId,
    /// What it is.
    pub product: ProductId,
    /// A domain name or another label.
    pub label: String,
    /// Where it stands in its life.
    pub status: ServiceStatus,
    /// Its anchor and cycle.
    pub schedule: Schedule,
    /// The next period to bill.
    pub next_period: PeriodNumber,
    /// The first day that is not billed; none for one-time and free services.
    pub billed_through: Option<Date>,
    /// The first day that is not paid for.
    pub paid_through: Option<Date>,
    /// How many.
    pub quantity: Quantity,
    /// A price of its own for one, in minor units of the customer's currency.
    pub own_price_minor: Option<i64>,
    /// The last day on which a period may begin to be billed at it; none is for ever.
    pub own_price_through: Option<Date>,
    /// The day whose price in the catalogue it keeps; none if it has a price of its own or follows the price source.
    pub price_kept_on: Option<Date>,
    /// What is taken off its periods.
    pub discount: Option<Discount>,
    /// What a campaign has made of its price.
    pub campaign: Option<CampaignPrice>,
    /// Whether the renewal run renews it.
    pub auto_renew: bool,
    /// The day from which the run renews it; none for one-time and free services.
    pub renew_on: Option<Date>,
    /// The day on which it ends, while a cancellation at the end of what is billed is pending.
    pub ends_on: Option<Date>,
}

impl Service {
    /// At which price it is renewed; its customer pays in this currency.
    #[must_use]
    pub fn price_rule(&self, currency: Currency) -> PriceRule {
        match (self.own_price_minor, self.price_kept_on) {
            (Some(minor), _) => PriceRule::Own { price: Money::new(minor, currency), through: self.own_price_through },
            (None, Some(day)) => PriceRule::Kept(day),
            (None, None) => PriceRule::Follow,
        }
    }
}

/// A service with the names a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceView {
    /// The service.
    pub service: Service,
    /// It moves with every change, a renewal too.
    pub version: i64,
    /// An unpaid renewal invoice.
    pub open_invoice: Option<InvoiceId>,
    /// The product's name.
    pub product_name: String,
    /// The number the v1 API shows as the type.
    pub service_type: i64,
    /// The person.
    pub customer_name: String,
    /// The company, or empty.
    pub company: String,
    /// The customer's currency.
    pub currency: Currency,
}

/// The services of a seller, which is `$1`, that are as the rest says.
macro_rules! services_where {
    () => {
        "select id, customer_id, product_id, label, status, cycle, anchor, first_period, next_period, billed_through, \
        paid_through, quantity_millionths, own_price_minor, own_price_through, price_kept_on, discount_code, \
        discount_ppm, discount_minor, discount_periods, discount_through, campaign_id, campaign_price_minor, \
        campaign_price_from, auto_renew, renew_on, ends_on from services where seller_id = $1 "
    };
}

/// All services of a seller, by id.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<Service>> {
    let sql = concat!(services_where!(), "order by id");
    conn.rows(sql, params![seller.0]).await?.iter().map(read).collect()
}

/// The service with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: ServiceId) -> Result<Option<Service>> {
    let sql = concat!(services_where!(), "and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// A page of ids by customer and service, after this one; of one customer or of all.
pub async fn ids_by_customer(
    conn: &mut Conn,
    seller: SellerId,
    customer: Option<CustomerId>,
    after: (CustomerId, ServiceId),
    limit: i64,
) -> Result<Vec<(CustomerId, ServiceId)>> {
    let of_all = "select customer_id, id from services where seller_id = $1 \
        and (customer_id > $2 or (customer_id = $2 and id > $3)) order by customer_id, id limit $4";
    let of_one = "select customer_id, id from services where seller_id = $1 and customer_id = $2 and id > $3 \
        order by customer_id, id limit $4";
    let (last_customer, last) = after;
    let rows = match customer {
        Some(customer) => conn.rows(of_one, params![seller.0, customer.0, last.0, limit]).await?,
        None => conn.rows(of_all, params![seller.0, last_customer.0, last.0, limit]).await?,
    };
    rows.iter().map(|row| Ok((CustomerId(row.int("customer_id")?), ServiceId(row.int("id")?)))).collect()
}

/// Moves the day from which the run renews services, where their next period is still this one.
pub async fn set_renew_on(tx: &mut Tx, seller: SellerId, days: &[(ServiceId, PeriodNumber, Date)]) -> Result<()> {
    let rows = Rows::new()
        .int("seller_id", days.iter().map(|_| seller.0))
        .int("id", days.iter().map(|(service, ..)| service.0))
        .int("next_period", days.iter().map(|(_, period, _)| i64::from(period.0)))
        .date("renew_on", days.iter().map(|(.., day)| *day));
    let sql = "update services set renew_on = n.renew_on, due_from = n.renew_on from {rows} \
        where services.seller_id = n.seller_id and services.id = n.id and services.next_period = n.next_period";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// A page of services by id, after this one.
pub async fn after(conn: &mut Conn, seller: SellerId, after: ServiceId, limit: i64) -> Result<Vec<Service>> {
    let sql = concat!(services_where!(), "and id > $2 order by id limit $3");
    conn.rows(sql, params![seller.0, after.0, limit]).await?.iter().map(read).collect()
}

/// What a list of services is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServiceFilter {
    /// Only this customer's.
    pub customer: Option<CustomerId>,
    /// Only those whose product is of this kind.
    pub kind: Option<&'static str>,
}

/// How many services there are.
pub async fn count(conn: &mut Conn, seller: SellerId, filter: ServiceFilter) -> Result<i64> {
    let of_all = "select count(*) as services from services s \
        join products p on p.seller_id = s.seller_id and p.id = s.product_id \
        where s.seller_id = $1 and ($2 is null or p.kind = $2)";
    let of_one = "select count(*) as services from services s \
        join products p on p.seller_id = s.seller_id and p.id = s.product_id \
        where s.seller_id = $1 and ($2 is null or p.kind = $2) and s.customer_id = $3";
    let kind = filter.kind.map(str::to_owned);
    let row = match filter.customer {
        Some(customer) => conn.row(of_one, params![seller.0, kind, customer.0]).await?,
        None => conn.row(of_all, params![seller.0, kind]).await?,
    };
    row.map_or(Ok(0), |row| row.int("services"))
}

/// Services of a seller, which is `$1`, with what lists show beside them, that are as the rest says.
macro_rules! views_where {
    ($which:literal) => {
        concat!(
            "select s.id, s.customer_id, s.product_id, s.label, s.status, s.cycle, s.anchor, s.first_period, \
            s.next_period, s.billed_through, s.paid_through, s.quantity_millionths, s.own_price_minor, \
            s.own_price_through, s.price_kept_on, s.discount_code, s.discount_ppm, s.discount_minor, s.discount_periods, \
            s.discount_through, s.campaign_id, s.campaign_price_minor, s.campaign_price_from, s.auto_renew, s.renew_on, \
            s.ends_on, s.open_invoice_id, s.version, p.name as product_name, p.service_type, c.name as customer_name, \
            c.company, c.currency from services s join products p on p.seller_id = s.seller_id and p.id = s.product_id \
            join customers c on c.seller_id = s.seller_id and c.id = s.customer_id where s.seller_id = $1 ",
            $which
        )
    };
}

/// One page of services, by id.
pub async fn page(
    conn: &mut Conn,
    seller: SellerId,
    filter: ServiceFilter,
    limit: i64,
    offset: i64,
) -> Result<Vec<ServiceView>> {
    let of_all = views_where!("and ($2 is null or p.kind = $2) order by s.id limit $3 offset $4");
    let of_one =
        views_where!("and ($2 is null or p.kind = $2) and s.customer_id = $5 order by s.id limit $3 offset $4");
    let mut values = params![seller.0, filter.kind.map(str::to_owned), limit, offset];
    let rows = match filter.customer {
        Some(customer) => {
            values.push(customer.0.into());
            conn.rows(of_one, values).await?
        }
        None => conn.rows(of_all, values).await?,
    };
    rows.iter().map(read_view).collect()
}

/// One service with what lists show beside it.
pub async fn view(conn: &mut Conn, seller: SellerId, id: ServiceId) -> Result<Option<ServiceView>> {
    let sql = views_where!("and s.id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read_view(&row)).transpose()
}

/// A page of services, newest first, before this one; of one customer, of one status, or of all. What is rare among
/// them is found by an index too.
pub async fn newest(
    conn: &mut Conn,
    seller: SellerId,
    customer: Option<CustomerId>,
    status: Option<ServiceStatus>,
    before: Option<ServiceId>,
    limit: i64,
) -> Result<Vec<ServiceView>> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let rows = match (customer, status) {
        (None, None) => {
            let sql = views_where!("and s.id < $2 order by s.id desc limit $3");
            conn.rows(sql, params![seller.0, before, limit]).await?
        }
        (None, Some(ServiceStatus::Active)) => {
            let sql = views_where!("and s.id < $2 and s.status = 'active' order by s.id desc limit $3");
            conn.rows(sql, params![seller.0, before, limit]).await?
        }
        (None, Some(status)) => {
            let sql =
                views_where!("and s.id < $2 and s.status <> 'active' and s.status = $4 order by s.id desc limit $3");
            conn.rows(sql, params![seller.0, before, limit, status.as_str()]).await?
        }
        (Some(customer), None) => {
            let sql = views_where!("and s.customer_id = $4 and s.id < $2 order by s.id desc limit $3");
            conn.rows(sql, params![seller.0, before, limit, customer.0]).await?
        }
        (Some(customer), Some(status)) => {
            let sql =
                views_where!("and s.customer_id = $4 and s.status = $5 and s.id < $2 order by s.id desc limit $3");
            conn.rows(sql, params![seller.0, before, limit, customer.0, status.as_str()]).await?
        }
    };
    rows.iter().map(read_view).collect()
}

fn read_view(row: &Row) -> Result<ServiceView> {
    Ok(ServiceView {
        service: read(row)?,
        version: row.int("version")?,
        open_invoice: row.opt_int("open_invoice_id")?.map(InvoiceId),
        product_name: row.text("product_name")?,
        service_type: row.int("service_type")?,
        customer_name: row.text("customer_name")?,
        company: row.text("company")?,
        currency: row.parsed("currency")?,
    })
}

/// Writes services: new ones, and what has changed about known ones. Every change moves the version, so that a renewal
/// planned from the older row is planned again.
pub async fn upsert(tx: &mut Tx, seller: SellerId, services: &[Service]) -> Result<()> {
    let s = || services.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", s().map(|s| s.id.0))
        .int("customer_id", s().map(|s| s.customer.0))
        .int("product_id", s().map(|s| s.product.0))
        .text("label", s().map(|s| s.label.clone()))
        .text("status", s().map(|s| s.status.as_str().to_owned()))
        .text("cycle", s().map(|s| s.schedule.cycle.to_string()))
        .date("anchor", s().map(|s| s.schedule.anchor))
        .int("first_period", s().map(|s| i64::from(s.schedule.first.0)))
        .int("next_period", s().map(|s| i64::from(s.next_period.0)))
        .date("billed_through", s().map(|s| s.billed_through))
        .date("paid_through", s().map(|s| s.paid_through))
        .int("quantity_millionths", s().map(|s| s.quantity.millionths()))
        .int("own_price_minor", s().map(|s| s.own_price_minor))
        .date("own_price_through", s().map(|s| s.own_price_through))
        .date("price_kept_on", s().map(|s| s.price_kept_on))
        .text("discount_code", s().map(|s| s.discount.as_ref().map(|discount| discount.code.clone())))
        .int("discount_ppm", s().map(|s| s.discount.as_ref().and_then(|discount| parts(discount.off).0)))
        .int("discount_minor", s().map(|s| s.discount.as_ref().and_then(|discount| parts(discount.off).1)))
        .int("discount_periods", s().map(|s| s.discount.as_ref().and_then(|d| d.periods.map(i64::from))))
        .date("discount_through", s().map(|s| s.discount.as_ref().and_then(|discount| discount.through)))
        .int("campaign_id", s().map(|s| s.campaign.map(|campaign| campaign.campaign.0)))
        .int("campaign_price_minor", s().map(|s| s.campaign.map(|campaign| campaign.minor)))
        .date("campaign_price_from", s().map(|s| s.campaign.map(|campaign| campaign.from)))
        .bool("auto_renew", s().map(|s| s.auto_renew))
        .date("renew_on", s().map(|s| s.renew_on))
        .date("ends_on", s().map(|s| s.ends_on));
    let sql = "insert into services (seller_id, id, customer_id, product_id, label, status, cycle, anchor, first_period, \
        next_period, billed_through, paid_through, quantity_millionths, own_price_minor, own_price_through, \
        price_kept_on, discount_code, discount_ppm, discount_minor, discount_periods, discount_through, campaign_id, \
        campaign_price_minor, campaign_price_from, auto_renew, renew_on, due_from, ends_on, version) \
        select seller_id, id, customer_id, product_id, label, status, cycle, anchor, first_period, next_period, \
        billed_through, paid_through, quantity_millionths, own_price_minor, own_price_through, price_kept_on, \
        discount_code, discount_ppm, discount_minor, discount_periods, discount_through, campaign_id, \
        campaign_price_minor, campaign_price_from, auto_renew, renew_on, renew_on, ends_on, 1 from {rows} where true \
        on conflict (seller_id, id) do update set product_id = excluded.product_id, label = excluded.label, \
        status = excluded.status, cycle = excluded.cycle, anchor = excluded.anchor, \
        first_period = excluded.first_period, next_period = excluded.next_period, \
        billed_through = excluded.billed_through, paid_through = excluded.paid_through, \
        quantity_millionths = excluded.quantity_millionths, own_price_minor = excluded.own_price_minor, \
        own_price_through = excluded.own_price_through, price_kept_on = excluded.price_kept_on, \
        discount_code = excluded.discount_code, discount_ppm = excluded.discount_ppm, \
        discount_minor = excluded.discount_minor, discount_periods = excluded.discount_periods, \
        discount_through = excluded.discount_through, campaign_id = excluded.campaign_id, \
        campaign_price_minor = excluded.campaign_price_minor, campaign_price_from = excluded.campaign_price_from, \
        auto_renew = excluded.auto_renew, renew_on = excluded.renew_on, due_from = excluded.renew_on, ends_on = excluded.ends_on, \
        version = services.version + 1";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

pub(crate) fn read(row: &Row) -> Result<Service> {
    let cycle: Cycle = row.parsed("cycle")?;
    Ok(Service {
        id: ServiceId(row.int("id")?),
        customer: CustomerId(row.int("customer_id")?),
        product: ProductId(row.int("product_id")?),
        label: row.text("label")?,
        status: row.parsed("status")?,
        schedule: Schedule { anchor: row.date("anchor")?, cycle, first: PeriodNumber(row.small("first_period")?) },
        next_period: PeriodNumber(row.small("next_period")?),
        billed_through: row.opt_date("billed_through")?,
        paid_through: row.opt_date("paid_through")?,
        quantity: Quantity::from_millionths(row.int("quantity_millionths")?),
        own_price_minor: row.opt_int("own_price_minor")?,
        own_price_through: row.opt_date("own_price_through")?,
        price_kept_on: row.opt_date("price_kept_on")?,
        discount: discount(row)?,
        campaign: campaign(row)?,
        auto_renew: row.bool("auto_renew")?,
        renew_on: row.opt_date("renew_on")?,
        ends_on: row.opt_date("ends_on")?,
    })
}

/// A discount's share and its amount: one of them.
fn parts(off: Off) -> (Option<i64>, Option<i64>) {
    match off {
        Off::Percent(rate) => (Some(rate.parts_per_million()), None),
        Off::Amount(minor) => (None, Some(minor)),
    }
}

fn discount(row: &Row) -> Result<Option<Discount>> {
    let Some(code) = row.opt_text("discount_code")? else { return Ok(None) };
    let off = match row.opt_int("discount_ppm")? {
        Some(ppm) => Off::Percent(Rate::from_parts_per_million(ppm)),
        None => Off::Amount(row.int("discount_minor")?),
    };
    let periods = row.opt_int("discount_periods")?.map(|_| row.small("discount_periods")).transpose()?;
    Ok(Some(Discount { code, off, periods, through: row.opt_date("discount_through")? }))
}

fn campaign(row: &Row) -> Result<Option<CampaignPrice>> {
    let Some(id) = row.opt_int("campaign_id")? else { return Ok(None) };
    let (minor, from) = (row.int("campaign_price_minor")?, row.date("campaign_price_from")?);
    Ok(Some(CampaignPrice { campaign: CampaignId(id), minor, from }))
}
