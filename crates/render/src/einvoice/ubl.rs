//! UBL 2.1: the Invoice and the CreditNote, by Peppol BIS Billing 3 where both parties are reached by it. Elements are in the order of their schemas.

use perennial_billing::Money;

use super::xml::Xml;
use super::{Account, Facts, Group, MAIL_SCHEME, Price, allowance, amount, endpoint, percent};
use crate::document::{Document, Line, Party, Payment};

const EN16931: &str = "urn:cen.eu:en16931:2017";
const PEPPOL: &str = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0";
const PROFILE: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";
const AGGREGATES: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const BASICS: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// What the two kinds of documents are called.
struct Names {
    root: &'static str,
    namespace: &'static str,
    type_element: &'static str,
    /// UNTDID 1001.
    type_code: &'static str,
    line: &'static str,
    quantity: &'static str,
}

const INVOICE: Names = Names {
    root: "Invoice",
    namespace: "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
    type_element: "cbc:InvoiceTypeCode",
    type_code: "380",
    line: "cac:InvoiceLine",
    quantity: "cbc:InvoicedQuantity",
};

const CREDIT_NOTE: Names = Names {
    root: "CreditNote",
    namespace: "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2",
    type_element: "cbc:CreditNoteTypeCode",
    type_code: "381",
    line: "cac:CreditNoteLine",
    quantity: "cbc:CreditedQuantity",
};

type Done = std::io::Result<()>;

/// Whether both parties can be reached by Peppol: it wants an address of each (PEPPOL-EN16931-R010 and R020), and knows no mail
/// addresses (CL008). What goes to others does not say that it is for Peppol.
fn is_for_peppol(document: &Document) -> bool {
    let is_reached = |party| endpoint(party).is_some_and(|(scheme, _)| scheme != MAIL_SCHEME);
    is_reached(&document.seller) && is_reached(&document.buyer)
}

pub(super) fn write(facts: &Facts<'_>) -> std::io::Result<String> {
    let document = facts.document;
    let names = if facts.is_invoice() { &INVOICE } else { &CREDIT_NOTE };
    let namespaces = [("xmlns", names.namespace), ("xmlns:cac", AGGREGATES), ("xmlns:cbc", BASICS)];
    Xml::document(names.root, &namespaces, |x| {
        if is_for_peppol(document) {
            x.text("cbc:CustomizationID", PEPPOL)?;
            x.text("cbc:ProfileID", PROFILE)?;
        } else {
            x.text("cbc:CustomizationID", EN16931)?;
        }
        x.text("cbc:ID", &document.number)?;
        x.text("cbc:IssueDate", document.issued_on.to_string())?;
        if facts.is_invoice() {
            x.text("cbc:DueDate", document.due_on.to_string())?;
        }
        x.text(names.type_element, names.type_code)?;
        x.some("cbc:Note", &document.note)?;
        x.text("cbc:DocumentCurrencyCode", document.currency.code())?;
        if let Some(home) = &document.home_tax {
            x.text("cbc:TaxCurrencyCode", home.tax.currency.code())?;
        }
        x.some("cbc:BuyerReference", &document.buyer_reference)?;
        if let Some(corrected) = &document.corrects {
            x.group("cac:BillingReference", |x| {
                x.group("cac:InvoiceDocumentReference", |x| {
                    x.text("cbc:ID", &corrected.number)?;
                    x.text("cbc:IssueDate", corrected.issued_on.to_string())
                })
            })?;
        }
        x.group("cac:AccountingSupplierParty", |x| party(x, &document.seller, facts.shows_vat))?;
        x.group("cac:AccountingCustomerParty", |x| party(x, &document.buyer, facts.shows_vat))?;
        if facts.is_delivered_abroad() {
            delivery(x, document)?;
        }
        payment(x, facts)?;
        if !facts.is_invoice() {
            x.group("cac:PaymentTerms", |x| x.text("cbc:Note", terms(document)))?;
        }
        x.group("cac:TaxTotal", |x| {
            money(x, "cbc:TaxAmount", document.tax)?;
            facts.groups.iter().try_for_each(|group| subtotal(x, group))
        })?;
        if let Some(home) = &document.home_tax {
            x.group("cac:TaxTotal", |x| money(x, "cbc:TaxAmount", home.tax))?;
        }
        x.group("cac:LegalMonetaryTotal", |x| {
            money(x, "cbc:LineExtensionAmount", facts.lines)?;
            money(x, "cbc:TaxExclusiveAmount", document.net)?;
            money(x, "cbc:TaxInclusiveAmount", facts.with_tax)?;
            if document.paid.minor != 0 {
                money(x, "cbc:PrepaidAmount", document.paid)?;
            }
            if document.rounding.minor != 0 {
                money(x, "cbc:PayableRoundingAmount", document.rounding)?;
            }
            money(x, "cbc:PayableAmount", facts.payable)
        })?;
        facts.lines().try_for_each(|(place, of, price)| line(x, names, place, of, price))
    })
}

/// What is to be done with a credit note, which has no due date in UBL (BR-CO-25).
fn terms(document: &Document) -> String {
    document.corrects.as_ref().map_or_else(|| "—".to_owned(), |corrected| corrected.number.clone())
}

fn money(x: &mut Xml, name: &str, money: Money) -> Done {
    x.text_with(name, &[("currencyID", money.currency.code())], amount(money))
}

fn party(x: &mut Xml, party: &Party, shows_vat: bool) -> Done {
    x.group("cac:Party", |x| {
        if let Some((scheme, address)) = endpoint(party) {
            x.text_with("cbc:EndpointID", &[("schemeID", scheme)], address)?;
        }
        x.group("cac:PartyName", |x| x.text("cbc:Name", &party.name))?;
        x.group("cac:PostalAddress", |x| {
            x.some("cbc:StreetName", &party.address1)?;
            x.some("cbc:AdditionalStreetName", &party.address2)?;
            x.some("cbc:CityName", &party.city)?;
            x.some("cbc:PostalZone", &party.postcode)?;
            x.group("cac:Country", |x| x.text("cbc:IdentificationCode", &party.country))
        })?;
        if shows_vat && !party.vat_number.is_empty() {
            x.group("cac:PartyTaxScheme", |x| {
                x.text("cbc:CompanyID", &party.vat_number)?;
                vat(x)
            })?;
        }
        x.group("cac:PartyLegalEntity", |x| {
            x.text("cbc:RegistrationName", &party.name)?;
            // Danish numbers must say of which register they are (Peppol DK-R-014).
            match party.country.as_str() {
                "DK" if !party.company_number.is_empty() => {
                    x.text_with("cbc:CompanyID", &[("schemeID", "0184")], &party.company_number)
                }
                _ => x.some("cbc:CompanyID", &party.company_number),
            }
        })?;
        if party.contact.is_empty() && party.phone.is_empty() && party.email.is_empty() {
            return Ok(());
        }
        x.group("cac:Contact", |x| {
            x.some("cbc:Name", &party.contact)?;
            x.some("cbc:Telephone", &party.phone)?;
            x.some("cbc:ElectronicMail", &party.email)
        })
    })
}

fn vat(x: &mut Xml) -> Done {
    x.group("cac:TaxScheme", |x| x.text("cbc:ID", "VAT"))
}

/// Goods that went to another member state: when, and to which (BR-IC-11, BR-IC-12).
fn delivery(x: &mut Xml, document: &Document) -> Done {
    x.group("cac:Delivery", |x| {
        x.text("cbc:ActualDeliveryDate", document.issued_on.to_string())?;
        x.group("cac:DeliveryLocation", |x| {
            x.group("cac:Address", |x| {
                x.group("cac:Country", |x| x.text("cbc:IdentificationCode", &document.buyer.country))
            })
        })
    })
}

fn payment(x: &mut Xml, facts: &Facts<'_>) -> Done {
    let Payment { bic, reference, .. } = &facts.document.payment;
    let (code, accounts) = facts.accounts();
    let reference = reference.as_ref().map(|reference| reference.as_str()).unwrap_or_default();
    accounts.iter().try_for_each(|account| {
        let (number, bank, payment) = match account {
            Account::Iban(iban) => (*iban, bic.as_ref().map(|bic| bic.as_str()), reference),
            Account::Giro(giro, system) => (*giro, Some(*system), reference),
            Account::Fik { creditor, payment } => (*creditor, None, payment.as_str()),
        };
        x.group("cac:PaymentMeans", |x| {
            x.text("cbc:PaymentMeansCode", code)?;
            x.some("cbc:PaymentID", payment)?;
            x.group("cac:PayeeFinancialAccount", |x| {
                x.text("cbc:ID", number)?;
                match bank {
                    Some(bank) => x.group("cac:FinancialInstitutionBranch", |x| x.text("cbc:ID", bank)),
                    None => Ok(()),
                }
            })
        })
    })
}

fn subtotal(x: &mut Xml, group: &Group) -> Done {
    x.group("cac:TaxSubtotal", |x| {
        money(x, "cbc:TaxableAmount", group.base)?;
        money(x, "cbc:TaxAmount", group.tax)?;
        x.group("cac:TaxCategory", |x| {
            x.text("cbc:ID", group.category.code())?;
            if let Some(percent) = percent(group.category, group.rate) {
                x.text("cbc:Percent", percent)?;
            }
            x.some("cbc:TaxExemptionReasonCode", group.code.unwrap_or_default())?;
            x.some("cbc:TaxExemptionReason", group.reason.as_deref().unwrap_or_default())?;
            vat(x)
        })
    })
}

fn line(x: &mut Xml, names: &Names, place: usize, line: &Line, price: &Price) -> Done {
    x.group(names.line, |x| {
        x.text("cbc:ID", place.to_string())?;
        x.text_with(names.quantity, &[("unitCode", "C62")], &price.quantity)?;
        money(x, "cbc:LineExtensionAmount", line.net)?;
        if let Some(period) = &line.period {
            x.group("cac:InvoicePeriod", |x| {
                x.text("cbc:StartDate", period.starts.to_string())?;
                x.text("cbc:EndDate", period.last_day().to_string())
            })?;
        }
        if let Some((off, reason)) = allowance(line) {
            x.group("cac:AllowanceCharge", |x| {
                x.text("cbc:ChargeIndicator", "false")?;
                x.text("cbc:AllowanceChargeReason", reason)?;
                money(x, "cbc:Amount", off)
            })?;
        }
        x.group("cac:Item", |x| {
            x.text("cbc:Name", &line.description)?;
            x.group("cac:ClassifiedTaxCategory", |x| {
                x.text("cbc:ID", line.tax.category.code())?;
                if let Some(percent) = percent(line.tax.category, line.tax.rate) {
                    x.text("cbc:Percent", percent)?;
                }
                vat(x)
            })
        })?;
        x.group("cac:Price", |x| {
            money(x, "cbc:PriceAmount", price.amount)?;
            match &price.base {
                Some(base) => x.text_with("cbc:BaseQuantity", &[("unitCode", "C62")], base),
                None => Ok(()),
            }
        })
    })
}
