//! Packs whose services write values in another form, or count items in place of pages.

use crate::refused::example;
use keywheel_contract::{Issuer as _, Tag};
use keywheel_provider_http::contract::{Played, check};
use keywheel_provider_http::pack::Pack;
use keywheel_test_servers::serve::serve;

/// The example of `docs/packs.md`, whose service hands out the value in base64 and the id as the end of a path.
fn other_form() -> String {
    let mut text = example();
    for (from, to) in [
        (
            "take = { id = \"/key/id\", value = \"/key/secret\" }",
            "take = { id = \"/key/id\", value = \"/key/secret\" }\n\
             turn = { id = [{ first = 'keys/(.+)$' }], value = [\"base64d\", \"trim\"] }",
        ),
        (
            "{ key = { id = \"{id}\", label = \"{tag}\", secret = \"{value}\" } }",
            "{ key = { id = \"workspaces/example/keys/{id}\", label = \"{tag}\", secret = \"{value_base64}\" } }",
        ),
        (
            "pages = { cursor = { query = \"after\", at = \"/next\" } }",
            "pages = { number = { query = \"offset\", first = 0, step = 2 } }",
        ),
        (
            "pages = { cursor = \"after\" }",
            "pages = { offset = \"offset\" }",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

#[tokio::test]
async fn a_service_that_writes_otherwise_keeps_its_contract() {
    let report = check(&Pack::parse(&other_form()).unwrap()).await.unwrap();
    assert_eq!((report.failed(), report.passed()), (0, 14), "{report}");
}

/// The credential was made, and its value is lost: that is in doubt, and none of the answer is told.
#[tokio::test]
async fn what_is_not_of_that_form_is_never_kept() {
    let plain = other_form().replacen("{value_base64}", "{value}", 1);
    let played = Played::new(&Pack::parse(&plain).unwrap());
    let served = serve(played.router(), None).await;
    let issuer = played.issuer(&served.address).unwrap();
    let tag = Tag::new("keywheel-example-1");
    let said = issuer.mint(&tag).await.err().unwrap();
    assert_eq!(said.word(), "unknown_outcome");
    assert!(
        said.message
            .contains("`/key/secret` of the form that `turn` needs"),
        "{said}"
    );
    assert!(!said.message.contains("acme_"), "{said}");
    assert_eq!(issuer.find(&tag).await.unwrap().len(), 1);
}
