//! The vendor's own client in Python: it runs the same scenario against our fake, and reads what we wrote.

use crate::rig::{Scene, document, place, publish};
use keywheel_contract::{Retired, SecretStore, VersionId};
use keywheel_test_servers::azure::witness::{says, sees};
use serde_json::{Value, json};

/// What the store relies on, asked by a client that we did not write.
const SCENARIO: &str = r#"
from datetime import datetime, timezone
def refused(call):
    try:
        call()
        return "done"
    except HttpResponseError as error:
        return [error.status_code, code(error)]
said = {}
said["missing"] = refused(lambda: client.get_secret("none"))
when = datetime(2099, 1, 1, tzinfo=timezone.utc)
one = client.set_secret("s", "one", content_type="text/plain", tags={"team": "example"}, expires_on=when)
two = client.set_secret("s", "two")
said["newest"] = client.get_secret("s").value
said["exact"] = client.get_secret("s", one.properties.version).value
listed = list(client.list_properties_of_secret_versions("s"))
said["versions"] = sorted(p.version for p in listed) == sorted([one.properties.version, two.properties.version])
kept = [p for p in listed if p.version == one.properties.version][0]
said["kept"] = [kept.content_type, kept.tags, kept.expires_on == when, kept.enabled]
client.update_secret_properties("s", one.properties.version, enabled=False)
said["old disabled"] = refused(lambda: client.get_secret("s", one.properties.version))
said["newest still"] = client.get_secret("s").value
client.update_secret_properties("s", two.properties.version, enabled=False)
said["newest disabled"] = refused(lambda: client.get_secret("s"))
client.update_secret_properties("s", two.properties.version, enabled=True)
said["too large"] = refused(lambda: client.set_secret("s", "x" * (25 * 1024 + 1)))
said["largest"] = refused(lambda: client.set_secret("large", "x" * (25 * 1024)))
for n in range(30):
    client.set_secret("many", str(n))
said["pages"] = len(list(client.list_properties_of_secret_versions("many")))
client.begin_delete_secret("s", _polling_interval=0.01).wait()
said["deleted"] = refused(lambda: client.get_secret("s"))
said["in the way"] = refused(lambda: client.set_secret("s", "three"))
said["bin"] = client.get_deleted_secret("s").name
said["bins"] = [d.name for d in client.list_deleted_secrets()]
client.begin_recover_deleted_secret("s", _polling_interval=0.01).wait()
said["recovered"] = client.get_secret("s").value
client.begin_delete_secret("large", _polling_interval=0.01).wait()
client.purge_deleted_secret("large")
said["purged"] = refused(lambda: client.get_deleted_secret("large"))
said["all"] = [p.name for p in client.list_properties_of_secrets()]
json.dump(said, sys.stdout)
"#;

#[tokio::test]
async fn the_vendor_s_client_finds_our_fake_to_be_a_key_vault() {
    let scene = Scene::set().await;
    let Some(said) = says(&scene.azure, &scene.authority, SCENARIO, "s").await else {
        return;
    };
    let expected = json!({
        "missing": [404, "SecretNotFound"],
        "newest": "two",
        "exact": "one",
        "versions": true,
        "kept": ["text/plain", { "team": "example" }, true, true],
        "old disabled": [403, "SecretDisabled"],
        "newest still": "two",
        "newest disabled": [403, "SecretDisabled"],
        "too large": [400, "BadParameter"],
        "largest": "done",
        "pages": 30,
        "deleted": [404, "SecretNotFound"],
        "in the way": [409, "ObjectIsDeletedButRecoverable"],
        "bin": "s",
        "bins": ["s"],
        "recovered": "two",
        "purged": [404, "SecretNotFound"],
        "all": ["many", "s"],
    });
    assert_eq!(said, expected);
}

#[tokio::test]
async fn the_vendor_s_client_reads_what_we_wrote_and_not_what_we_ended() {
    let scene = Scene::set().await;
    let place = place("a");
    let planted =
        json!({ "value": "{\"TOKEN\":\"example-0\",\"other\":1}", "tags": { "team": "example" } });
    let old = VersionId::new(scene.azure.write("a", &planted));
    let new = publish(&scene.store, &place, "example-1", 1).await.unwrap();
    assert!(
        scene
            .store
            .read(&place, &new)
            .await
            .unwrap()
            .matches(&document("example-1"))
    );
    assert_eq!(
        scene.store.destroy(&place, &old).await.unwrap(),
        Retired::Disabled
    );
    let Some(said) = sees(&scene.azure, &scene.authority, "a").await else {
        return;
    };
    assert_eq!(said["newest"], new.as_str());
    let (old, new) = (
        &said["versions"][old.as_str()],
        &said["versions"][new.as_str()],
    );
    assert_eq!(
        *old,
        json!(["SecretDisabled", false, { "team": "example" }])
    );
    let value: Value = serde_json::from_str(new[0].as_str().unwrap()).unwrap();
    assert_eq!(value, json!({ "TOKEN": "example-1", "other": 1 }));
    assert_eq!(new[2]["team"], "example");
    assert_eq!(new[2]["keywheel-rotation"], "example-1");
}
