//! Services: sold, looked at, renewed, changed and cancelled.

use perennial_app::{Actor, NewCoupon};
use perennial_billing::{Off, Rate};

use super::story::Story;

async fn sell(story: &mut Story, customer: &str, product: &str, label: &str, starts: &str) {
    let new = format!(
        r#"{{"customer":"{customer}","product":"{product}","cycle":"1m","label":"{label}","starts":"{starts}"}}"#
    );
    story.call("createService").body(new).done().await;
}

/// Hugo has a server and a web hosting, Karin two servers.
pub async fn begin(story: &mut Story) {
    let new =
        r#"{"customer":"cus_1","product":"prd_1","cycle":"1m","label":"host1.norrsken.example","starts":"2026-12-01"}"#;
    story.call("createService").body(new).told().await;
    sell(story, "cus_1", "prd_4", "bergstrom.example", "2026-12-01").await;
    sell(story, "cus_2", "prd_2", "app.lund-dahl.example", "2026-12-05").await;
    sell(story, "cus_2", "prd_1", "db.lund-dahl.example", "2026-12-20").await;
    story.call("sellAddon").of(["svc_1"]).body(r#"{"product":"prd_3","quantity":"1"}"#).told().await;
    story.call("listAddons").of(["svc_1"]).told().await;
    story.call("listServices").with([("customer", "cus_1"), ("limit", "2")]).told().await;
    story.call("getService").of(["svc_1"]).told().await;
    let change = story.call("changeService").of(["svc_2"]).header("If-Match", "\"1\"");
    change.body(r#"{"label":"www.bergstrom.example","autoRenew":true}"#).told().await;
    coupon(story).await;
    story.call("redeemCoupon").of(["svc_1"]).body(r#"{"code":"WELCOME"}"#).told().await;
    story.call("explainService").of(["svc_1"]).with([("on", "2026-12-01")]).told().await;
    story.call("previewService").of(["svc_1"]).told().await;
    story.call("previewCustomer").of(["cus_2"]).with([("on", "2026-12-15")]).told().await;
}

/// A fifth off, three times.
async fn coupon(story: &Story) {
    let coupon = NewCoupon {
        code: "WELCOME".to_owned(),
        off: Off::Percent(Rate::parse_percent("20").unwrap()),
        currency: None,
        periods: Some(3),
        through: None,
        product: None,
        customer: None,
        redeem_through: None,
        max_uses: None,
    };
    story.provider.app.create_coupon(story.provider.id(), Actor::Cli, coupon).await.unwrap();
}

/// Hugo's server is renewed, and both of Karin's: `inv_1` to `inv_3`.
pub async fn renew(story: &mut Story) {
    let renew = story.call("renewService").of(["svc_1"]);
    let renew = renew.header("Idempotency-Key", "0b9d3c1e-6f0a-4c39-9d5e-2f6c8a7b1d40");
    renew.body(r#"{"periods":1,"addonIds":["add_1"]}"#).told().await;
    story.call("endDiscount").of(["svc_1"]).told().await;
    story.call("renewServices").body(r#"{"services":["svc_3","svc_4"]}"#).told().await;
}

/// Hugo has paid: now his server can be changed.
pub async fn change(story: &mut Story) {
    story.call("unusedValue").of(["svc_1"]).told().await;
    story.call("makeServiceChange").of(["svc_1"]).body(r#"{"product":"prd_2"}"#).told().await;
    story.call("listServiceChanges").of(["svc_1"]).told().await;
    story.call("endAddon").of(["add_1"]).told().await;
    let wish = r#"{"timing":"end_of_period","reason":"Too expensive"}"#;
    story.call("cancelService").of(["svc_3"]).body(wish).told().await;
    story.call("getCancellation").of(["svc_3"]).told().await;
    story.call("keepService").of(["svc_3"]).told().await;
    let align = story.call("alignServices").of(["cus_1"]);
    align.body(r#"{"day":"2027-01-15","services":["svc_2"],"dryRun":true}"#).told().await;
}
