//! The chart of accounts: where an amount belongs, by a name for plain-text accounting and by a number for SIE.
//!
//! The numbers are those of the Swedish BAS chart of 2026, and a provider may give others, a line each:
//!
//! ```text
//! # what it sells has accounts of its own
//! product 2001 = 3041 Webbhotell
//! product 2001 DE S 19 = 3311 Webbhotell, Tyskland
//! vat SE S 25 = 2611
//! revenue DE = 3310 Försäljning till Tyskland, OSS
//! bank = 1940
//! ```
//!
//! Of what a provider says, what names the product with the tax goes before the product, that before the tax, that before the
//! country, and that before the word alone. What is built in comes last.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use perennial_billing::ledger::Account;
use perennial_billing::{
    Country, ParseDecimalError, ParseIdError, ProductId, Rate, TaxCategory, TaxProfile, UnknownCountry,
};

/// The country whose chart is built in: its tax has accounts by rate, every other country's is that of the one-stop shop.
const HOME: &str = "SE";

/// What the built-in accounts are called (BAS 2026).
///
/// BAS has no account for sales under the one-stop shop and says that free ones of group 33 are to be used; 3309 is one, and
/// who wants one for each country names it.
const BUILT_IN: [(u16, &str); 17] = [
    (1510, "Kundfordringar"),
    (1930, "Företagskonto/checkkonto/affärskonto"),
    (2420, "Förskott från kunder"),
    (2611, "Utgående moms på försäljning inom Sverige, 25 %"),
    (2621, "Utgående moms på försäljning inom Sverige, 12 %"),
    (2631, "Utgående moms på försäljning inom Sverige, 6 %"),
    (2670, "Utgående moms på försäljning inom EU, OSS"),
    (3001, "Försäljning inom Sverige, 25 % moms"),
    (3002, "Försäljning inom Sverige, 12 % moms"),
    (3003, "Försäljning inom Sverige, 6 % moms"),
    (3004, "Försäljning inom Sverige, momsfri"),
    (3108, "Försäljning varor till annat EU-land, momsfri"),
    (3305, "Försäljning tjänster till land utanför EU"),
    (3308, "Försäljning tjänster till annat EU-land"),
    (3309, "Försäljning tjänster till annat EU-land, OSS"),
    (3740, "Öres- och kronutjämning"),
    (6351, "Konstaterade förluster på kundfordringar"),
];

/// An account of four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNumber(u16);

impl AccountNumber {
    /// The account with that number, if it is from 1000 to 9999.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (1000..=9999).contains(&number).then_some(Self(number))
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AccountNumber {
    type Err = ChartProblem;

    fn from_str(text: &str) -> Result<Self, ChartProblem> {
        let number = text.parse().ok().filter(|_| text.len() == 4).and_then(Self::new);
        number.ok_or_else(|| ChartProblem::Number(text.to_owned()))
    }
}

/// What an account is given for, from the widest to the narrowest. It is written and read as a line of the chart begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChartKey {
    /// All of an account: `bank`.
    Account(Account),
    /// Revenue or tax of a country: `vat DE`.
    Country(Account, Country),
    /// Revenue or tax of a rate: `vat SE S 25`, `revenue SE AE`.
    Tax(Account, TaxProfile),
    /// Revenue of a product: `product 2001`.
    Product(ProductId),
    /// Revenue of a product with a tax: `product 2001 SE S 25`.
    ProductTax(ProductId, TaxProfile),
}

impl ChartKey {
    /// What could say where an amount belongs, the narrowest first.
    fn of(account: Account, tax: Option<TaxProfile>, product: Option<ProductId>) -> impl Iterator<Item = Self> {
        let tax = tax.filter(|_| is_taxed(account));
        let product = product.filter(|_| account == Account::Revenue);
        let both = product.zip(tax).map(|(product, tax)| Self::ProductTax(product, tax));
        let by_tax = tax.map(|tax| Self::Tax(account, tax));
        let by_country = tax.map(|tax| Self::Country(account, tax.country));
        both.into_iter()
            .chain(product.map(Self::Product))
            .chain(by_tax)
            .chain(by_country)
            .chain([Self::Account(account)])
    }

    /// What an account is called that was given without a name: in Swedish, as the chart is.
    fn swedish(self) -> String {
        let of = |account| match account {
            Account::Receivable => "Kundfordringar",
            Account::Revenue => "Försäljning",
            Account::Vat => "Utgående moms",
            Account::Bank => "Bank",
            Account::Credit => "Förskott från kunder",
            Account::BadDebt => "Förluster på kundfordringar",
            Account::Rounding => "Öres- och kronutjämning",
        };
        match self {
            Self::Account(account) => of(account).to_owned(),
            Self::Country(account, country) => format!("{}, {country}", of(account)),
            Self::Tax(account, tax) => format!("{}, {}", of(account), Words(tax)),
            Self::Product(product) => format!("Försäljning, produkt {product}"),
            Self::ProductTax(product, tax) => format!("Försäljning, produkt {product}, {}", Words(tax)),
        }
    }
}

/// Whether an account is kept by tax.
fn is_taxed(account: Account) -> bool {
    matches!(account, Account::Revenue | Account::Vat)
}

/// A tax as a line of the chart has it: `SE S 25`, `SE AE`.
struct Words(TaxProfile);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TaxProfile { country, category, rate } = self.0;
        write!(f, "{country} {category}")?;
        if rate == Rate::ZERO { Ok(()) } else { write!(f, " {}", rate.percent()) }
    }
}

impl fmt::Display for ChartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => f.write_str(account.as_str()),
            Self::Country(account, country) => write!(f, "{} {country}", account.as_str()),
            Self::Tax(account, tax) => write!(f, "{} {}", account.as_str(), Words(*tax)),
            Self::Product(product) => write!(f, "product {product}"),
            Self::ProductTax(product, tax) => write!(f, "product {product} {}", Words(*tax)),
        }
    }
}

impl FromStr for ChartKey {
    type Err = ChartProblem;

    fn from_str(text: &str) -> Result<Self, ChartProblem> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["product", product] => Ok(Self::Product(product.parse()?)),
            ["product", product, country, ref tax @ ..] => {
                Ok(Self::ProductTax(product.parse()?, profile(country, tax)?))
            }
            [word, ref tax @ ..] => {
                let account = Account::from_word(word).ok_or_else(|| ChartProblem::Word(word.to_owned()))?;
                match tax {
                    [] => Ok(Self::Account(account)),
                    _ if !is_taxed(account) => Err(ChartProblem::Untaxed(account.as_str())),
                    [country] => Ok(Self::Country(account, country.parse()?)),
                    [country, tax @ ..] => Ok(Self::Tax(account, profile(country, tax)?)),
                }
            }
            [] => Err(ChartProblem::Word(String::new())),
        }
    }
}

/// A tax from its words. The rate is nought in every category but `S` and then need not be said.
fn profile(country: &str, tax: &[&str]) -> Result<TaxProfile, ChartProblem> {
    let (category, rate) = match *tax {
        [category] => (category, None),
        [category, rate] => (category, Some(Rate::parse_percent(rate)?)),
        _ => return Err(ChartProblem::Tax),
    };
    let known = TaxCategory::from_code(category).ok_or_else(|| ChartProblem::Category(category.to_owned()))?;
    let rate = match (known, rate) {
        (TaxCategory::S, Some(rate)) if rate > Rate::ZERO => rate,
        (TaxCategory::S, _) => return Err(ChartProblem::Tax),
        (_, None | Some(Rate::ZERO)) => Rate::ZERO,
        (_, Some(_)) => return Err(ChartProblem::Rated(known)),
    };
    Ok(TaxProfile { country: country.parse()?, category: known, rate })
}

/// Which account an amount belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chart {
    given: BTreeMap<ChartKey, AccountNumber>,
    names: BTreeMap<AccountNumber, String>,
}

impl Chart {
    /// Gives an account for something, and a name if it has one of its own.
    pub fn with(&mut self, key: ChartKey, number: AccountNumber, name: Option<&str>) -> &mut Self {
        self.given.insert(key, number);
        if let Some(name) = name {
            self.names.insert(number, name.to_owned());
        } else if built_in_name(number).is_none() {
            self.names.entry(number).or_insert_with(|| key.swedish());
        }
        self
    }

    /// The account an amount belongs to.
    ///
    /// # Errors
    /// What a line of the chart would have to begin with, when there is none.
    pub fn number(
        &self,
        account: Account,
        tax: Option<TaxProfile>,
        product: Option<ProductId>,
    ) -> Result<AccountNumber, ChartKey> {
        let given = ChartKey::of(account, tax, product).find_map(|key| self.given.get(&key).copied());
        let number = given.or_else(|| built_in(account, tax).and_then(AccountNumber::new));
        let wanted = || tax.filter(|_| is_taxed(account)).map(|tax| ChartKey::Tax(account, tax));
        number.ok_or_else(|| wanted().unwrap_or(ChartKey::Account(account)))
    }

    /// All accounts with their names, by number.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountNumber, String)> {
        let built_in =
            BUILT_IN.into_iter().filter_map(|(number, name)| Some((AccountNumber::new(number)?, name.to_owned())));
        let mut accounts: BTreeMap<AccountNumber, String> = built_in.collect();
        accounts.extend(self.names.clone());
        accounts.into_iter()
    }

    /// The same for plain-text accounting: `revenue:2001:SE:S25`. Every name is of letters, digits, points, colons and single
    /// spaces, so that no program takes a part of it for something else.
    #[must_use]
    pub fn name(account: Account, tax: Option<TaxProfile>, product: Option<ProductId>) -> String {
        let taxed = |name: String| match tax {
            Some(TaxProfile { country, category, rate: Rate::ZERO }) => format!("{name}:{country}:{category}"),
            Some(TaxProfile { country, category, rate }) => format!("{name}:{country}:{category}{}", rate.percent()),
            None => name,
        };
        match account {
            Account::Receivable => "assets:receivable".to_owned(),
            Account::Bank => "assets:bank".to_owned(),
            Account::Credit => "liabilities:customer credit".to_owned(),
            Account::BadDebt => "expenses:bad debt".to_owned(),
            Account::Rounding => "expenses:rounding".to_owned(),
            Account::Vat => taxed("liabilities:vat".to_owned()),
            Account::Revenue => {
                taxed(product.map_or("revenue:other".to_owned(), |product| format!("revenue:{product}")))
            }
        }
    }
}

fn built_in_name(number: AccountNumber) -> Option<&'static str> {
    BUILT_IN.into_iter().find_map(|(known, name)| (known == number.0).then_some(name))
}

/// The account of the BAS chart, if one fits.
///
/// What is passed on and what a seller outside of VAT sells (`O`) is sold without VAT, as is what is exempt. An export (`G`) is
/// one of services, as hosting is; a product that is sent belongs on 3105. What will not be paid is an established loss, as
/// only such ones are written off here.
fn built_in(account: Account, tax: Option<TaxProfile>) -> Option<u16> {
    match account {
        Account::Receivable => Some(1510),
        Account::Bank => Some(1930),
        Account::Credit => Some(2420),
        Account::Rounding => Some(3740),
        Account::BadDebt => Some(6351),
        Account::Vat => match tax? {
            tax if tax.country.code() != HOME => Some(2670),
            tax => by_rate(tax.rate, [2611, 2621, 2631]),
        },
        Account::Revenue => match tax? {
            tax if tax.country.code() != HOME => Some(3309),
            TaxProfile { category: TaxCategory::S, rate, .. } => by_rate(rate, [3001, 3002, 3003]),
            TaxProfile { category: TaxCategory::Z | TaxCategory::E | TaxCategory::O, .. } => Some(3004),
            TaxProfile { category: TaxCategory::AE, .. } => Some(3308),
            TaxProfile { category: TaxCategory::K, .. } => Some(3108),
            TaxProfile { category: TaxCategory::G, .. } => Some(3305),
        },
    }
}

/// The account of a Swedish rate: 25 %, 12 % and 6 % (Mervärdesskattelagen 2023:200, chapter 9).
fn by_rate(rate: Rate, numbers: [u16; 3]) -> Option<u16> {
    let place = [250_000, 120_000, 60_000].into_iter().position(|known| known == rate.parts_per_million())?;
    numbers.get(place).copied()
}

/// What is wrong with a line of a chart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChartProblem {
    /// There is no `=` in it.
    #[error("must be what the account is for, `=` and its number, such as `vat SE S 25 = 2611`")]
    NoEquals,
    /// It begins with another word.
    #[error("must begin with receivable, revenue, vat, bank, credit, bad_debt, rounding or product, not {0:?}")]
    Word(String),
    /// It names a tax where there is none.
    #[error("{0} is not kept by country or tax")]
    Untaxed(&'static str),
    /// It does not name a tax as it should.
    #[error("a tax is a country, a category and for S a rate in per cent, such as `SE S 25`")]
    Tax,
    /// There is no such country.
    #[error(transparent)]
    Country(#[from] UnknownCountry),
    /// There is no such category.
    #[error("must be a VAT category, one of S, Z, E, AE, K, G and O, not {0:?}")]
    Category(String),
    /// The category has no rate.
    #[error("only S has a rate; with {0} it is nought")]
    Rated(TaxCategory),
    /// The rate is none.
    #[error("rate: {0}")]
    Rate(#[from] ParseDecimalError),
    /// The product is none.
    #[error("product: {0}")]
    Product(#[from] ParseIdError),
    /// The account is none.
    #[error("must be an account of four digits from 1000 to 9999, not {0:?}")]
    Number(String),
    /// An earlier line says the same.
    #[error("`{0}` has an account already")]
    Twice(ChartKey),
}

/// A line of a chart that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, `{text}`: {problem}")]
pub struct ChartError {
    /// Which line, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// What is wrong with it.
    pub problem: ChartProblem,
}

impl FromStr for Chart {
    type Err = ChartError;

    /// Reads a chart. Empty lines and those that begin with `#` say nothing.
    fn from_str(text: &str) -> Result<Self, ChartError> {
        let mut chart = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                let error = |problem| ChartError { line: index + 1, text: line.to_owned(), problem };
                chart.read(line).map_err(error)?;
            }
        }
        Ok(chart)
    }
}

impl Chart {
    fn read(&mut self, line: &str) -> Result<(), ChartProblem> {
        let (key, account) = line.split_once('=').ok_or(ChartProblem::NoEquals)?;
        let key = key.parse()?;
        let account = account.trim();
        let (number, name) = account.split_once(char::is_whitespace).unwrap_or((account, ""));
        let (number, name) = (number.parse()?, name.trim());
        if self.given.contains_key(&key) {
            return Err(ChartProblem::Twice(key));
        }
        self.with(key, number, (!name.is_empty()).then_some(name));
        Ok(())
    }
}

/// As lines that are read back as the same.
impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, number) in &self.given {
            let name = self.names.get(number).map(|name| format!(" {name}")).unwrap_or_default();
            writeln!(f, "{key} = {number}{name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tax(text: &str) -> Option<TaxProfile> {
        let words: Vec<_> = text.split(' ').collect();
        Some(profile(words[0], &words[1..]).unwrap())
    }

    fn number(chart: &Chart, account: Account, tax: Option<TaxProfile>, product: Option<i64>) -> String {
        let number = chart.number(account, tax, product.map(ProductId));
        number.map_or_else(|key| format!("no {key}"), |number| number.to_string())
    }

    #[test]
    fn the_accounts_are_those_of_bas() {
        let chart = Chart::default();
        for (account, expected) in [
            (Account::Receivable, "1510"),
            (Account::Bank, "1930"),
            (Account::Credit, "2420"),
            (Account::BadDebt, "6351"),
            (Account::Rounding, "3740"),
            (Account::Revenue, "no revenue"),
            (Account::Vat, "no vat"),
        ] {
            assert_eq!(number(&chart, account, None, None), expected);
        }
        for (profile, revenue, vat) in [
            ("SE S 25", "3001", "2611"),
            ("SE S 12", "3002", "2621"),
            ("SE S 6", "3003", "2631"),
            ("SE S 17.5", "no revenue SE S 17.5", "no vat SE S 17.5"),
            ("SE Z", "3004", "no vat SE Z"),
            ("SE E", "3004", "no vat SE E"),
            ("SE O", "3004", "no vat SE O"),
            ("SE AE", "3308", "no vat SE AE"),
            ("SE K", "3108", "no vat SE K"),
            ("SE G", "3305", "no vat SE G"),
            ("DE S 19", "3309", "2670"),
            ("FI S 25.5", "3309", "2670"),
        ] {
            assert_eq!(number(&chart, Account::Revenue, tax(profile), Some(2001)), revenue, "{profile}");
            assert_eq!(number(&chart, Account::Vat, tax(profile), Some(2001)), vat, "{profile}");
        }
        let names: Vec<_> = chart.accounts().map(|(number, _)| number.0).collect();
        assert!(names.is_sorted() && names.len() == BUILT_IN.len());
    }

    #[test]
    fn the_narrowest_line_holds() {
        let text = "# ours\n\n\
            product 2001 SE S 25 = 3042\n  product 2001 = 3041 Webbhotell\nrevenue SE S 25 = 3011\nrevenue SE = 3010\n\
            revenue = 3000\nvat DE = 2671\nbank = 1940 Sparkonto\n";
        let chart: Chart = text.parse().unwrap();
        for (profile, product, expected) in [
            ("SE S 25", Some(2001), "3042"),
            ("SE S 12", Some(2001), "3041"),
            ("DE S 19", Some(2001), "3041"),
            ("SE S 25", Some(2002), "3011"),
            ("SE S 12", Some(2002), "3010"),
            ("SE AE", None, "3010"),
            ("DE S 19", None, "3000"),
        ] {
            assert_eq!(number(&chart, Account::Revenue, tax(profile), product), expected, "{profile} {product:?}");
        }
        assert_eq!(number(&chart, Account::Vat, tax("DE S 19"), None), "2671");
        assert_eq!(number(&chart, Account::Vat, tax("FI S 25.5"), None), "2670");
        assert_eq!(number(&chart, Account::Bank, None, None), "1940");
        let named = |number: u16| chart.accounts().find(|(known, _)| known.0 == number).unwrap().1;
        assert_eq!((named(3041), named(2671)), ("Webbhotell".to_owned(), "Utgående moms, DE".to_owned()));
        assert_eq!((named(1940), named(3011)), ("Sparkonto".to_owned(), "Försäljning, SE S 25".to_owned()));
        assert_eq!(chart.to_string().parse(), Ok(chart));
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        for (line, problem) in [
            ("vat SE S 25", "must be what the account is for, `=` and its number, such as `vat SE S 25 = 2611`"),
            (
                "tax SE S 25 = 2611",
                "must begin with receivable, revenue, vat, bank, credit, bad_debt, rounding or product, not \"tax\"",
            ),
            (
                "= 2611",
                "must begin with receivable, revenue, vat, bank, credit, bad_debt, rounding or product, not \"\"",
            ),
            ("bank SE = 1930", "bank is not kept by country or tax"),
            ("vat SE S = 2611", "a tax is a country, a category and for S a rate in per cent, such as `SE S 25`"),
            ("vat SE S 25 % = 2611", "a tax is a country, a category and for S a rate in per cent, such as `SE S 25`"),
            ("vat SE S 25,5 = 2611", "rate: not a decimal number such as `12.50`"),
            ("vat SE X 25 = 2611", "must be a VAT category, one of S, Z, E, AE, K, G and O, not \"X\""),
            ("revenue SE AE 25 = 3308", "only S has a rate; with AE it is nought"),
            (
                "vat UK S 20 = 2611",
                "must be a country code of two capitals (ISO 3166-1) such as SE, not \"UK\"; the United Kingdom is GB",
            ),
            ("product x = 3041", "product: an id is a whole number from 1 to 9007199254740991"),
            ("bank = 193", "must be an account of four digits from 1000 to 9999, not \"193\""),
            ("bank = +193", "must be an account of four digits from 1000 to 9999, not \"+193\""),
            ("bank = 0193", "must be an account of four digits from 1000 to 9999, not \"0193\""),
            ("bank =", "must be an account of four digits from 1000 to 9999, not \"\""),
            ("rounding = 3741", "`rounding` has an account already"),
        ] {
            let error = format!("rounding = 3740\n\n  {line}\n").parse::<Chart>().unwrap_err();
            assert_eq!(error.to_string(), format!("line 3, `{line}`: {problem}"));
        }
    }

    #[test]
    fn names_are_safe_in_plain_text() {
        let name = |account, profile: &str, product| Chart::name(account, tax(profile), product);
        assert_eq!(name(Account::Revenue, "SE S 25", Some(ProductId(2001))), "revenue:2001:SE:S25");
        assert_eq!(name(Account::Revenue, "SE AE", None), "revenue:other:SE:AE");
        assert_eq!(name(Account::Vat, "FI S 25.5", Some(ProductId(2001))), "liabilities:vat:FI:S25.5");
        assert_eq!(name(Account::Bank, "SE S 25", None), "assets:bank");
        for account in Account::ALL {
            let name = name(account, "FI S 25.5", Some(ProductId(2001)));
            assert!(name.chars().all(|char| char.is_ascii_alphanumeric() || " :.".contains(char)), "{name}");
            assert!(!name.contains("  "));
        }
    }
}
