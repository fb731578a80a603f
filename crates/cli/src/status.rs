//! Exit codes: one for each kind of reason, so that scripts can tell them apart.

use undulator::command::Code;

/// All went well.
pub const OK: u8 = 0;
/// A file cannot be read or written.
pub const FILE: u8 = 4;

/// Every exit code and what it means, for the manual.
pub const MEANINGS: [(u8, &str); 9] = [
    (OK, "success"),
    (2, "invalid key, value or argument"),
    (3, "an image cannot be used"),
    (FILE, "a file cannot be read or written"),
    (5, "a model cannot be used"),
    (6, "a device cannot be used or failed"),
    (7, "not enough memory"),
    (8, "the computation failed"),
    (130, "stopped by Ctrl-C or a signal; a training has saved its best model"),
];

/// The exit code of a kind of reason.
pub fn of(code: Code) -> u8 {
    match code {
        Code::Option => 2,
        Code::Image | Code::VoxelSize | Code::NotMeasured | Code::GreyTypes | Code::Sizes | Code::Hyperstack => 3,
        Code::File => FILE,
        Code::Model => 5,
        Code::Device => 6,
        Code::Memory => 7,
        Code::Failed => 8,
        Code::Cancelled => 130,
    }
}
