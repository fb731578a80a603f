//! A package, byte by byte: mostly the zip reader, as checksums guard what is inside.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use undulator::model::Facts;

fuzz_target!(|bytes: &[u8]| {
    let _ = Facts::read(Cursor::new(bytes));
});
