//! Every operation of v2, on one page.

use perennial_app::Scope::{
    ReadAudit, ReadBilling, ReadCatalog, ReadCustomers, ReadKeys, ReadReports, ReadSellers, ReadServices, ReadWebhooks,
    WriteBilling, WriteCatalog, WriteCustomers, WriteKeys, WriteSellers, WriteServices, WriteWebhooks,
};

use super::{
    addons, alignment, audit, campaigns, cancellation, changes, contacts, credit, customers, discount, drafts, events,
    explanation, invoice_actions, invoices, keys, mails, me, papers, payment_link, payments, preview, products,
    refunds, renew, reports, runs, sellers, services, webhooks,
};
use crate::operation::Access::{Key, Scoped, Staff};
use crate::operation::{Operations, at};

const SERVICES: &str = "Services";
const INVOICES: &str = "Invoices";
const PAYMENTS: &str = "Payments";
const DRAFTS: &str = "Drafts";
const REPORTS: &str = "Reports";
const CUSTOMERS: &str = "Customers";
const CAMPAIGNS: &str = "Price campaigns";
const RUNS: &str = "Renewal runs";
const MAILS: &str = "Mails";
const PRODUCTS: &str = "Products";
const SELLERS: &str = "Sellers";
const AUDIT: &str = "Audit";
const KEYS: &str = "Keys";
const WEBHOOKS: &str = "Webhooks";

/// All of them.
pub(crate) fn operations() -> Operations {
    [
        at(CUSTOMERS, "/api/v2/customers")
            .get("listCustomers", Staff(&[ReadCustomers, ReadBilling]), customers::list, "Customers, newest first")
            .with("With `email`, those with exactly that address.")
            .post("createCustomer", Staff(&[WriteCustomers]), customers::create, "Take a customer in")
            .with(
                "How it is taxed follows from the two countries, its kind, its VAT number and its exemption, on the day of \
                 each invoice.",
            ),
        at(CUSTOMERS, "/api/v2/customers/{id}")
            .get("getCustomer", Scoped(&[ReadCustomers, ReadBilling]), customers::detail, "One customer")
            .patch("changeCustomer", Staff(&[WriteCustomers]), customers::change, "Change a customer")
            .with("Invoices that were issued keep their copy."),
        at(CUSTOMERS, "/api/v2/customers/{id}/contacts")
            .get("listContacts", Scoped(&[ReadCustomers, ReadBilling]), contacts::list, "Who else gets the customer's mails")
            .post("putContact", Scoped(&[WriteCustomers, WriteBilling]), contacts::put, "Add a recipient, or rename one")
            .with("A recipient that is known by its address keeps its id and gets the new description."),
        at(CUSTOMERS, "/api/v2/customers/{id}/contacts/{contact}")
            .delete("removeContact", Scoped(&[WriteCustomers, WriteBilling]), contacts::remove, "Remove a recipient"),
        at(CUSTOMERS, "/api/v2/customers/{id}/preview")
            .get("previewCustomer", Scoped(&[ReadBilling]), preview::of_customer, "The invoices to come")
            .with(PREVIEW),
        at(CUSTOMERS, "/api/v2/customers/{id}/actions/align")
            .post("alignServices", Scoped(&[WriteServices, WriteBilling]), alignment::align, "Bring services to one day")
            .with("What is in between is billed by the day on one invoice. With `dryRun`, only what that would bill."),
        at(SERVICES, "/api/v2/services")
            .get("listServices", Scoped(&[ReadServices]), services::list, "Services, newest first")
            .post("createService", Staff(&[WriteServices]), services::create, "Sell a service")
            .with("Nothing is invoiced with it: its first period is billed by its first renewal."),
        at(CUSTOMERS, "/api/v2/customers/{id}/credit")
            .get("getCredit", Scoped(&[ReadBilling]), credit::balances, "What the customer has, by currency"),
        at(CUSTOMERS, "/api/v2/customers/{id}/credit/moves")
            .get("listCreditMoves", Scoped(&[ReadBilling]), credit::moves, "The moves of its credit, newest first"),
        at(CUSTOMERS, "/api/v2/customers/{id}/actions/add-funds")
            .post("addFunds", Scoped(&[WriteBilling]), credit::add_funds, "Ask for money that becomes credit")
            .with("A deposit is issued. It is no invoice and bears no tax; when it is paid, the money is the customer's credit."),
        at(SERVICES, "/api/v2/services/{id}")
            .get("getService", Scoped(&[ReadServices]), services::detail, "One service")
            .patch("changeService", Scoped(&[WriteServices, WriteBilling]), services::change, "Change a service")
            .with("Product, quantity and cycle are changed by a change of the service, which is billed."),
        at(SERVICES, "/api/v2/services/{id}/actions/renew")
            .post("renewService", Scoped(&[WriteBilling]), renew::renew, "Renew a service")
            .with(
                "One period with all add-ons, unless the body says otherwise; none of the periods starts later than the \
                 seller renews ahead. With `dryRun`, what would be issued: the invoice is the same.",
            ),
        at(SERVICES, "/api/v2/renewals")
            .post("renewServices", Scoped(&[WriteBilling]), renew::renew_many, "Renew many services")
            .with("Each for its next period and by itself, with an outcome for each: one that is refused takes nothing down with it."),
        at(SERVICES, "/api/v2/services/{id}/preview")
            .get("previewService", Scoped(&[ReadBilling]), preview::of_service, "The invoices to come, of one service")
            .with(PREVIEW),
        at(SERVICES, "/api/v2/services/{id}/explanation")
            .get("explainService", Staff(&[ReadBilling]), explanation::explain, "What a run does with it, and why"),
        at(SERVICES, "/api/v2/services/{id}/changes")
            .get("listServiceChanges", Scoped(&[ReadServices]), changes::list, "What has been changed, newest first")
            .post("makeServiceChange", Scoped(&[WriteServices, WriteBilling]), changes::make, "Change what is sold")
            .with(
                "Another product, quantity or cycle; what is left out stays. A customer's own key can change the cycle and \
                 nothing else. With `dryRun`, what that would come to.",
            ),
        at(SERVICES, "/api/v2/services/{id}/unused")
            .get("unusedValue", Scoped(&[ReadBilling]), changes::unused, "What is left today of what is billed"),
        at(SERVICES, "/api/v2/services/{id}/addons")
            .get("listAddons", Scoped(&[ReadServices]), addons::list, "What is sold on top of it")
            .post("sellAddon", Staff(&[WriteServices, WriteBilling]), addons::sell, "Sell an add-on")
            .with("With `dryRun`, what that would bill."),
        at(SERVICES, "/api/v2/addons/{id}")
            .delete("endAddon", Scoped(&[WriteServices, WriteBilling]), addons::end, "End an add-on"),
        at(SERVICES, "/api/v2/services/{id}/discount")
            .post("redeemCoupon", Scoped(&[WriteServices, WriteBilling]), discount::redeem, "Use a coupon")
            .delete("endDiscount", Staff(&[WriteServices, WriteBilling]), discount::end, "End its discount"),
        at(SERVICES, "/api/v2/services/{id}/cancellation")
            .get("getCancellation", Scoped(&[ReadServices]), cancellation::detail, "The last cancellation there was")
            .post("cancelService", Scoped(&[WriteServices, WriteBilling]), cancellation::request, "Cancel a service")
            .delete("keepService", Scoped(&[WriteServices, WriteBilling]), cancellation::revoke, "Take a cancellation back"),
        at(INVOICES, "/api/v2/invoices")
            .get("listInvoices", Scoped(&[ReadBilling]), invoices::list, "Documents, newest first")
            .with("Invoices, credit notes and deposits; a customer's own key sees that customer's."),
        at(INVOICES, "/api/v2/invoices/{id}")
            .get("getInvoice", Scoped(&[ReadBilling]), invoices::detail, "One document, with its lines"),
        at(INVOICES, "/api/v2/invoices/{id}/actions/credit")
            .post("creditInvoice", Staff(&[WriteBilling]), invoice_actions::credit, "Issue a credit note")
            .with(
                "Over all that is not given back yet, over `lines`, or over an `amount`. What is not paid yet is not asked for \
                 any more; what is paid becomes the customer's credit. Periods that are given back whole can be billed again.",
            ),
        at(INVOICES, "/api/v2/invoices/{id}/actions/void")
            .post("voidInvoice", Staff(&[WriteBilling]), invoice_actions::void, "Void an invoice")
            .with("Only one that nothing is paid of, nobody was sent, and which is the last of its series."),
        at(INVOICES, "/api/v2/invoices/{id}/actions/write-off")
            .post("writeOffInvoice", Staff(&[WriteBilling]), invoice_actions::write_off, "Give up what is to be paid"),
        at(INVOICES, "/api/v2/invoices/{id}/actions/apply-credit")
            .post("applyCredit", Scoped(&[WriteBilling]), invoice_actions::apply_credit, "Pay with the customer's credit")
            .with("Without an `amount`, as much as there is and is needed."),
        at(INVOICES, "/api/v2/invoices/{id}/pdf")
            .get("getInvoicePdf", Scoped(&[ReadBilling]), papers::pdf, "The PDF of a document")
            .can_conflict(),
        at(INVOICES, "/api/v2/invoices/{id}/xml")
            .get("getInvoiceXml", Scoped(&[ReadBilling]), papers::xml, "The e-invoice of a document (EN 16931)")
            .can_conflict(),
        at(INVOICES, "/api/v2/invoices/{id}/payment-link")
            .get("getPaymentLink", Scoped(&[ReadBilling]), payment_link::status, "Where its payment link stands")
            .post("makePaymentLink", Scoped(&[WriteBilling]), payment_link::make, "Make a payment link")
            .with(
                "An address at which the invoice is seen and paid without a key, for 30 days or until nothing is to be paid. \
                 While one is good, it is the answer, with 200.",
            )
            .delete("revokePaymentLink", Scoped(&[WriteBilling]), payment_link::revoke, "Revoke its payment link"),
        at(INVOICES, "/api/v2/invoices/{id}/mails")
            .get("listInvoiceMails", Scoped(&[ReadBilling]), mails::of_invoice, "The mails with it, newest first"),
        at(INVOICES, "/api/v2/invoices/{id}/actions/mail")
            .post("mailInvoice", Scoped(&[WriteBilling]), mails::resend, "Mail it again")
            .with("To the address that the customer has now, and to its contacts. The mail is queued."),
        at(INVOICES, "/api/v2/invoices/{id}/actions/remind")
            .post("remindOfInvoice", Staff(&[WriteBilling]), mails::remind, "Remind of it")
            .with("Only of an invoice that is overdue."),
        at(PAYMENTS, "/api/v2/payments")
            .get("listPayments", Scoped(&[ReadBilling]), payments::list, "Money that came in, newest first")
            .post("recordPayment", Staff(&[WriteBilling]), payments::record, "Record money that came in")
            .with(
                "It pays `invoices`, or what is owed the longest first; what is left becomes the customer's credit. The same \
                 method and reference once more is the same payment: 200, and nothing is done again.",
            ),
        at(PAYMENTS, "/api/v2/payments/{id}")
            .get("getPayment", Scoped(&[ReadBilling]), payments::detail, "One payment, and what became of it"),
        at(PAYMENTS, "/api/v2/refunds")
            .post("recordRefund", Staff(&[WriteBilling]), refunds::record, "Record money that went back")
            .with(
                "Out of the customer's credit. The same method and reference once more is the same refund, and nothing is done \
                 again. It is seen among the moves of the credit.",
            ),
        at(DRAFTS, "/api/v2/drafts")
            .get("listDrafts", Staff(&[ReadBilling]), drafts::list, "Drafts, oldest first")
            .post("createDraft", Staff(&[WriteBilling]), drafts::create, "Begin an invoice"),
        at(DRAFTS, "/api/v2/drafts/{id}")
            .get("getDraft", Staff(&[ReadBilling]), drafts::detail, "One draft, as its invoice would be today")
            .delete("deleteDraft", Staff(&[WriteBilling]), drafts::delete, "Throw a draft away"),
        at(DRAFTS, "/api/v2/drafts/{id}/actions/issue")
            .post("issueDraft", Staff(&[WriteBilling]), drafts::issue, "Issue a draft")
            .with("It gets its number, is mailed as the seller has it, and is no draft any more."),
        at(REPORTS, "/api/v2/reports/vat")
            .get("getVatReport", Staff(&[ReadReports]), reports::vat, "The tax on what was invoiced")
            .with("By the day of issue, in the seller's currency."),
        at(REPORTS, "/api/v2/reports/ageing")
            .get("getAgeingReport", Staff(&[ReadReports]), reports::ageing, "What customers owe, by how long it is overdue")
            .with("A page by customer. Deposits are left out."),
        at(REPORTS, "/api/v2/reports/series")
            .get("getSeriesReport", Staff(&[ReadReports]), reports::series, "Series of numbers, with what is void or missing"),
        at(REPORTS, "/api/v2/reports/ledger")
            .get("getLedger", Staff(&[ReadReports]), reports::ledger, "What was booked, row by row")
            .with("By kind of event and its id; what one event has booked stands together."),
        at(CAMPAIGNS, "/api/v2/campaigns")
            .get("listCampaigns", Staff(&[ReadCatalog, ReadBilling]), campaigns::list, "Price campaigns, newest first")
            .post("startCampaign", Staff(&[WriteCatalog, WriteBilling]), campaigns::start, "Change the prices of many services")
            .with("With `dryRun`, what that would do."),
        at(CAMPAIGNS, "/api/v2/campaigns/{id}")
            .get("getCampaign", Staff(&[ReadCatalog, ReadBilling]), campaigns::detail, "One price campaign")
            .delete("undoCampaign", Staff(&[WriteCatalog, WriteBilling]), campaigns::undo, "Take a price campaign back"),
        at(CAMPAIGNS, "/api/v2/campaigns/{id}/services")
            .get("listCampaignServices", Staff(&[ReadCatalog, ReadBilling]), campaigns::services, "Its services"),
        at(CAMPAIGNS, "/api/v2/campaigns/{id}/opt-outs")
            .post("optOutOfCampaign", Staff(&[WriteCatalog, WriteBilling]), campaigns::opt_out, "Leave services out of it"),
        at(RUNS, "/api/v2/runs")
            .get("listRuns", Staff(&[ReadBilling]), runs::list, "Renewal runs, newest first")
            .post("startRun", Staff(&[WriteBilling]), runs::start, "Start a renewal run")
            .with("It goes on by itself. If one is under way, that is the answer. With `dryRun`, what one would do."),
        at(RUNS, "/api/v2/runs/{id}").get("getRun", Staff(&[ReadBilling]), runs::detail, "The report of a run"),
        at(RUNS, "/api/v2/runs/{id}/problems")
            .get("listRunProblems", Staff(&[ReadBilling]), runs::problems, "What it did not renew"),
        at(MAILS, "/api/v2/mails").get("listMails", Staff(&[ReadBilling]), mails::list, "Mails, newest first"),
        at(MAILS, "/api/v2/mails/{id}")
            .get("getMail", Staff(&[ReadBilling]), mails::detail, "One mail, and what became of it")
            .delete("callOffMail", Staff(&[WriteBilling]), mails::call_off, "Call a mail off"),
        at(MAILS, "/api/v2/mails/{id}/actions/retry")
            .post("retryMail", Staff(&[WriteBilling]), mails::retry, "Try a mail again")
            .with("Now, and for a full round."),
        at(PRODUCTS, "/api/v2/products")
            .get("listProducts", Scoped(&[ReadCatalog, ReadServices]), products::list, "Products, newest first")
            .post("createProduct", Staff(&[WriteCatalog]), products::create, "Add a product"),
        at(PRODUCTS, "/api/v2/products/{id}")
            .get("getProduct", Scoped(&[ReadCatalog, ReadServices]), products::detail, "One product")
            .with("Its version moves with its prices too.")
            .patch("changeProduct", Staff(&[WriteCatalog]), products::change, "Change a product"),
        at(PRODUCTS, "/api/v2/products/{id}/prices")
            .get("listPrices", Scoped(&[ReadCatalog, ReadServices]), products::prices, "Its price versions, newest first")
            .with("Those of the past and of the future too.")
            .post("createPrice", Staff(&[WriteCatalog]), products::create_price, "Add a price version")
            .with("Versions are never changed: a new price is another version with a later start."),
        at(SELLERS, "/api/v2/sellers")
            .get("listSellers", Staff(&[ReadSellers]), sellers::list, "The seller to whom the key belongs"),
        at(SELLERS, "/api/v2/sellers/{id}")
            .get("getSeller", Staff(&[ReadSellers]), sellers::detail, "Who the seller is, and its rules")
            .patch("changeSeller", Staff(&[WriteSellers]), sellers::change, "Change who the seller is, or its rules")
            .with("Documents that were issued keep what they were issued with."),
        at(AUDIT, "/api/v2/audit").get("listAudit", Staff(&[ReadAudit]), audit::list, "Who changed what, newest first"),
        at(KEYS, "/api/v2/me").get("getMe", Key, me::detail, "The key that asks"),
        at(KEYS, "/api/v2/keys")
            .get("listKeys", Staff(&[ReadKeys]), keys::list, "API keys, newest first")
            .post("createKey", Staff(&[WriteKeys]), keys::create, "Make a key")
            .with(
                "The secret is in the answer and never shown again. A key allows nothing that its maker's does not. An \
                 `Idempotency-Key` has no effect: the secret is not kept to be told again.",
            )
            .not_repeatable(),
        at(KEYS, "/api/v2/keys/{id}")
            .get("getKey", Staff(&[ReadKeys]), keys::detail, "One key")
            .patch("changeKey", Staff(&[WriteKeys]), keys::change, "Change a key")
            .with("What it is called, what it allows, how long and from where. A key that is revoked cannot be changed.")
            .delete("revokeKey", Staff(&[WriteKeys]), keys::revoke, "Revoke a key")
            .with("It stops working within a second, in every process, and stays in the list."),
        at(KEYS, "/api/v2/keys/{id}/actions/rotate")
            .post("rotateKey", Staff(&[WriteKeys]), keys::rotate, "Give a key a new secret")
            .with(
                "The old one works on for `overlapHours`, so that it can be replaced without haste; with 0, it ends now. \
                 Rotating once more ends it too. The new secret is in the answer and never shown again; an \
                 `Idempotency-Key` has no effect.",
            )
            .not_repeatable(),
        at(WEBHOOKS, "/api/v2/webhooks")
            .get("listWebhooks", Staff(&[ReadWebhooks]), webhooks::list, "Who is told what happens")
            .post("createWebhook", Staff(&[WriteWebhooks]), webhooks::create, "Be told what happens")
            .with(
                "From now on, as messages that are signed by the scheme of Standard Webhooks. The secret is in the answer and                  never shown again; an `Idempotency-Key` has no effect.",
            )
            .not_repeatable(),
        at(WEBHOOKS, "/api/v2/webhooks/{id}")
            .get("getWebhook", Staff(&[ReadWebhooks]), webhooks::detail, "One webhook")
            .patch("changeWebhook", Staff(&[WriteWebhooks]), webhooks::change, "Change a webhook")
            .with("One that is enabled again is told what happens from then on; what it has missed is sent by a replay.")
            .delete("removeWebhook", Staff(&[WriteWebhooks]), webhooks::remove, "Remove a webhook")
            .with("What is on its way to it is not sent."),
        at(WEBHOOKS, "/api/v2/webhooks/{id}/actions/rotate-secret")
            .post("rotateWebhookSecret", Staff(&[WriteWebhooks]), webhooks::rotate, "Give a webhook a new secret")
            .with(
                "For `overlapHours`, messages are signed with both, so that a receiver can take over the new one without haste. \
                 The secret is in the answer and never shown again; an `Idempotency-Key` has no effect.",
            )
            .not_repeatable(),
        at(WEBHOOKS, "/api/v2/webhooks/{id}/actions/test")
            .post("testWebhook", Staff(&[WriteWebhooks]), webhooks::test, "Send a `webhook.test` now")
            .with("And tell what it was answered with. An `Idempotency-Key` has no effect.")
            .not_repeatable(),
        at(WEBHOOKS, "/api/v2/webhooks/{id}/actions/replay")
            .post("replayEvents", Staff(&[WriteWebhooks]), webhooks::replay, "Send again what happened")
            .with(
                "From a moment or an event on, under the same `webhook-id`s as the first time: up to 10,000 events; \
                 `nextEvent` says where the next call goes on.",
            ),
        at(WEBHOOKS, "/api/v2/webhooks/{id}/deliveries")
            .get("listDeliveries", Staff(&[ReadWebhooks]), webhooks::deliveries, "What was sent to it, newest first")
            .with("Deliveries are remembered for 30 days after they were settled."),
        at(WEBHOOKS, "/api/v2/webhooks/{id}/deliveries/{event}/actions/retry")
            .post("retryDelivery", Staff(&[WriteWebhooks]), webhooks::retry, "Send one event again")
            .with("Now, and for another three days; also one that it was not told, or does not want to be told."),
        at(WEBHOOKS, "/api/v2/events").get("listEvents", Staff(&[ReadWebhooks]), events::list, "What happened, newest first"),
        at(WEBHOOKS, "/api/v2/events/{id}")
            .get("getEvent", Staff(&[ReadWebhooks]), events::detail, "One event, and the message that tells it"),
    ]
    .into_iter()
    .collect()
}

const PREVIEW: &str = "The invoices that the coming runs will issue, through `on`, at most 36 months ahead; without it, those of \
    the next run that issues any. Every invoice is taken for paid on the day it is due.";
