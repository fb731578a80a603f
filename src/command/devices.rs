//! `Devices`: what there is to compute with, and what is missing.

use undulator_compute::device;

use super::{Command, CommandError, Host, Options, Row};
use crate::progress::Progress;

/// The command.
pub fn command() -> Command {
    Command {
        name: "Devices",
        summary: "Lists the available devices and missing components.",
        help: "Each GPU that is found runs a small test computation, so its row shows whether it works.",
        result: "a table",
        keys: Vec::new(),
        run,
    }
}

fn run(_options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    for row in device::report() {
        Progress::new(host).message(&row.join(" | "));
        let [item, state, detail] = row;
        host.row(Row::new().text("Item", item).text("State", state).text("Detail", detail));
    }
    Ok(String::new())
}
