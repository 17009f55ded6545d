//! Arguments of what is sold, and at which prices: `product` and `price`.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use jiff::civil::Date;
use perennial_billing::campaign::PriceEnding;
use perennial_billing::{LatePayment, TaxClass};

use super::FormatArgs;

#[derive(Debug, Subcommand)]
pub enum ProductCommand {
    /// List what is sold
    List(FormatArgs),
    /// Say how a product is taxed, and what becomes of its services' dates when they are paid late
    Set {
        /// The product
        #[arg(value_name = "ID")]
        product: String,
        /// What kind of supply it is
        #[arg(long, value_enum, required_unless_present = "late_payment")]
        tax_class: Option<TaxClassChoice>,
        /// What becomes of the dates of what is paid late
        #[arg(long, value_enum)]
        late_payment: Option<ProductLatePaid>,
    },
}

/// What kind of supply a product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TaxClassChoice {
    /// Supplied by electronic means: hosting, domains, licences
    Standard,
    /// Other services, such as work by the hour
    Service,
    /// Things that are sent
    Goods,
    /// Exempt by what it is
    Exempt,
    /// Taxed at a rate of nought
    Zero,
    /// No supply at all, such as an amount that is only passed on
    Outside,
}

impl From<TaxClassChoice> for TaxClass {
    fn from(choice: TaxClassChoice) -> Self {
        match choice {
            TaxClassChoice::Standard => Self::Standard,
            TaxClassChoice::Service => Self::Service,
            TaxClassChoice::Goods => Self::Goods,
            TaxClassChoice::Exempt => Self::Exempt,
            TaxClassChoice::Zero => Self::Zero,
            TaxClassChoice::Outside => Self::Outside,
        }
    }
}

/// What becomes of the dates of what is paid late, for one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProductLatePaid {
    /// What the seller's rules say
    Seller,
    /// They stay
    Keep,
    /// The period begins anew on the day of payment
    Restart,
    /// Whole periods that passed unpaid are skipped
    Skip,
}

impl From<ProductLatePaid> for Option<LatePayment> {
    fn from(choice: ProductLatePaid) -> Self {
        match choice {
            ProductLatePaid::Seller => None,
            ProductLatePaid::Keep => Some(LatePayment::Keep),
            ProductLatePaid::Restart => Some(LatePayment::Restart),
            ProductLatePaid::Skip => Some(LatePayment::Skip),
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum PriceCommand {
    /// List the prices of the catalogue, past and coming ones too
    List {
        /// Only of this product
        #[arg(long, value_name = "ID")]
        product: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Add a price that is valid from a day on
    #[command(after_help = "Example: perennial price add --product 101 --cycle 1m --amount 89.00 --from 2027-01-01")]
    Add {
        /// Of which product
        #[arg(long, value_name = "ID")]
        product: String,
        /// For which cycle, such as 1m or 1y
        #[arg(long)]
        cycle: String,
        /// Without VAT, for one and for one period
        #[arg(long)]
        amount: String,
        /// In which currency, if not the seller's
        #[arg(long, value_name = "CODE")]
        currency: Option<String>,
        /// The first day it is valid, if not today
        #[arg(long, value_name = "DATE")]
        from: Option<Date>,
        /// For those who take so many or more: a volume price
        #[arg(long, value_name = "QUANTITY")]
        from_quantity: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum CouponCommand {
    /// List coupons, and how often they were used
    List(FormatArgs),
    /// Make a coupon
    #[command(after_help = "Examples: perennial coupon add WELCOME --percent 50 --periods 3\n          \
        perennial coupon add SORRY-7 --amount 20.00 --customer 1001 --max-uses 1")]
    Add {
        /// What is typed in: letters, digits and -
        code: String,
        #[command(flatten)]
        off: CouponOff,
        /// The currency of the amount, if not the seller's
        #[arg(long, value_name = "CODE", requires = "amount")]
        currency: Option<String>,
        /// For so many periods; otherwise for any number
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        periods: Option<u16>,
        /// For periods that begin through this day
        #[arg(long, value_name = "DATE")]
        through: Option<Date>,
        /// Only for this product
        #[arg(long, value_name = "ID")]
        product: Option<String>,
        /// Only for this customer
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        /// It can be used through this day
        #[arg(long, value_name = "DATE")]
        redeem_through: Option<Date>,
        /// It can be used for so many services
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        max_uses: Option<u32>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Use a coupon for a service
    Use {
        /// What is typed in
        code: String,
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
    },
    /// End the discount of a service; its coupon stays used
    End {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
    },
}

/// How much a coupon takes off.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct CouponOff {
    /// This share of a period, in per cent
    #[arg(long)]
    pub percent: Option<String>,
    /// This much of a period, without VAT
    #[arg(long)]
    pub amount: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum CampaignCommand {
    /// Show what a campaign would do, service by service; nothing is written
    #[command(
        after_help = "Example: perennial campaign preview --product 101 --percent 6 --ending 90 --from 2027-02-01 --format csv"
    )]
    Preview {
        #[command(flatten)]
        rules: CampaignRules,
        /// How to print it
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Change the prices of all that it chooses, and queue a notice for each customer
    Start {
        /// What to call it
        #[arg(long)]
        name: String,
        #[command(flatten)]
        rules: CampaignRules,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List campaigns, newest first
    List(FormatArgs),
    /// Show a campaign and its services
    Show {
        /// The campaign, from `perennial campaign list`
        #[arg(value_name = "CAMPAIGN_ID")]
        campaign: String,
        /// How to print it
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Leave services out of a campaign, while they are not billed with it
    OptOut {
        /// The campaign, from `perennial campaign list`
        #[arg(value_name = "CAMPAIGN_ID")]
        campaign: String,
        /// The services (the v1 API's accountId)
        #[arg(required = true, value_name = "ACCOUNT_ID")]
        services: Vec<String>,
    },
    /// Take a campaign back, while nothing is billed with it
    Undo {
        /// The campaign, from `perennial campaign list`
        #[arg(value_name = "CAMPAIGN_ID")]
        campaign: String,
    },
}

/// Which services, and how their prices change.
#[derive(Debug, ClapArgs)]
pub struct CampaignRules {
    /// Of this product
    #[arg(long, value_name = "ID")]
    pub product: Option<String>,
    /// Of this cycle, such as 1m
    #[arg(long)]
    pub cycle: Option<String>,
    /// Of customers in this group
    #[arg(long)]
    pub group: Option<String>,
    /// Of customers who pay in this currency; needed for amounts
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// That cost less than this
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    pub below: Option<String>,
    /// That cost more than this
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    pub above: Option<String>,
    #[command(flatten)]
    pub change: CampaignChange,
    /// What the new prices end in: `whole`, or hundredths such as 90 for 83.90
    #[arg(long, value_name = "any|whole|00..99", default_value = "any", value_parser = super::price_ending)]
    pub ending: PriceEnding,
    /// The first day on which a period may begin to be billed at the new price
    #[arg(long, value_name = "DATE")]
    pub from: Date,
}

/// How prices change.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct CampaignChange {
    /// By this share, in per cent; -5 makes them cheaper
    #[arg(long, allow_hyphen_values = true)]
    pub percent: Option<String>,
    /// By this much
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, requires = "currency")]
    pub by: Option<String>,
    /// To this
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    pub to: Option<String>,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
}

#[derive(Debug, Subcommand)]
pub enum ExchangeRateCommand {
    /// List them
    List(FormatArgs),
    /// Add one that holds from a day on
    #[command(after_help = "Example: perennial exchange-rate add EUR 0.0912 --source ECB --from 2026-11-20\n\n\
        They are used once `perennial seller set --convert-prices true` says so.")]
    Add {
        /// The other currency
        #[arg(value_name = "CODE")]
        currency: String,
        /// So many units of it for one of the seller's currency
        rate: String,
        /// Who says so, as invoices name it
        #[arg(long)]
        source: String,
        /// The first day on which it holds, if not today
        #[arg(long, value_name = "DATE")]
        from: Option<Date>,
    },
}
