//! UN/CEFACT Cross Industry Invoice D16B, profile EN 16931 of Factur-X. Elements are in the order of their schemas.

use jiff::civil::Date;
use perennial_billing::Money;

use super::xml::Xml;
use super::{Account, Facts, Group, Price, allowance, amount, endpoint, percent};
use crate::document::{Line, Party};

const GUIDELINE: &str = "urn:cen.eu:en16931:2017";
const NAMESPACES: [(&str, &str); 4] = [
    ("xmlns:rsm", "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"),
    ("xmlns:ram", "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"),
    ("xmlns:qdt", "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"),
    ("xmlns:udt", "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"),
];
/// A day as `20261126` (UNTDID 2379).
const DAY: &str = "102";

type Done = std::io::Result<()>;

pub(super) fn write(facts: &Facts<'_>) -> std::io::Result<String> {
    let document = facts.document;
    let type_code = if facts.is_invoice() { "380" } else { "381" };
    Xml::document("rsm:CrossIndustryInvoice", &NAMESPACES, |x| {
        x.group("rsm:ExchangedDocumentContext", |x| {
            x.group("ram:GuidelineSpecifiedDocumentContextParameter", |x| x.text("ram:ID", GUIDELINE))
        })?;
        x.group("rsm:ExchangedDocument", |x| {
            x.text("ram:ID", &document.number)?;
            x.text("ram:TypeCode", type_code)?;
            date(x, "ram:IssueDateTime", document.issued_on)?;
            if document.note.is_empty() {
                return Ok(());
            }
            x.group("ram:IncludedNote", |x| x.text("ram:Content", &document.note))
        })?;
        x.group("rsm:SupplyChainTradeTransaction", |x| {
            facts.lines().try_for_each(|(place, of, price)| line(x, place, of, price))?;
            x.group("ram:ApplicableHeaderTradeAgreement", |x| {
                x.some("ram:BuyerReference", &document.buyer_reference)?;
                x.group("ram:SellerTradeParty", |x| party(x, &document.seller, facts.shows_vat))?;
                x.group("ram:BuyerTradeParty", |x| party(x, &document.buyer, facts.shows_vat))
            })?;
            x.group("ram:ApplicableHeaderTradeDelivery", |x| delivery(x, facts))?;
            x.group("ram:ApplicableHeaderTradeSettlement", |x| {
                // It belongs to the way of paying (BG-16), and there is none without an account (BR-49).
                if let Some(reference) = document.payment.reference.as_ref().filter(|_| !facts.accounts().1.is_empty())
                {
                    x.text("ram:PaymentReference", reference.as_str())?;
                }
                if let Some(home) = &document.home_tax {
                    x.text("ram:TaxCurrencyCode", home.tax.currency.code())?;
                }
                x.text("ram:InvoiceCurrencyCode", document.currency.code())?;
                payment(x, facts)?;
                facts.groups.iter().try_for_each(|group| tax(x, group))?;
                x.group("ram:SpecifiedTradePaymentTerms", |x| date(x, "ram:DueDateDateTime", document.due_on))?;
                x.group("ram:SpecifiedTradeSettlementHeaderMonetarySummation", |x| {
                    x.text("ram:LineTotalAmount", amount(facts.lines))?;
                    x.text("ram:TaxBasisTotalAmount", amount(document.net))?;
                    total_tax(x, document.tax)?;
                    if let Some(home) = &document.home_tax {
                        total_tax(x, home.tax)?;
                    }
                    if document.rounding.minor != 0 {
                        x.text("ram:RoundingAmount", amount(document.rounding))?;
                    }
                    x.text("ram:GrandTotalAmount", amount(facts.with_tax))?;
                    if document.paid.minor != 0 {
                        x.text("ram:TotalPrepaidAmount", amount(document.paid))?;
                    }
                    x.text("ram:DuePayableAmount", amount(facts.payable))
                })?;
                let Some(corrected) = &document.corrects else { return Ok(()) };
                x.group("ram:InvoiceReferencedDocument", |x| {
                    x.text("ram:IssuerAssignedID", &corrected.number)?;
                    x.group("ram:FormattedIssueDateTime", |x| {
                        x.text_with("qdt:DateTimeString", &[("format", DAY)], day(corrected.issued_on))
                    })
                })
            })
        })
    })
}

fn day(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

fn date(x: &mut Xml, name: &str, date: Date) -> Done {
    x.group(name, |x| x.text_with("udt:DateTimeString", &[("format", DAY)], day(date)))
}

fn total_tax(x: &mut Xml, tax: Money) -> Done {
    x.text_with("ram:TaxTotalAmount", &[("currencyID", tax.currency.code())], amount(tax))
}

fn party(x: &mut Xml, party: &Party, shows_vat: bool) -> Done {
    x.text("ram:Name", &party.name)?;
    if !party.company_number.is_empty() {
        x.group("ram:SpecifiedLegalOrganization", |x| x.text("ram:ID", &party.company_number))?;
    }
    if !(party.contact.is_empty() && party.phone.is_empty() && party.email.is_empty()) {
        x.group("ram:DefinedTradeContact", |x| {
            x.some("ram:PersonName", &party.contact)?;
            if !party.phone.is_empty() {
                x.group("ram:TelephoneUniversalCommunication", |x| x.text("ram:CompleteNumber", &party.phone))?;
            }
            if party.email.is_empty() {
                return Ok(());
            }
            x.group("ram:EmailURIUniversalCommunication", |x| x.text("ram:URIID", &party.email))
        })?;
    }
    x.group("ram:PostalTradeAddress", |x| {
        x.some("ram:PostcodeCode", &party.postcode)?;
        x.some("ram:LineOne", &party.address1)?;
        x.some("ram:LineTwo", &party.address2)?;
        x.some("ram:CityName", &party.city)?;
        x.text("ram:CountryID", &party.country)
    })?;
    if let Some((scheme, address)) = endpoint(party) {
        x.group("ram:URIUniversalCommunication", |x| x.text_with("ram:URIID", &[("schemeID", scheme)], address))?;
    }
    if !shows_vat || party.vat_number.is_empty() {
        return Ok(());
    }
    x.group("ram:SpecifiedTaxRegistration", |x| x.text_with("ram:ID", &[("schemeID", "VA")], &party.vat_number))
}

/// Goods that went to another member state: when, and to which (BR-IC-11, BR-IC-12).
fn delivery(x: &mut Xml, facts: &Facts<'_>) -> Done {
    if !facts.is_delivered_abroad() {
        return Ok(());
    }
    x.group("ram:ShipToTradeParty", |x| {
        x.group("ram:PostalTradeAddress", |x| x.text("ram:CountryID", &facts.document.buyer.country))
    })?;
    let issued_on = facts.document.issued_on;
    x.group("ram:ActualDeliverySupplyChainEvent", |x| date(x, "ram:OccurrenceDateTime", issued_on))
}

fn payment(x: &mut Xml, facts: &Facts<'_>) -> Done {
    let (code, accounts) = facts.accounts();
    accounts.iter().try_for_each(|account| {
        let (element, number, bank) = match account {
            Account::Iban(iban) => ("ram:IBANID", *iban, facts.document.payment.bic.as_ref()),
            Account::Giro(giro, _) => ("ram:ProprietaryID", *giro, None),
            Account::Fik { creditor, .. } => ("ram:ProprietaryID", *creditor, None),
        };
        x.group("ram:SpecifiedTradeSettlementPaymentMeans", |x| {
            x.text("ram:TypeCode", code)?;
            x.group("ram:PayeePartyCreditorFinancialAccount", |x| x.text(element, number))?;
            let Some(bank) = bank else { return Ok(()) };
            x.group("ram:PayeeSpecifiedCreditorFinancialInstitution", |x| x.text("ram:BICID", bank.as_str()))
        })
    })
}

fn tax(x: &mut Xml, group: &Group) -> Done {
    x.group("ram:ApplicableTradeTax", |x| {
        x.text("ram:CalculatedAmount", amount(group.tax))?;
        x.text("ram:TypeCode", "VAT")?;
        x.some("ram:ExemptionReason", group.reason.as_deref().unwrap_or_default())?;
        x.text("ram:BasisAmount", amount(group.base))?;
        x.text("ram:CategoryCode", group.category.code())?;
        x.some("ram:ExemptionReasonCode", group.code.unwrap_or_default())?;
        match percent(group.category, group.rate) {
            Some(percent) => x.text("ram:RateApplicablePercent", percent),
            None => Ok(()),
        }
    })
}

fn line(x: &mut Xml, place: usize, line: &Line, price: &Price) -> Done {
    x.group("ram:IncludedSupplyChainTradeLineItem", |x| {
        x.group("ram:AssociatedDocumentLineDocument", |x| x.text("ram:LineID", place.to_string()))?;
        x.group("ram:SpecifiedTradeProduct", |x| x.text("ram:Name", &line.description))?;
        x.group("ram:SpecifiedLineTradeAgreement", |x| {
            x.group("ram:NetPriceProductTradePrice", |x| {
                x.text("ram:ChargeAmount", amount(price.amount))?;
                match &price.base {
                    Some(base) => x.text_with("ram:BasisQuantity", &[("unitCode", "C62")], base),
                    None => Ok(()),
                }
            })
        })?;
        x.group("ram:SpecifiedLineTradeDelivery", |x| {
            x.text_with("ram:BilledQuantity", &[("unitCode", "C62")], &price.quantity)
        })?;
        x.group("ram:SpecifiedLineTradeSettlement", |x| {
            x.group("ram:ApplicableTradeTax", |x| {
                x.text("ram:TypeCode", "VAT")?;
                x.text("ram:CategoryCode", line.tax.category.code())?;
                match percent(line.tax.category, line.tax.rate) {
                    Some(percent) => x.text("ram:RateApplicablePercent", percent),
                    None => Ok(()),
                }
            })?;
            if let Some(period) = &line.period {
                x.group("ram:BillingSpecifiedPeriod", |x| {
                    date(x, "ram:StartDateTime", period.starts)?;
                    date(x, "ram:EndDateTime", period.last_day())
                })?;
            }
            if let Some((off, reason)) = allowance(line) {
                x.group("ram:SpecifiedTradeAllowanceCharge", |x| {
                    x.group("ram:ChargeIndicator", |x| x.text("udt:Indicator", "false"))?;
                    x.text("ram:ActualAmount", amount(off))?;
                    x.text("ram:Reason", reason)
                })?;
            }
            x.group("ram:SpecifiedTradeSettlementLineMonetarySummation", |x| {
                x.text("ram:LineTotalAmount", amount(line.net))
            })
        })
    })
}
