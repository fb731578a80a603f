//! What shells and `man` read: completions and the manual page, made from the same schema as everything else.

use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};
use undulator::command::{self, Command};

use super::{arguments, keys, status};

/// The completions of a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::program(true), "undulator", &mut script);
    match shell {
        Shell::Bash => {
            let script = String::from_utf8_lossy(&script);
            format!("{KEYS_IN_BASH}{}", script.replace("complete -F _undulator ", "complete -F _undulator_keys "))
                .into()
        }
        _ => script,
    }
}

/// The value of a key follows without a space.
const KEYS_IN_BASH: &str = "\
_undulator_keys() {
    _undulator \"$@\"
    if [[ ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}

";

/// The manual page: the program, and then each command with its keys.
pub fn manual() -> Vec<u8> {
    let man = Man::new(arguments::program(false)).manual("Undulator");
    let mut page = Vec::new();
    let written = man.render_title(&mut page).and_then(|()| man.render_name_section(&mut page));
    written.expect("memory takes what is written");
    let mut rest = Roff::new();
    rest.control("SH", ["SYNOPSIS"]).text([
        bold("undulator"),
        roman(" "),
        italic("COMMAND"),
        roman(" ["),
        italic("KEY=VALUE"),
        roman(" ...] [--json] [--quiet] [--folder "),
        italic("FOLDER"),
        roman("]"),
    ]);
    options(&mut rest);
    command::all().iter().for_each(|command| section(&mut rest, command));
    rest.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in status::MEANINGS {
        entry(&mut rest, code.to_string(), meaning);
    }
    page.extend(rest.to_roff().into_bytes());
    page
}

/// The options that every command has, in clap's words.
fn options(page: &mut Roff) {
    page.control("SH", ["OPTIONS"]);
    let program = arguments::program(false);
    let Some(any) = program.get_subcommands().next() else { return };
    for option in any.get_arguments() {
        if let (Some(long), Some(help)) = (option.get_long(), option.get_help()) {
            entry(page, format!("--{long}"), help.to_string());
        }
    }
}

fn section(page: &mut Roff, command: &Command) {
    page.control("SH", [command.slug().to_uppercase().as_str()]);
    page.text([roman(command.summary)]);
    for paragraph in arguments::plain(command.help).split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        page.control("PP", []).text([roman(paragraph)]);
    }
    for (group, keys) in keys::groups(command) {
        if !group.is_empty() {
            page.control("SS", [group]);
        }
        for key in keys {
            entry(page, keys::usage(key), keys::meaning(key));
        }
    }
}

fn entry(page: &mut Roff, word: String, meaning: impl Into<String>) {
    page.control("TP", []).text([bold(word)]).text([roman(meaning)]);
}
