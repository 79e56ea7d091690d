//! The page for people tells of the packs what they say themselves. `KEYWHEEL_WRITE_DOCS=1` writes it anew.

use keywheel_contract::{ChosenBy, Style};
use keywheel_provider_http::pack::{Auth, Pack};
use keywheel_provider_http::shipped;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers/http.md");
const BEGIN: &str = "<!-- made from the packs; a test compares them -->\n";
const END: &str = "<!-- /made -->";

fn row(pack: &Pack) -> String {
    let yes = |holds: bool| if holds { "yes" } else { "no" };
    let made = match pack.chosen_by {
        ChosenBy::Issuer => "mint",
        ChosenBy::Keywheel => "apply",
        ChosenBy::Person => "a person",
    };
    let at_once = match pack.style {
        Style::TwoSlots => "two",
        Style::InPlace => "one",
        _ => "many",
    };
    let ended = match (pack.style, pack.revoke.is_empty()) {
        (Style::InPlace, _) => "the new one",
        (_, true) => "a person",
        (_, false) => "keywheel",
    };
    let last = pack.last_used.as_ref().map_or_else(
        || "no".to_owned(),
        |used| {
            format!(
                "to {}, {} late",
                span(used.granularity_seconds),
                span(used.lag_seconds)
            )
        },
    );
    let named = match &pack.identify {
        None if pack.revoke.is_empty() => "not needed",
        None => "`current_id`",
        Some(way) if way.call.is_some() => "the service",
        Some(way) if way.by_hint.is_some() => "its ends",
        Some(_) => "the value",
    };
    format!(
        "| `{}` | {made} | {at_once} | {} | {} | {ended} | {last} | {named} |\n",
        pack.name,
        yes(pack.test.is_some()),
        yes(!pack.disable.is_empty()),
    )
}

fn span(seconds: u32) -> String {
    match seconds {
        86_400.. => format!("{} d", seconds / 86_400),
        3_600.. => format!("{} h", seconds / 3_600),
        60.. => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

fn details(pack: &Pack) -> String {
    let mut text = format!("### `{}`: {}\n\n", pack.name, pack.title);
    writeln!(text, "- **Rights**: {}", pack.least_privilege).unwrap();
    writeln!(text, "- **Limits**: {}", pack.limits).unwrap();
    if let Some(instructions) = &pack.instructions {
        writeln!(text, "- **The person**: {instructions}.").unwrap();
    }
    for (name, about) in &pack.credentials {
        writeln!(text, "- `credentials.{name}`: {about}").unwrap();
    }
    for (name, parameter) in &pack.parameters {
        let default = match &parameter.default {
            None => String::new(),
            Some(value) if *value == false => "; may be left out".to_owned(),
            Some(value) => format!("; `{value}` where left out"),
        };
        writeln!(text, "- `parameters.{name}`: {}{default}", parameter.about).unwrap();
    }
    let fields: Vec<String> = pack
        .fields
        .keys()
        .map(|name| format!("`{{{name}}}`"))
        .collect();
    writeln!(text, "- Fields: {}", fields.join(", ")).unwrap();
    text.push('\n');
    text
}

fn made() -> String {
    let packs: Vec<&Pack> = shipped::names()
        .map(|name| shipped::pack(name).unwrap())
        .collect();
    let head = "\n| pack | made by | at once | test | undo | ended by | last use | named by |\n|---|---|---|---|---|---|---|---|\n";
    let rows: String = packs.iter().map(|pack| row(pack)).collect();
    let details: String = packs.iter().map(|pack| details(pack)).collect();
    format!("{head}{rows}\n{details}")
}

#[test]
fn the_page_says_of_each_pack_what_it_says_itself() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("KEYWHEEL_WRITE_DOCS").is_some() {
        let page = format!("{before}{BEGIN}{}{END}{after}", made());
        std::fs::write(PAGE, page).unwrap();
        return;
    }
    assert_eq!(
        written,
        made(),
        "write it anew: KEYWHEEL_WRITE_DOCS=1 cargo test -p keywheel-provider-http documented"
    );
}

/// The ways to say who asks that `docs/packs.md` shows are such ways.
#[test]
fn the_ways_of_the_page_about_packs_are_ways() {
    #[derive(serde::Deserialize)]
    struct Shown {
        auth: BTreeMap<String, Auth>,
    }
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/packs.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut blocks = page.split("```toml\n").skip(1);
    let block = blocks
        .find(|block| block.contains("[auth.exchange]"))
        .unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let shown: Shown = toml::from_str(block).unwrap();
    assert_eq!(shown.auth.len(), 5);
}

/// The example of `docs/packs.md` is a pack that keeps its contract.
#[tokio::test]
async fn the_example_of_the_page_about_packs_keeps_its_contract() {
    let pack = Pack::parse(&crate::refused::example()).unwrap();
    let report = keywheel_provider_http::contract::check(&pack)
        .await
        .unwrap();
    keywheel_test_servers::counts::suite(&report);
    assert_eq!((report.failed(), report.passed()), (0, 14), "{report}");
}
