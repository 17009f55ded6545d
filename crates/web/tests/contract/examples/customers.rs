//! Hugo Bergström, and Karin Lund with her company.

use super::story::Story;

pub async fn arrive(story: &mut Story) {
    let hugo = r#"{"name":"Hugo Bergström","email":"hugo@example.com","address1":"Storgatan 45",
        "postcode":"411 04","city":"Göteborg","country":"SE","language":"sv"}"#;
    story.call("createCustomer").body(hugo).told().await;
    let karin = r#"{"name":"Karin Lund","company":"Lund & Dahl AB","kind":"company","email":"karin@example.com",
        "address1":"Kajen 3","postcode":"211 20","city":"Malmö","country":"SE","language":"en"}"#;
    story.call("createCustomer").body(karin).done().await;
    story.call("listCustomers").with([("email", "hugo@example.com")]).told().await;
    story.call("getCustomer").of(["cus_1"]).told().await;
    let change = story.call("changeCustomer").of(["cus_1"]).header("If-Match", "\"1\"");
    change.body(r#"{"address1":"Storgatan 47","address2":"2 tr"}"#).told().await;
    let bookkeeper = r#"{"email":"ekonomi@example.com","description":"Bookkeeping"}"#;
    story.call("putContact").of(["cus_1"]).body(bookkeeper).told().await;
    story.call("putContact").of(["cus_1"]).body(r#"{"email":"old@example.com"}"#).done().await;
    story.call("listContacts").of(["cus_1"]).told().await;
    story.call("removeContact").of(["cus_1", "con_2"]).told().await;
}
