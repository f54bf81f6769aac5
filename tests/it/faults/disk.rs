//! Disks that are full, at the begin or at a later write, and disks that are read-only.

use std::path::Path;

use super::subject::{Room, Subject, step};
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(the_disk_of_the_state_is_full, needs Engine, Root),
    trial!(the_disk_of_the_state_is_full_later, needs Engine, Root),
    trial!(the_disk_of_this_machine_is_full, needs Engine, Root),
    trial!(the_disk_of_a_node_is_full, needs Engine, Root),
    trial!(the_disk_of_the_keys_is_read_only, needs Engine, Root),
];

/// Rooms from none to nearly enough, and one that is enough.
const ROOMS: [usize; 7] = [0, 1, 2, 3, 4, 6, 9];
const ENOUGH: usize = 40;

/// A failure because of a disk: the code says that not all is done, the words say which file and why.
#[track_caller]
fn is_told(ended: &Outcome, place: &str) {
    let said = format!("{}{}", ended.stdout, ended.stderr).to_lowercase();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!([1, 4].contains(&ended.code), "the exit code of {ended}");
    let why = said.contains("no space left") || said.contains("read-only file");
    assert!(why && said.contains(place), "not told: {ended}");
    assert!(!said.contains("panicked"), "{ended}");
}

/// Applies versions with less room and with more in a folder; each end is told, and made up for with room.
fn with_rooms(subject: &Subject, folder: &Path, place: &str) {
    let mut codes = Vec::new();
    let rooms = ROOMS.into_iter().step_by(step()).chain([ENOUGH]).map(Room::Pages);
    for (number, room) in rooms.chain([Room::ReadOnly]).enumerate() {
        let version = number + 1;
        subject.declare(version);
        let ended = subject.hl_with_room(folder, room, &["apply", "--yes"]);
        codes.push(ended.code);
        if ended.code != 0 {
            is_told(&ended, place);
        }
        subject.files_are_whole(&[version - 1, version]);
        subject.is_made_up_for(version);
    }
    println!("{codes:?}");
    let [first, .., enough, read_only] = codes.as_slice() else { panic!("{codes:?}") };
    assert!(*first != 0 && *enough == 0 && *read_only != 0, "{codes:?}");
}

fn the_disk_of_the_state_is_full() {
    let subject = Subject::new();
    with_rooms(&subject, &subject.lab.repository().join("state"), "state/");
}

fn the_disk_of_the_state_is_full_later() {
    let subject = Subject::new();
    let state = subject.lab.repository().join("state");
    for version in 1..=3 {
        subject.declare(version);
        let ended = subject.hl_with_room(&state, Room::UntilBegun, &["apply", "--yes"]);
        ended.code(4);
        is_told(&ended, "state/");
        subject.files_are_whole(&[version - 1, version]);
        subject.is_made_up_for(version);
    }
}

fn the_disk_of_this_machine_is_full() {
    let subject = Subject::new();
    with_rooms(&subject, &subject.lab.node_root(), "/box/");
}

fn the_disk_of_a_node_is_full() {
    let subject = Subject::over_ssh();
    with_rooms(&subject, &subject.lab.node_root(), "/box/");
}

fn the_disk_of_the_keys_is_read_only() {
    let subject = Subject::new();
    subject.declare(1);
    let home = subject.lab.home();
    // A key that is there is enough.
    subject.hl_with_room(&home, Room::ReadOnly, &["apply", "--yes"]).code(0);
    subject.is_made_up_for(1);
}
