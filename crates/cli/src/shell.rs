//! What shells and `man` read: completions and the manual page, made from the same schema as everything else.

use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use undulator::command;

use super::{arguments, keys, status};

/// The completions of a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::program(true), "undulator", &mut script);
    match shell {
        // What follows `image=` comes without a space.
        Shell::Bash => {
            String::from_utf8_lossy(&script).replace("-o bashdefault", "-o nospace -o bashdefault").into_bytes()
        }
        _ => script,
    }
}

/// The manual page: the program, and then each command with its keys.
pub fn manual() -> Vec<u8> {
    let man = Man::new(arguments::program(false)).manual("Undulator");
    let mut page = Vec::new();
    let written = (man.render_title(&mut page))
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_subcommands_section(&mut page));
    written.expect("memory takes what is written");
    let mut rest = Roff::new();
    for command in command::all() {
        rest.control("SH", [command.slug().to_uppercase().as_str()]);
        rest.text([roman(command.summary)]);
        for paragraph in arguments::plain(command.help).split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
            rest.control("PP", []).text([roman(paragraph)]);
        }
        for (group, keys) in keys::groups(command) {
            if !group.is_empty() {
                rest.control("SS", [group]);
            }
            for key in keys {
                rest.control("TP", []).text([bold(keys::usage(key))]).text([roman(keys::meaning(key))]);
            }
        }
    }
    rest.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in status::MEANINGS {
        rest.control("TP", []).text([bold(code.to_string())]).text([roman(meaning)]);
    }
    page.extend(rest.render().into_bytes());
    page
}
