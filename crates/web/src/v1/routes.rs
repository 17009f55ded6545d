//! Every operation of v1, on one page.

use perennial_app::Scope::{
    ReadBilling, ReadCustomers, ReadKeys, ReadServices, WriteBilling, WriteKeys, WriteServices,
};

use super::{
    account, accounts, autorenew, billing_cc, billing_cycle, cancel_hosting, cards, credit, invoice_pdf, invoices,
    keys, payment_link, renew, resend_email, transactions,
};
use crate::operation::Access::{Public, Scoped};
use crate::operation::{Operations, at};

const V1: &str = "v1";

/// All of them.
pub(crate) fn operations() -> Operations {
    [
        at(V1, "/api/services/{accountId}/renew").post(
            "v1Renew",
            Scoped(&[WriteBilling]),
            renew::renew,
            "Renew a service, and generate its invoice",
        ),
        at(V1, "/api/client-accounts").get(
            "v1ListClientAccounts",
            Scoped(&[ReadServices]),
            accounts::client_accounts,
            "Services",
        ),
        at(V1, "/api/hosting-accounts").get(
            "v1ListHostingAccounts",
            Scoped(&[ReadServices]),
            accounts::hosting_accounts,
            "Hosting services",
        ),
        at(V1, "/api/get-account-details")
            .post("v1GetAccountDetails", Scoped(&[ReadServices]), account::service_details, "One service")
            .not_repeatable(),
        at(V1, "/api/account/details").get(
            "v1GetCustomerDetails",
            Scoped(&[ReadCustomers, ReadBilling]),
            account::customer_details,
            "The customer whose key it is",
        ),
        at(V1, "/api/billing/invoices")
            .get("v1ListInvoices", Scoped(&[ReadBilling]), invoices::list, "Invoices, newest first")
            .post("v1QueryInvoices", Scoped(&[ReadBilling]), invoices::query, "Invoices, with the filters in the body")
            .not_repeatable(),
        at(V1, "/api/billing/invoice/{id}").get(
            "v1GetInvoice",
            Scoped(&[ReadBilling]),
            invoices::detail,
            "One invoice",
        ),
        at(V1, "/api/billing/invoice/pdf")
            .post("v1InvoicePdf", Scoped(&[ReadBilling]), invoice_pdf::pdf, "Invoices as one PDF, in base64")
            .not_repeatable(),
        at(V1, "/api/billing/invoice/{id}/resend-email").post(
            "v1ResendEmail",
            Scoped(&[WriteBilling]),
            resend_email::resend_email,
            "Mail an invoice again",
        ),
        at(V1, "/api/billing/invoice/{id}/apply-credit").post(
            "v1ApplyCredit",
            Scoped(&[WriteBilling]),
            credit::apply,
            "Pay an invoice with credit",
        ),
        at(V1, "/api/billing/invoice/{id}/cancel").post(
            "v1CancelInvoice",
            Scoped(&[WriteBilling]),
            credit::cancel,
            "Call an Add Funds invoice off",
        ),
        at(V1, "/api/billing/invoice/{id}/payment-link")
            .get("v1GetPaymentLink", Scoped(&[ReadBilling]), payment_link::status, "Where its payment link stands")
            .post(
                "v1MakePaymentLink",
                Scoped(&[WriteBilling]),
                payment_link::make,
                "Make a payment link, or find the one there is",
            ),
        at(V1, "/api/billing/payment-link/{uuid}").get(
            "v1OpenPaymentLink",
            Public,
            payment_link::open,
            "The invoice that a payment link leads to",
        ),
        at(V1, "/api/billing/payment-link/{uuid}/pay")
            .post("v1PayByLink", Public, payment_link::pay, "Begin to pay: nobody takes payments yet, so it is refused")
            .not_repeatable(),
        at(V1, "/api/billing/pay").post(
            "v1PayByCard",
            Scoped(&[WriteBilling]),
            cards::pay,
            "Pay an invoice by card: no card is stored, so it is refused",
        ),
        at(V1, "/api/billing/cards").get(
            "v1ListCards",
            Scoped(&[ReadBilling]),
            cards::list,
            "Stored cards: there are none",
        ),
        at(V1, "/api/billing/account-summary").get(
            "v1AccountSummary",
            Scoped(&[ReadBilling]),
            credit::summary,
            "What the customer has, and who it is",
        ),
        at(V1, "/api/billing/credit-log").get(
            "v1CreditLog",
            Scoped(&[ReadBilling]),
            credit::log,
            "The moves of the customer's credit",
        ),
        at(V1, "/api/billing/transactions")
            .post("v1ListTransactions", Scoped(&[ReadBilling]), transactions::list, "Money that came in and went out")
            .not_repeatable(),
        at(V1, "/api/account/billing-cc").post(
            "v1AddBillingCc",
            Scoped(&[WriteBilling]),
            billing_cc::add,
            "Add a recipient of the customer's mails",
        ),
        at(V1, "/api/credit/add-funds").post(
            "v1AddFunds",
            Scoped(&[WriteBilling]),
            credit::add_funds,
            "Ask for money that becomes credit",
        ),
        at(V1, "/api/hosting/{accountId}/billing-cycle")
            .get("v1GetHostingCycle", Scoped(&[ReadServices]), billing_cycle::of_hosting, "The cycles that can be had")
            .can_conflict()
            .post(
                "v1ChangeHostingCycle",
                Scoped(&[WriteBilling, WriteServices]),
                billing_cycle::change_hosting,
                "Change the cycle",
            ),
        at(V1, "/api/vm/{vmid}/billing-cycle")
            .get("v1GetVmCycle", Scoped(&[ReadServices]), billing_cycle::of_vm, "The cycles that can be had")
            .can_conflict()
            .post(
                "v1ChangeVmCycle",
                Scoped(&[WriteBilling, WriteServices]),
                billing_cycle::change_vm,
                "Change the cycle",
            ),
        at(V1, "/api/cancel-hosting").post(
            "v1CancelHosting",
            Scoped(&[WriteBilling, WriteServices]),
            cancel_hosting::cancel_hosting,
            "Cancel a service",
        ),
        at(V1, "/api/vm/{vmid}/autorenew").get(
            "v1GetAutoRenew",
            Scoped(&[ReadServices]),
            autorenew::autorenew,
            "Whether and when it renews itself",
        ),
        at(V1, "/api/keys")
            .get("v1ListKeys", Scoped(&[ReadKeys]), keys::list, "API keys, newest first")
            .post("v1CreateKey", Scoped(&[WriteKeys]), keys::create, "Make an API key")
            .not_repeatable()
            .delete("v1DeleteKey", Scoped(&[WriteKeys]), keys::revoke, "Revoke an API key"),
        at(V1, "/api/keys/scopes").get("v1ListScopes", Scoped(&[ReadKeys]), keys::scopes, "What a key can allow"),
        at(V1, "/api/keys/{keyId}").put("v1ChangeKey", Scoped(&[WriteKeys]), keys::change, "Change an API key"),
        at(V1, "/api/keys/{keyId}/roll")
            .post("v1RollKey", Scoped(&[WriteKeys]), keys::roll, "Give an API key a new secret")
            .not_repeatable(),
    ]
    .into_iter()
    .collect()
}
