//! Files that an hl of the format before wrote.

use super::*;

/// The files that hl wrote before format 2, with the key of bytes 7 that sealed their secrets.
fn format_1(folder: &Path) -> Paths {
    let paths = paths(folder);
    std::fs::create_dir_all(&paths.folder).unwrap();
    std::fs::create_dir_all(&paths.keys).unwrap();
    for (name, text) in [
        ("homelab.json", include_str!("../fixtures/format-1/homelab.json")),
        ("journal.jsonl", include_str!("../fixtures/format-1/journal.jsonl")),
        ("history.jsonl", include_str!("../fixtures/format-1/history.jsonl")),
    ] {
        std::fs::write(paths.folder.join(name), text).unwrap();
    }
    std::fs::write(paths.keys.join("0123456789abcdef0123456789abcdef.key"), "07".repeat(32)).unwrap();
    paths
}

#[test]
fn a_state_of_the_format_before_is_read_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let paths = format_1(folder.path());
    let (shop, moved_to) = (ServiceName::new("shop").unwrap(), NodeName::new("box").unwrap());
    let check = |state: &State| {
        assert_eq!(state.key, KeyMatch::Yes);
        assert_eq!(state.view.unverified, BTreeSet::from([shop.clone()]));
        assert_eq!(state.view.services[&shop], RecordedService { relocating_to: Some(moved_to.clone()), ..service() });
        let declared = &state.view.resources[&addr("nas/shop/container:web")].declared;
        let password = declared.get(&Field::item(Key::Environment, "PW")).unwrap();
        assert!(password.same(&Value::text("hunter2"), &state.sealer));
        assert_eq!(declared.get(&Field::key(Key::ImageContent)), Some(&Value::Unknown));
    };
    let state = read(&paths).unwrap();
    check(&state);
    let about: Vec<_> = state.view.interrupted.iter().map(|i| (i.about.as_str(), i.begun_at.as_str())).collect();
    assert_eq!(about, [("nas/shop", "2026-01-02T00:00:01Z"), ("nas/shop/container:web", "2026-01-02T00:00:01Z")]);
    let past = history(&paths).unwrap();
    assert_eq!(past.unreadable, 0);
    let results: Vec<_> = past.entries.iter().map(|e| (e.plan.as_str(), e.result, e.trouble.len())).collect();
    assert_eq!(results, [("sha256:1", Ending::Done, 0), ("sha256:0", Ending::Failed, 1)]);

    let mut store = Store::open(&paths, owner()).unwrap();
    assert!(store.was_applied("sha256:2").unwrap() && store.was_applied("sha256:1").unwrap());
    store.start("sha256:3", None).unwrap();
    store.record(addr("nas/shop/volume:db"), recorded(Fields::default()));
    store.finish(summary(Ending::Done)).unwrap();
    drop(store);
    check(&read(&paths).unwrap());
    let text = std::fs::read_to_string(paths.folder.join("homelab.json")).unwrap();
    assert!(text.contains("\"format_version\": 3") && !text.contains("unproven") && !text.contains("moves_to"));
    let results: Vec<_> = history(&paths).unwrap().entries.iter().map(|e| e.result).collect();
    assert_eq!(results, [Ending::Done, Ending::Failed, Ending::Crashed, Ending::Done]);
}

/// Up to format 2, what is in public files stood in the record.
#[test]
fn what_is_in_files_goes_from_the_record_with_its_next_write() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let content = |text: &str| Fields::from_iter([(Field::key(Key::Content), Value::text(text))]);
    let mut store = Store::open(&paths, owner()).unwrap();
    store.record(addr("nas/shop/file:config/shop/a"), recorded(content("what is in it")));
    store.save().unwrap();
    drop(store);
    let file = paths.folder.join("homelab.json");
    let digest = crate::model::content::content_digest(b"what is in it");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&digest) && !text.contains("what is in it"));
    let earlier = text.replace(&digest, "what is in it").replace("\"format_version\": 3", "\"format_version\": 2");
    std::fs::write(&file, earlier).unwrap();
    let mut store = Store::open(&paths, owner()).unwrap();
    let read = store.state().view.resources[&addr("nas/shop/file:config/shop/a")].declared.clone();
    assert_eq!(read, content("what is in it"));
    store.record(addr("nas/shop/volume:db"), recorded(Fields::default()));
    store.save().unwrap();
    assert!(!std::fs::read_to_string(&file).unwrap().contains("what is in it"));
}
