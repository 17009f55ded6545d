//! Price campaigns: which services they choose, what they change, and how to put it back.

use jiff::{Timestamp, civil::Date};
use perennial_billing::campaign::{PriceChange, PriceEnding};
use perennial_billing::{
    CampaignId, CampaignPrice, Currency, CustomerId, Cycle, Money, ProductId, Rate, SellerId, ServiceId,
};

use crate::ids::{self, IdKind};
use crate::rows::Rows;
use crate::sellers::{ending_from_row, ending_to_row};
use crate::services::Service;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// Which services a campaign chooses from; what is `None` is any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Those of this product.
    pub product: Option<ProductId>,
    /// Those of this cycle.
    pub cycle: Option<Cycle>,
    /// Those whose customers are in this group.
    pub group: Option<String>,
    /// Those whose customers pay in this currency.
    pub currency: Option<Currency>,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// What the seller calls it.
    pub name: String,
    /// How prices are changed.
    pub change: PriceChange,
    /// What they end in.
    pub ending: PriceEnding,
    /// The first day on which a period may begin to be billed at the new price.
    pub from: Date,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub actor: String,
    /// Where it stands.
    pub state: CampaignState,
}

/// Where a campaign stands, or one of its services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignState {
    /// It takes effect on its day, or has.
    Planned,
    /// A single service was left out of it afterwards.
    OptedOut,
    /// It was taken back.
    Undone,
}

impl CampaignState {
    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::OptedOut => "opted_out",
            Self::Undone => "undone",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Planned, Self::OptedOut, Self::Undone].into_iter().find(|state| state.as_str() == word)
    }
}

/// What a campaign did to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignService {
    /// The service.
    pub service: ServiceId,
    /// Whose it is.
    pub customer: CustomerId,
    /// The price of one that it would have had.
    pub old: Money,
    /// The price of one that it has.
    pub new: Money,
    /// What that comes to in a year, for all of it.
    pub yearly: Money,
    /// The first day of its first period at the new price.
    pub first_starts: Date,
    /// Whether it still holds.
    pub state: CampaignState,
}

/// What a service costs by itself: the columns that a campaign changes, and puts back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceColumns {
    /// [`Service::own_price_minor`].
    pub own_price_minor: Option<i64>,
    /// [`Service::own_price_through`].
    pub own_price_through: Option<Date>,
    /// [`Service::price_kept_on`].
    pub price_kept_on: Option<Date>,
    /// [`Service::campaign`].
    pub campaign: Option<CampaignPrice>,
}

impl PriceColumns {
    /// Those of a service.
    #[must_use]
    pub fn of(service: &Service) -> Self {
        Self {
            own_price_minor: service.own_price_minor,
            own_price_through: service.own_price_through,
            price_kept_on: service.price_kept_on,
            campaign: service.campaign,
        }
    }
}

/// A page of the services that a campaign chooses from, by customer and service, after this one.
pub async fn select(
    conn: &mut Conn,
    seller: SellerId,
    selection: &Selection,
    after: (CustomerId, ServiceId),
    limit: i64,
) -> Result<Vec<(CustomerId, ServiceId)>> {
    let sql = "select s.customer_id, s.id from services s \
        join customers c on c.seller_id = s.seller_id and c.id = s.customer_id \
        where s.seller_id = $1 and s.customer_id >= $2 and (s.customer_id > $2 or s.id > $3) \
        and s.status in ('pending', 'active', 'suspended') and s.cycle not in ('once', 'free') \
        and ($4 = 0 or s.product_id = $4) and ($5 = '' or s.cycle = $5) and ($6 = '' or c.customer_group = $6) \
        and ($7 = '' or c.currency = $7) order by s.customer_id, s.id limit $8";
    let values = params![
        seller.0,
        after.0.0,
        after.1.0,
        selection.product.map_or(0, |product| product.0),
        selection.cycle.map(|cycle| cycle.to_string()).unwrap_or_default(),
        selection.group.clone().unwrap_or_default(),
        selection.currency.map(|currency| currency.code().to_owned()).unwrap_or_default(),
        limit,
    ];
    let rows = conn.rows(sql, values).await?;
    rows.iter().map(|row| Ok((CustomerId(row.int("customer_id")?), ServiceId(row.int("id")?)))).collect()
}

/// Writes a campaign.
pub async fn insert(tx: &mut Tx, seller: SellerId, campaign: &Campaign) -> Result<()> {
    let sql = "insert into campaigns (seller_id, id, name, percent_ppm, amount_minor, target_minor, currency, ending, \
        starts, at, actor, state) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let (mut percent, mut amount, mut target) = (None, None, None);
    match campaign.change {
        PriceChange::Percent(rate) => percent = Some(rate.parts_per_million()),
        PriceChange::By(money) => amount = Some(money.minor),
        PriceChange::To(money) => target = Some(money.minor),
    }
    let values = params![
        seller.0,
        campaign.id.0,
        campaign.name.clone(),
        percent,
        amount,
        target,
        campaign.change.currency().map(|currency| currency.code().to_owned()),
        ending_to_row(campaign.ending),
        campaign.from,
        campaign.at,
        campaign.actor.clone(),
        campaign.state.as_str(),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// The campaigns of a seller, which is `$1`, that are as the rest says.
macro_rules! campaigns_where {
    () => {
        "select id, name, percent_ppm, amount_minor, target_minor, currency, ending, starts, at, actor, state \
        from campaigns where seller_id = $1 "
    };
}

/// The campaign with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: CampaignId) -> Result<Option<Campaign>> {
    let sql = concat!(campaigns_where!(), "and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// A page of campaigns, newest first, before this one.
pub async fn page(conn: &mut Conn, seller: SellerId, before: Option<CampaignId>, limit: i64) -> Result<Vec<Campaign>> {
    let sql = concat!(campaigns_where!(), "and id < $2 order by id desc limit $3");
    let before = before.map_or(i64::MAX, |id| id.0);
    conn.rows(sql, params![seller.0, before, limit]).await?.iter().map(read).collect()
}

/// Holds a campaign until the transaction ends, and sets where it stands. Tells whether it was planned.
pub async fn undo(tx: &mut Tx, seller: SellerId, id: CampaignId) -> Result<bool> {
    let sql = "update campaigns set state = 'undone' where seller_id = $1 and id = $2 and state = 'planned'";
    Ok(tx.execute(sql, params![seller.0, id.0]).await? == 1)
}

/// Writes what a campaign does to services, each with what it was before.
pub async fn insert_services(
    tx: &mut Tx,
    seller: SellerId,
    campaign: CampaignId,
    services: &[(CampaignService, PriceColumns)],
) -> Result<()> {
    let s = || services.iter().map(|(service, _)| service);
    let b = || services.iter().map(|(_, before)| before);
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .same("campaign_id", campaign.0)
        .int("service_id", s().map(|s| s.service.0))
        .int("customer_id", s().map(|s| s.customer.0))
        .text("currency", s().map(|s| s.old.currency.code().to_owned()))
        .int("old_minor", s().map(|s| s.old.minor))
        .int("new_minor", s().map(|s| s.new.minor))
        .int("yearly_minor", s().map(|s| s.yearly.minor))
        .date("first_starts", s().map(|s| s.first_starts))
        .text("state", s().map(|s| s.state.as_str().to_owned()))
        .int("before_own_price_minor", b().map(|b| b.own_price_minor))
        .date("before_own_price_through", b().map(|b| b.own_price_through))
        .date("before_price_kept_on", b().map(|b| b.price_kept_on))
        .int("before_campaign_id", b().map(|b| b.campaign.map(|campaign| campaign.campaign.0)))
        .int("before_campaign_price_minor", b().map(|b| b.campaign.map(|campaign| campaign.minor)))
        .date("before_campaign_price_from", b().map(|b| b.campaign.map(|campaign| campaign.from)));
    let sql = "insert into campaign_services (seller_id, campaign_id, service_id, customer_id, currency, old_minor, \
        new_minor, yearly_minor, first_starts, state, before_own_price_minor, before_own_price_through, \
        before_price_kept_on, before_campaign_id, before_campaign_price_minor, before_campaign_price_from) \
        select seller_id, campaign_id, service_id, customer_id, currency, old_minor, new_minor, yearly_minor, \
        first_starts, state, before_own_price_minor, before_own_price_through, before_price_kept_on, \
        before_campaign_id, before_campaign_price_minor, before_campaign_price_from from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Gives services other prices, and moves their versions.
pub async fn set_prices(tx: &mut Tx, seller: SellerId, prices: &[(ServiceId, PriceColumns)]) -> Result<()> {
    let p = || prices.iter();
    let rows = Rows::new()
        .int("seller_id", p().map(|_| seller.0))
        .int("id", p().map(|(service, _)| service.0))
        .int("own_price_minor", p().map(|(_, p)| p.own_price_minor))
        .date("own_price_through", p().map(|(_, p)| p.own_price_through))
        .date("price_kept_on", p().map(|(_, p)| p.price_kept_on))
        .int("campaign_id", p().map(|(_, p)| p.campaign.map(|campaign| campaign.campaign.0)))
        .int("campaign_price_minor", p().map(|(_, p)| p.campaign.map(|campaign| campaign.minor)))
        .date("campaign_price_from", p().map(|(_, p)| p.campaign.map(|campaign| campaign.from)));
    let sql = "update services set own_price_minor = n.own_price_minor, own_price_through = n.own_price_through, \
        price_kept_on = n.price_kept_on, campaign_id = n.campaign_id, campaign_price_minor = n.campaign_price_minor, \
        campaign_price_from = n.campaign_price_from, version = services.version + 1 \
        from {rows} where services.seller_id = n.seller_id and services.id = n.id";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// A page of the services of a campaign, by id, after this one.
pub async fn services(
    conn: &mut Conn,
    seller: SellerId,
    campaign: CampaignId,
    after: ServiceId,
    limit: i64,
) -> Result<Vec<CampaignService>> {
    let sql = "select service_id, customer_id, currency, old_minor, new_minor, yearly_minor, first_starts, state \
        from campaign_services where seller_id = $1 and campaign_id = $2 and service_id > $3 \
        order by service_id limit $4";
    let rows = conn.rows(sql, params![seller.0, campaign.0, after.0, limit]).await?;
    rows.iter().map(campaign_service).collect()
}

/// What a campaign still means to do to the services of one customer, by id: so many of them.
pub async fn services_of_customer(
    conn: &mut Conn,
    seller: SellerId,
    campaign: CampaignId,
    customer: CustomerId,
    limit: i64,
) -> Result<Vec<CampaignService>> {
    let sql = "select service_id, customer_id, currency, old_minor, new_minor, yearly_minor, first_starts, state \
        from campaign_services where seller_id = $1 and campaign_id = $2 and customer_id = $3 and state = 'planned' \
        order by service_id limit $4";
    let rows = conn.rows(sql, params![seller.0, campaign.0, customer.0, limit]).await?;
    rows.iter().map(campaign_service).collect()
}

/// How many services of one customer a campaign still means to change.
pub async fn count_of_customer(
    conn: &mut Conn,
    seller: SellerId,
    campaign: CampaignId,
    customer: CustomerId,
) -> Result<i64> {
    let sql = "select count(*) as services from campaign_services \
        where seller_id = $1 and campaign_id = $2 and customer_id = $3 and state = 'planned'";
    let row = conn.row(sql, params![seller.0, campaign.0, customer.0]).await?;
    row.map_or(Ok(0), |row| row.int("services"))
}

fn campaign_service(row: &Row) -> Result<CampaignService> {
    let currency: Currency = row.parsed("currency")?;
    Ok(CampaignService {
        service: ServiceId(row.int("service_id")?),
        customer: CustomerId(row.int("customer_id")?),
        old: Money::new(row.int("old_minor")?, currency),
        new: Money::new(row.int("new_minor")?, currency),
        yearly: Money::new(row.int("yearly_minor")?, currency),
        first_starts: row.date("first_starts")?,
        state: row.word("state", CampaignState::from_word)?,
    })
}

/// A service that a campaign could let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returning {
    /// The service.
    pub service: ServiceId,
    /// What it was before.
    pub before: PriceColumns,
    /// Whether a period was billed at the new price.
    pub is_billed: bool,
    /// Whether the campaign's price is still the one it has.
    pub is_its_own: bool,
    /// Whether a later campaign has changed that price.
    pub is_built_on: bool,
}

/// The services of a campaign, `$2`, that are still part of it, after `$3`, and are as the rest says.
macro_rules! returning_where {
    () => {
        "select s.id, s.billed_through, s.campaign_id, cs.first_starts, cs.before_own_price_minor, \
        cs.before_own_price_through, cs.before_price_kept_on, cs.before_campaign_id, cs.before_campaign_price_minor, \
        cs.before_campaign_price_from, (select count(*) from campaign_services l where l.seller_id = cs.seller_id \
        and l.service_id = cs.service_id and l.before_campaign_id = cs.campaign_id and l.state = 'planned') as later \
        from campaign_services cs \
        join services s on s.seller_id = cs.seller_id and s.id = cs.service_id \
        where cs.seller_id = $1 and cs.campaign_id = $2 and cs.service_id > $3 and cs.state = 'planned' "
    };
}

/// The services of a campaign that are still part of it, held until the transaction ends: all of them, or those that are
/// named; by id, after this one.
pub async fn returning(
    tx: &mut Tx,
    seller: SellerId,
    campaign: CampaignId,
    named: Option<&[ServiceId]>,
    after: ServiceId,
    limit: i64,
) -> Result<Vec<Returning>> {
    let of_all = concat!(returning_where!(), "order by cs.service_id limit $4 {for update}");
    let of_named =
        concat!(returning_where!(), "and cs.service_id {in $5} order by cs.service_id limit $4 {for update}");
    let mut values = params![seller.0, campaign.0, after.0, limit];
    let rows = match named {
        None => tx.rows(of_all, values).await?,
        Some(named) => {
            values.push(named.iter().map(|service| service.0).collect::<Vec<i64>>().into());
            tx.rows(of_named, values).await?
        }
    };
    rows.iter()
        .map(|row| {
            let before = match row.opt_int("before_campaign_id")? {
                None => None,
                Some(id) => Some(CampaignPrice {
                    campaign: CampaignId(id),
                    minor: row.int("before_campaign_price_minor")?,
                    from: row.date("before_campaign_price_from")?,
                }),
            };
            let first_starts = row.date("first_starts")?;
            Ok(Returning {
                service: ServiceId(row.int("id")?),
                before: PriceColumns {
                    own_price_minor: row.opt_int("before_own_price_minor")?,
                    own_price_through: row.opt_date("before_own_price_through")?,
                    price_kept_on: row.opt_date("before_price_kept_on")?,
                    campaign: before,
                },
                is_billed: row.opt_date("billed_through")?.is_some_and(|billed| billed > first_starts),
                is_its_own: row.opt_int("campaign_id")? == Some(campaign.0),
                is_built_on: row.int("later")? > 0,
            })
        })
        .collect()
}

/// Notes that a campaign has let services go.
pub async fn let_go(
    tx: &mut Tx,
    seller: SellerId,
    campaign: CampaignId,
    services: &[ServiceId],
    state: CampaignState,
) -> Result<()> {
    let sql =
        "update campaign_services set state = $3 where seller_id = $1 and campaign_id = $2 and service_id {in $4}";
    let ids: Vec<i64> = services.iter().map(|service| service.0).collect();
    tx.execute(sql, params![seller.0, campaign.0, state.as_str(), ids]).await?;
    Ok(())
}

/// Queues a notice to each of these customers, to be sent from a moment on.
pub async fn queue_notices(
    tx: &mut Tx,
    seller: SellerId,
    campaign: CampaignId,
    customers: &[CustomerId],
    (at, from): (Timestamp, Timestamp),
) -> Result<()> {
    let ids = ids::take(tx, IdKind::Outbox, customers.len()).await?;
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", ids)
        .same("campaign_id", campaign.0)
        .int("customer_id", customers.iter().map(|customer| customer.0))
        .same("at", at)
        .same("send_from", from);
    let sql = "insert into outbox (seller_id, id, kind, state, attempts, created_at, next_attempt_at, campaign_id, \
        customer_id) select seller_id, id, 'price_notice', 'queued', 0, at, send_from, campaign_id, customer_id from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Calls off the notices that wait and tell of nothing any more. Tells how many.
pub async fn call_off_notices(tx: &mut Tx, seller: SellerId, campaign: CampaignId, at: Timestamp) -> Result<u64> {
    let sql = "update outbox set state = 'called_off', settled_at = $3 where seller_id = $1 and campaign_id = $2 \
        and state = 'queued' \
        and not exists (select 1 from campaign_services cs where cs.seller_id = outbox.seller_id \
        and cs.campaign_id = outbox.campaign_id and cs.customer_id = outbox.customer_id and cs.state = 'planned')";
    tx.execute(sql, params![seller.0, campaign.0, at]).await
}

fn read(row: &Row) -> Result<Campaign> {
    let currency = match row.opt_text("currency")? {
        Some(_) => Some(row.parsed::<Currency>("currency")?),
        None => None,
    };
    let change = match (row.opt_int("amount_minor")?, row.opt_int("target_minor")?, currency) {
        (Some(minor), _, Some(currency)) => PriceChange::By(Money::new(minor, currency)),
        (_, Some(minor), Some(currency)) => PriceChange::To(Money::new(minor, currency)),
        _ => PriceChange::Percent(Rate::from_parts_per_million(row.int("percent_ppm")?)),
    };
    Ok(Campaign {
        id: CampaignId(row.int("id")?),
        name: row.text("name")?,
        change,
        ending: ending_from_row(row, "ending")?,
        from: row.date("starts")?,
        at: row.instant("at")?,
        actor: row.text("actor")?,
        state: row.word("state", CampaignState::from_word)?,
    })
}
