//! A small month with every kind of event, in each format.

use jiff::civil::date;
use perennial_billing::TaxCategory::{AE, E, G, K, S};
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_render::{Export, Format, Voucher, csv, plain_text, sie};

use crate::{balances, books, earned, money, moved, tax, taxed};

/// A name that tries to get out of every format.
pub const NASTY: &str = "Å \"Hög\" \\ & Łódź; (AB) | {x},  y\r\n#VER \"A\"\t€";

fn voucher(source: Source, id: i64, number: &str, day: i8, customer: (i64, &str), entries: Vec<Entry>) -> Voucher {
    Voucher {
        source,
        id,
        number: number.to_owned(),
        customer: customer.0,
        customer_name: customer.1.to_owned(),
        booked_on: date(2026, 11, day),
        entries,
    }
}

pub fn vouchers() -> Vec<Voucher> {
    use Account::{BadDebt, Bank, Credit, Receivable, Rounding, Vat};
    let (full, reduced, german) = (tax("SE", S, "25"), tax("SE", S, "12"), tax("DE", S, "19"));
    let (anna, nasty, gmbh, kk) = ((17, "Anna Andersson"), (18, NASTY), (19, "Größe GmbH"), (20, "株式会社"));
    let first = vec![
        earned("79.00 SEK", 2001, full),
        earned("120.40 SEK", 2002, full),
        taxed("49.85 SEK", full),
        moved(Rounding, Receivable, "0.25 SEK"),
    ];
    let undone = first.iter().map(|entry| entry.undone()).collect();
    vec![
        voucher(Source::Invoice, 1, "202600001", 2, anna, first),
        voucher(
            Source::Invoice,
            2,
            "202600002",
            2,
            nasty,
            vec![
                earned("200.00 SEK", 2001, full),
                earned("100.00 SEK", 3001, reduced),
                earned("30.00 SEK", 3002, tax("SE", E, "0")),
                taxed("50.00 SEK", full),
                taxed("12.00 SEK", reduced),
            ],
        ),
        voucher(
            Source::Invoice,
            3,
            "202600003",
            19,
            gmbh,
            // It does not convert without a rest.
            vec![earned("7.92 EUR", 2001, german), taxed("1.50 EUR", german)],
        ),
        voucher(
            Source::Invoice,
            4,
            "202600004",
            20,
            gmbh,
            vec![earned("6.91 EUR", 2001, tax("SE", AE, "0")), earned("3.33 EUR", 4001, tax("SE", K, "0"))],
        ),
        voucher(Source::Invoice, 5, "202600005", 20, kk, vec![earned("1223 JPY", 2001, tax("SE", G, "0"))]),
        voucher(Source::Invoice, 6, "202600006", 20, kk, vec![earned("2.299 KWD", 2001, tax("SE", G, "0"))]),
        // It comes to nothing.
        voucher(Source::Invoice, 7, "202600007", 20, anna, vec![]),
        voucher(
            Source::CreditNote,
            8,
            "K2026(1)",
            21,
            nasty,
            vec![earned("100.00 SEK", 3001, reduced).undone(), taxed("12.00 SEK", reduced).undone()],
        ),
        voucher(
            Source::Payment,
            1,
            "OCR 2026; 1",
            23,
            nasty,
            vec![moved(Bank, Receivable, "250.00 SEK"), moved(Bank, Credit, "49.50 SEK")],
        ),
        voucher(Source::Refund, 1, "", 24, nasty, vec![moved(Credit, Bank, "20.00 SEK")]),
        voucher(Source::Settlement, 1, "", 25, nasty, vec![moved(Credit, Receivable, "29.50 SEK")]),
        voucher(
            Source::Settlement,
            2,
            "",
            25,
            nasty,
            vec![
                moved(BadDebt, Receivable, "0.40 SEK"),
                Entry { tax: Some(full), ..moved(Vat, Receivable, "0.10 SEK") },
            ],
        ),
        // Taken back.
        voucher(Source::Invoice, 1, "202600001", 26, anna, undone),
    ]
}

/// Bytes of a SIE file as a snapshot can show them: Swedish letters, and other bytes as what they are.
fn shown(bytes: &[u8]) -> String {
    let known = |byte| {
        [(0x86, 'å'), (0x84, 'ä'), (0x94, 'ö'), (0x8f, 'Å'), (0x8e, 'Ä'), (0x99, 'Ö')]
            .into_iter()
            .find_map(|(high, char)| (high == byte).then_some(char))
    };
    let shown = |&byte: &u8| match byte {
        b'\r' => String::new(),
        0..128 => char::from(byte).to_string(),
        byte => known(byte).map_or_else(|| format!("<{byte:02x}>"), String::from),
    };
    bytes.iter().map(shown).collect::<String>().replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn as_plain_text() {
    insta::assert_snapshot!(plain_text(&books(), &vouchers()).unwrap(), @r#"
    ; Värd & "Moln" AB (5566778899)
    ; 2026-11-01 through 2026-11-30, exported by Perennial on 2026-12-01
    decimal-mark .

    commodity 1000.00 SEK
    account assets:receivable
    account expenses:rounding
    account liabilities:vat:SE:S25
    account revenue:2001:SE:S25
    account revenue:2002:SE:S25

    2026-11-02 (202600001) Anna Andersson | invoice 1
        ; customer:17
        assets:receivable  249.00 SEK
        expenses:rounding  0.25 SEK
        liabilities:vat:SE:S25  -49.85 SEK
        revenue:2001:SE:S25  -79.00 SEK
        revenue:2002:SE:S25  -120.40 SEK

    account liabilities:vat:SE:S12
    account revenue:3001:SE:S12
    account revenue:3002:SE:E

    2026-11-02 (202600002) Å "Hög" \ & Łódź, (AB) / {x}, y #VER "A" € | invoice 2
        ; customer:18
        assets:receivable  392.00 SEK
        liabilities:vat:SE:S12  -12.00 SEK
        liabilities:vat:SE:S25  -50.00 SEK
        revenue:2001:SE:S25  -200.00 SEK
        revenue:3001:SE:S12  -100.00 SEK
        revenue:3002:SE:E  -30.00 SEK

    commodity 1000.00 EUR
    account liabilities:vat:DE:S19
    account revenue:2001:DE:S19

    2026-11-19 (202600003) Größe GmbH | invoice 3
        ; customer:19
        assets:receivable  9.42 EUR
        liabilities:vat:DE:S19  -1.50 EUR
        revenue:2001:DE:S19  -7.92 EUR

    account revenue:2001:SE:AE
    account revenue:4001:SE:K

    2026-11-20 (202600004) Größe GmbH | invoice 4
        ; customer:19
        assets:receivable  10.24 EUR
        revenue:2001:SE:AE  -6.91 EUR
        revenue:4001:SE:K  -3.33 EUR

    commodity 1000. JPY
    account revenue:2001:SE:G

    2026-11-20 (202600005) 株式会社 | invoice 5
        ; customer:20
        assets:receivable  1223 JPY
        revenue:2001:SE:G  -1223 JPY

    commodity 1000.000 KWD

    2026-11-20 (202600006) 株式会社 | invoice 6
        ; customer:20
        assets:receivable  2.299 KWD
        revenue:2001:SE:G  -2.299 KWD

    2026-11-21 (K2026[1]) Å "Hög" \ & Łódź, (AB) / {x}, y #VER "A" € | credit note 8
        ; customer:18
        assets:receivable  -112.00 SEK
        liabilities:vat:SE:S12  12.00 SEK
        revenue:3001:SE:S12  100.00 SEK

    account assets:bank
    account liabilities:customer credit

    2026-11-23 (OCR 2026; 1) Å "Hög" \ & Łódź, (AB) / {x}, y #VER "A" € | payment 1
        ; customer:18
        assets:bank  299.50 SEK
        assets:receivable  -250.00 SEK
        liabilities:customer credit  -49.50 SEK

    2026-11-24 () Å "Hög" \ & Łódź, (AB) / {x}, y #VER "A" € | refund 1
        ; customer:18
        assets:bank  -20.00 SEK
        liabilities:customer credit  20.00 SEK

    2026-11-25 () Å "Hög" \ & Łódź, (AB) / {x}, y #VER "A" € | settlement 1
        ; customer:18
        assets:receivable  -29.50 SEK
        liabilities:customer credit  29.50 SEK

    account expenses:bad debt

    2026-11-25 () Å "Hög" \ & Łódź, (AB) / {x}, y #VER "A" € | settlement 2
        ; customer:18
        assets:receivable  -0.50 SEK
        expenses:bad debt  0.40 SEK
        liabilities:vat:SE:S25  0.10 SEK

    2026-11-26 (202600001) Anna Andersson | invoice 1
        ; customer:17
        assets:receivable  -249.00 SEK
        expenses:rounding  -0.25 SEK
        liabilities:vat:SE:S25  49.85 SEK
        revenue:2001:SE:S25  79.00 SEK
        revenue:2002:SE:S25  120.40 SEK
    "#);
}

#[test]
fn as_sie() {
    insta::assert_snapshot!(shown(&sie(&books(), &vouchers()).unwrap()), @r#"
    #FLAGGA 0
    #PROGRAM "Perennial" "VERSION"
    #FORMAT PC8
    #GEN 20261201
    #SIETYP 4
    #ORGNR 556677-8899
    #FNAMN "Värd & \"Moln\" AB"
    #RAR 0 20260701 20270630
    #KPTYP EUBAS97
    #VALUTA SEK
    #KONTO 1510 "Kundfordringar"
    #KONTO 1930 "Företagskonto/checkkonto/affärskonto"
    #KONTO 2420 "Förskott från kunder"
    #KONTO 2611 "Utgående moms på försäljning inom Sverige, 25 %"
    #KONTO 2621 "Utgående moms på försäljning inom Sverige, 12 %"
    #KONTO 2631 "Utgående moms på försäljning inom Sverige, 6 %"
    #KONTO 2670 "Utgående moms på försäljning inom EU, OSS"
    #KONTO 3001 "Försäljning inom Sverige, 25 % moms"
    #KONTO 3002 "Försäljning inom Sverige, 12 % moms"
    #KONTO 3003 "Försäljning inom Sverige, 6 % moms"
    #KONTO 3004 "Försäljning inom Sverige, momsfri"
    #KONTO 3108 "Försäljning varor till annat EU-land, momsfri"
    #KONTO 3305 "Försäljning tjänster till land utanför EU"
    #KONTO 3308 "Försäljning tjänster till annat EU-land"
    #KONTO 3309 "Försäljning tjänster till annat EU-land, OSS"
    #KONTO 3740 "Öres- och kronutjämning"
    #KONTO 6351 "Konstaterade förluster på kundfordringar"
    #VER F "" 20261102 "Faktura 202600001, Anna Andersson"
    {
    #TRANS 1510 {} 249.00 20261102
    #TRANS 2611 {} -49.85 20261102
    #TRANS 3001 {} -199.40 20261102
    #TRANS 3740 {} 0.25 20261102
    }
    #VER F "" 20261102 "Faktura 202600002, Å \"Hög\" / & ?<a2>d?; (AB) | {x},  y  #VER \"A\" ?"
    {
    #TRANS 1510 {} 392.00 20261102
    #TRANS 2611 {} -50.00 20261102
    #TRANS 2621 {} -12.00 20261102
    #TRANS 3001 {} -200.00 20261102
    #TRANS 3002 {} -100.00 20261102
    #TRANS 3004 {} -30.00 20261102
    }
    #VER F "" 20261119 "Faktura 202600003, Grö<e1>e GmbH"
    {
    #TRANS 1510 {} 107.66 20261119 "9.42 EUR"
    #TRANS 2670 {} -17.14 20261119 "-1.50 EUR"
    #TRANS 3309 {} -90.51 20261119 "-7.92 EUR"
    #TRANS 3740 {} -0.01 20261119 "Avrundning vid omräkning"
    }
    #VER F "" 20261120 "Faktura 202600004, Grö<e1>e GmbH"
    {
    #TRANS 1510 {} 112.28 20261120 "10.24 EUR"
    #TRANS 3108 {} -36.51 20261120 "-3.33 EUR"
    #TRANS 3308 {} -75.77 20261120 "-6.91 EUR"
    }
    #VER F "" 20261120 "Faktura 202600005, ????"
    {
    #TRANS 1510 {} 86.13 20261120 "1223 JPY"
    #TRANS 3305 {} -86.13 20261120 "-1223 JPY"
    }
    #VER F "" 20261120 "Faktura 202600006, ????"
    {
    #TRANS 1510 {} 79.00 20261120 "2.299 KWD"
    #TRANS 3305 {} -79.00 20261120 "-2.299 KWD"
    }
    #VER K "" 20261121 "Kreditfaktura K2026(1), Å \"Hög\" / & ?<a2>d?; (AB) | {x},  y  #VER \"A\" ?"
    {
    #TRANS 1510 {} -112.00 20261121
    #TRANS 2621 {} 12.00 20261121
    #TRANS 3002 {} 100.00 20261121
    }
    #VER I "" 20261123 "Inbetalning OCR 2026; 1, Å \"Hög\" / & ?<a2>d?; (AB) | {x},  y  #VER \"A\" ?"
    {
    #TRANS 1510 {} -250.00 20261123
    #TRANS 1930 {} 299.50 20261123
    #TRANS 2420 {} -49.50 20261123
    }
    #VER U "" 20261124 "Återbetalning 1, Å \"Hög\" / & ?<a2>d?; (AB) | {x},  y  #VER \"A\" ?"
    {
    #TRANS 1930 {} -20.00 20261124
    #TRANS 2420 {} 20.00 20261124
    }
    #VER S "" 20261125 "Avräkning 1, Å \"Hög\" / & ?<a2>d?; (AB) | {x},  y  #VER \"A\" ?"
    {
    #TRANS 1510 {} -29.50 20261125
    #TRANS 2420 {} 29.50 20261125
    }
    #VER S "" 20261125 "Avräkning 2, Å \"Hög\" / & ?<a2>d?; (AB) | {x},  y  #VER \"A\" ?"
    {
    #TRANS 1510 {} -0.50 20261125
    #TRANS 2611 {} 0.10 20261125
    #TRANS 6351 {} 0.40 20261125
    }
    #VER F "" 20261126 "Faktura 202600001, Anna Andersson"
    {
    #TRANS 1510 {} -249.00 20261126
    #TRANS 2611 {} 49.85 20261126
    #TRANS 3001 {} 199.40 20261126
    #TRANS 3740 {} -0.25 20261126
    }
    "#);
}

#[test]
fn as_a_table() {
    insta::assert_snapshot!(csv(&books(), &vouchers()).unwrap().replace('\r', "␍"), @r#"
    source,id,number,booked_on,customer,customer_name,debit,credit,currency,amount,product,tax_country,tax_category,tax_rate_percent␍
    invoice,1,202600001,2026-11-02,17,Anna Andersson,receivable,revenue,SEK,79.00,2001,SE,S,25␍
    invoice,1,202600001,2026-11-02,17,Anna Andersson,receivable,revenue,SEK,120.40,2002,SE,S,25␍
    invoice,1,202600001,2026-11-02,17,Anna Andersson,receivable,vat,SEK,49.85,,SE,S,25␍
    invoice,1,202600001,2026-11-02,17,Anna Andersson,rounding,receivable,SEK,0.25,,,,␍
    invoice,2,202600002,2026-11-02,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",receivable,revenue,SEK,200.00,2001,SE,S,25␍
    invoice,2,202600002,2026-11-02,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",receivable,revenue,SEK,100.00,3001,SE,S,12␍
    invoice,2,202600002,2026-11-02,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",receivable,revenue,SEK,30.00,3002,SE,E,0␍
    invoice,2,202600002,2026-11-02,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",receivable,vat,SEK,50.00,,SE,S,25␍
    invoice,2,202600002,2026-11-02,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",receivable,vat,SEK,12.00,,SE,S,12␍
    invoice,3,202600003,2026-11-19,19,Größe GmbH,receivable,revenue,EUR,7.92,2001,DE,S,19␍
    invoice,3,202600003,2026-11-19,19,Größe GmbH,receivable,vat,EUR,1.50,,DE,S,19␍
    invoice,4,202600004,2026-11-20,19,Größe GmbH,receivable,revenue,EUR,6.91,2001,SE,AE,0␍
    invoice,4,202600004,2026-11-20,19,Größe GmbH,receivable,revenue,EUR,3.33,4001,SE,K,0␍
    invoice,5,202600005,2026-11-20,20,株式会社,receivable,revenue,JPY,1223,2001,SE,G,0␍
    invoice,6,202600006,2026-11-20,20,株式会社,receivable,revenue,KWD,2.299,2001,SE,G,0␍
    credit_note,8,K2026(1),2026-11-21,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",revenue,receivable,SEK,100.00,3001,SE,S,12␍
    credit_note,8,K2026(1),2026-11-21,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",vat,receivable,SEK,12.00,,SE,S,12␍
    payment,1,OCR 2026; 1,2026-11-23,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",bank,receivable,SEK,250.00,,,,␍
    payment,1,OCR 2026; 1,2026-11-23,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",bank,credit,SEK,49.50,,,,␍
    refund,1,,2026-11-24,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",credit,bank,SEK,20.00,,,,␍
    settlement,1,,2026-11-25,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",credit,receivable,SEK,29.50,,,,␍
    settlement,2,,2026-11-25,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",bad_debt,receivable,SEK,0.40,,,,␍
    settlement,2,,2026-11-25,18,"Å ""Hög"" \ & Łódź; (AB) | {x},  y␍
    #VER ""A""	€",vat,receivable,SEK,0.10,,SE,S,25␍
    invoice,1,202600001,2026-11-26,17,Anna Andersson,revenue,receivable,SEK,79.00,2001,SE,S,25␍
    invoice,1,202600001,2026-11-26,17,Anna Andersson,revenue,receivable,SEK,120.40,2002,SE,S,25␍
    invoice,1,202600001,2026-11-26,17,Anna Andersson,vat,receivable,SEK,49.85,,SE,S,25␍
    invoice,1,202600001,2026-11-26,17,Anna Andersson,receivable,rounding,SEK,0.25,,,,␍
    "#);
}

#[test]
fn written_piece_by_piece_it_is_the_same() {
    let (books, vouchers) = (books(), vouchers());
    for format in Format::ALL {
        assert_eq!(Format::from_word(format.as_str()), Some(format));
        let mut export = Export::new(format, &books, Vec::new()).unwrap();
        let mut pieces = std::mem::take(export.get_mut());
        for voucher in &vouchers {
            export.add(voucher).unwrap();
            pieces.append(export.get_mut());
        }
        pieces.extend(export.finish().unwrap());
        let whole = match format {
            Format::PlainText => plain_text(&books, &vouchers).unwrap().into_bytes(),
            Format::Sie => sie(&books, &vouchers).unwrap(),
            Format::Csv => csv(&books, &vouchers).unwrap().into_bytes(),
        };
        assert_eq!(pieces, whole);
    }
}

/// In kronor nothing is owed at its end, in either direction: what came in is what invoice 2 was worth after the credit note,
/// less half a krona that was written off.
#[test]
fn the_month_adds_up() {
    let balances = balances(&vouchers(), |account, _| account);
    let owed = balances.get(&(Account::Receivable, "SEK".to_owned()));
    assert_eq!(owed, None, "{balances:?}");
    let credit = balances.get(&(Account::Credit, "SEK".to_owned()));
    assert_eq!(credit, None, "{balances:?}");
    let bank = balances[&(Account::Bank, "SEK".to_owned())];
    assert_eq!(bank, i128::from(money("279.50 SEK").minor));
}
