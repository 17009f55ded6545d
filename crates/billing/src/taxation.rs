//! Which tax a supply bears: decided by who sells, who buys, what, and on which day.

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::vat_area::is_in_vat_area;
use crate::vat_rates::standard_rate;
use crate::{Country, CustomerKind, Rate, TaxCategory, TaxProfile};

/// What kind of supply a product is, as the place where it is taxed depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxClass {
    /// Supplied by electronic means, such as hosting, domains and licences: a consumer in the EU is taxed at home (Directive
    /// 2006/112/EC, article 58).
    #[default]
    Standard,
    /// Other services, such as work by the hour: a consumer is taxed where the seller is (article 45).
    Service,
    /// Things that are sent.
    Goods,
    /// Exempt by what it is, wherever it goes.
    Exempt,
    /// Taxed at a rate of nought.
    Zero,
    /// No supply at all, such as an amount that is only passed on.
    Outside,
}

impl TaxClass {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Standard, Self::Service, Self::Goods, Self::Exempt, Self::Zero, Self::Outside];

    /// The word kept in the database and in CSV files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Service => "service",
            Self::Goods => "goods",
            Self::Exempt => "exempt",
            Self::Zero => "zero",
            Self::Outside => "outside",
        }
    }

    /// The class with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }
}

/// What is known about a customer's VAT number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberStatus {
    /// Its form is right; nobody was asked about it.
    #[default]
    Unchecked,
    /// Its tax authority knows it.
    Valid,
    /// Its tax authority does not know it.
    Invalid,
}

impl NumberStatus {
    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }

    /// The status with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Unchecked, Self::Valid, Self::Invalid].into_iter().find(|status| status.as_str() == word)
    }
}

/// What a seller wants to know about a VAT number before the customer accounts for the tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VatNumberPolicy {
    /// A number is believed until a check says that it is invalid.
    #[default]
    Trust,
    /// Only a number that a check has found valid counts (Implementing Regulation (EU) 282/2011, article 18).
    Require,
}

impl VatNumberPolicy {
    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Require => "require",
        }
    }

    /// The policy with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Trust, Self::Require].into_iter().find(|policy| policy.as_str() == word)
    }

    /// Whether a number of which this is known counts.
    #[must_use]
    pub fn accepts(self, status: NumberStatus) -> bool {
        match status {
            NumberStatus::Valid => true,
            NumberStatus::Unchecked => self == Self::Trust,
            NumberStatus::Invalid => false,
        }
    }
}

/// A standard rate that a seller knows better, from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnRate {
    /// Of which country.
    pub country: Country,
    /// The first day on which it holds.
    pub starts: Date,
    /// The rate.
    pub rate: Rate,
}

/// What of a seller decides its customers' tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRules {
    /// Where it is established.
    pub country: Country,
    /// Whether that is within the EU's VAT area: a seller on the Canary Islands is not.
    pub is_in_vat_area: bool,
    /// Whether it is registered for VAT; one that is not charges none.
    pub is_registered: bool,
    /// The standard rate at home, if it is not that of the country.
    pub home_rate: Option<Rate>,
    /// Rates it knows better than the program.
    pub own_rates: Vec<OwnRate>,
    /// From which day consumers in other member states pay their own country's tax, which the seller declares in the
    /// one-stop shop: when it has chosen to, or sells for more than 10,000 EUR a year to them (article 59c).
    pub oss_from: Option<Date>,
    /// What it wants to know about a VAT number.
    pub number_policy: VatNumberPolicy,
}

impl TaxRules {
    /// The standard rate at home; nothing, where nobody knows one.
    #[must_use]
    pub fn home_rate_on(&self, day: Date) -> Rate {
        self.rate_in(self.country, day).unwrap_or(Rate::ZERO)
    }

    /// The standard rate of a country on a day.
    fn rate_in(&self, country: Country, day: Date) -> Option<Rate> {
        let own = self.own_rates.iter().filter(|own| own.country == country && own.starts <= day);
        let own = own.max_by_key(|own| own.starts).map(|own| own.rate);
        let fixed = self.home_rate.filter(|_| country == self.country);
        own.or(fixed).or_else(|| standard_rate(country.code(), day))
    }
}

/// What of a customer decides its tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxedCustomer {
    /// Where it is.
    pub country: Country,
    /// Whether that is within the EU's VAT area.
    pub is_in_vat_area: bool,
    /// Consumer or company.
    pub kind: CustomerKind,
    /// The country of its VAT number, if it has one, and what is known about it.
    pub number: Option<(Country, NumberStatus)>,
    /// Whether it is exempt.
    pub is_exempt: bool,
}

impl TaxedCustomer {
    /// A customer at an address.
    #[must_use]
    pub fn at(country: Country, postcode: &str, kind: CustomerKind) -> Self {
        let is_in_vat_area = is_in_vat_area(country.code(), postcode);
        Self { country, is_in_vat_area, kind, number: None, is_exempt: false }
    }
}

/// How a seller taxes a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taxation {
    /// The seller's side.
    pub rules: Arc<TaxRules>,
    /// The customer's side.
    pub customer: TaxedCustomer,
}

impl Taxation {
    /// That of a consumer where the seller is, at this rate or the country's own.
    #[must_use]
    pub fn at_home(country: Country, home_rate: Option<Rate>) -> Self {
        let is_in_vat_area = country.is_eu_member();
        let rules = TaxRules {
            country,
            is_in_vat_area,
            is_registered: true,
            home_rate,
            own_rates: Vec::new(),
            oss_from: None,
            number_policy: VatNumberPolicy::Trust,
        };
        let kind = CustomerKind::Private;
        let customer = TaxedCustomer { country, is_in_vat_area, kind, number: None, is_exempt: false };
        Self { rules: Arc::new(rules), customer }
    }

    /// The tax on a supply of this class that is invoiced on a day. The rate is that of the invoice's day, also for periods
    /// that lie ahead: an invoice before the supply makes the tax due (articles 65 and 66).
    #[must_use]
    pub fn on(&self, class: TaxClass, day: Date) -> TaxProfile {
        let rules = &*self.rules;
        let untaxed = |category| TaxProfile { category, rate: Rate::ZERO, country: rules.country };
        let taxed_in = |country| match (class, rules.rate_in(country, day)) {
            (TaxClass::Zero, _) => TaxProfile { category: TaxCategory::Z, rate: Rate::ZERO, country },
            (_, Some(Rate::ZERO)) | (_, None) => TaxProfile { category: TaxCategory::Z, rate: Rate::ZERO, country },
            (_, Some(rate)) => TaxProfile { category: TaxCategory::S, rate, country },
        };
        if !rules.is_registered || class == TaxClass::Outside {
            return untaxed(TaxCategory::O);
        }
        if self.customer.is_exempt || class == TaxClass::Exempt {
            return untaxed(TaxCategory::E);
        }
        let customer = &self.customer;
        if customer.country == rules.country && customer.is_in_vat_area == rules.is_in_vat_area {
            return taxed_in(rules.country);
        }
        let is_within_area = rules.is_in_vat_area && customer.is_in_vat_area;
        match (is_within_area, class) {
            (true, TaxClass::Goods) if self.accounts_for_it() => untaxed(TaxCategory::K),
            (true, _) if self.accounts_for_it() => untaxed(TaxCategory::AE),
            (true, TaxClass::Service) => taxed_in(rules.country),
            (true, _) if rules.oss_from.is_some_and(|from| from <= day) => taxed_in(customer.country),
            (true, _) => taxed_in(rules.country),
            // Work for a consumer is taxed where it is done, wherever they live.
            (false, TaxClass::Service) if customer.kind == CustomerKind::Private => taxed_in(rules.country),
            (false, _) => untaxed(TaxCategory::G),
        }
    }

    /// Whether the customer accounts for the tax itself: a company with a VAT number of its own country, which is another
    /// member state than the seller's (articles 44 and 196, for goods 138). A number of a third country tells nothing about
    /// where it is established.
    fn accounts_for_it(&self) -> bool {
        let own = self.customer.country;
        let counts = |(country, status)| country == own && self.rules.number_policy.accepts(status);
        let is_foreign = own.is_eu_member() && own != self.rules.country;
        is_foreign && self.customer.kind == CustomerKind::Company && self.customer.number.is_some_and(counts)
    }

    /// The rate that a price with tax contains: what is taken out of it where another tax, or none, is charged. A price for
    /// the seller's own country contains its rate; a consumer who is taxed elsewhere pays the same price with their own
    /// country's tax in it.
    #[must_use]
    pub fn contained(&self, profile: TaxProfile, day: Date) -> Rate {
        match profile.category {
            TaxCategory::S => profile.rate,
            TaxCategory::Z => Rate::ZERO,
            _ if !self.rules.is_registered => Rate::ZERO,
            _ => self.rules.home_rate_on(day),
        }
    }
}
