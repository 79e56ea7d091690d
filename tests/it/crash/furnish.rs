//! The world as it is before a run.

use super::rig::Bench;
use super::scenario::StoreKind;
use super::world::shelf;
use super::world::truth::{Instance, Life, Made, Shown, Suspended};
use keywheel::providers::place_of;
use keywheel::rotation::words::Mode;
use keywheel_contract::{Base, Document, Mark, Place, RotationId, SecretValue, Style, Write};

impl Bench<'_> {
    /// The world as it is before: one value in use everywhere.
    pub(super) async fn furnish(&self) {
        let scenario = &self.plan.scenario;
        let value = match &self.world.native {
            Some(native) => self.world.truth().known_value(&native.first.1),
            None => self.world.truth().fresh_value(),
        };
        for planned in scenario.definition(&self.secret).destinations {
            let fields = planned.fields.keys();
            let field = |name: &String| (name.clone(), SecretValue::from(value.clone()));
            let document = match planned.fields.is_empty() {
                true => Document::Whole(SecretValue::from(value.clone())),
                false => Document::Fields(fields.map(field).collect()),
            };
            let payload = document.encode().unwrap();
            let text = payload.expose_secret_str().unwrap().to_owned();
            let name = planned.name();
            let kind = scenario.destinations.iter().find(|d| d.name == name);
            if kind.is_some_and(|d| d.kind == StoreKind::Real) {
                self.seed(&place_of(&planned), &document).await;
            }
            let mut truth = self.world.truth();
            truth.shown.insert(name.clone(), shelf::shown(&text));
            truth.shelves.insert(name, shelf::Shelf::seeded(&text));
        }
        self.staff(&value);
    }

    /// The value in use, in the real store.
    async fn seed(&self, place: &Place, document: &Document) {
        let (store, place) = self.world.real(place);
        let seen = store.inspect(&place).await.unwrap();
        let mark = Mark {
            rotation: RotationId::new("seed"),
            token: uuid::Uuid::now_v7().simple().to_string().repeat(2),
        };
        let write = Write {
            place: &place,
            payload: &store.compose(&place, document, &seen).await.unwrap(),
            base: &Base::from(&seen),
            mark: &mark,
        };
        store.promote(&write).await.unwrap();
    }

    fn staff(&self, value: &str) {
        let scenario = &self.plan.scenario;
        let mut truth = self.world.truth();
        let style = scenario.issuer.as_ref().map(|can| can.style);
        truth.has_issuer = style.is_some();
        truth.suspended = Suspended {
            in_use: scenario.mode == Mode::Contain,
            pointer: scenario.mode == Mode::Contain || style == Some(Style::InPlace),
        };
        if style.is_some() {
            truth.made.push(Made {
                id: match &self.world.native {
                    Some(native) => native.first.0.to_string(),
                    None => "c0".to_owned(),
                },
                value: value.to_owned(),
                tag: String::new(),
                life: Life::Active,
            });
        }
        for planned in &scenario.consumers {
            for number in 1..=planned.instances {
                let shown = truth.shown.get(planned.reads).cloned();
                truth.instances.push(Instance {
                    consumer: planned.name.to_owned(),
                    name: format!("{}-{number}", planned.name),
                    destination: planned.reads.to_owned(),
                    holds: shown.unwrap_or(Shown {
                        value: value.to_owned(),
                        previous: None,
                    }),
                    accepts: planned.role == Some(keywheel::inventory::Role::Accepts),
                    polls: planned.polls,
                    deaf: planned.deaf && number == 1,
                });
            }
        }
    }
}
