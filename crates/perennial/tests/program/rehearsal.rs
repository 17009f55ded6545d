//! A sandbox, as a person uses one: run, look, turn the clock on, look ahead.

use perennial_testkit::{TestDatabase, on_both_databases, provider_csv};
use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ended, INIT, Installation, run_in};

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.shown()))
}

on_both_databases! {
    async fn a_month_is_rehearsed(kind) {
        let database = TestDatabase::new(kind).await;
        let folder = TempDir::new().unwrap();
        let url = database.url.clone();
        let run = |args: &[&str]| run_in(folder.path(), args);
        let ok = |args: &[&str]| {
            let ended = run(args);
            assert_eq!(ended.code, 0, "{args:?}: {}", ended.shown());
            ended
        };
        let made = ok(&[&INIT[..], &["--database", &url, "--sandbox"]].concat());
        assert!(made.stderr.contains("This is a sandbox"), "{}", made.shown());
        ok(&["import", "csv", provider_csv().to_str().unwrap()]);

        // What a dry run tells is what the run does.
        let dry = json(&ok(&["run", "--dry-run", "--format", "json"]));
        let done = json(&ok(&["run", "--format", "json"]));
        for field in ["found", "renewed", "invoices", "totals"] {
            assert_eq!(dry[field], done[field], "{field}");
        }
        assert!(done["renewed"].as_i64() > Some(0) && done["firstNumber"].is_string(), "{done}");
        assert_eq!(json(&ok(&["run", "--dry-run", "--format", "json"]))["found"], 0);
        let table = ok(&["run", "show", "1"]).stdout;
        assert!(table.starts_with("run 1 of ") && table.contains("\nfound ") && table.contains(" SEK "), "{table}");
        assert_eq!(run(&["run", "show", "9"]).code, 1);
        assert_eq!(run(&["run", "--until", "2020-01-01"]).code, 2);

        // What a preview tells is what comes.
        let coming = json(&ok(&["preview", "--service", "20001", "--format", "json"]));
        let next = &coming["invoices"][0];
        let (day, total) = (next["issuedOn"].as_str().unwrap(), next["total"].as_str().unwrap());
        assert!(ok(&["explain", "20001"]).stdout.contains(&format!("From {day} on, 14 days before")), "{day}");
        let advanced = ok(&["clock", "advance", day]);
        assert!(advanced.stderr.lines().count() > 1 && advanced.stdout.contains("(a sandbox's clock)"), "{}", advanced.shown());
        let issued = "select total_minor from invoices i join periods p on p.invoice_id = i.id \
            where p.service_id = 20001 order by p.period desc limit 1";
        assert_eq!(database.sql(issued).unwrap().trim(), total.replace('.', ""));
        assert_eq!(run(&["clock", "advance", "2020-01-01"]).code, 1, "never back");
        assert_eq!(run(&["clock", "advance", "soon"]).code, 2);
        assert_eq!(ok(&["doctor"]).code, 0);
        let runs = json(&ok(&["run", "list", "--limit", "1000", "--format", "json"]));
        assert!(runs.as_array().unwrap().iter().any(|run| run["origin"] == "schedule"), "{runs}");

        // A year in sums, in four forms.
        let until = "2029-12-31";
        let months = json(&ok(&["simulate", "--until", until, "--format", "json"]));
        let count = months.as_array().unwrap().len();
        assert!(count > 100, "{count}");
        let csv = ok(&["simulate", "--until", until, "--format", "csv"]).stdout;
        assert_eq!((csv.lines().next(), csv.lines().count()), (Some("month,currency,invoices,net,vat,total"), count + 1));
        let svg = ok(&["simulate", "--until", until, "--format", "svg"]).stdout;
        assert!(svg.starts_with("<svg ") && svg.contains("Net income by month, SEK"), "{svg}");
        assert!(ok(&["simulate", "--until", until]).stdout.contains("invoices"));

        // What one can set.
        ok(&["lead-time", "set", "--product", "3003", "--cycle", "1y", "--days", "45"]);
        assert!(ok(&["explain", "20002"]).stdout.contains("45 days before"));
        assert!(ok(&["lead-time", "list"]).stdout.contains("product 3003 with cycle 1y    45"));
        ok(&["lead-time", "remove", "--product", "3003", "--cycle", "1y"]);
        assert_eq!(run(&["lead-time", "set", "--days", "3"]).code, 2);
        assert_eq!(run(&["lead-time", "set", "--customer", "1", "--days", "3"]).code, 1, "there is no such customer");
        let rules = ["seller", "set", "--run-at", "04:30", "--lead-days", "20", "--consolidation-days", "5", "--format", "json"];
        let rules = json(&ok(&rules));
        assert_eq!((&rules["runAt"], &rules["leadDays"], &rules["consolidationDays"]), (&"04:30".into(), &20.into(), &5.into()));
        assert_eq!(run(&["seller", "set", "--run-at", "25:00"]).code, 2);
        ok(&["customer", "set", "30001", "--invoicing", "separate"]);
        ok(&["service", "auto-renew", "20001", "off"]);
        assert!(ok(&["explain", "20001"]).stdout.contains("auto-renew is off"));
        ok(&["service", "cancel", "20002"]);
        assert_eq!(json(&ok(&["service", "show", "20002", "--format", "json"]))["cancellation"], "pending");
        ok(&["service", "keep", "20002"]);
        assert_eq!(run(&["service", "keep", "20002"]).code, 1);
        assert_eq!(ok(&["doctor"]).code, 0);
    }

    async fn the_clock_of_a_real_installation_is_not_turned(kind) {
        let installation = Installation::new(kind).await;
        let refused = installation.run(&["clock", "advance", "40d"]);
        assert!(refused.code == 1 && refused.stderr.contains("no sandbox"), "{}", refused.shown());
        let refused = installation.run(&["serve", "--clock", "2099-01-01"]);
        assert!(refused.code == 1 && refused.stderr.contains("no sandbox"), "{}", refused.shown());
        assert!(installation.run(&["clock", "show"]).stdout.contains("the machine's clock"));
    }
}
