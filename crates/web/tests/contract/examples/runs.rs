//! A price campaign, and a renewal run that cannot renew everything.

use std::time::Duration;

use super::story::Story;

/// How often a run is asked for, a tenth of a second apart.
const PATIENCE_TENTHS: u32 = 100;

pub async fn raise_prices(story: &mut Story) {
    let rules = r#"{"name":"New Year","product":"prd_2","percent":"6","ending":90,"from":"2027-02-01"}"#;
    story.call("startCampaign").body(rules).told().await;
    story.call("listCampaigns").told().await;
    story.call("getCampaign").of(["cmp_1"]).told().await;
    story.call("optOutOfCampaign").of(["cmp_1"]).body(r#"{"services":["svc_3"]}"#).told().await;
    story.call("listCampaignServices").of(["cmp_1"]).with([("limit", "2")]).told().await;
    story.call("undoCampaign").of(["cmp_1"]).told().await;
}

pub async fn run(story: &mut Story) {
    let domain =
        r#"{"customer":"cus_2","product":"prd_5","cycle":"1y","label":"lund-dahl.example","starts":"2026-12-03"}"#;
    story.call("createService").body(domain).done().await;
    story.call("startRun").body(r#"{"until":"2026-12-24"}"#).told().await;
    for _ in 0..PATIENCE_TENTHS {
        if story.call("getRun").of(["run_1"]).done().await.json["state"] == "finished" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    story.call("getRun").of(["run_1"]).told().await;
    story.call("listRuns").with([("limit", "2")]).told().await;
    story.call("listRunProblems").of(["run_1"]).told().await;
}
