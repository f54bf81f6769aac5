use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;

use super::backend::Memory;
use super::journal;
use super::typed_values;
use super::*;
use crate::model::history::Ending;
use crate::model::homelab::{Lifecycle, OnDelete, Protect};
use crate::model::view::{Recorded, RecordedService};
use crate::model::{
    Addr, BegunOperation, Field, Fields, Key, NodeName, ProjectName, Purpose, Sealer, ServiceName, Text, Value,
};

mod at_rest;
mod earlier_format;
mod record;

fn owner() -> LockOwner {
    LockOwner {
        who: "ann".into(),
        host: "desk".into(),
        pid: 7,
        why: "apply".into(),
        since: "2026-01-01T00:00:00Z".into(),
    }
}

fn paths(folder: &Path) -> Paths {
    Paths { folder: folder.join("state"), keys: folder.join("keys") }
}

fn addr(text: &str) -> Addr {
    text.parse().unwrap()
}

fn recorded(fields: Fields) -> Recorded {
    Recorded { id: "id".into(), baseline: fields.clone(), declared: fields, applied_at: "2026-01-01T00:00:00Z".into() }
}

fn service() -> RecordedService {
    RecordedService {
        node: NodeName::new("nas").unwrap(),
        relocating_to: None,
        project: ProjectName::new("shop").unwrap(),
        project_dir: "/opt/homelab/config/shop".into(),
        depends_on: BTreeSet::from([ServiceName::new("db").unwrap()]),
        lifecycle: Lifecycle {
            protect: Protect::On,
            ignore_changes: vec!["container:web/environment.TZ".into()],
            on_delete: OnDelete::Keep,
        },
    }
}

fn intent(step: usize) -> Intent {
    Intent {
        step,
        node: NodeName::new("nas").unwrap(),
        service: ServiceName::new("shop").unwrap(),
        addr: Some(addr("nas/shop/container:web")),
        operation: begun("create_container", &[("container", &format!("web-{step}"))]),
        at: "2026-01-01T00:00:00Z".into(),
    }
}

fn begun(kind: &str, ids: &[(&str, &str)]) -> BegunOperation {
    let ids = ids.iter().map(|(role, id)| ((*role).to_owned(), (*id).to_owned())).collect();
    BegunOperation::Kind { kind: kind.to_owned(), ids, purpose: Purpose::Step }
}

fn summary(result: Ending) -> Summary {
    Summary { counts: BTreeMap::from([("create".into(), 1)]), result, trouble: Vec::new() }
}

/// All that a folder holds, file by file.
fn all_bytes(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        text += &String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap());
    }
    text
}

fn environment(value: Value) -> Fields {
    [(Field::item(Key::Environment, "PW"), value)].into_iter().collect()
}

#[test]
fn a_state_that_is_not_there_is_empty_and_reading_it_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = read(&paths(folder.path())).unwrap();
    assert_eq!(state.view, Default::default());
    assert_eq!(state.key, KeyMatch::Yes);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_file_reads_as_people_expect() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut store = Store::open(&paths, owner()).unwrap();
    let fields = [
        (Field::key(Key::Image), Value::text("nginx:1")),
        (Field::key(Key::Tty), Value::Bool(true)),
        (Field::key(Key::MemLimit), Value::Int(-1)),
        (Field::key(Key::Command), Value::List(vec![Value::text("a"), Value::Text(Text::secret("hunter2"))])),
        (Field::item(Key::Environment, "PW"), Value::Text(Text::secret("hunter2"))),
        (Field::item(Key::Environment, "HIDE"), Value::Unset),
        (Field::key(Key::ImageContent), Value::Unknown),
        (
            Field::part(Key::Networks, "front", "driver_opts"),
            Value::Map(BTreeMap::from([("secret".to_owned(), Value::text("x"))])),
        ),
    ];
    store.record(
        addr("nas/shop/container:web"),
        Recorded { baseline: Fields::default(), ..recorded(fields.into_iter().collect()) },
    );
    store.record_service(&ServiceName::new("shop").unwrap(), &service());
    store.save().unwrap();
    let path = paths.folder.join("homelab.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    insta::with_settings!({filters => vec![
        (r"hmac-sha256:[0-9a-f]{64}", "hmac-sha256:[64 digits]"),
        (r#""lineage": "[0-9a-f]{32}""#, r#""lineage": "[32 digits]""#),
    ]}, { insta::assert_snapshot!(text); });
}

#[test]
fn no_secret_reaches_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut store = Store::open(&paths, owner()).unwrap();
    store.start("sha256:1", None).unwrap();
    store.record(addr("nas/shop/container:web"), recorded(environment(Value::Text(Text::secret("hunter2")))));
    assert!(!format!("{:?}", store.state()).contains("hunter2"));
    store.finish(summary(Ending::Done)).unwrap();
    let text = all_bytes(&paths.folder);
    assert!(text.contains("hmac-sha256:") && !text.contains("hunter2"));
    // The same secret is known again, and another one is told from it.
    let state = read(&paths).unwrap();
    let value = state.view.resources.values().next().unwrap().declared.get(&Field::item(Key::Environment, "PW"));
    assert!(value.unwrap().same(&Value::text("hunter2"), &state.sealer));
    assert!(!value.unwrap().same(&Value::text("hunter3"), &state.sealer));
}

#[test]
fn a_lost_key_makes_sealed_values_unknown_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut store = Store::open(&paths, owner()).unwrap();
    let mut fields = environment(Value::List(vec![Value::Text(Text::secret("hunter2"))]));
    fields.set(Key::User, Value::text("www"));
    store.record(addr("nas/shop/container:web"), recorded(fields));
    store.save().unwrap();
    drop(store);
    let key = std::fs::read_dir(&paths.keys).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&paths.keys).unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::remove_file(&key).unwrap();

    let mut expected = environment(Value::Unknown);
    expected.set(Key::User, Value::text("www"));
    let state = read(&paths).unwrap();
    assert_eq!(state.key, KeyMatch::No);
    assert_eq!(state.view.resources.values().next().unwrap().declared, expected);
    // The next apply makes a new key and goes on with it.
    let mut store = Store::open(&paths, owner()).unwrap();
    assert_eq!(store.state().view.resources.values().next().unwrap().declared, expected);
    store.record(addr("nas/shop/container:web"), recorded(environment(Value::Text(Text::secret("hunter2")))));
    store.save().unwrap();
    drop(store);
    assert_eq!(read(&paths).unwrap().key, KeyMatch::Yes);
}

#[test]
fn what_is_no_state_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    std::fs::create_dir(&paths.folder).unwrap();
    let path = paths.folder.join("homelab.json");
    let message = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let error = Store::open(&paths, owner()).unwrap_err().to_string();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "a refused state is left alone");
        error
    };
    let head = r#""format_version": 1, "serial": 1, "lineage": "00", "key": null, "services": {}"#;
    for (text, said) in [
        ("", "EOF"),
        ("{\"format_version\": 1, \"ser", "line 1"),
        ("<<<<<<< ours", "expected value"),
        (&format!("{{{head}, \"resources\": {{\"nas/x\": {{}}}}}}"), "missing field"),
        (
            &format!(
                "{{{head}, \"resources\": {{\"nas/x/container:y\": {{\"id\": \"\", \"applied_at\": \"\", \
                 \"declared\": {{\"imagination\": \"x\"}}, \"baseline\": {{}}}}}}}}"
            ),
            "no field `imagination`",
        ),
        (&format!("{{{}, \"resources\": {{}}}}", head.replace("\"00\"", "\"../../x\"")), "lineage"),
    ] {
        let error = message(text);
        assert!(error.contains(said) && error.contains("delete it"), "{text}: {error}");
    }
    let newer = message(r#"{"format_version": 4, "what": "ever"}"#);
    assert!(newer.contains("format 4") && newer.contains("newer hl") && !newer.contains("delete"), "{newer}");
}

#[test]
fn each_write_counts_and_the_state_before_the_apply_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut store = Store::open(&paths, owner()).unwrap();
    for user in ["one", "two"] {
        store.start(user, None).unwrap();
        for _ in 0..3 {
            store.record(addr("nas/shop/container:web"), recorded(environment(Value::text(user))));
            store.save().unwrap();
            store.save().unwrap();
        }
        store.finish(summary(Ending::Done)).unwrap();
    }
    drop(store);
    let state = read(&paths).unwrap();
    assert_eq!(state.view.serial, 6);
    let backup = std::fs::read_to_string(paths.folder.join("homelab.json.backup")).unwrap();
    assert!(backup.contains("\"serial\": 3") && backup.contains("one") && !backup.contains("two"));
    let names: BTreeSet<_> =
        std::fs::read_dir(&paths.folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let expected = [".gitignore", "history.jsonl", "homelab.json", "homelab.json.backup", "journal.jsonl", "lock"];
    assert_eq!(names, expected.map(str::to_owned).into());
    assert_eq!(std::fs::metadata(paths.folder.join("journal.jsonl")).unwrap().len(), 0);
}

#[test]
fn the_last_resource_takes_its_service_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&paths(folder.path()), owner()).unwrap();
    let (web, db, name) =
        (addr("nas/shop/container:web"), addr("nas/shop/volume:db"), ServiceName::new("shop").unwrap());
    store.record(web.clone(), recorded(Fields::default()));
    store.record(db.clone(), recorded(Fields::default()));
    store.record_service(&name, &service());
    store.forget(&web);
    assert!(store.state().view.services.contains_key(&name));
    store.forget(&db);
    assert!(store.state().view.services.is_empty());
}

#[test]
fn a_crash_is_told_to_the_next_run_and_stands_in_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut store = Store::open(&paths, owner()).unwrap();
    store.start("sha256:1", Some("c0ffee")).unwrap();
    let mut tickets = store.begin(vec![intent(0), intent(1), Intent { addr: None, ..intent(2) }]).unwrap().into_iter();
    store.end(tickets.next().unwrap(), None).unwrap();
    // The open calls of a running apply are not a crash.
    let state = read(&paths).unwrap();
    assert_eq!((state.view.interrupted, state.busy), (vec![], Some(owner())));
    drop(store);

    let state = read(&paths).unwrap();
    assert_eq!(state.busy, None);
    let steps: Vec<_> = state.view.interrupted.into_iter().map(|i| (i.operation, i.about)).collect();
    let expected = [("web-1", "nas/shop/container:web"), ("web-2", "nas/shop")];
    let expected = expected.map(|(id, about)| (begun("create_container", &[("container", id)]), about.to_owned()));
    assert_eq!(steps, expected);
    let mut store = Store::open(&paths, owner()).unwrap();
    assert!(store.was_applied("sha256:1").unwrap());
    assert!(!store.was_applied("sha256:2").unwrap());
    store.start("sha256:2", None).unwrap();
    assert!(store.was_applied("sha256:2").unwrap());
    store.finish(summary(Ending::Failed)).unwrap();
    let past = history(&paths).unwrap().entries;
    let said: Vec<_> = past.iter().map(|e| (e.plan.as_str(), e.result, e.unfinished.len())).collect();
    assert_eq!(said, [("sha256:1", Ending::Crashed, 2), ("sha256:2", Ending::Failed, 0)]);
    assert_eq!(past[0].commit.as_deref(), Some("c0ffee"));
    assert!(store.was_applied("sha256:1").unwrap());
}

#[test]
fn journals_of_earlier_and_of_later_versions_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    std::fs::create_dir_all(&paths.folder).unwrap();
    let begin = |call: u64, more: &str| {
        format!(
            r#"{{"begin":{{"call":{call},"intent":{{"step":{call},"node":"nas","service":"shop","addr":"nas/shop/container:web",{more},"at":"2026-01-01T00:00:00Z"}}}}}}"#
        )
    };
    let lines = [
        r#"{"apply":{"id":"1","at":"2026-01-01T00:00:00Z","who":"ann","host":"desk","commit":null,"plan":"sha256:1"}}"#
            .to_owned(),
        begin(0, r#""what":"take back: stop container web""#),
        begin(1, r#""kind":"restore_data","ids":{"snapshot":"1","path":"/x"},"undo":true"#),
    ];
    std::fs::write(paths.folder.join("journal.jsonl"), lines.join("\n") + "\n").unwrap();
    let told: Vec<_> = read(&paths).unwrap().view.interrupted.into_iter().map(|i| i.operation).collect();
    let ids = BTreeMap::from([("path".to_owned(), "/x".to_owned()), ("snapshot".to_owned(), "1".to_owned())]);
    let unknown = BegunOperation::Kind { kind: "restore_data".to_owned(), ids, purpose: Purpose::Undo };
    assert_eq!(told, [BegunOperation::Words("take back: stop container web".to_owned()), unknown]);
}

#[test]
fn calls_that_were_given_up_stay_in_the_journal_and_are_buried_once() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut store = Store::open(&paths, owner()).unwrap();
    store.start("sha256:1", None).unwrap();
    let _given_up = store.begin(vec![intent(0)]).unwrap();
    store.finish(summary(Ending::Interrupted)).unwrap();
    drop(store);
    assert_eq!(read(&paths).unwrap().view.interrupted.len(), 1);
    let mut store = Store::open(&paths, owner()).unwrap();
    store.start("sha256:2", None).unwrap();
    store.finish(summary(Ending::Done)).unwrap();
    assert_eq!(history(&paths).unwrap().entries.len(), 2);
    assert_eq!(read(&paths).unwrap().view.interrupted, vec![]);
}

#[test]
fn a_torn_history_line_swallows_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut store = Store::open(&paths, owner()).unwrap();
    let path = paths.folder.join("history.jsonl");
    store.start("one", None).unwrap();
    store.finish(summary(Ending::Done)).unwrap();
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"id\":\"12");
    std::fs::write(&path, text).unwrap();
    store.start("two", None).unwrap();
    store.finish(summary(Ending::Done)).unwrap();
    let past = history(&paths).unwrap();
    assert_eq!(past.entries.iter().map(|e| e.plan.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(past.unreadable, 1);
}

#[test]
fn a_second_apply_is_told_who_is_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let _store = Store::open(&paths, owner()).unwrap();
    let error = Store::open(&paths, owner()).unwrap_err().to_string();
    assert_eq!(error, "the state is locked: ann@desk runs `hl apply` (process 7) since 2026-01-01T00:00:00Z");
}

#[test]
fn a_record_that_somebody_replaced_meanwhile_is_left_alone() {
    let keys = tempfile::tempdir().unwrap();
    let backend = Memory::default();
    let mut store = Store::open_in(Box::new(backend.clone()), keys.path(), owner()).unwrap();
    store.record(addr("nas/shop/volume:db"), recorded(Fields::default()));
    store.save().unwrap();
    assert!(matches!(
        Store::open_in(Box::new(backend.clone()), keys.path(), owner()),
        Err(Error::Locked { holder: Some(holder) }) if holder == owner()
    ));
    let other = br#"{"format_version": 2, "serial": 9}"#;
    backend.put(Part::Record, other);
    store.record(addr("nas/shop/volume:www"), recorded(Fields::default()));
    let error = store.save().unwrap_err();
    assert!(matches!(error, Error::Moved { .. }), "{error}");
    assert!(error.to_string().contains("its serial is 9, not 1"), "{error}");
    assert_eq!(backend.read(Part::Record).unwrap().as_deref(), Some(other.as_slice()));
}

/// Begins or ends calls as a plan would, and says after each line what is certainly begun and not ended.
fn journal_lines(script: &[bool]) -> (Vec<u8>, Vec<(usize, BTreeSet<usize>)>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let path = paths.folder.join("journal.jsonl");
    let mut store = Store::open(&paths, owner()).unwrap();
    store.start("sha256:1", None).unwrap();
    let mut open = BTreeSet::new();
    let mut tickets = std::collections::VecDeque::new();
    let mut moments = vec![(std::fs::metadata(&path).unwrap().len() as usize, open.clone())];
    for (step, begins) in script.iter().enumerate() {
        if *begins {
            tickets.push_back((step, store.begin(vec![intent(step)]).unwrap().remove(0)));
            open.insert(step);
        } else if let Some((step, ticket)) = tickets.pop_front() {
            store.end(ticket, (step % 2 == 0).then(|| "no\nsuch image".to_owned())).unwrap();
            open.remove(&step);
        }
        moments.push((std::fs::metadata(&path).unwrap().len() as usize, open.clone()));
    }
    (std::fs::read(&path).unwrap(), moments)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        ".*".prop_map(Value::text),
        ".*".prop_map(|t| Value::Text(Text::Sealed(Sealer::new([3; 32]).seal(&t)))),
        Just(Value::Unset),
        Just(Value::Unknown),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(".*", inner, 0..4).prop_map(Value::Map),
        ]
    })
}

fn any_fields() -> impl Strategy<Value = Fields> {
    let field = prop_oneof![
        prop::sample::select(Key::ALL).prop_map(Field::key),
        (prop::sample::select(vec![Key::Environment, Key::Labels, Key::Volumes]), "[^\n]{1,12}")
            .prop_map(|(key, item)| Field::item(key, item)),
        "[a-z]{1,8}".prop_map(|net| Field::part(Key::Networks, net, "aliases")),
    ];
    // A text where typed values stand is one of them.
    let value = |(field, value): (Field, Value)| (field.clone(), typed_values::read(&field, value));
    prop::collection::vec((field, any_value()).prop_map(value), 0..8).prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A cut at any byte is readable, forgets no call that was certainly begun, and invents none.
    #[test]
    fn a_journal_that_is_cut_anywhere_forgets_no_begun_call(script in prop::collection::vec(any::<bool>(), 0..12)) {
        let (bytes, moments) = journal_lines(&script);
        for cut in 0..=bytes.len() {
            let told = journal::read(&bytes[..cut]);
            let open: BTreeSet<usize> = told.open.iter().map(|i| i.step).collect();
            let expected = moments.iter().rev().find(|(length, _)| *length <= cut).map(|(_, open)| open.clone());
            prop_assert_eq!(open, expected.unwrap_or_default(), "cut at {}", cut);
        }
    }

    /// Garbage in a journal is no reason to fail either.
    #[test]
    fn a_journal_of_garbage_is_readable(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        journal::read(&bytes);
    }

    /// A record reads back as it was written, and the same record gives the same bytes.
    #[test]
    fn records_read_back(declared in any_fields(), baseline in any_fields(), id in "\\PC*") {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path());
        let mut store = Store::open(&paths, owner()).unwrap();
        let record = Recorded { id, declared, baseline, applied_at: now() };
        store.record(addr("nas/shop/container:web"), record.clone());
        store.save().unwrap();
        drop(store);
        let read = read(&paths).unwrap();
        let written = |fields: Fields| -> Fields {
            let value = |field: &Field, value: Value| if field.key.holds_content() { value.digested() } else { value };
            fields.iter().map(|(field, v)| (field.clone(), value(field, v.clone()))).collect()
        };
        let baseline = record.baseline.sealed_beside(&record.declared, &read.sealer);
        let (declared, baseline) = (written(record.declared.clone()), written(baseline));
        let expected = Recorded { declared, baseline, ..record };
        prop_assert_eq!(read.view.resources.values().next(), Some(&expected));
    }
}

#[test]
fn a_new_folder_tells_git_what_to_leave_out() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(dir.path());
    let ignore = paths.folder.join(".gitignore");
    drop(Store::open(&paths, owner()).unwrap());
    assert!(std::fs::read_to_string(&ignore).unwrap().lines().any(|line| line == "/journal.jsonl"));
    // A folder that is there is the user's.
    std::fs::remove_file(&ignore).unwrap();
    drop(Store::open(&paths, owner()).unwrap());
    assert!(!ignore.exists());
}
