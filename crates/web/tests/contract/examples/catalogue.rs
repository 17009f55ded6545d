//! What is sold: two servers, a backup, a web hosting, and domains, of which the price is not known yet.

use super::story::Story;

async fn product(story: &mut Story, id: &str, new: &str, prices: &[(&str, &str)]) {
    story.call("createProduct").body(new).done().await;
    for (cycle, amount) in prices {
        price(story, id, cycle, amount).await;
    }
}

async fn price(story: &mut Story, id: &str, cycle: &str, amount: &str) {
    let new = format!(r#"{{"cycle":"{cycle}","currency":"SEK","amount":"{amount}","starts":"2026-01-01"}}"#);
    story.call("createPrice").of([id]).body(new).done().await;
}

pub async fn fill(story: &mut Story) {
    story.call("createProduct").body(r#"{"name":"Cloud Server 2 GB","kind":"vps","serviceType":3}"#).told().await;
    let new = r#"{"cycle":"1m","currency":"SEK","amount":"95.00","starts":"2026-01-01"}"#;
    story.call("createPrice").of(["prd_1"]).body(new).told().await;
    price(story, "prd_1", "1y", "950.00").await;
    let new = r#"{"name":"Cloud Server 4 GB","kind":"vps","serviceType":3}"#;
    product(story, "prd_2", new, &[("1m", "149.00")]).await;
    let new = r#"{"name":"Daily backup 50 GB","kind":"backup","serviceType":3}"#;
    product(story, "prd_3", new, &[("1m", "39.00")]).await;
    let new = r#"{"name":"Web Hosting Plus","kind":"hosting","serviceType":1}"#;
    product(story, "prd_4", new, &[("1m", "79.00"), ("1y", "708.00")]).await;
    product(story, "prd_5", r#"{"name":"Domain .se","kind":"domain","serviceType":9}"#, &[]).await;
    story.call("listProducts").with([("limit", "2")]).told().await;
    story.call("getProduct").of(["prd_1"]).told().await;
    story.call("listPrices").of(["prd_1"]).told().await;
    let change = story.call("changeProduct").of(["prd_2"]).header("If-Match", "\"2\"");
    change.body(r#"{"name":"Cloud Server 4 GB NVMe","latePayment":"skip"}"#).told().await;
}
