//! Documents that are written on their own: credit notes, deposits, invoices that a person has made.

use jiff::civil::{Date, date};
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::line::Allowance;
use perennial_billing::{
    AddonId, AmountRules, Amounts, Country, DocumentKind, HomeRate, HomeTax, InvoiceId, Money, NumberReset, Part,
    Period, ProductId, Quantity, Rate, Rounding, SellerId, ServiceId, Share, TaxCategory, TaxGroup, TaxProfile,
    TaxRounding, UnitRate,
};
use perennial_store::documents::{self, NewDocument};
use perennial_store::invoices::{self, Invoice, InvoiceFilter, InvoiceLine, InvoiceStatus};
use perennial_store::renewals::NewInvoice;
use perennial_store::sellers::{Numbering, Seller};
use perennial_store::{StoreError, ledger, outbox, settlements};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{
    ASTRID, FAR_DAYS, ODD_TEXTS, SERVICE, Shop, TODAY, at, customer, document, noon, sek, seller, service,
};

use DocumentKind::{CreditNote, Deposit, Invoice as PlainInvoice};

/// A credit note with everything in it that a row can hold.
fn extreme(corrects: InvoiceId) -> NewDocument {
    let yen = "JPY".parse().unwrap();
    let country = |n: i64| -> Country { if n % 2 == 0 { "FI" } else { "SE" }.parse().unwrap() };
    let days = Period { starts: FAR_DAYS[0], ends: FAR_DAYS[6] };
    let line = |(n, text): (i64, &str)| InvoiceLine {
        line: n,
        service: (n % 2 == 0).then_some(ServiceId(i64::MAX - n)),
        addon: (n % 3 == 0).then_some(AddonId(i64::MAX - n)),
        product: (n % 5 > 0).then_some(ProductId(i64::MAX - n)),
        description: text.to_owned(),
        quantity: Quantity::from_millionths(if n % 2 == 0 { i64::MIN } else { i64::MAX }),
        unit_price: Money::new(i64::MIN + n, yen),
        net: Money::new(if n == 1 { i64::MAX - 2 } else { 0 }, yen),
        gross: (n % 4 == 0).then(|| Money::new(i64::MIN / 2, yen)),
        allowance: (n % 4 == 1).then(|| Allowance { amount: Money::new(i64::MAX, yen), reason: text.to_owned() }),
        tax: TaxProfile { country: country(n), category: TaxCategory::S, rate: Rate::from_parts_per_million(n) },
        period: (n % 3 == 1).then_some(days),
        price_origin: if n % 2 == 0 { "written" } else { "billed" }.to_owned(),
        price_id: (n % 3 == 2).then_some(i64::MAX - n),
        discount: (n % 5 == 0).then(|| text.to_owned()),
        corrects_line: (n % 2 == 1).then_some(i64::MAX - n),
        part: (n % 6 == 0).then(|| Part {
            whole: Money::new(i64::MAX, yen),
            starts: FAR_DAYS[1],
            share: Share { days: u32::MAX - 1, of: u32::MAX },
        }),
    };
    let group = |n, category, ppm, base, tax| TaxGroup {
        profile: TaxProfile { country: country(n), category, rate: Rate::from_parts_per_million(ppm) },
        base: Money::new(base, yen),
        tax: Money::new(tax, yen),
    };
    let mut buyer = customer(ASTRID.0, &ODD_TEXTS.concat());
    buyer.party.exemption_reason = ODD_TEXTS[3].to_owned();
    NewDocument {
        kind: CreditNote,
        customer: buyer,
        issued_on: FAR_DAYS[6],
        due_on: FAR_DAYS[0],
        lines: (1..).zip(ODD_TEXTS).map(line).collect(),
        // As the database orders them: what is read again has to come to the same digest.
        amounts: Amounts {
            tax_groups: vec![
                group(2, TaxCategory::O, 0, 1, 0),
                group(2, TaxCategory::S, 90_000, i64::MIN / 4, -3),
                group(2, TaxCategory::S, 255_000, 7, 2),
                group(1, TaxCategory::AE, 0, i64::MAX / 4, 0),
                group(1, TaxCategory::S, 1_000_000, 0, 2),
            ],
            net: Money::new(i64::MAX - 2, yen),
            tax: Money::new(1, yen),
            rounding: Money::new(1, yen),
            total: Money::new(i64::MAX, yen),
        },
        rules: AmountRules {
            rounding: Rounding::HalfEven,
            tax_rounding: TaxRounding::Line,
            includes_tax: true,
            payable_step: 1,
        },
        home_tax: Some(HomeTax {
            rate: HomeRate {
                home: sek(),
                rate: UnitRate::from_billionths(i64::MAX),
                starts: FAR_DAYS[2],
                source: ODD_TEXTS.concat(),
            },
            tax: Money::new(i64::MIN, sek()),
        }),
        corrects: Some(corrects),
        reason: Some(ODD_TEXTS.concat()),
        entries: vec![
            Entry {
                product: Some(ProductId(i64::MAX)),
                tax: Some(group(2, TaxCategory::K, 0, 0, 0).profile),
                ..Entry::moving(Account::Revenue, Account::Receivable, Money::new(i64::MAX, yen)).unwrap()
            },
            Entry::moving(Account::Rounding, Account::Receivable, Money::new(1, yen)).unwrap(),
        ],
        mail: true,
    }
}

impl Shop {
    /// What `doctor` says about documents that have changed, and about their numbers.
    async fn document_problems(&self) -> Vec<String> {
        let findings = self.store.examine(self.id()).await.unwrap();
        let about = ["document_changed", "number_gap", "number_outside_series"];
        let found: Vec<_> = findings.into_iter().filter(|finding| about.contains(&finding.code)).collect();
        assert_eq!(found.len(), about.len(), "doctor looks at all of that");
        found.into_iter().flat_map(|finding| finding.problems).collect()
    }

    /// Issues a document for a seller who counts in another way.
    async fn issue_for(&self, seller: &Seller, new: &NewDocument) -> String {
        let mut tx = self.begin().await;
        let written = documents::issue(&mut tx, seller, new, noon()).await.unwrap();
        tx.commit().await.unwrap();
        written.number
    }
}

fn on(kind: DocumentKind, issued_on: Date) -> NewDocument {
    NewDocument { issued_on, due_on: issued_on, ..document(kind, 1_000) }
}

/// A seller who counts like this.
fn counting(reset: NumberReset, invoices: &str, credit_notes: &str, deposits: &str) -> Seller {
    let pattern = |text: &str| text.parse().unwrap();
    let (invoices, credit_notes, deposits) = (pattern(invoices), pattern(credit_notes), pattern(deposits));
    Seller { numbering: Numbering { invoices, credit_notes, deposits, reset }, ..seller(1) }
}

/// A renewal of a new service of Astrid's, issued on a day.
async fn renewal_on(shop: &Shop, id: i64, issued_on: Date) -> NewInvoice {
    shop.put_services(&[service(id, ASTRID, crate::shop::SERVER)]).await;
    let mut new = shop.planned(&[ServiceId(id)]).await.remove(0);
    new.plan.issued_on = issued_on;
    new
}

on_both_databases! {
    async fn a_credit_note_is_read_as_it_was_written(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        let new = extreme(invoice.id);
        let mut tx = shop.begin().await;
        // Nanoseconds are cut, also for the digest.
        let written = documents::issue(&mut tx, &shop.seller, &new, at("2026-11-23T11:00:00.123456999Z")).await.unwrap();
        tx.commit().await.unwrap();
        let note = shop.invoice(written.id).await;
        let expected = Invoice {
            id: written.id,
            kind: CreditNote,
            number: "CN-9999-00001".to_owned(),
            customer: ASTRID,
            issued_on: FAR_DAYS[6],
            due_on: FAR_DAYS[0],
            issued_at: noon(),
            net: new.amounts.net,
            tax: new.amounts.tax,
            rounding: new.amounts.rounding,
            total: new.amounts.total,
            open: Money::zero(new.amounts.net.currency),
            rules: new.rules,
            home_tax: new.home_tax.clone(),
            corrects: Some(invoice.id),
            reason: new.reason.clone(),
            seller: shop.seller.party.clone(),
            buyer: new.customer.party.clone(),
            language: new.customer.language.clone(),
            status: InvoiceStatus::Paid,
            paid_at: Some(noon()),
        };
        assert_eq!(note, expected);
        assert_eq!(written.number, note.number);
        let mut conn = shop.read().await;
        assert_eq!(invoices::lines(&mut conn, shop.id(), &note).await.unwrap(), new.lines);
        assert_eq!(invoices::taxes(&mut conn, shop.id(), &note).await.unwrap(), new.amounts.tax_groups);
        assert_eq!(invoices::correcting(&mut conn, shop.id(), invoice.id).await.unwrap(), std::slice::from_ref(&note));
        assert_eq!(invoices::correcting(&mut conn, shop.id(), note.id).await.unwrap(), []);
        assert_eq!(invoices::correcting(&mut conn, SellerId(2), invoice.id).await.unwrap(), []);
        let booked = ledger::of_event(&mut conn, shop.id(), Source::CreditNote, note.id.0).await.unwrap();
        assert_eq!(booked.iter().map(|booked| booked.moved).collect::<Vec<_>>(), new.entries);
        assert!(booked.iter().all(|booked| booked.booked_on == FAR_DAYS[6]));
        assert_eq!(ledger::of_event(&mut conn, shop.id(), Source::Invoice, note.id.0).await.unwrap(), []);
        assert_eq!(outbox::mails_of(&mut conn, shop.id(), note.id).await.unwrap().len(), 1);
        assert_eq!(shop.look("select count(*) from invoices where length(digest) = 32"), ["2"]);
        assert_eq!(shop.document_problems().await, [""; 0], "what is read again comes to the same digest");
    }

    async fn a_deposit_asks_for_money_and_books_nothing(kind) {
        let shop = Shop::new(kind).await;
        let written = shop.issue(&document(Deposit, 8_000)).await;
        assert_eq!(written.number, "DEP-2026-00001");
        let deposit = shop.invoice(written.id).await;
        assert_eq!((deposit.kind, deposit.status, deposit.paid_at), (Deposit, InvoiceStatus::Issued, None));
        assert_eq!((deposit.open, deposit.corrects, deposit.reason), (deposit.total, None, None));
        assert_eq!(deposit.total.minor, 10_000);
        let mut conn = shop.read().await;
        assert_eq!(outbox::mails_of(&mut conn, shop.id(), written.id).await.unwrap(), []);
        assert_eq!(settlements::due(&mut conn, shop.id(), FAR_DAYS[6], 9).await.unwrap(), []);
        assert_eq!(settlements::open_of_customer(&mut conn, shop.id(), ASTRID, sek()).await.unwrap(), []);
        assert_eq!(shop.look("select * from ledger"), [""; 0]);
        assert_eq!(shop.document_problems().await, [""; 0]);
    }

    async fn what_asks_for_nothing_is_settled_at_once(kind) {
        let shop = Shop::new(kind).await;
        let free = shop.issue(&document(PlainInvoice, 0)).await;
        let free = shop.invoice(free.id).await;
        assert_eq!((free.status, free.paid_at, free.open.minor), (InvoiceStatus::Paid, Some(noon()), 0));
    }

    async fn an_invoice_by_hand_is_booked_as_one_and_stands_in_the_series_of_invoices(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        let entry = Entry::moving(Account::Receivable, Account::Revenue, Money::new(1_000, sek())).unwrap();
        let written = shop.issue(&NewDocument { entries: vec![entry], ..document(PlainInvoice, 1_000) }).await;
        assert_eq!(written.number, "202600002");
        let booked = ledger::of_event(&mut shop.read().await, shop.id(), Source::Invoice, written.id.0).await.unwrap();
        assert_eq!(booked.iter().map(|b| (b.entry, b.booked_on, b.moved)).collect::<Vec<_>>(), [(1, TODAY, entry)]);
        let due = settlements::due(&mut shop.read().await, shop.id(), FAR_DAYS[6], 9).await.unwrap();
        assert_eq!(due, [1, 2].map(InvoiceId));
    }

    async fn each_kind_has_a_series_and_numbers_of_its_own(kind) {
        let shop = Shop::new(kind).await;
        let mut numbers = Vec::new();
        for kind in [CreditNote, Deposit, PlainInvoice, CreditNote, Deposit, PlainInvoice, PlainInvoice] {
            numbers.push(shop.issue(&document(kind, 1_000)).await.number);
        }
        let expected = [
            "CN-2026-00001", "DEP-2026-00001", "202600001", "CN-2026-00002", "DEP-2026-00002", "202600002", "202600003",
        ];
        assert_eq!(numbers, expected);
        assert_eq!(shop.renew().await.number, "202600004");
        let series = "select kind, fiscal_year, first_number, next_number from number_series order by kind";
        assert_eq!(shop.look(series), ["credit_note|2026|1|3", "deposit|2026|1|3", "invoice|2026|1|5"]);
        assert_eq!(shop.document_problems().await, [""; 0]);
    }

    async fn what_is_not_committed_leaves_nothing_and_no_gap(kind) {
        let shop = Shop::new(kind).await;
        shop.issue(&document(CreditNote, 1_000)).await;
        let given_up = NewDocument { mail: true, ..document(CreditNote, 1_000) };
        let mut tx = shop.begin().await;
        let written = documents::issue(&mut tx, &shop.seller, &given_up, noon()).await.unwrap();
        assert_eq!(written.number, "CN-2026-00002");
        drop(tx);
        let mut nobody = document(CreditNote, 1_000);
        nobody.customer.id = perennial_billing::CustomerId(99);
        let mut tx = shop.begin().await;
        let error = match documents::issue(&mut tx, &shop.seller, &nobody, noon()).await {
            Ok(_) => tx.commit().await.unwrap_err(),
            Err(error) => {
                drop(tx);
                error
            }
        };
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        assert_eq!(shop.issue(&document(CreditNote, 1_000)).await.number, "CN-2026-00002");
        for (table, rows) in [("invoices", 2), ("invoice_lines", 2), ("invoice_taxes", 2), ("ledger", 0), ("outbox", 0)] {
            assert_eq!(shop.look_number(&format!("select count(*) from {table}")), rows, "{table}");
        }
        assert_eq!(shop.document_problems().await, [""; 0]);
    }

    async fn writers_at_once_leave_no_gap_in_any_series(kind) {
        let shop = Shop::new(kind).await;
        let issue = async |kind| shop.issue(&document(kind, 1_000)).await.number;
        let (mut a, mut b, mut c, d, e) =
            tokio::join!(issue(CreditNote), issue(CreditNote), issue(CreditNote), issue(Deposit), issue(PlainInvoice));
        let mut notes = [&mut a, &mut b, &mut c];
        notes.sort_unstable();
        assert_eq!(notes.map(|number| number.as_str()), ["CN-2026-00001", "CN-2026-00002", "CN-2026-00003"]);
        assert_eq!((d.as_str(), e.as_str()), ("DEP-2026-00001", "202600001"));
        assert_eq!(shop.document_problems().await, [""; 0]);
    }

    async fn two_kinds_never_share_a_number(kind) {
        let shop = Shop::new(kind).await;
        let mistaken = counting(NumberReset::CALENDAR_YEAR, "{YYYY}{NNN}", "{YYYY}{NNN}", "D{YYYY}{NNN}");
        assert_eq!(shop.issue_for(&mistaken, &document(PlainInvoice, 1_000)).await, "2026001");
        let mut tx = shop.begin().await;
        let error = documents::issue(&mut tx, &mistaken, &document(CreditNote, 1_000), noon()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unique { table, .. } if table == "invoices"), "{error}");
    }

    async fn numbers_go_on_for_ever_where_they_never_start_anew(kind) {
        let shop = Shop::new(kind).await;
        let seller = counting(NumberReset::Never, "{N:04}", "G{NNN}", "D{FY}-{N}");
        let days = [date(2026, 12, 31), date(2027, 1, 1), date(2040, 7, 1)];
        let mut numbers = Vec::new();
        for (day, id) in days.into_iter().zip(1..) {
            numbers.push(shop.issue_for(&seller, &on(PlainInvoice, day)).await);
            let renewal = renewal_on(&shop, id, day).await;
            numbers.push(shop.write_for(&seller, &[renewal]).await.unwrap().remove(0).number);
            numbers.push(shop.issue_for(&seller, &on(CreditNote, day)).await);
            numbers.push(shop.issue_for(&seller, &on(Deposit, day)).await);
        }
        let expected = [
            "0001", "0002", "G001", "D2026-1", "0003", "0004", "G002", "D2027-2", "0005", "0006", "G003", "D2040-3",
        ];
        assert_eq!(numbers, expected);
        let series = "select kind, fiscal_year, first_number, next_number from number_series order by kind";
        assert_eq!(shop.look(series), ["credit_note|0|1|4", "deposit|0|1|4", "invoice|0|1|7"]);
        let named = shop.look("select number from invoices where kind = 'invoice' order by series_number");
        assert_eq!(named, ["0001", "0002", "0003", "0004", "0005", "0006"], "what is written is what was answered");
        assert_eq!(shop.document_problems().await, [""; 0]);
    }

    async fn a_fiscal_year_from_july_counts_from_july(kind) {
        let shop = Shop::new(kind).await;
        let seller = counting(NumberReset::Yearly { month: 7 }, "{FY}-{YY}{MM}-{NN}", "G{FY}{NNN}", "D{FY}{NNN}");
        let days = [date(2026, 6, 30), date(2026, 7, 1), date(2027, 6, 30), date(2027, 7, 1)];
        let mut numbers = Vec::new();
        for (day, id) in days.into_iter().zip(1..) {
            numbers.push(shop.issue_for(&seller, &on(PlainInvoice, day)).await);
            let renewal = renewal_on(&shop, id, day).await;
            numbers.push(shop.write_for(&seller, &[renewal]).await.unwrap().remove(0).number);
            numbers.push(shop.issue_for(&seller, &on(CreditNote, day)).await);
        }
        let expected = [
            "2025-2606-01", "2025-2606-02", "G2025001", "2026-2607-01", "2026-2607-02", "G2026001", "2026-2706-03",
            "2026-2706-04", "G2026002", "2027-2707-01", "2027-2707-02", "G2027001",
        ];
        assert_eq!(numbers, expected);
        let series = "select fiscal_year, first_number, next_number from number_series where kind = 'invoice' \
            order by fiscal_year";
        assert_eq!(shop.look(series), ["2025|1|3", "2026|1|5", "2027|1|3"]);
        assert_eq!(shop.look("select number from invoices order by id"), numbers);
        assert_eq!(shop.document_problems().await, [""; 0]);
    }

    async fn a_digest_is_of_what_a_document_says(kind) {
        let shop = Shop::new(kind).await;
        let plain = document(CreditNote, 1_000);
        let other = |change: fn(&mut NewDocument)| {
            let mut other = plain.clone();
            change(&mut other);
            other
        };
        let others = [
            other(|new| new.kind = Deposit),
            other(|new| new.issued_on = date(2026, 11, 24)),
            other(|new| new.due_on = date(2026, 12, 4)),
            other(|new| new.reason = Some(String::new())),
            other(|new| new.corrects = Some(InvoiceId(1))),
            other(|new| new.rules.includes_tax = true),
            other(|new| new.rules.rounding = Rounding::HalfEven),
            other(|new| new.rules.tax_rounding = TaxRounding::Line),
            other(|new| new.customer.party.name = "Astrid Lind".to_owned()),
            other(|new| new.lines[0].description = "by hand".to_owned()),
            other(|new| new.lines[0].service = Some(SERVICE)),
            other(|new| new.lines[0].addon = Some(AddonId(SERVICE.0))),
            other(|new| new.lines[0].product = Some(ProductId(SERVICE.0))),
            other(|new| new.lines[0].corrects_line = Some(1)),
            other(|new| new.lines[0].tax.country = "FI".parse().unwrap()),
            other(|new| new.amounts.tax_groups[0].profile.country = "FI".parse().unwrap()),
            other(|new| new.amounts.tax_groups[0].base = Money::new(999, sek())),
            other(|new| new.lines.clear()),
            other(|new| new.amounts.tax_groups.clear()),
            other(|new| new.lines.push(new.lines[0].clone())),
        ];
        for new in others.iter().chain([&plain, &plain]) {
            shop.issue(new).await;
        }
        let different = others.len() + 1;
        let digests = shop.look("select distinct digest from invoices");
        assert_eq!(digests.len(), different, "the last two say the same under other numbers");
        assert_eq!(shop.document_problems().await, [""; 0]);
    }

    async fn lists_show_credit_notes_to_who_asks_for_them(kind) {
        let shop = Shop::new(kind).await;
        for kind in [PlainInvoice, CreditNote, Deposit] {
            shop.issue(&document(kind, 1_000)).await;
        }
        for customer in [None, Some(ASTRID)] {
            for (with_credit_notes, expected) in [(false, vec![3, 1]), (true, vec![3, 2, 1])] {
                let filter = InvoiceFilter { customer, with_credit_notes, ..InvoiceFilter::default() };
                let mut conn = shop.read().await;
                let page = invoices::page(&mut conn, shop.id(), filter, 9, 0).await.unwrap();
                assert_eq!(page.iter().map(|invoice| invoice.id.0).collect::<Vec<_>>(), expected);
                let count = invoices::count(&mut conn, shop.id(), filter).await.unwrap();
                assert_eq!(usize::try_from(count).unwrap(), expected.len());
            }
        }
    }
}

/// Both databases give a document the same digest: an installation may move from one to the other.
#[tokio::test]
async fn a_digest_is_the_same_everywhere() {
    let mut digests = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        shop.issue(&extreme(InvoiceId(1))).await;
        shop.issue(&document(Deposit, 1_000)).await;
        digests.push(shop.look("select digest from invoices order by id"));
    }
    assert_eq!(digests[0], digests[1]);
}
