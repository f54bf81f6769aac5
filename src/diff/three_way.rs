//! The three-way comparison of one resource, field by field.

use super::FieldChange;
use super::policy::{self, Absent, Cost, Undeclared};
use super::verdict::{Moved, Verdict, verdict};
use crate::model::{Field, Fields, Key, Kind, Sealer, Value};

/// The views of one resource that is both declared and live.
pub struct Views<'a> {
    /// The kind of resource.
    pub kind: Kind,
    /// The declaration in the repository alone.
    pub declared: &'a Fields,
    /// The same with what the image brings along: what a fresh one would show.
    pub expected: &'a Fields,
    /// The record: the declared view, and the live view right after the apply.
    pub recorded: Option<(&'a Fields, &'a Fields)>,
    /// Whether the live resource is the very one that was recorded.
    pub identity: Identity,
    /// The current fields on the node.
    pub live: &'a Fields,
}

/// Whether a live resource is the one that hl recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The same: nothing fixed at creation can have changed.
    Same,
    /// Somebody made it anew: the recorded live view says nothing about it.
    MadeAnew,
}

/// The values of one field in all views.
struct Row<'a> {
    field: &'a Field,
    declared: Option<&'a Value>,
    expected: Option<&'a Value>,
    /// The recorded declaration.
    was: Option<&'a Value>,
    /// The value that was read back.
    baseline: Option<&'a Value>,
    live: Option<&'a Value>,
}

/// The fields that do not agree in all views, in order.
pub fn compare(views: &Views<'_>, sealer: &Sealer) -> Vec<FieldChange> {
    let (was, baseline) = views.recorded.unzip();
    // All are sorted, so that one walk along them finds what belongs together.
    let mut maps =
        [Some(views.declared), Some(views.expected), was, baseline, Some(views.live)].map(|map| map.map(Fields::iter));
    let mut next = maps.each_mut().map(|map| map.as_mut().and_then(Iterator::next));
    let mut changes = Vec::new();
    while let Some(field) = next.iter().flatten().map(|(field, _)| *field).min() {
        let is_it = next.each_ref().map(|next| next.is_some_and(|(found, _)| found == field));
        let mut values = [None; 5];
        for (at, is_it) in is_it.into_iter().enumerate() {
            if is_it {
                values[at] = next[at].map(|(_, value)| value);
                next[at] = maps[at].as_mut().and_then(Iterator::next);
            }
        }
        let [declared, expected, was, baseline, live] = values;
        changes.extend(compare_field(views, &Row { field, declared, expected, was, baseline, live }, sealer));
    }
    changes
}

fn compare_field(views: &Views<'_>, row: &Row<'_>, sealer: &Sealer) -> Option<FieldChange> {
    let Row { field, declared, expected, was, baseline, live } = *row;
    let same = |a: Option<&Value>, b: Option<&Value>| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b, sealer),
        _ => false,
    };
    // A value that nobody ever asked for is the engine's: it may change it, or not show it while nothing runs.
    if expected.is_none() && was.is_none() && policy::undeclared(views.kind, field) == Undeclared::EngineDefault {
        return None;
    }
    // Nobody asked for what is gone, even if it was gone already when it was read back.
    let stays = |before: Option<&Value>| same(live, before) && !live.is_some_and(Value::names_what_is_gone);
    let moved = |still: bool| if still { Moved::No } else { Moved::Yes };
    // The engine's default cannot be told from a value that was declared before and still is there.
    let left_over = expected.is_none() && is_left_over(views, row, &same);
    let agree = !left_over && agrees(views.kind, row, &same);
    let verdict = match (views.recorded, views.identity) {
        (None, _) => verdict(agree, None),
        // Whether it runs is not a setting that is read back: it is right or it is not.
        (Some(_), _) if field.key == Key::State => match (agree, same(declared, was)) {
            (true, _) => Verdict::InSync,
            (false, true) => Verdict::Drift,
            (false, false) => Verdict::Pending,
        },
        (Some(_), Identity::Same) => {
            // A digest that was made with a key that is lost tells nothing: not that somebody changed it either.
            let is_unreadable = declared.is_none() && was.is_none() && baseline == Some(&Value::Unknown);
            let live_still = stays(baseline) || is_unreadable && live.is_some();
            // A field that was never declared is no matter of the declaration: as long as it is as
            // it was read back, it is in sync, whatever made it so.
            let agree = agree || (declared.is_none() && was.is_none() && live_still);
            verdict(agree, Some((moved(same(declared, was)), moved(live_still))))
        }
        (Some(_), Identity::MadeAnew) => {
            let live_still = if was.is_some() { same(live, was) } else { agree };
            verdict(agree, Some((moved(same(declared, was)), moved(live_still))))
        }
    };
    if verdict == Verdict::InSync {
        return None;
    }
    let recorded = was.or(baseline);
    let secret = [expected, recorded].iter().flatten().any(|v| v.is_secret()) || is_unseen(views.kind, row);
    let show = |value: Option<&Value>| value.map(|v| if secret { v.sealed(sealer) } else { v.without_secrets(sealer) });
    let cost = match verdict.needs_action() {
        true => policy::cost(views.kind, field, expected),
        false => Cost::Ignored,
    };
    let (mut declared, live) = (show(expected), show(live));
    // Beside a digest only another one tells something.
    if field.key.holds_content() && live.as_ref().is_some_and(|live| *live == live.digested()) {
        declared = declared.map(|value| value.digested());
    }
    Some(FieldChange { field: field.clone(), verdict, declared, recorded: show(recorded), live, cost })
}

/// Whether declaration and node say the same, without any record to help.
fn agrees(kind: Kind, row: &Row<'_>, same: &dyn Fn(Option<&Value>, Option<&Value>) -> bool) -> bool {
    let Row { field, declared, expected, live, .. } = *row;
    if same(expected, live) {
        return true;
    }
    match (declared, expected, live) {
        (Some(_), _, None) => policy::absent(kind, field) == Absent::MayBeDiscarded,
        (None, None, Some(_)) => policy::undeclared(kind, field) == Undeclared::EngineDefault,
        _ => false,
    }
}

/// Whether a live value is there because it was declared once: nobody but hl asked the engine for it, so that taking it
/// out of the file is to take it off the node.
fn is_left_over(views: &Views<'_>, row: &Row<'_>, same: &dyn Fn(Option<&Value>, Option<&Value>) -> bool) -> bool {
    let Row { field, was, baseline, .. } = *row;
    let Some(live) = row.live else { return false };
    // Of one that somebody made anew, what was read back of the other one says nothing.
    let as_read_back = views.identity == Identity::Same && same(Some(live), baseline);
    was.is_some()
        && (same(Some(live), was) || as_read_back)
        && policy::policy(views.kind, field.key).unset != Cost::Ignored
        && !policy::is_every_engines_default(views.kind, field, live)
}

/// Whether a live value must not be shown although no declaration calls it a secret: a variable that
/// neither the files nor the image know came from somebody's hand, and may be a password.
fn is_unseen(kind: Kind, row: &Row<'_>) -> bool {
    row.field.key == Key::Environment && kind == Kind::Container && row.expected.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(f, v)| (Field::parse(f).unwrap(), Value::text(*v))).collect()
    }

    fn verdicts(d: &Fields, r: Option<(&Fields, &Fields)>, l: &Fields, identity: Identity) -> Vec<(String, Verdict)> {
        let views = Views { kind: Kind::Container, declared: d, expected: d, recorded: r, identity, live: l };
        compare(&views, &Sealer::new([0; 32])).into_iter().map(|c| (c.field.to_string(), c.verdict)).collect()
    }

    /// Every way in which one declared field can be absent or hold one of three values in the four
    /// places (declared, recorded, read back, live), against the table of the design.
    #[test]
    fn every_pattern_of_a_declared_field() {
        let values = [None, Some("a"), Some("b"), Some("c")];
        let make = |v: Option<&str>| v.map_or_else(Fields::default, |v| fields(&[("user", v)]));
        for d in values {
            for l in values {
                let got = verdicts(&make(d), None, &make(l), Identity::Same);
                let want = if d == l { vec![] } else { vec![("user".to_owned(), Verdict::Unrecorded)] };
                assert_eq!(got, want, "D {d:?} L {l:?}");
                for r in values {
                    for b in values {
                        let (r_fields, b_fields) = (make(r), make(b));
                        let got = verdicts(&make(d), Some((&r_fields, &b_fields)), &make(l), Identity::Same);
                        let never_declared = d.is_none() && r.is_none();
                        let want = match (d == l || (never_declared && l == b), d == r, l == b) {
                            (_, true, true) => None,
                            (true, false, _) => Some(Verdict::Converged),
                            (true, true, false) => Some(Verdict::Converged),
                            (false, false, true) => Some(Verdict::Pending),
                            (false, true, false) => Some(Verdict::Drift),
                            (false, false, false) => Some(Verdict::Conflict),
                        };
                        let want: Vec<_> = want.into_iter().map(|v| ("user".to_owned(), v)).collect();
                        assert_eq!(got, want, "D {d:?} R {r:?} B {b:?} L {l:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn whether_it_runs_is_right_or_not_whatever_was_read_back() {
        let (up, down) = (fields(&[("state", "running")]), fields(&[("state", "exited (0)")]));
        assert_eq!(verdicts(&up, Some((&up, &down)), &up, Identity::Same), vec![]);
        let drift = verdicts(&up, Some((&up, &down)), &down, Identity::Same);
        assert_eq!(drift, vec![("state".to_owned(), Verdict::Drift)]);
    }

    #[test]
    fn what_a_lost_key_makes_unreadable_is_no_drift() {
        let (none, live) = (Fields::default(), fields(&[("labels.a", "b")]));
        let lost: Fields = [(Field::item(Key::Labels, "a"), Value::Unknown)].into_iter().collect();
        assert_eq!(verdicts(&none, Some((&none, &lost)), &live, Identity::Same), vec![]);
        let removed = verdicts(&none, Some((&none, &lost)), &none, Identity::Same);
        assert_eq!(removed, vec![("labels.a".to_owned(), Verdict::Converged)]);
        let named = fields(&[("labels.a", "c")]);
        let changed = verdicts(&named, Some((&none, &lost)), &live, Identity::Same);
        assert_eq!(changed, vec![("labels.a".to_owned(), Verdict::Conflict)]);
    }

    #[test]
    fn what_is_gone_is_drift_even_if_it_was_gone_when_it_was_read_back() {
        use crate::model::Typed;
        use crate::model::typed::{ContainerRef, NetworkEnd};
        let shared = |other: ContainerRef| -> Fields {
            [(Field::key(Key::NetworkMode), Value::from(Typed::Container(other)))].into_iter().collect()
        };
        let end = |end: NetworkEnd| -> Fields {
            [(Field::item(Key::Networks, "net"), Value::from(Typed::End(end)))].into_iter().collect()
        };
        for (declared, gone) in [
            (shared(ContainerRef::Service("vpn".into())), shared(ContainerRef::Gone("0123456789ab".into()))),
            (end(NetworkEnd::Attached), end(NetworkEnd::Gone)),
        ] {
            let got = verdicts(&declared, Some((&declared, &gone)), &gone, Identity::Same);
            assert_eq!(got.iter().map(|(_, verdict)| *verdict).collect::<Vec<_>>(), [Verdict::Drift]);
        }
    }

    #[test]
    fn engine_defaults_say_nothing_where_nothing_is_declared() {
        let live =
            fields(&[("shm_size", "64m"), ("hostname", "abc"), ("environment.http_proxy", "x"), ("restart", "always")]);
        let got = verdicts(&Fields::default(), None, &live, Identity::Same);
        assert_eq!(got, vec![("restart".to_owned(), Verdict::Unrecorded)]);
    }

    /// Each setting whose undeclared value is the engine's: taken out of the file, it is taken off the node.
    #[test]
    fn what_was_declared_is_no_default_of_the_engine() {
        let of = |kind, pairs: &[(&str, &str)], identity, live: &str| -> Vec<(String, Verdict, Cost)> {
            let none = Fields::default();
            let (was, live) = (fields(pairs), fields(&pairs.iter().map(|(f, _)| (*f, live)).collect::<Vec<_>>()));
            let views =
                Views { kind, declared: &none, expected: &none, recorded: Some((&was, &was)), identity, live: &live };
            let changes = compare(&views, &Sealer::new([0; 32])).into_iter();
            changes.map(|c| (c.field.to_string(), c.verdict, c.cost)).collect()
        };
        let mut seen = std::collections::BTreeSet::new();
        for kind in [Kind::Container, Kind::Network, Kind::Volume] {
            for key in policy::keys(kind) {
                let row = policy::policy(kind, key);
                if row.undeclared == Undeclared::Counts || row.unset == Cost::Ignored {
                    continue;
                }
                let name = key.as_str();
                let left = of(kind, &[(name, "x")], Identity::Same, "x");
                assert_eq!(left, [(name.to_owned(), Verdict::Pending, Cost::Replace)], "{kind} {key}");
                let left = of(kind, &[(name, "x")], Identity::MadeAnew, "x");
                assert_eq!(left, [(name.to_owned(), Verdict::Pending, Cost::Replace)], "{kind} {key} made anew");
                // Made anew without it: what it has now is the engine's.
                let others = of(kind, &[(name, "x")], Identity::MadeAnew, "y");
                assert_eq!(others, [(name.to_owned(), Verdict::Converged, Cost::Ignored)], "{kind} {key}");
                seen.insert((kind, name));
            }
        }
        for name in ["init", "ulimits", "shm_size", "logging", "ipc", "hostname", "mac_address", "platform", "runtime"]
        {
            assert!(seen.contains(&(Kind::Container, name)), "{name}");
        }
        for (kind, name) in [
            (Kind::Network, "driver_opts"),
            (Kind::Network, "ipam.config"),
            (Kind::Network, "enable_ipv6"),
            (Kind::Volume, "driver_opts"),
        ] {
            assert!(seen.contains(&(kind, name)), "{kind} {name}");
        }
        let end = of(Kind::Container, &[("networks.n.driver_opts", "x")], Identity::Same, "x");
        assert_eq!(end, [("networks.n.driver_opts".to_owned(), Verdict::Pending, Cost::InPlace)]);
        let proxy = of(Kind::Container, &[("environment.HTTP_PROXY", "x")], Identity::Same, "x");
        assert_eq!(proxy, [("environment.HTTP_PROXY".to_owned(), Verdict::Pending, Cost::Replace)]);
    }

    #[test]
    fn the_word_for_the_default_of_every_engine_can_be_left_out() {
        for (kind, field, value) in [
            (Kind::Network, "driver", "bridge"),
            (Kind::Network, "ipam.driver", "default"),
            (Kind::Volume, "driver", "local"),
            (Kind::Volume, "labels.a", "b"),
        ] {
            let (was, none) = (fields(&[(field, value)]), Fields::default());
            let views = Views {
                kind,
                declared: &none,
                expected: &none,
                recorded: Some((&was, &was)),
                identity: Identity::Same,
                live: &was,
            };
            let verdicts: Vec<_> =
                compare(&views, &Sealer::new([0; 32])).into_iter().map(|c| (c.verdict, c.cost)).collect();
            assert_eq!(verdicts, [(Verdict::Converged, Cost::Ignored)], "{field}");
        }
    }

    #[test]
    fn a_container_made_anew_is_compared_with_what_was_declared() {
        let (was, baseline) = (fields(&[("user", "a")]), fields(&[("user", "a"), ("hostname", "one")]));
        let live = fields(&[("user", "b"), ("hostname", "two")]);
        let got = verdicts(&was, Some((&was, &baseline)), &live, Identity::MadeAnew);
        assert_eq!(got, vec![("user".to_owned(), Verdict::Drift)]);
    }

    #[test]
    fn what_nobody_declared_is_not_shown() {
        let live = fields(&[("environment.TOKEN", "hunter2")]);
        let (empty, sealer) = (Fields::default(), Sealer::new([0; 32]));
        let views = Views {
            kind: Kind::Container,
            declared: &empty,
            expected: &empty,
            recorded: None,
            identity: Identity::Same,
            live: &live,
        };
        let changes = compare(&views, &sealer);
        assert!(changes[0].live.as_ref().unwrap().is_secret());
        assert!(!format!("{changes:?}").contains("hunter2"));
    }
}
