//! Mails reach whom they are for, once, through a real mail server that does not always want them.

use std::process::Command;
use std::time::Duration;

use jiff::civil::date;
use jiff::{Timestamp, ToSpan as _};
use perennial_app::{Actor, App, AppError, MailConfig, Mailer, NewCampaign, Outcome, Random, start_outbound};
use perennial_billing::campaign::{PriceChange, PriceEnding};
use perennial_billing::{CustomerId, CustomerKind, InvoiceId, OutboxId, Rate};
use perennial_store::campaigns::Selection;
use perennial_store::deliveries::DeliveryOutcome;
use perennial_store::outbox::MailFilter;
use perennial_store::runs::RunOrigin;
use perennial_store::sellers::{self, MailXml};
use perennial_testkit::{Guard, MailServer, Provider, on_both_databases, oracles};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::outcome;

/// For how long something is waited for that comes at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// A provider who can be written to.
async fn provider(kind: perennial_testkit::Kind) -> Provider {
    let provider = Provider::new(kind).await;
    change(&provider, |seller| {
        seller.party.email = "faktura@norrsken.example".to_owned();
        seller.party.bankgiro = "5050-1055".to_owned();
    })
    .await;
    provider
}

async fn change(provider: &Provider, how: impl FnOnce(&mut sellers::Seller)) {
    let mut seller = sellers::get(&mut provider.read().await, provider.id()).await.unwrap().unwrap();
    how(&mut seller);
    provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
}

/// A customer with this address.
async fn customer(provider: &Provider, name: &str, email: &str) -> CustomerId {
    provider.customer_with(name, |new| new.party.email = email.to_owned()).await
}

/// Renews a new service of a customer, which queues its mail.
async fn invoiced(provider: &Provider, customer: CustomerId) -> InvoiceId {
    let product = provider.product("Web hosting", "100.00").await;
    let service = provider.service(customer, product, date(2026, 12, 1)).await;
    match outcome(provider.app.renew(&provider.staff(), &[service]).await) {
        Outcome::Renewed(renewed) => renewed.invoice.id,
        other => panic!("{other:?}"),
    }
}

/// All prices, a tenth more from March on.
fn dearer() -> NewCampaign {
    NewCampaign {
        name: "March".to_owned(),
        selection: Selection::default(),
        below: None,
        above: None,
        change: PriceChange::Percent(Rate::from_parts_per_million(100_000)),
        ending: PriceEnding::Any,
        from: date(2027, 3, 1),
    }
}

/// A node that sends mail.
struct Node {
    app: App,
    stop: watch::Sender<bool>,
    sending: JoinHandle<()>,
}

fn node(app: App, config: &MailConfig) -> Node {
    let app = app.with_mailer(Mailer::new(config, Random::System).unwrap());
    let (stop, told) = watch::channel(false);
    let sending = start_outbound(&app, told).expect("mail is configured");
    Node { app, stop, sending }
}

impl Node {
    async fn end(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.sending).await.expect("it stops").unwrap();
    }

    /// Waits until nothing is due any more.
    async fn settle(&self) {
        until(async || self.app.mail_backlog(None).await.unwrap().due == 0).await;
    }
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it happens soon");
}

/// Sends what is due now.
async fn send(provider: &Provider, config: &MailConfig) {
    let node = node(provider.app.clone(), config);
    node.settle().await;
    node.end().await;
}

/// How all mails stand, oldest first: its state, its tries, what became of each address, and why it waits or was given up.
async fn stands(provider: &Provider) -> Vec<String> {
    let mut mails = provider.app.mails(&provider.staff(), MailFilter::default(), None, 100).await.unwrap();
    mails.reverse();
    let line = |history: perennial_app::MailHistory| {
        let what = history.deliveries.iter().map(|delivery| {
            let copy = if delivery.is_copy { " (copy)" } else { "" };
            format!(", {}: {}{copy} {}", delivery.attempt, delivery.email, delivery.outcome.as_str())
        });
        let reason = if history.mail.reason.is_empty() { String::new() } else { format!(" | {}", history.mail.reason) };
        format!("{} after {}{}{reason}", history.mail.state.as_str(), history.mail.attempts, what.collect::<String>())
    };
    mails.into_iter().map(line).collect()
}

/// Turns the clock on to the next try of a mail.
async fn wait_for_next_try(provider: &Provider, mail: i64) {
    let next = provider.app.mail(&provider.staff(), OutboxId(mail)).await.unwrap().mail.next_attempt_at;
    provider.app.clock.set(next);
}

/// What Python makes of a mail: its headers, and the kinds, names and contents of its parts.
fn read(bytes: &[u8]) -> serde_json::Value {
    let script = "
import email, email.policy, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = [
    {'kind': part.get_content_type(), 'name': part.get_filename(), 'defects': [str(d) for d in part.defects],
     'text': part.get_content() if part.get_content_maintype() == 'text' else None,
     'starts': part.get_content()[:8].decode('latin-1') if part.get_content_type() == 'application/pdf' else None}
    for part in mail.walk() if not part.is_multipart()
]
print(json.dumps({'headers': dict(mail.items()), 'parts': parts, 'defects': [str(d) for d in mail.defects]}))
";
    let python = oracles().expect("it is there").join("bin/python");
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

on_both_databases! {
    async fn an_invoice_arrives_with_its_paper_and_is_sent_once(kind) {
        let Some(server) = MailServer::start(Guard::StartTls) else { return };
        let provider = provider(kind).await;
        let anna = customer(&provider, "Anna Åkerström", "anna@example.com").await;
        let contact = provider.app.put_contact(&provider.staff(), anna, " Ekonomi@Example.COM ", "Books").await.unwrap();
        assert_eq!(contact.email, "ekonomi@example.com");
        invoiced(&provider, anna).await;
        send(&provider, &server.config()).await;
        let taken = server.taken();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0]["from"], "faktura@norrsken.example");
        assert_eq!(taken[0]["to"], serde_json::json!(["anna@example.com", "ekonomi@example.com"]));
        assert_eq!((&taken[0]["tls"], &taken[0]["user"]), (&true.into(), &"perennial".into()));

        let mail = read(&server.bytes(&taken[0]));
        assert_eq!(mail["defects"], serde_json::json!([]));
        let headers = &mail["headers"];
        assert_eq!(headers["From"], "Norrsken Hosting AB <faktura@norrsken.example>");
        assert_eq!(headers["To"], "Anna Åkerström <anna@example.com>");
        assert_eq!(headers["Cc"], "ekonomi@example.com");
        assert_eq!(headers["Subject"], "Faktura 202600001 från Norrsken Hosting AB");
        assert_eq!(headers["Auto-Submitted"], "auto-generated");
        let queued: Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
        assert_eq!(headers["Message-ID"], format!("<1.1.{:x}@norrsken.example>", queued.as_microsecond()));
        let parts = mail["parts"].as_array().unwrap();
        let shown: Vec<_> = parts.iter().map(|part| (part["kind"].as_str().unwrap(), part["name"].as_str())).collect();
        let expected =
            [("text/plain", None), ("text/html", None), ("application/pdf", Some("202600001.pdf"))];
        assert_eq!(shown, expected);
        assert!(parts.iter().all(|part| part["defects"] == serde_json::json!([])), "{parts:?}");
        let text = parts[0]["text"].as_str().unwrap().replace('\u{a0}', " ");
        assert!(text.contains("Här kommer din faktura 202600001 på 125,00 SEK. Betala den senast 2026-12-07."), "{text}");
        assert!(text.contains("Bankgiro: 5050-1055\r\n"), "{text:?}");
        assert!(parts[1]["text"].as_str().unwrap().contains("Anna Åkerström"));
        assert_eq!(parts[2]["starts"], "%PDF-1.7");

        // Nothing is sent again: not by the next start, not by another node.
        send(&provider, &server.config()).await;
        let second = node(provider.second_node().await, &server.config());
        tokio::time::sleep(Duration::from_millis(200)).await;
        second.end().await;
        assert_eq!(server.taken().len(), 1);
        let sent = "sent after 1, 1: anna@example.com accepted, 1: ekonomi@example.com (copy) accepted";
        assert_eq!(stands(&provider).await, [sent]);
        provider.assert_well().await;
    }

    async fn who_refuses_is_told_and_who_is_asked_again_gets_it_once(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let staff = provider.staff();
        for (name, email, copy) in [
            ("Nobody There", "refused@example.com", None),
            ("Grey Listed", "later-2@example.com", None),
            ("Copy Refused", "copy@example.com", Some("refused.copy@example.com")),
            ("Copy Later", "busy@example.com", Some("later-1.copy@example.com")),
            ("Spam Filter", "badcontent@example.com", None),
            ("Busy Disk", "busy-1@example.com", None),
        ] {
            let id = customer(&provider, name, email).await;
            if let Some(copy) = copy {
                provider.app.put_contact(&staff, id, copy, "").await.unwrap();
            }
            invoiced(&provider, id).await;
        }
        send(&provider, &server.config()).await;
        let expected = [
            "failed after 1, 1: refused@example.com refused | refused@example.com: 550 5.1.1 <refused@example.com>: no such user",
            "queued after 1, 1: later-2@example.com deferred | later-2@example.com: 451 4.7.1 Greylisted, come back later",
            "sent after 1, 1: copy@example.com accepted, 1: refused.copy@example.com (copy) refused \
             | refused.copy@example.com: 550 5.1.1 <refused.copy@example.com>: no such user",
            "queued after 1, 1: busy@example.com accepted, 1: later-1.copy@example.com (copy) deferred \
             | later-1.copy@example.com: 451 4.7.1 Greylisted, come back later",
            "failed after 1, 1: badcontent@example.com refused | badcontent@example.com: 554 5.7.1 This looks like spam",
            "queued after 1, 1: busy-1@example.com deferred | busy-1@example.com: 451 4.3.0 Try again",
        ];
        assert_eq!(stands(&provider).await, expected);
        for _ in 0..2 {
            wait_for_next_try(&provider, 2).await;
            send(&provider, &server.config()).await;
        }
        let now = stands(&provider).await;
        assert_eq!(now[1], "sent after 3, 1: later-2@example.com deferred, 2: later-2@example.com deferred, \
            3: later-2@example.com accepted");
        assert_eq!(now[3], "sent after 2, 1: busy@example.com accepted, 1: later-1.copy@example.com (copy) deferred, \
            2: later-1.copy@example.com (copy) accepted", "who has it is not asked again");
        assert_eq!(now[5], "sent after 2, 1: busy-1@example.com deferred, 2: busy-1@example.com accepted");
        let mut recipients = server.recipients();
        recipients.sort();
        let expected =
            ["busy-1@example.com", "busy@example.com", "copy@example.com", "later-1.copy@example.com", "later-2@example.com"];
        assert_eq!(recipients, expected);

        // Whoever was refused is shown, mended, and tried again.
        let bad = provider.app.bad_addresses(&staff, 10).await.unwrap();
        let mut bad: Vec<_> = bad.iter().map(|bad| (bad.customer.0, bad.delivery.email.as_str())).collect();
        bad.sort_unstable();
        assert_eq!(bad, [(1, "refused@example.com"), (3, "refused.copy@example.com"), (5, "badcontent@example.com")]);
        provider.database.sql("update customers set email = 'found@example.com' where id = 1").unwrap();
        provider.app.call_off_mail(&staff, OutboxId(5)).await.unwrap();
        assert_eq!(provider.app.retry_mails(&staff, None).await.unwrap(), 1);
        send(&provider, &server.config()).await;
        assert_eq!(server.recipients().last().unwrap(), "found@example.com");
        assert_eq!(stands(&provider).await[0], "sent after 2, 1: refused@example.com refused, 2: found@example.com accepted");
        let refused = provider.app.retry_mails(&staff, Some(&[OutboxId(1)])).await.unwrap_err();
        assert!(matches!(&refused, AppError::Conflict(why) if why.contains("resend")), "{refused}");
        provider.assert_well().await;
    }

    async fn a_mail_is_given_up_when_only_a_copy_was_left_to_be_sent(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let staff = provider.staff();
        let nobody = customer(&provider, "Nobody There", "refused@example.com").await;
        let copy = provider.app.put_contact(&staff, nobody, "later-always@example.com", "").await.unwrap();
        invoiced(&provider, nobody).await;
        send(&provider, &server.config()).await;
        assert!(stands(&provider).await[0].starts_with("queued after 1"));
        provider.app.remove_contact(&staff, nobody, copy.id).await.unwrap();
        wait_for_next_try(&provider, 1).await;
        send(&provider, &server.config()).await;
        assert!(stands(&provider).await[0].starts_with("failed after 1"), "{:?}", stands(&provider).await);
        assert!(server.taken().is_empty());
    }

    async fn what_nobody_knows_whether_it_arrived_is_sent_again_by_the_same_name(kind) {
        let Some(server) = MailServer::start(Guard::Tls) else { return };
        let provider = provider(kind).await;
        for email in ["drop-1@example.com", "lost-1@example.com"] {
            let id = customer(&provider, email, email).await;
            invoiced(&provider, id).await;
        }
        send(&provider, &server.config()).await;
        assert_eq!(server.recipients(), ["lost-1@example.com"], "one was taken, and nobody said so");
        for stands in stands(&provider).await {
            assert!(stands.starts_with("queued after 1") && stands.contains("broke off"), "{stands}");
        }
        for mail in [1, 2] {
            wait_for_next_try(&provider, mail).await;
            send(&provider, &server.config()).await;
        }
        let taken = server.taken();
        let lost: Vec<_> = taken.iter().filter(|mail| mail["to"][0] == "lost-1@example.com").collect();
        assert_eq!(lost.len(), 2);
        assert_eq!(lost[0]["messageId"], lost[1]["messageId"]);
        assert!(server.bytes(lost[0]) == server.bytes(lost[1]), "to the byte");
        assert_eq!(server.recipients().iter().filter(|to| *to == "drop-1@example.com").count(), 1);
        assert!(stands(&provider).await.iter().all(|stands| stands.starts_with("sent after 2")));
    }

    async fn a_server_that_is_away_costs_no_mail_a_try(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        for name in ["Anna Ek", "Bo Ek", "Cilla Ek"] {
            let id = provider.customer(name).await;
            invoiced(&provider, id).await;
        }
        server.closing(true);
        let node = node(provider.app.clone(), &server.config());
        until(async || node.app.mailer().unwrap().trouble().is_some()).await;
        assert!(node.app.mailer().unwrap().trouble().unwrap().contains("421"), "{:?}", node.app.mailer());
        assert_eq!(stands(&provider).await, ["queued after 0"; 3]);
        server.closing(false);
        node.settle().await;
        assert_eq!(node.app.mailer().unwrap().trouble(), None);
        node.end().await;
        assert_eq!(server.taken().len(), 3);

        // One that is gone altogether, and comes back.
        let mut config = server.config();
        let port = server.port;
        drop(server);
        invoiced(&provider, CustomerId(1)).await;
        let lonely = self::node(provider.app.clone(), &config);
        until(async || lonely.app.mailer().unwrap().trouble().is_some()).await;
        assert!(lonely.app.mailer().unwrap().trouble().unwrap().contains("cannot be reached"));
        let again = MailServer::start_at(Guard::Open, port).unwrap();
        lonely.settle().await;
        lonely.end().await;
        assert_eq!(again.recipients(), ["anna@example.com"]);

        // One that listens and never speaks.
        let silent = MailServer::start(Guard::Silent).unwrap();
        config.port = Some(silent.port);
        config.times.connect = Duration::from_millis(100);
        invoiced(&provider, CustomerId(2)).await;
        let waiting = self::node(provider.app.clone(), &config);
        until(async || waiting.app.mailer().unwrap().trouble().is_some()).await;
        assert!(waiting.app.mailer().unwrap().trouble().unwrap().contains("did not answer"));
        waiting.end().await;
        assert_eq!(stands(&provider).await[4], "queued after 0");
    }

    async fn nobody_is_sent_a_later_mail_before_an_earlier_one(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let grey = customer(&provider, "Grey Listed", "later-1@example.com").await;
        let anna = provider.customer("Anna Ek").await;
        for _ in 0..3 {
            invoiced(&provider, grey).await;
        }
        invoiced(&provider, anna).await;
        let node = node(provider.app.clone(), &server.config());
        until(async || !server.taken().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(server.recipients(), ["anna@example.com"], "only who stands behind it waits");
        wait_for_next_try(&provider, 1).await;
        node.settle().await;
        node.end().await;
        let ids: Vec<String> = server
            .taken()
            .iter()
            .filter(|mail| mail["to"][0] == "later-1@example.com")
            .map(|mail| mail["messageId"].as_str().unwrap()[..2].to_owned())
            .collect();
        assert_eq!(ids, ["<1", "<2", "<3"]);
    }

    async fn two_nodes_share_the_work_and_nobody_gets_anything_twice(kind) {
        const MAILS: usize = 120;
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let product = provider.product("Web hosting", "100.00").await;
        let mut services = Vec::new();
        for number in 0..MAILS / 3 {
            let id = customer(&provider, &format!("Customer {number}"), &format!("c{number}@example.com")).await;
            for _ in 0..3 {
                services.push(provider.service(id, product, date(2026, 12, 1)).await);
            }
        }
        change(&provider, |seller| seller.runs.invoicing = perennial_billing::Invoicing::Separate).await;
        provider.app.renew(&provider.staff(), &services).await.unwrap();
        let one = node(provider.app.clone(), &server.config());
        let two = node(provider.second_node().await, &server.config());
        one.settle().await;
        one.end().await;
        two.end().await;
        let taken = server.taken();
        assert_eq!(taken.len(), MAILS);
        let mut ids: Vec<_> = taken.iter().map(|mail| mail["messageId"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), MAILS);
        // Each customer's in their order.
        for number in 0..MAILS / 3 {
            let to = format!("c{number}@example.com");
            let of: Vec<i64> = taken
                .iter()
                .filter(|mail| mail["to"][0] == to.as_str())
                .map(|mail| mail["messageId"].as_str().unwrap()[1..].split('.').next().unwrap().parse().unwrap())
                .collect();
            assert!(of.len() == 3 && of.is_sorted(), "{to}: {of:?}");
        }
        provider.assert_well().await;
    }

    async fn what_is_on_its_way_is_finished_before_the_end(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        for number in 0..3 {
            let id = customer(&provider, "Slow Reader", &format!("slow-{}@example.com", 600 + number)).await;
            invoiced(&provider, id).await;
        }
        let config = MailConfig { connections: 2, ..server.config() };
        let node = node(provider.app.clone(), &config);
        // Two are on their way; the third is not begun.
        until(async || server.begun() == 2).await;
        node.end().await;
        let (sent, waiting): (Vec<_>, Vec<_>) = stands(&provider).await.into_iter().partition(|one| one.starts_with("sent"));
        assert_eq!((sent.len(), waiting), (2, vec!["queued after 0".to_owned()]));
        assert_eq!(provider.database.sql("select count(*) from outbox where claimed_until is not null").unwrap().trim(), "0");
        send(&provider, &config).await;
        assert_eq!(server.taken().len(), 3);
    }

    async fn the_night_is_quiet_but_for_who_asks(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        change(&provider, |seller| seller.mail.quiet_hours = Some("21:00-07:00".parse().unwrap())).await;
        let night = "2026-11-23T22:30:00+01:00".parse::<Timestamp>().unwrap();
        provider.app.clock.set(night);
        let product = provider.product("Web hosting", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        provider.service(anna, product, date(2026, 11, 24)).await;
        let (_stop, told) = watch::channel(false);
        provider.app.run(provider.id(), RunOrigin::Request, None, told, |_| {}).await.unwrap();
        let bo = provider.customer("Bo Ek").await;
        invoiced(&provider, bo).await;
        send(&provider, &server.config()).await;
        assert_eq!(server.recipients(), ["bo@example.com"], "he pressed a button");
        let mails = provider.app.mails(&provider.staff(), MailFilter::default(), None, 10).await.unwrap();
        let morning = "2026-11-24T07:00:00+01:00".parse::<Timestamp>().unwrap();
        assert_eq!(mails[1].mail.next_attempt_at, morning);
        // Who asks for it does not wait until the morning.
        let invoice = mails[1].mail.invoice.unwrap();
        provider.app.resend_invoice(&provider.staff(), invoice).await.unwrap();
        send(&provider, &server.config()).await;
        assert_eq!(server.recipients(), ["bo@example.com", "anna@example.com"]);
    }

    async fn what_is_not_true_any_more_is_not_sent(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let staff = provider.staff();
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Ek").await);
        let first = invoiced(&provider, anna).await;
        send(&provider, &server.config()).await;
        let early = provider.app.remind(&staff, first).await.unwrap_err();
        assert!(early.to_string().contains("it is not late"), "{early}");
        provider.set_day(date(2026, 12, 20));
        let reminded = provider.app.remind(&staff, first).await.unwrap();
        assert_eq!((reminded.sent_to.as_str(), reminded.open.amount().as_str()), ("anna@example.com", "125.00"));
        let twice = provider.app.remind(&staff, first).await.unwrap_err();
        assert!(twice.to_string().contains("waits already"), "{twice}");
        send(&provider, &server.config()).await;
        let mail = read(&server.bytes(&server.taken()[1]));
        assert_eq!(mail["headers"]["Subject"], "Påminnelse: faktura 202600001 från Norrsken Hosting AB");

        // It is paid before the second one goes out.
        provider.app.remind(&staff, first).await.unwrap();
        provider.settle(first).await;
        // An invoice is taken back before its mail goes out.
        let second = invoiced(&provider, bo).await;
        provider.app.void_invoice(&staff, second).await.unwrap();
        // A price notice tells of services that stay as they are after all.
        let (campaign, _) = provider.app.start_campaign(&staff, &dearer(), |_| {}).await.unwrap();
        provider.app.undo_campaign(&staff, campaign.id).await.unwrap();
        send(&provider, &server.config()).await;
        assert_eq!(server.taken().len(), 2);
        let states: Vec<String> = stands(&provider).await.into_iter().skip(2).collect();
        assert!(states.iter().all(|state| state.starts_with("called_off after 0")), "{states:?}");
        assert_eq!(states[0], "called_off after 0 | nothing is to be paid any more");
    }

    async fn customers_are_told_of_new_prices(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let product = provider.product("Web hosting", "100.00").await;
        provider.service(anna, product, date(2026, 12, 1)).await;
        provider.app.start_campaign(&provider.staff(), &dearer(), |_| {}).await.unwrap();
        send(&provider, &server.config()).await;
        let mail = read(&server.bytes(&server.taken()[0]));
        assert_eq!(mail["headers"]["Subject"], "Dina priser hos Norrsken Hosting AB ändras");
        let text = mail["parts"][0]["text"].as_str().unwrap().replace('\u{a0}', " ");
        assert!(text.contains(": 100,00 SEK -> 110,00 SEK (2027-03-01)"), "{text}");
        assert!(text.contains("exklusive moms"), "{text}");
    }

    async fn an_outbox_that_was_never_emptied_is_not_sent_all_at_once(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let anna = provider.customer("Anna Ek").await;
        invoiced(&provider, anna).await;
        provider.app.clock.set(provider.app.clock.now() + 200.hours());
        invoiced(&provider, anna).await;
        send(&provider, &server.config()).await;
        let now = stands(&provider).await;
        assert_eq!(now[0], "failed after 0 | waited for 8 days: look whether it is still true, then `perennial outbox retry 1`");
        assert!(now[1].starts_with("sent after 1"), "{now:?}");
        provider.app.retry_mails(&provider.staff(), Some(&[OutboxId(1)])).await.unwrap();
        send(&provider, &server.config()).await;
        assert_eq!(server.taken().len(), 2);
    }

    async fn a_mail_that_comes_back_is_noted_with_its_address(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let invoice = invoiced(&provider, anna).await;
        let config = MailConfig { bounces_to: Some("bounces@norrsken.example".to_owned()), ..server.config() };
        send(&provider, &config).await;
        let taken = server.taken();
        assert_eq!(taken[0]["from"], "bounces@norrsken.example");
        let report = format!(
            "Message-ID: <x@mx.example.com>\n\nFinal-Recipient: rfc822; anna@example.com\nAction: failed\n\
            Diagnostic-Code: smtp; 550 mailbox full\n\nMessage-ID: {}\n",
            taken[0]["messageId"].as_str().unwrap()
        );
        let bounces = provider.app.take_bounce(&report).await.unwrap();
        assert_eq!((bounces.len(), bounces[0].mail, bounces[0].email.as_str()), (1, OutboxId(1), "anna@example.com"));
        let history = provider.app.mails_of_invoice(&provider.staff(), invoice).await.unwrap().remove(0);
        let outcomes: Vec<_> = history.deliveries.iter().map(|delivery| delivery.outcome).collect();
        assert_eq!(outcomes, [DeliveryOutcome::Accepted, DeliveryOutcome::Bounced]);
        for nothing in [report.replace("norrsken", "elsewhere"), "Subject: lunch?\n\nYes".to_owned()] {
            let refused = provider.app.take_bounce(&nothing).await.unwrap_err();
            assert!(matches!(refused, AppError::Conflict(_)), "{refused}");
        }
    }

    async fn a_seller_writes_its_own_mails(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        let staff = provider.staff();
        for (name, body, complaint) in [
            ("invoce.html", "x", "there is no mail template"),
            ("invoice.xx.html", "x", "there is no mail template"),
            ("invoice.html", "{{ nothing }}", "template invoice.html: line 1: undefined value"),
            ("invoice.txt", "{% for x in document.lines %}", "template invoice.txt: line 1: syntax error"),
            ("invoice.txt", "{% for x in range(9999) %}{% for y in range(9999) %}{{ x }}{% endfor %}{% endfor %}", "fuel"),
        ] {
            let refused = provider.app.set_mail_template(&staff, name, body).await.unwrap_err().to_string();
            assert!(refused.contains(complaint), "{name}: {refused}");
        }
        provider.app.set_mail_template(&staff, "invoice.subject", "{{ document.number }}:\n {{ document.total }}").await.unwrap();
        provider.app.set_mail_template(&staff, "invoice.sv.html", "<b>{{ customer.name }}</b>").await.unwrap();
        let customer = provider.customer_with("Anna <b>Ek</b>", |_| {}).await;
        invoiced(&provider, customer).await;
        send(&provider, &server.config()).await;
        let mail = read(&server.bytes(&server.taken()[0]));
        assert_eq!(mail["headers"]["Subject"], "202600001: 125,00\u{a0}SEK");
        assert_eq!(mail["parts"][1]["text"].as_str().unwrap().trim(), "<b>Anna &lt;b&gt;Ek&lt;&#x2f;b&gt;</b>");
        let names: Vec<String> = provider
            .app
            .mail_templates(&staff)
            .await
            .unwrap()
            .into_iter()
            .filter(|template| template.is_own)
            .map(|template| template.name)
            .collect();
        assert_eq!(names, ["invoice.subject", "invoice.sv.html"]);
        provider.app.reset_mail_template(&staff, "invoice.subject").await.unwrap();
        assert!(provider.app.reset_mail_template(&staff, "invoice.subject").await.is_err());
    }

    async fn a_company_gets_its_e_invoice_as_a_file_if_the_seller_wants_that(kind) {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(kind).await;
        change(&provider, |seller| {
            seller.mail.xml = MailXml::Ubl;
            seller.party.company_number = "556123-4567".to_owned();
            seller.party.iban = "SE4550000000058398257466".to_owned();
        })
        .await;
        let company = provider
            .customer_with("Astrid Berg", |new| {
                new.party.kind = CustomerKind::Company;
                new.party.company = "Berg AB".to_owned();
            })
            .await;
        invoiced(&provider, company).await;
        let person = provider.customer("Bo Ek").await;
        invoiced(&provider, person).await;
        send(&provider, &server.config()).await;
        let mut names: Vec<Vec<String>> = Vec::new();
        for taken in server.taken() {
            let mail = read(&server.bytes(&taken));
            let of = mail["parts"].as_array().unwrap().iter().filter_map(|part| part["name"].as_str().map(str::to_owned));
            names.push(of.collect());
        }
        names.sort();
        assert_eq!(names, [vec!["202600001.pdf", "202600001.xml"], vec!["202600002.pdf"]]);
    }
}

/// What a server wants is found out before any mail is lost to it.
#[test]
fn a_server_that_is_not_ours_gets_nothing() {
    perennial_testkit::tell(async {
        let (Some(plain), Some(guarded), Some(tls)) =
            (MailServer::start(Guard::Open), MailServer::start(Guard::StartTls), MailServer::start(Guard::Tls))
        else {
            return;
        };
        let provider = provider(perennial_testkit::Kind::Sqlite).await;
        let try_with = async |config: MailConfig| {
            let app = provider.app.clone().with_mailer(Mailer::new(&config, Random::System).unwrap());
            app.try_mail(&provider.staff(), "me@example.com").await.map_err(|error| error.to_string())
        };
        assert!(try_with(guarded.config()).await.unwrap().starts_with("250 "));
        assert!(try_with(tls.config()).await.unwrap().starts_with("250 "));
        assert!(try_with(plain.config()).await.unwrap().starts_with("250 "));
        for (config, complaint) in [
            (MailConfig { security: guarded.config().security, ..plain.config() }, "offers no STARTTLS"),
            (
                MailConfig { password: Some("wrong".to_owned()), ..guarded.config() },
                "does not take the user and password: 535",
            ),
            (MailConfig { certificates: None, ..guarded.config() }, "and TLS: "),
            (MailConfig { host: "127.0.0.2".to_owned(), port: Some(1), ..tls.config() }, "cannot be reached: "),
            (MailConfig { certificates: None, ..tls.config() }, "cannot be reached: "),
        ] {
            let refused = try_with(config).await.unwrap_err();
            assert!(refused.contains(complaint), "{refused}");
        }
        assert_eq!(guarded.taken().len() + tls.taken().len() + plain.taken().len(), 3);
        for (config, complaint) in [
            (MailConfig { user: Some("me".to_owned()), password: None, ..plain.config() }, "has no password"),
            (
                MailConfig { user: Some("me".to_owned()), password: Some("x".to_owned()), ..plain.config() },
                "in the clear",
            ),
            (MailConfig { connections: 0, ..plain.config() }, "from 1 to 32"),
            (MailConfig { redirect_to: Some("nobody".to_owned()), ..plain.config() }, "\"nobody\" is no mail address"),
            (
                MailConfig { certificates: Some(b"-----BEGIN CERTIFICATE-----\nx".to_vec()), ..plain.config() },
                "certificates",
            ),
        ] {
            let refused = Mailer::new(&config, Random::System).unwrap_err().to_string();
            assert!(refused.contains(complaint), "{refused}");
        }
    });
}

/// What is tried out in a sandbox is nobody's mail.
#[test]
fn a_sandbox_sends_nothing_unless_it_is_told_where_to() {
    perennial_testkit::tell(async {
        let Some(server) = MailServer::start(Guard::Open) else { return };
        let provider = provider(perennial_testkit::Kind::Sqlite).await;
        let anna = provider.customer("Anna Ek").await;
        invoiced(&provider, anna).await;
        let mut app = provider.app.clone();
        app.clock = perennial_app::Clock::ahead(0);
        app.clock.set(provider.app.clock.now());
        let (_stop, told) = watch::channel(false);
        let app = app.with_mailer(Mailer::new(&server.config(), Random::System).unwrap());
        assert!(start_outbound(&app, told).is_none());
        let config = MailConfig { redirect_to: Some("me@norrsken.example".to_owned()), ..server.config() };
        let node = node(app, &config);
        node.settle().await;
        node.end().await;
        assert_eq!(server.recipients(), ["me@norrsken.example"]);
        let mail = read(&server.bytes(&server.taken()[0]));
        assert_eq!(mail["headers"]["To"], "\"instead of anna@example.com\" <me@norrsken.example>");
    });
}

/// A second reader of mail, in another language, over a second kind of server.
#[test]
fn another_server_and_reader_understand_the_same() {
    perennial_testkit::tell(async {
        let Some(home) = oracles() else { return };
        let folder = tempfile::TempDir::new().unwrap();
        let (certificate, key) = MailServer::identity();
        let mut child = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles/smtp.js"))
            .arg(folder.path())
            .args([certificate, key])
            .args(["perennial", "correct horse"])
            .env("PERENNIAL_ORACLES", home)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let stdout = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut port).unwrap();
        let config = MailConfig {
            port: Some(port.trim().parse().unwrap()),
            user: Some("perennial".to_owned()),
            password: Some("correct horse".to_owned()),
            certificates: Some(std::fs::read(MailServer::certificates()).unwrap()),
            times: perennial_testkit::QUICK,
            ..MailConfig::of_host("localhost")
        };
        let provider = provider(perennial_testkit::Kind::Sqlite).await;
        let logo = include_bytes!("../../../render/tests/papers/logo.jpg").to_vec();
        let brand = perennial_render::pdf::Brand { logo: Some(logo), ..Default::default() };
        provider.app.set_brand(&provider.staff(), &brand).await.unwrap();
        let id = customer(&provider, "Łukasz \"Luke\" Żółć", "lukasz@example.com").await;
        provider.app.put_contact(&provider.staff(), id, "books@example.com", "").await.unwrap();
        provider.database.sql("update customers set language = 'pl'").unwrap();
        invoiced(&provider, id).await;
        send(&provider, &config).await;
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        let mail: serde_json::Value = serde_json::from_str(log.trim()).unwrap();
        assert_eq!((&mail["secure"], &mail["user"]), (&true.into(), &"perennial".into()));
        assert_eq!(mail["to"], "\"Łukasz \\\"Luke\\\" Żółć\" <lukasz@example.com>");
        assert_eq!((&mail["cc"], &mail["auto"]), (&"books@example.com".into(), &"auto-generated".into()));
        assert_eq!(mail["subject"], "Faktura 202600001 od Norrsken Hosting AB");
        assert_eq!(mail["date"], "2026-11-23T11:00:00.000Z");
        assert!(mail["text"].as_str().unwrap().contains("Dzień dobry, Łukasz \"Luke\" Żółć,"));
        let files = mail["files"].as_array().unwrap();
        let files: Vec<_> =
            files.iter().map(|file| (&file["kind"], &file["name"], file["bytes"].as_i64() > Some(60))).collect();
        assert_eq!(files.len(), 2, "{files:?}");
        assert_eq!((files[0].0.as_str(), files[0].2), (Some("image/jpeg"), true));
        assert_eq!((files[1].0.as_str(), files[1].1.as_str()), (Some("application/pdf"), Some("202600001.pdf")));
        drop(child.stdin.take());
        child.wait().unwrap();
    });
}
