//! Commands as a person types them: arguments, exit code, output.

use std::fs;
use std::process::Command;
use std::time::Duration;

use insta::assert_snapshot;
use perennial_testkit::{Kind, client, on_both_databases, provider_csv};
use serde_json::Value;
use tempfile::TempDir;

use crate::run::{INIT, Installation, run_in};

on_both_databases! {
    async fn prices_are_listed_added_and_agreed_with_a_customer(kind) {
        let installation = Installation::new(kind).await;
        let json = |args: &[&str]| -> Value {
            let ended = installation.run(&[args, &["--format", "json"]].concat());
            assert_eq!(ended.code, 0, "{args:?}: {}", ended.shown());
            serde_json::from_str(&ended.stdout).unwrap()
        };
        let told = |args: &[&str]| {
            let ended = installation.run(args);
            format!("{}\n  {}", args.join(" "), ended.stderr.trim())
        };
        installation.run(&["import", "csv", provider_csv().to_str().unwrap()]);
        assert_eq!(json(&["product", "list"]).as_array().unwrap().len(), 17);
        let service = json(&["service", "show", "20000"]);
        assert_eq!((&service["cycle"], &service["price"]), (&"Annually".into(), &"what its product costs".into()));
        let product = service["productId"].as_str().unwrap().to_owned();

        let add = ["price", "add", "--product", &product, "--cycle", "1y", "--amount", "1999.00", "--from", "2028-07-02"];
        let mut story = vec![told(&add), told(&add)];
        let listed = json(&["price", "list", "--product", &product]);
        let newest = listed.as_array().unwrap().iter().find(|price| price["amount"] == "1999.00").unwrap();
        assert_eq!((&newest["starts"], &newest["state"]), (&"2028-07-02".into(), &"coming".into()));
        assert!(installation.run(&["price", "list"]).stdout.contains("1999.00 SEK"));

        let next = |service: &str| {
            let dry = json(&["renew", service, "--dry-run"]);
            format!("{service} from {}: {}", dry[0]["periodStarts"], dry[0]["total"])
        };
        story.push(next("20000"));
        for rule in [
            &["own", "79.00", "--until", "2028-07-02"][..],
            &["own", "79.00", "--until", "2028-07-01"],
            &["keep"],
            &["keep", "--as-of", "1999-01-01"],
            &["own", "many"],
            &["follow"],
        ] {
            story.push(told(&[&["service", "price", "20000"], rule].concat()));
            story.push(next("20000"));
        }
        assert_snapshot!(story.join("\n"), @r#"
        price add --product 2001 --cycle 1y --amount 1999.00 --from 2028-07-02
          Price 393: product 2001 costs 1999.00 SEK for 1y from 2028-07-02.
        42 services and add-ons follow it, each with its first period from that day on; 0 keep an earlier price, 5 have one of their own.
        price add --product 2001 --cycle 1y --amount 1999.00 --from 2028-07-02
          error: product 2001 has a price for 1y in SEK from 2028-07-02 already; give the new one another start
        20000 from "2028-07-02": "2933.75"
        service price 20000 own 79.00 --until 2028-07-02
          Service 20000 is renewed at 79.00 SEK, a price of its own for periods that begin through 2028-07-02; then what its product costs.
        20000 from "2028-07-02": "533.75"
        service price 20000 own 79.00 --until 2028-07-01
          error: `until` is before the next period, which begins on 2028-07-02
        20000 from "2028-07-02": "533.75"
        service price 20000 keep
          Service 20000 is renewed at what its product cost on 2024-07-02.
        20000 from "2028-07-02": "1770.00"
        service price 20000 keep --as-of 1999-01-01
          error: `as_of` product 2001 had no price for 1y in SEK on 1999-01-01; the first one is valid from 2020-01-01
        20000 from "2028-07-02": "1770.00"
        service price 20000 own many
          error: amount "many": not a decimal number such as `12.50`
        20000 from "2028-07-02": "1770.00"
        service price 20000 follow
          Service 20000 is renewed at what its product costs.
        20000 from "2028-07-02": "2933.75"
        "#);
    }

    async fn from_init_to_an_invoice(kind) {
        let installation = Installation::new(kind).await;
        let csv = provider_csv().to_str().unwrap();
        assert_snapshot!(installation.run(&["import", "csv", csv]).shown(), @"
        exit 0
        --- out
                    added  already there
         customers   1500              0
         products      17              0
         prices       392              0
         services    3691              0
         addons       466              0
        --- err
        ");
        let again = installation.run(&["import", "csv", csv, "--format", "json"]);
        let again: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(again[3], serde_json::json!({"kind": "services", "added": 0, "kept": 3691}));

        let dry = installation.run(&["renew", "20000", "--dry-run", "--format", "json"]);
        let renewed = installation.run(&["renew", "20000", "20003", "1", "--format", "json"]);
        assert_eq!((dry.code, renewed.code), (0, 3));
        let (dry, renewed): (Value, Value) =
            (serde_json::from_str(&dry.stdout).unwrap(), serde_json::from_str(&renewed.stdout).unwrap());
        for field in ["periodStarts", "periodEnds", "dueOn", "total", "currency"] {
            assert_eq!(dry[0][field], renewed[0][field], "the preview equals the invoice: {field}");
        }
        assert_eq!(renewed[0]["invoiceId"], "1");
        assert_eq!(renewed[1]["reason"], "Service is one-time and has nothing to renew");
        assert_eq!(renewed[2]["outcome"], "not found");

        let shown = installation.run(&["invoice", "show", "1", "--format", "json"]);
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
        assert_eq!((&shown["total"], &shown["currency"]), (&"1930.20".into(), &"SEK".into()));
        assert_eq!(shown["lines"][1]["description"], "+ Extra storage 50 GB, 2028-07-02 – 2029-07-01");
        assert_eq!(installation.run(&["invoice", "show", "99"]).code, 1);
        let list = installation.run(&["invoice", "list", "--status", "unpaid"]);
        assert!(list.stdout.contains("Karin Svensson") && list.stderr.contains("1 of 1 invoices"), "{}", list.shown());
        assert_eq!(installation.run(&["doctor"]).code, 0);

        let rules = ["seller", "set", "--open-invoice", "conflict", "--payment-terms-days", "30", "--format", "json"];
        let rules: Value = serde_json::from_str(&installation.run(&rules).stdout).unwrap();
        assert_eq!((&rules["openInvoice"], &rules["paymentTermsDays"]), (&"conflict".into(), &30.into()));
        assert!(installation.run(&["seller", "show"]).stdout.contains("Norrsken Hosting AB"));
        assert_eq!(installation.run(&["seller", "set"]).code, 2, "which rule?");
        assert_eq!(installation.run(&["seller", "set", "--payment-terms-days", "366"]).code, 2);

        installation.database.sql("update services set next_period = next_period + 1 where id = 20001").unwrap();
        let sick = installation.run(&["doctor"]);
        assert_eq!(sick.code, 3);
        assert!(sick.stdout.contains("WRONG   billed through is where the next period starts"), "{}", sick.shown());
    }

    async fn keys_are_shown_once_and_revoked(kind) {
        let installation = Installation::new(kind).await;
        let made = installation.run(&["key", "create", "--name", "panel", "--scopes", "read:billing,write:billing"]);
        assert!(made.code == 0 && made.stdout.starts_with("pn_") && made.stdout.trim().len() > 40, "{}", made.shown());
        let list = installation.run(&["key", "list"]);
        assert!(!list.stdout.contains(made.stdout.trim()), "the secret is not shown again");
        assert_eq!(installation.run(&["key", "revoke", "2"]).code, 0);
        let list = installation.run(&["key", "list", "--format", "json"]);
        let list: Value = serde_json::from_str(&list.stdout).unwrap();
        assert_eq!((&list[0]["state"], &list[1]["state"]), (&"active".into(), &"revoked".into()));
        let changed = [
            "key", "set", "1", "--name", "desk", "--scopes", "read:all,write:all", "--addresses", "192.0.2.0/24,::1", "--expires",
            "2999-12-31T00:00:00Z", "--format", "json",
        ];
        let changed: Value = serde_json::from_str(&installation.run(&changed).stdout).unwrap();
        assert_eq!((&changed["name"], &changed["scopes"]), (&"desk".into(), &"read:all write:all".into()));
        assert_eq!((&changed["addresses"][1], &changed["expiresAt"]), (&"::1".into(), &"2999-12-31T00:00:00Z".into()));
        assert_eq!(installation.run(&["key", "set", "1", "--addresses", "anywhere", "--expires", "never"]).code, 0);
        let rotated = installation.run(&["key", "rotate", "1"]);
        assert!(rotated.code == 0 && rotated.stdout.starts_with("pn_"), "{}", rotated.shown());
        let list = installation.run(&["key", "list", "--format", "json"]);
        let list: Value = serde_json::from_str(&list.stdout).unwrap();
        assert!(list[0]["addresses"] == serde_json::json!([]) && list[0]["previousUntil"].is_string(), "{list}");
        let test = ["key", "create", "--name", "x", "--scopes", "admin", "--test", "--description", "try"];
        assert!(installation.run(&test).stdout.starts_with("pn_test_"));
        let expiring = ["key", "create", "--name", "x", "--scopes", "admin", "--expires", "2999-12-31", "--format", "json"];
        let expiring: Value = serde_json::from_str(&installation.run(&expiring).stdout).unwrap();
        assert_eq!(expiring["expiresAt"], "2999-12-31T23:00:00Z", "the end of that day in Sundsvall");
        for (flags, code) in [
            (&["key", "revoke", "99"][..], 1),
            (&["key", "rotate", "99"], 1),
            (&["key", "rotate", "2"], 1),
            (&["key", "rotate", "1", "--overlap-hours", "721"], 2),
            (&["key", "set", "1"], 2),
            (&["key", "set", "1", "--addresses", "host"], 2),
            (&["key", "create", "--name", "x", "--scopes", "root"], 2),
            (&["key", "create", "--name", "x", "--scopes", "admin", "--expires", "soon"], 2),
            (&["key", "create", "--name", "x", "--scopes", "admin", "--expires", "2020-01-01"], 2),
            (&["key", "create", "--name", "x", "--scopes", "read:billing", "--customer", "77"], 1),
        ] {
            let ended = installation.run(flags);
            assert_eq!(ended.code, code, "{flags:?}: {}", ended.shown());
        }
    }

    async fn a_stopped_server_finishes_what_it_accepted(kind) {
        let installation = Installation::new(kind).await;
        installation.run(&["import", "csv", provider_csv().to_str().unwrap()]);
        let mut serving = installation.serve();
        let client = client();
        let calls: Vec<_> = (20_000..20_032)
            .map(|service| {
                let call = client.post(format!("http://{}/api/services/{service}/renew", serving.address));
                tokio::spawn(call.header("x-api-key", &installation.key).send())
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let status = Command::new("kill").args(["-TERM", &serving.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        assert!(serving.child.wait().unwrap().success(), "it ends by itself and well");
        let mut invoices = 0;
        for call in calls {
            // One that came too late finds nobody; one that was accepted gets a whole answer.
            let Ok(response) = call.await.unwrap() else { continue };
            let body: Value = response.json().await.expect("a whole answer");
            invoices += usize::from(body["data"]["invoiceId"].is_string());
        }
        let written = installation.database.sql("select count(*) from invoices").unwrap();
        assert!(written.trim().parse::<usize>().unwrap() >= invoices);
        assert_eq!(installation.run(&["doctor"]).code, 0);
    }
}

#[test]
fn a_mistake_is_told_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    assert_snapshot!(run_in(folder.path(), &["serve"]).shown(), @"
    exit 2
    --- out
    --- err
    error: there is no database at perennial.db: run `perennial init` to make one
    ");
    assert_snapshot!(run_in(folder.path(), &["init"]).shown(), @"
    exit 2
    --- out
    --- err
    error: these flags are needed when nobody can be asked: --name --address --city --country --currency --time-zone
    ");
    let mut wrong = INIT.to_vec();
    wrong[8] = "Sweden";
    assert_snapshot!(run_in(folder.path(), &wrong).shown(), @r#"
    exit 2
    --- out
    --- err
    error: `country` must be a country code of two capitals (ISO 3166-1) such as SE, not "Sweden"
    "#);
    fs::write(folder.path().join("perennial.toml"), "[server]\nlisten = \"127.0.0.1:1\"\nrate_limit = 5\n").unwrap();
    assert_snapshot!(run_in(folder.path(), &["serve"]).shown(), @"
    exit 2
    --- out
    --- err
    error: perennial.toml: unknown key `rate_limit` in [server]; did you mean `rate_limit_per_minute`?
    ");
    fs::write(folder.path().join("perennial.toml"), "[database]\nurl = \"mysql://localhost/x\"\n").unwrap();
    assert_snapshot!(run_in(folder.path(), &["doctor"]).shown(), @"
    exit 2
    --- out
    --- err
    error: cannot use this database address: a database is `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`
    ");
    assert_eq!(run_in(folder.path(), &["renew"]).code, 2, "clap's own usage error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_link_is_made_shown_again_and_revoked() {
    let installation = crate::crash::stocked(Kind::Sqlite).await;
    let renewed = installation.run(&["renew", "20000"]);
    assert_eq!(renewed.code, 0, "{}", renewed.shown());
    let file = installation.folder.path().join("perennial.toml");
    let json = || -> Value {
        let ended = installation.run(&["invoice", "payment-link", "1", "--format", "json"]);
        assert_eq!(ended.code, 0, "{}", ended.shown());
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let made = json();
    assert_eq!(made["isKnown"], false);
    let url = made["paymentUrl"].as_str().unwrap();
    let uuid = url.strip_prefix("http://127.0.0.1:8080/billing/pay/").unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let named = text.replace("[server]\n", "[server]\npublic_url = \"https://billing.example.net/\"\n");
    fs::write(&file, named).unwrap();
    let again = json();
    assert_eq!(again["isKnown"], true);
    assert_eq!(again["paymentUrl"], format!("https://billing.example.net/billing/pay/{uuid}"));
    let shown = installation.run(&["invoice", "payment-link", "1"]);
    assert_eq!((shown.code, shown.stdout.trim()), (0, again["paymentUrl"].as_str().unwrap()));
    assert!(shown.stderr.ends_with("it was never opened.\n"), "{}", shown.stderr);
    let revoke = || installation.run(&["invoice", "payment-link", "1", "--revoke"]);
    assert_snapshot!(revoke().shown(), @"
    exit 0
    --- out
    --- err
    The payment link of invoice 1 opens nothing any more.
    ");
    assert_snapshot!(revoke().shown(), @"
    exit 1
    --- out
    --- err
    error: Payment link not found
    ");
}

#[test]
fn completions_are_printed() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let ended = run_in(folder.path(), &["completions", shell]);
        assert!(ended.code == 0 && ended.stdout.contains("perennial"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_init_and_an_old_schema_change_nothing() {
    let installation = Installation::new(Kind::Sqlite).await;
    let again = installation.run(&INIT);
    assert_snapshot!(again.shown(), @"
    exit 2
    --- out
    --- err
    error: the database has a seller already: nothing was changed
    ");
    installation.database.sql("delete from _sqlx_migrations where version > 2").unwrap();
    assert_snapshot!(installation.run(&["doctor"]).shown(), @"
    exit 1
    --- out
    --- err
    error: the database is at schema 2 of 21: run `perennial migrate`
    ");
}
