//! The integration tests, all in one binary.
//!
//! Many of them need what a machine may not have: a private Docker engine, root, real Compose. A test says so beside
//! its name, and where it cannot run it is reported as ignored, by name, never as passed; with `HL_TEST_REQUIRE_ALL=1`
//! it fails instead. That is why this binary has a `main` of its own rather than `#[test]` functions.
//!
//! `scripts/test.sh` provides everything and runs all. To run some of them by hand:
//!
//! ```text
//! scripts/engine.sh start && eval "$(scripts/engine.sh env)" && eval "$(scripts/oracle.sh)"
//! scripts/engine.sh exec -- cargo test --test it -- NAME
//! ```
//!
//! A new file: `mod` it here, give it a `pub const TRIALS`, and list that below.

mod adoption;
mod apply;
mod architecture;
mod broken;
mod built;
mod claims;
mod convergence;
mod doctor;
mod dozen;
mod equivalence;
mod exec;
mod faults;
mod fleet;
mod front;
mod harness;
mod histories;
mod hostile;
mod in_the_way;
mod keys;
mod killed;
mod layouts;
mod leaks;
mod logs;
mod manual;
mod mounted;
mod moving;
mod new_service;
mod node_calls;
mod node_refresh;
mod node_specs;
mod pack;
mod places;
mod quickstart;
mod remade_volumes;
mod remote;
mod renames;
mod repository;
mod rewired;
mod root;
mod secrets;
mod sharing;
mod simulated;
mod soak;
mod support;
mod telling;
mod tls;
mod true_ends;
mod truth_files;
mod truth_outside;
mod truth_removed;
mod truth_repair;
mod updates;
mod userland;
mod way_back;

fn main() -> std::process::ExitCode {
    let mut modules = vec![
        adoption::TRIALS,
        apply::TRIALS,
        architecture::TRIALS,
        broken::TRIALS,
        built::TRIALS,
        claims::TRIALS,
        convergence::TRIALS,
        doctor::TRIALS,
        equivalence::TRIALS,
        exec::TRIALS,
        fleet::TRIALS,
        front::TRIALS,
        harness::TRIALS,
        histories::TRIALS,
        in_the_way::TRIALS,
        keys::TRIALS,
        killed::TRIALS,
        layouts::TRIALS,
        leaks::TRIALS,
        manual::TRIALS,
        logs::TRIALS,
        mounted::TRIALS,
        moving::TRIALS,
        new_service::TRIALS,
        node_calls::TRIALS,
        node_refresh::TRIALS,
        node_specs::TRIALS,
        places::TRIALS,
        quickstart::TRIALS,
        remade_volumes::TRIALS,
        remote::TRIALS,
        renames::TRIALS,
        rewired::TRIALS,
        repository::TRIALS,
        root::TRIALS,
        secrets::TRIALS,
        sharing::TRIALS,
        simulated::TRIALS,
        soak::TRIALS,
        telling::TRIALS,
        tls::TRIALS,
        true_ends::TRIALS,
        truth_files::TRIALS,
        truth_outside::TRIALS,
        truth_removed::TRIALS,
        truth_repair::TRIALS,
        updates::TRIALS,
        updates::SIGN_IN,
        userland::TRIALS,
        way_back::TRIALS,
    ];
    modules.extend(faults::TRIALS);
    modules.extend(hostile::TRIALS);
    // What is tried on a pack beside the checkout is no test of the checkout alone, so it is not listed without one.
    if pack::is_there() {
        modules.push(pack::TRIALS);
    }
    support::trial::run(&modules)
}
