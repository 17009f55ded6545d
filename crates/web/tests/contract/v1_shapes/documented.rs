//! The calls of v1 as the original documents them: the body it takes, the `data` of its answer, and where ours differs.
//!
//! Values are those of the documented examples where it has any, and otherwise say the type: 0.5 is a number that may have a
//! fraction. Calls that it documents and we do not have: orders, Swish, metered usage, account automation, domains, the list of
//! cancellations, and removing a card.

/// One call.
pub struct Call {
    /// Our name for it.
    pub id: &'static str,
    pub body: Option<&'static str>,
    /// None if we refuse it always.
    pub data: Option<&'static str>,
    /// What differs, and why.
    pub choices: &'static [(&'static str, &'static str)],
}

/// A call that only asks.
const fn read(id: &'static str, data: &'static str) -> Call {
    Call { id, body: None, data: Some(data), choices: &[] }
}

/// A call with a body.
const fn send(id: &'static str, body: &'static str, data: &'static str) -> Call {
    Call { id, body: Some(body), data: Some(data), choices: &[] }
}

impl Call {
    const fn but(mut self, choices: &'static [(&'static str, &'static str)]) -> Self {
        self.choices = choices;
        self
    }

    const fn refused(mut self) -> Self {
        self.data = None;
        self
    }
}

/// Every error but one.
pub const ERROR: &str = r#"{"error":"Internal Server Error",
    "message":"Could not refresh pricing for this service. Please try again later.","code":"INTERNAL_ERROR",
    "timestamp":"2026-02-10T00:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}"#;

/// Too many requests.
pub const LIMITED: &str = r#"{"error":"","message":"","retryAfter":"","requestId":""}"#;

/// Documented errors: status, title, message and code, of a customer without a key, of a renewal without a price, and of a
/// cancellation of a wrong type, and of an unknown service; that one says `not found` twice in the original.
pub const FAILURES: [(u16, &str, &str, &str); 4] = [
    (401, "Unauthorized", "Authentication required", "UNAUTHORIZED"),
    (
        500,
        "Internal Server Error",
        "Could not refresh pricing for this service. Please try again later.",
        "INTERNAL_ERROR",
    ),
    (
        400,
        "Bad Request",
        "Invalid cancellation type. Must be \"Immediate\" or \"End of billing period\"",
        "BAD_REQUEST",
    ),
    (404, "Not Found", "Service not found", "NOT_FOUND"),
];

/// Calls of which no shape is documented.
pub const OURS: [(&str, &str); 2] =
    [("v1ListKeys", "is not documented"), ("v1ListScopes", "is only mentioned: nobody says what it answers with")];

const INVOICES: &str = r#"{"invoices":[{"id":"","locked":"","currency_id":"","date":"","dateorig":"","duedate":"",
    "paybefore":"","datepaid":"","subtotal2":"","credit":"","total":"","grandtotal":"","paid_id":"","status":"",
    "firstname":"","client_id":"","flags":"","lastname":"","companyname":"","module":"","recid":"","group_id":"",
    "formatted_id":""}],"hasMore":true,"total":"","pages":0,"currentPage":0,"success":true}"#;
const CYCLE_CHANGED: &str = r#"{"success":true,"message":"Billing cycle changed successfully","newCycle":"Annually",
    "total":"708.00","info":["Account #100011 changes saved"]}"#;
const KEY_MADE: &str = r#"{"key_id":"key_","key":"","name":"","description":"","scopes":[""],"dns_permissions":[],
    "created_at":"","message":""}"#;
const NO_SECRETS: &str = "passwords and tokens are nobody's business";
const OF_THEIR_BACK_END: &str = "it is about the login of their back end";

/// All of them, in the order of the original.
pub const CALLS: &[Call] = &[
    read(
        "v1Renew",
        r#"{"success":true,"invoiceId":"49961","message":"Renewal invoice generated successfully",
        "info":["Invoice sent to client","Invoice generated"],"serviceType":"3","raw":{"success":true,"invoice_id":"49961",
        "call":"generateNextInvoice","server_time":1768288786,"info":["Invoice sent to client","Invoice generated"]}}"#,
    ),
    read(
        "v1ListClientAccounts",
        r#"{"accounts":[{"id":"12303","manual":"0","domain":"","billingcycle":"Monthly","qty":"1","status":"Active",
        "total":"","next_due":"","product_id":"","name":"","type":"","lastname":"","firstname":"","companyname":"",
        "client_id":"30000","currency_id":"0","group_id":"","service_group_id":"","sort_order":"","label":"","paytype":"",
        "component_form_name":"","component_value_name":"","extra_details":[]}]}"#,
    ),
    read(
        "v1ListHostingAccounts",
        r#"{"hosting_accounts":[{"id":"18732","name":"","domain":"","status":"Active","type":"1","billingCycle":"Annually",
        "price":708,"currency":"SEK","nextDue":"2027-01-29","expires":"2026-01-29","product_id":"1912","custom_name":"",
        "tags":[]}],"pagination":{"currentPage":1,"perPage":1000,"totalPages":0,"totalRecords":0,"totalAllAccounts":0}}"#,
    )
    .but(&[("data.hosting_accounts[].custom_name is left out", "it is optional: a service has one label")]),
    send(
        "v1GetAccountDetails",
        r#"{"accountId":"20000"}"#,
        r#"{"details":{"id":"","domain":"","billingcycle":"","next_due":"2026-03-20","product_name":"Start (cpanel)","ip":"",
        "currency":{"code":"kr","sign":"","iso":"SEK","id":"","rate":"","decimal":"2","format":"1 234,56","rounding":"2",
        "rounding_mode":"HALF_UP"},"product_stats":{"…":0}}}"#,
    )
    .but(&[
        ("data.details.ip is null instead of string", "it may be null: no addresses are kept"),
        ("data.details.product_stats is null instead of object", "it may be null: nothing is measured"),
    ]),
    read("v1ListInvoices", INVOICES),
    // Texts and numbers are documented each in this order; how they follow upon each other is not.
    read(
        "v1GetInvoice",
        r#"{"invoice":{"id":"","paid_id":"","recurring_id":"","status":"","client_id":"","contact_id":"","date":"","duedate":"",
        "paybefore":"","datepaid":"","subtotal":0.5,"credit":0.5,"tax":0.5,"taxrate":0.5,"tax2":0.5,"taxrate2":0.5,
        "taxexempt":"","total":0.5,"grandtotal":0.5,"payment_module":"","currency_id":"","rate":0.5,"rate2":0.5,"rate3":0.5,
        "notes":"","locked":"","items":[{"id":"","invoice_id":"","type":"","item_id":"","description":"","amount":"9.95",
        "taxed":"1","qty":"1","linetotal":9.95}],"metadata":{"taxconfig":{"CompoundL2":"","TaxType":"","TaxRounding":"",
        "AllowNegativeTax":"","TaxCredited":""},"client":{"id":"","group_id":"","email":"","status":"","loginattempts":"",
        "mfamodule":"","brand_id":"","browser":"","reset_token":"","reset_expiry":"","parent_id":"","firstname":"",
        "lastname":"","companyname":"","address1":"","address2":"","city":"","…":0}}}}"#,
    )
    .but(&[
        ("data.invoice.currency is added", "`currency_id` is a number of theirs and tells no currency"),
        ("data.invoice.metadata.client.group_id is left out", OF_THEIR_BACK_END),
        ("data.invoice.metadata.client.status is left out", "the copy in an invoice is of the day it was issued"),
        ("data.invoice.metadata.client.loginattempts is left out", OF_THEIR_BACK_END),
        ("data.invoice.metadata.client.mfamodule is left out", OF_THEIR_BACK_END),
        ("data.invoice.metadata.client.brand_id is left out", OF_THEIR_BACK_END),
        ("data.invoice.metadata.client.browser is left out", OF_THEIR_BACK_END),
        ("data.invoice.metadata.client.reset_token is left out", NO_SECRETS),
        ("data.invoice.metadata.client.reset_expiry is left out", NO_SECRETS),
        ("data.invoice.metadata.client.parent_id is left out", "a customer has none above it"),
        ("data.invoice.metadata.client has another order", "`email` follows upon the names, as it always did here"),
    ]),
    send("v1QueryInvoices", r#"{"filters":{"status":"string","limit":0,"page":0},"skipCache":true}"#, INVOICES),
    send(
        "v1PayByCard",
        r#"{"invoiceId":"49332","cardId":"primary"}"#,
        r#"{"success":true,"message":"Function has been scheduled for execution"}"#,
    )
    .refused(),
    read(
        "v1MakePaymentLink",
        r#"{"paymentUrl":"https://billing.example.net/billing/pay/4a56e669-6799-42b5-915a-e87d09b28015",
        "uuid":"4a56e669-6799-42b5-915a-e87d09b28015","expiresAt":"","created":"",
        "message":"Using existing active payment link",
        "invoice":{"id":"46090","status":"Unpaid","currency":"SEK","total":300}}"#,
    )
    .but(&[("data.invoice.total is number instead of integer", "the sum has a fraction: it is not rounded")]),
    read(
        "v1GetPaymentLink",
        r#"{"hasActiveLink":true,"paymentUrl":"","uuid":"","expiresAt":"","viewCount":0,"lastViewed":"","previousLinks":[]}"#,
    ),
    read(
        "v1OpenPaymentLink",
        r#"{"invoice":{"id":"","number":"","total":0.5,"subtotal":0.5,"tax":"","currency":"","dueDate":"","status":"",
        "dateCreated":"","amountPaid":0.5,"creditApplied":0.5,"outstanding":0.5,
        "items":[{"description":"","amount":"","quantity":"","price":""}]},"token":"","isLoggedIn":true,"clientEmail":""}"#,
    ),
    send(
        "v1PayByLink",
        r#"{"paymentMethod":"stripe"}"#,
        r#"{"paymentMethod":"stripe","sessionId":"","stripeSessionUrl":""}"#,
    )
    .refused(),
    read("v1ResendEmail", r#"{"sentTo":"kund@example.com","message":"Invoice email queued"}"#),
    send("v1InvoicePdf", r#"{"invoiceIds":["51910"]}"#, r#"{"pdf":"","success":true}"#),
    send(
        "v1ApplyCredit",
        r#"{"amount":"130.00"}"#,
        r#"{"message":"Credit has been applied to invoice","invoiceId":"46376","amount":"130.00"}"#,
    ),
    read("v1CancelInvoice", r#"{"message":"Add Funds invoice has been cancelled","invoice_id":"46986"}"#),
    read(
        "v1ListCards",
        r#"{"cards":[{"id":"","cardtype":"","token_gateway_id":"","cardcreated":"","cardupdated":"","cardname":"",
        "card_contact_id":0,"cardnum":"","expdate":"","token":"","status":"","primary":true,"expirymonth":"","expiryyear":"",
        "store":true,"gateway_name":"","cardnum_pretty":"","last4":"","flags":0}],"success":true}"#,
    )
    .but(&[("data.cards is empty", "no card is stored")]),
    read("v1AccountSummary", r#"{"success":true,"credit":"0.00","email":"","name":"","country":"SE"}"#),
    read(
        "v1CreditLog",
        r#"{"hasMore":true,"success":true,"log":[{"id":"4969","date":"2026-02-10 00:00:00","client_id":"","in":"0.00",
        "out":"39.00","balance":"0.00","description":"Credit applied to invoice","invoice_id":"45919","transaction_id":"0",
        "currency_id":"0","admin_id":"0","admin_name":"","brand_id":"","client_brand_id":"","data_edit":{"balance":"",
        "client_id":"","date":"05/12/2025","description":"","id":"","in":"","invoice_id":"","out":"","transaction_id":""}}]}"#,
    ),
    send("v1AddFunds", r#"{"amount":""}"#, r#"{"invoiceId":"","amount":0.5,"message":""}"#),
    send(
        "v1ListTransactions",
        r#"{"filters":{"…":0}}"#,
        r#"{"success":true,"hasMore":true,"transactions":[{"id":"39114","in":"374.00","out":"0.00","fee":"0.00","type":"invoice",
        "status":"Success","module":"Swish","trans_id":"ch_","invoice_id":"47611","date":"2026-02-10 00:00:00",
        "description":"","client_id":"","currency_id":"","firstname":"","lastname":"","companyname":""}]}"#,
    ),
    send(
        "v1AddBillingCc",
        r#"{"email":"","description":""}"#,
        r#"{"success":true,"message":"Billing CC email added successfully",
        "contact":{"id":14050,"email":"","description":""}}"#,
    ),
    // The documented object holds a password and the token of its reset, too.
    read(
        "v1GetCustomerDetails",
        r#"{"client":{"credit":"","currency_id":"","taxrateoverride":"","billing_contact_id":"","password":"","reset_token":"",
        "reset_expiry":"","…":0}}"#,
    )
    .but(&[
        ("data.client.password is left out", NO_SECRETS),
        ("data.client.reset_token is left out", NO_SECRETS),
        ("data.client.reset_expiry is left out", NO_SECRETS),
    ]),
    read(
        "v1GetHostingCycle",
        r#"{"current":"a","currentName":"Annually","cycles":[{"id":"m","name":"Monthly","price":"79.00","isCurrent":false,
        "billingCycle":"Monthly"}],"productId":"1912","accountId":"20000",
        "accountDetails":{"name":"","domain":"","total":"708.00"}}"#,
    ),
    send("v1ChangeHostingCycle", r#"{"cycle":"a"}"#, CYCLE_CHANGED),
    read(
        "v1GetVmCycle",
        r#"{"current":"a","currentName":"Annually","cycles":[{"id":"m","name":"Monthly","price":"79.00","isCurrent":false,
        "billingCycle":"Monthly"}],"productId":"1912","accountId":"20000"}"#,
    ),
    send("v1ChangeVmCycle", r#"{"cycle":"m"}"#, CYCLE_CHANGED),
    read(
        "v1GetAutoRenew",
        r#"{"autorenew":true,"autorenewRaw":"1","nextDue":"2026-02-14","nextInvoice":"2026-01-31"}"#,
    ),
    send(
        "v1CancelHosting",
        r#"{"accountId":"","type":"End of billing period","reason":"","otherReason":""}"#,
        r#"{"success":true,"message":"Cancellation request submitted successfully","info":["Cancelation request submitted"]}"#,
    ),
    send(
        "v1CreateKey",
        r#"{"name":"","scopes":[""],"is_test":false,"description":"","expires_in_days":0,"allowed_dns_zones":[],
        "dns_permissions":[]}"#,
        KEY_MADE,
    ),
    send(
        "v1ChangeKey",
        r#"{"name":"","scopes":[""],"is_active":true,"allowed_dns_zones":[],"dns_permissions":[]}"#,
        r#"{"message":""}"#,
    ),
    read("v1RollKey", KEY_MADE),
    read("v1DeleteKey", r#"{"message":""}"#),
];
