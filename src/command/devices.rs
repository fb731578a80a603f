//! `Devices`: what there is to compute with, and what is missing.

use super::{Command, CommandError, Host, Options, Row};
use crate::{engine::device, progress::Progress};

/// The command.
pub fn command() -> Command {
    Command {
        name: "Devices",
        summary: "Lists the devices to compute with, and what is missing.",
        help: "Every GPU that is found computes something small, so that its row says whether it works here.",
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
