//! Any text as a saved plan: it is one or it is refused, and one is written as it was read.
#![no_main]

use hl::plan::saved_plan::SavedPlan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(plan) = SavedPlan::parse(text) {
        let written = plan.text();
        let again = SavedPlan::parse(&written).expect("what was written can be read");
        assert_eq!(again.text(), written);
    }
});
