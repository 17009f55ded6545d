//! A document as others read it, made of what was frozen when it was issued.

use perennial_billing::{InvoiceId, Money, PaymentReference, ReferenceScheme, SellerId, entered_account};
use perennial_render::document::{Document, HomeTax, Line, Party, Payment, Preceding, Tax};
use perennial_store::Conn;
use perennial_store::customers::{self, CustomerParty};
use perennial_store::invoices::{self, Invoice};
use perennial_store::sellers::SellerParty;

use crate::Result;

/// A document, with what it refers to.
pub(crate) async fn document(conn: &mut Conn, seller: SellerId, invoice: &Invoice) -> Result<Document> {
    let lines = invoices::lines(conn, seller, invoice).await?;
    let taxes = invoices::taxes(conn, seller, invoice).await?;
    let corrects = match invoice.corrects {
        Some(id) => invoices::get(conn, seller, id).await?,
        None => None,
    };
    let language = match invoice.language.as_str() {
        "" => customers::get(conn, seller, invoice.customer).await?.map(|customer| customer.language),
        language => Some(language.to_owned()),
    };
    let lines = lines.into_iter().map(|line| Line {
        description: line.description,
        quantity: line.quantity,
        unit_price: line.unit_price,
        net: line.net,
        gross: line.gross,
        allowance: line.allowance.map(|allowance| (allowance.amount, allowance.reason)),
        tax: line.tax,
        period: line.period,
    });
    let taxes = taxes.into_iter().map(|group| Tax {
        profile: group.profile,
        base: group.base,
        tax: group.tax,
        own_reason: invoice.buyer.exemption_reason.clone(),
    });
    Ok(Document {
        kind: invoice.kind,
        number: invoice.number.clone(),
        issued_on: invoice.issued_on,
        due_on: invoice.due_on,
        currency: invoice.total.currency,
        language: language.unwrap_or_default(),
        note: invoice.reason.clone().unwrap_or_default(),
        corrects: corrects.map(|corrected| Preceding { number: corrected.number, issued_on: corrected.issued_on }),
        seller: seller_party(&invoice.seller),
        buyer: buyer_party(&invoice.buyer),
        buyer_reference: invoice.customer.to_string(),
        payment: payment(&invoice.seller, invoice.total.currency.code(), &invoice.buyer.country, invoice.id),
        lines: lines.collect(),
        taxes: taxes.collect(),
        net: invoice.net,
        tax: invoice.tax,
        rounding: invoice.rounding,
        total: invoice.total,
        // It is what it was when it was issued; what was paid since is told by a statement of the account.
        paid: Money::zero(invoice.total.currency),
        reminded_on: None,
        home_tax: invoice.home_tax.as_ref().map(|home| HomeTax {
            tax: home.tax,
            rate: home.rate.rate.to_string(),
            rate_on: home.rate.starts,
            source: home.rate.source.clone(),
        }),
    })
}

pub(crate) fn seller_party(party: &SellerParty) -> Party {
    Party {
        name: party.name.clone(),
        contact: String::new(),
        address1: party.address1.clone(),
        address2: party.address2.clone(),
        postcode: party.postcode.clone(),
        city: party.city.clone(),
        country: party.country.clone(),
        vat_number: party.vat_number.clone(),
        company_number: party.company_number.clone(),
        email: party.email.clone(),
        phone: party.phone.clone(),
        website: party.website.clone(),
    }
}

pub(crate) fn buyer_party(party: &CustomerParty) -> Party {
    let has_company = !party.company.is_empty();
    Party {
        name: party.display_name().to_owned(),
        contact: if has_company { party.name.clone() } else { String::new() },
        address1: party.address1.clone(),
        address2: party.address2.clone(),
        postcode: party.postcode.clone(),
        city: party.city.clone(),
        country: party.country.clone(),
        vat_number: party.vat_number.clone(),
        company_number: String::new(),
        email: party.email.clone(),
        phone: String::new(),
        website: String::new(),
    }
}

/// How an invoice is paid. An account that was entered before accounts were checked, and is none, is left out.
pub(crate) fn payment(seller: &SellerParty, currency: &str, payer: &str, id: InvoiceId) -> Payment {
    let chosen = ReferenceScheme::from_word(&seller.payment_reference);
    let scheme = chosen.unwrap_or_else(|| ReferenceScheme::of_country(&seller.country)).for_payer(currency, payer);
    // What only moves crowns is not offered for other money.
    let only = |wanted: &str, text: &str| if currency == wanted { text.to_owned() } else { String::new() };
    Payment {
        iban: entered_account(&seller.iban).unwrap_or_default(),
        bic: entered_account(&seller.bic).unwrap_or_default(),
        bankgiro: entered_account(&only("SEK", &seller.bankgiro)).unwrap_or_default(),
        plusgiro: entered_account(&only("SEK", &seller.plusgiro)).unwrap_or_default(),
        fik: entered_account(&only("DKK", &seller.fik_creditor)).unwrap_or_default(),
        swish: entered_account(&only("SEK", &seller.swish)).unwrap_or_default(),
        reference: Some(PaymentReference::of(scheme, id)),
    }
}
