//! `perennial init`: from nothing to a seller with a database and an admin key.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use perennial_app::{Actor, Caller, NewKey, NewSeller, Scope, Scopes};
use perennial_billing::{Currency, NumberPattern, Rate};
use perennial_store::Store;
use perennial_store::sellers::{self, SellerParty};

use crate::args::{Args, InitArgs};
use crate::config::{Config, DEFAULT_FILE};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

/// Sets up a seller.
pub async fn run(args: &Args, init: &InitArgs) -> Result<Exit> {
    if args.config.exists() && init.database.is_some() {
        let path = args.config.display();
        return Err(UsageError(format!("{path} exists already: change [database] url in it, or remove it")).into());
    }
    refuse_second(&args.config).await?;
    let new = seller(init)?;
    // Before anything is written, so that a mistake leaves nothing behind.
    new.check().map_err(|error| UsageError(error.to_string().replace('_', "-")))?;
    let config = write_config(&args.config, init.database.as_deref())?;
    // What the command line says goes before the environment.
    let url = init.database.clone().unwrap_or_else(|| config.database_url());
    let store = Store::create(&url).await?;
    store.apply_migrations().await?;
    let app = open::assemble(&config, store).await?;
    if !sellers::ids(&mut app.store.read().await?).await?.is_empty() {
        return Err(UsageError("the database has a seller already: nothing was changed".to_owned()).into());
    }
    if init.sandbox {
        app.make_sandbox().await?;
    }
    let seller = app.create_seller(Actor::Cli, new).await?;
    let key = NewKey::of("admin", Scopes::of(&[Scope::Admin]));
    let created = app.create_key(&Caller::cli(seller.id), key).await?;
    let kind = app.store.kind();
    app.store.close().await;
    output::note(format!(
        "Seller {} is set up in a {kind} database; the configuration is {}.",
        seller.party.name,
        args.config.display()
    ));
    if init.database.is_none() && std::env::var_os("DATABASE_URL").is_some() {
        output::note("The database is the one in DATABASE_URL: keep it set for the other commands.");
    }
    output::note("The admin API key is shown only this once:");
    output::line(&created.secret)?;
    output::note(match init.sandbox {
        true => {
            "This is a sandbox: perennial clock advance 40d turns its clock on and runs what would have run.".to_owned()
        }
        false => format!(
            "While perennial serve runs, everything that is due is renewed every day at {}: see perennial seller show, and \
             perennial run --dry-run.",
            seller.runs.time_of_day()
        ),
    });
    output::note("Next: perennial import csv FOLDER, then perennial serve");
    Ok(Exit::Done)
}

/// Says so before anything is asked, where a seller is set up already.
async fn refuse_second(config: &Path) -> Result<()> {
    if !config.exists() {
        return Ok(());
    }
    // A database that cannot be opened yet is made further on.
    let Ok(store) = Store::connect(&Config::load(config)?.database_url()).await else { return Ok(()) };
    if store.schema_state().await?.applied > 0 && !sellers::ids(&mut store.read().await?).await?.is_empty() {
        return Err(UsageError("the database has a seller already: nothing was changed".to_owned()).into());
    }
    Ok(())
}

/// An existing file is used as it is.
fn write_config(path: &Path, database: Option<&str>) -> Result<Config> {
    if !path.exists() {
        let text = match database {
            Some(url) => {
                DEFAULT_FILE.replace(r#"url = "sqlite:perennial.db""#, &format!("url = {}", toml::Value::from(url)))
            }
            None => DEFAULT_FILE.to_owned(),
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // A database address may hold a password.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        file.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Config::load(path)?)
}

fn seller(init: &InitArgs) -> Result<NewSeller> {
    let mut questions = Questions { missing: Vec::new() };
    let name = questions.needed("--name", "Legal name", &init.name)?;
    let address1 = questions.needed("--address", "Street and number", &init.address)?;
    let postcode = questions.optional("Postal code", &init.postcode)?;
    let city = questions.needed("--city", "City", &init.city)?;
    let country = questions.needed("--country", "Country, two capitals such as SE", &init.country)?;
    let vat_number = questions.optional("VAT number", &init.vat_number)?;
    let company_number = questions.optional("Registration number", &init.company_number)?;
    let email = questions.optional("Mail address for customers", &init.email)?;
    let iban = questions.optional("IBAN", &init.iban)?;
    let bic = questions.optional("BIC", &init.bic)?;
    let bankgiro = questions.optional("Bankgiro", &init.bankgiro)?;
    let currency = questions.needed("--currency", "Currency, such as SEK", &init.currency)?;
    let time_zone = questions.needed("--time-zone", "Time zone, such as Europe/Stockholm", &init.time_zone)?;
    questions.finish()?;
    let pattern = init.number_pattern.as_deref().unwrap_or(NewSeller::DEFAULT_NUMBER_PATTERN);
    Ok(NewSeller {
        party: SellerParty {
            name,
            address1,
            address2: String::new(),
            postcode,
            city,
            country,
            vat_number,
            company_number,
            email,
            iban,
            bic,
            bankgiro,
            ..SellerParty::default()
        },
        currency: parse::<Currency>("--currency", &currency)?,
        time_zone: TimeZone::get(&time_zone).map_err(|e| UsageError(format!("--time-zone {time_zone:?}: {e}")))?,
        tax_rate: init.vat_rate.as_deref().map(percent).transpose()?,
        number_pattern: parse::<NumberPattern>("--number-pattern", pattern)?,
    })
}

fn percent(vat_rate: &str) -> Result<Rate, UsageError> {
    Rate::parse_percent(vat_rate).map_err(|e| UsageError(format!("--vat-rate {vat_rate:?}: {e}")))
}

fn parse<T: FromStr<Err: std::fmt::Display>>(flag: &str, text: &str) -> Result<T, UsageError> {
    text.parse().map_err(|error| UsageError(format!("{flag} {text:?}: {error}")))
}

/// Asks on a terminal for what no flag gave; elsewhere collects what is missing.
struct Questions {
    missing: Vec<&'static str>,
}

impl Questions {
    fn needed(&mut self, flag: &'static str, question: &str, given: &Option<String>) -> Result<String> {
        if let Some(value) = given {
            return Ok(value.clone());
        }
        if !io::stdin().is_terminal() {
            self.missing.push(flag);
            return Ok(String::new());
        }
        loop {
            let answer = ask(question)?;
            if !answer.is_empty() {
                return Ok(answer);
            }
        }
    }

    fn optional(&mut self, question: &str, given: &Option<String>) -> Result<String> {
        match given {
            Some(value) => Ok(value.clone()),
            None if io::stdin().is_terminal() => ask(&format!("{question} (may be empty)")),
            None => Ok(String::new()),
        }
    }

    fn finish(self) -> Result<(), UsageError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(UsageError(format!("these flags are needed when nobody can be asked: {}", self.missing.join(" "))))
    }
}

fn ask(question: &str) -> Result<String> {
    let mut stderr = io::stderr();
    write!(stderr, "{question}: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    if io::stdin().read_line(&mut answer)? == 0 {
        return Err(UsageError("the input ended before everything was answered".to_owned()).into());
    }
    Ok(answer.trim().to_owned())
}
