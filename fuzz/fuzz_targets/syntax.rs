//! Any text as each of the short forms.
#![no_main]

use hl::compose::syntax::{device, duration, hosts, image, path, port, scalar, size, volume, words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = (device::parse(text), duration::parse(text), hosts::parse(text), image::parse(text));
    let _ = (port::parse(text), size::parse(text), volume::parse(text), words::split(text));
    let _ = (scalar::parse_bool(text), scalar::parse_int(text), scalar::parse_float(text).map(scalar::float_text));
    let cleaned = path::clean(text);
    assert_eq!(path::clean(&cleaned), cleaned, "a clean path stays as it is");
    let (base, rest) = text.split_once('\0').unwrap_or((text, "."));
    let _ = (path::join(base, rest), path::relative(base, rest), path::expand_home(text, Some("/root")));
});
