//! The records of hl, as JSON.

use serde_json::{Value as Json, json};

use super::FORMAT_VERSION;
use super::value::value;
use crate::model::view::Recorded;
use crate::model::{Addr, Fields};
use crate::render::value::Secrets;

/// The recorded resources without their fields.
pub fn list<'a>(serial: u64, resources: impl Iterator<Item = (&'a Addr, &'a Recorded)>) -> Json {
    output(serial, resources.map(|(addr, recorded)| head(addr, recorded)).collect())
}

/// The recorded resources with their fields.
pub fn show<'a>(serial: u64, resources: impl Iterator<Item = (&'a Addr, &'a Recorded)>) -> Json {
    let mut secrets = Secrets::default();
    let mut one = |(addr, recorded): (&Addr, &Recorded)| {
        let mut members = head(addr, recorded);
        members["declared"] = fields(&recorded.declared, &mut secrets);
        members["baseline"] = fields(&recorded.baseline, &mut secrets);
        members
    };
    output(serial, resources.map(&mut one).collect())
}

fn output(serial: u64, resources: Vec<Json>) -> Json {
    json!({ "format_version": FORMAT_VERSION, "serial": serial, "resources": resources })
}

fn head(addr: &Addr, recorded: &Recorded) -> Json {
    json!({
        "address": addr.to_string(),
        "node": addr.node.as_str(),
        "service": addr.service.as_str(),
        "kind": addr.kind.as_str(),
        "name": addr.name,
        "id": recorded.id,
        "applied_at": recorded.applied_at,
    })
}

fn fields(fields: &Fields, secrets: &mut Secrets) -> Json {
    fields.iter().map(|(field, v)| (field.to_string(), value(v, secrets))).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures;
    use crate::render::json::violations;

    #[test]
    fn the_record_follows_its_schema() {
        let view = fixtures::record();
        let schema: Json = serde_json::from_str(include_str!("../../../schema/state.schema.json")).unwrap();
        for output in [list(view.serial, view.resources.iter()), show(view.serial, view.resources.iter())] {
            assert_eq!(violations::violations(&schema, &output), Vec::<String>::new());
            assert_eq!(output["resources"].as_array().unwrap().len(), 2);
            assert!(!output.to_string().contains("hunter"));
        }
    }
}
