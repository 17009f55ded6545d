//! `perennial demo`: a believable provider, served at once.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use perennial_app::{Actor, App, Caller, DEMO_SERVICE, NewKey, Scope, Scopes, demo_data, demo_seller};
use perennial_billing::SellerId;
use perennial_store::{Store, sellers};
use tokio::net::TcpListener;

use super::serve;
use crate::args::DemoArgs;
use crate::config::{Config, DEFAULT_FILE};
use crate::exit::Exit;
use crate::{logging, open, output};

/// Makes the demo in a folder and serves it. A folder that holds a demo already is served as it is.
pub async fn run(args: &DemoArgs) -> Result<Exit> {
    let temporary = match &args.dir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("perennial-demo-").tempdir().context("cannot make a folder")?),
    };
    let folder = args.dir.as_deref().or(temporary.as_ref().map(tempfile::TempDir::path)).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let file = folder.join("perennial.toml");
    if !file.exists() {
        std::fs::write(&file, DEFAULT_FILE).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let config = Config::load(&file)?;
    logging::start(&config.log);
    // The demo never touches a real database, whatever DATABASE_URL says.
    let store = Store::create(&format!("sqlite:{}", folder.join("perennial.db").display())).await?;
    store.apply_migrations().await?;
    let seller = fill(&open::assemble(&config, store.clone()).await?).await?;
    // It is a sandbox by now.
    let app = open::assemble(&config, store).await?;
    let key = NewKey::of("demo", Scopes::of(&[Scope::Admin]));
    let secret = app.create_key(&Caller::cli(seller), key).await?.secret;
    let listener = listen(args.listen).await?;
    introduce(&file, &secret, listener.local_addr()?)?;
    serve::answer(app, &config, listener).await
}

/// Writes the demo's data, unless it is there already.
async fn fill(app: &App) -> Result<SellerId> {
    if let Some(seller) = sellers::ids(&mut app.store.read().await?).await?.first() {
        return Ok(*seller);
    }
    app.make_sandbox().await?;
    let seller = app.create_seller(Actor::Cli, demo_seller()?).await?;
    let data = demo_data(app.clock.today(&seller.time_zone))?;
    let report = app.load(seller.id, Actor::Import, data, |_| {}).await?;
    output::note(format!(
        "Made a demo provider: {} customers, {} products, {} services.",
        report.customers.added, report.products.added, report.services.added
    ));
    Ok(seller.id)
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(_) => {
            let any_port = SocketAddr::new(address.ip(), 0);
            TcpListener::bind(any_port).await.with_context(|| format!("cannot listen on {any_port}"))
        }
    }
}

fn introduce(file: &Path, secret: &str, address: SocketAddr) -> Result<()> {
    let program = std::env::args().next().unwrap_or_else(|| "perennial".to_owned());
    let file = file.display();
    // The demo's commands must not follow it to another database.
    let program =
        if std::env::var_os("DATABASE_URL").is_some() { format!("env -u DATABASE_URL {program}") } else { program };
    output::line(format!(
        "\nRenew service {DEMO_SERVICE}:\n\n  \
         curl -X POST http://{address}/api/services/{DEMO_SERVICE}/renew -H 'X-API-Key: {secret}'\n\n\
         Then look at its invoice, and check the books:\n\n  \
         {program} --config {file} invoice show 1\n  \
         {program} --config {file} doctor\n\n\
         Let forty days go by, and see what was renewed by itself:\n\n  \
         {program} --config {file} clock advance 40d\n\n\
         Ctrl-C stops the demo.\n"
    ))
}
