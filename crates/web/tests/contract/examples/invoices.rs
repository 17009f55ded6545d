//! Documents, their mails, their links, and what is written by hand.

use super::story::Story;

/// The address of a link is another one each time.
pub const LINK: &str = "4a56e669-6799-42b5-915a-e87d09b28015";

pub async fn look(story: &mut Story) {
    story.call("listInvoices").with([("customer", "cus_2"), ("limit", "2")]).told().await;
    story.call("getInvoice").of(["inv_1"]).told().await;
    story.call("getInvoicePdf").of(["inv_1"]).told().await;
    story.call("getInvoiceXml").of(["inv_1"]).with([("format", "cii")]).told().await;
    let link = story.call("makePaymentLink").of(["inv_2"]).told().await;
    story.hide(link.json["paymentUrl"].as_str().unwrap().rsplit('/').next().unwrap(), LINK);
    story.call("getPaymentLink").of(["inv_2"]).told().await;
    story.call("revokePaymentLink").of(["inv_2"]).told().await;
    story.call("mailInvoice").of(["inv_1"]).told().await;
    story.call("listInvoiceMails").of(["inv_1"]).told().await;
    story.call("listMails").with([("state", "queued"), ("limit", "2")]).told().await;
    story.call("getMail").of(["mail_1"]).told().await;
    story.call("retryMail").of(["mail_1"]).told().await;
}

/// One draft is thrown away, the other issued; that was a mistake which nobody has seen.
pub async fn write(story: &mut Story) {
    let work = r#"{"customer":"cus_2","currency":"SEK","lines":[
        {"description":"Moving a server","quantity":"2.5","unitPrice":"900.00","taxClass":"service"}]}"#;
    story.call("createDraft").body(work).told().await;
    story.call("createDraft").body(work).done().await;
    story.call("listDrafts").with([("limit", "2")]).told().await;
    story.call("getDraft").of(["drf_1"]).told().await;
    story.call("deleteDraft").of(["drf_2"]).told().await;
    let issued = story.call("issueDraft").of(["drf_1"]).told().await;
    let invoice = issued.json["id"].as_str().unwrap();
    let mails = story.call("listInvoiceMails").of([invoice]).done().await;
    story.call("callOffMail").of([mails.json["data"][0]["id"].as_str().unwrap()]).told().await;
    story.call("voidInvoice").of([invoice]).told().await;
}

/// Karin gets a part of one invoice back, and does not pay the other.
pub async fn correct(story: &mut Story) {
    let outage = r#"{"reason":"Outage on 22 November","amount":"50.00"}"#;
    story.call("creditInvoice").of(["inv_2"]).body(outage).told().await;
    story.provider.set_day(jiff::civil::date(2027, 1, 20));
    story.call("remindOfInvoice").of(["inv_3"]).told().await;
    story.call("writeOffInvoice").of(["inv_3"]).told().await;
}
