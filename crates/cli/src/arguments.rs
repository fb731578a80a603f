//! What may be typed, as clap knows it, and what was typed.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgAction, ArgMatches, builder::PossibleValuesParser, error::ErrorKind, value_parser};
use clap_complete::Shell;
use undulator::command::{self, Code, Command, CommandError, Kind};

use super::{keys, report::Outcome, status};

/// What was asked for.
pub enum Asked {
    /// A command of the core.
    Run(Run),
    /// Completions for a shell.
    Completions(Shell),
    /// The manual page.
    Manual,
}

/// A command and how it is to be run.
pub struct Run {
    /// The command, as it is typed.
    pub command: String,
    /// Keys and values as they were given.
    pub options: Vec<(String, String)>,
    pub json: bool,
    pub quiet: bool,
    /// Where new images go; empty for the current folder.
    pub folder: PathBuf,
}

/// Why nothing was asked for: what clap says, which may be the help, or what is wrong with a key.
pub enum Refusal {
    Clap(clap::Error),
    Key(CommandError),
}

/// Reads the program's arguments.
///
/// # Errors
/// [`Refusal`] for arguments that are not possible, and when help was asked for.
pub fn read(arguments: &[OsString]) -> Result<Asked, Refusal> {
    let matches = program(false).try_get_matches_from(arguments).map_err(Refusal::Clap)?;
    match matches.subcommand() {
        Some(("completions", given)) => Ok(Asked::Completions(*given.get_one("SHELL").expect("it is required"))),
        Some(("man", _)) => Ok(Asked::Manual),
        Some((name, given)) => run(name, given).map(Asked::Run).map_err(Refusal::Key),
        None => unreachable!("a command is required"),
    }
}

fn run(name: &str, given: &ArgMatches) -> Result<Run, CommandError> {
    let command = command::find(name)?;
    let words = given.get_many::<String>(KEYS).into_iter().flatten();
    let options = words.map(|word| option(command, word)).collect::<Result<_, _>>()?;
    let folder = given.get_one::<PathBuf>("folder").cloned().unwrap_or_default();
    Ok(Run { command: command.slug(), options, json: given.get_flag("json"), quiet: given.get_flag("quiet"), folder })
}

/// `key=value`, or the name of a flag.
fn option(command: &Command, word: &str) -> Result<(String, String), CommandError> {
    match word.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), without_brackets(value).to_owned())),
        None => match command.key(word) {
            Some(key) if key.kind != Kind::Flag => {
                Err(CommandError::new(Code::Option, format!("{word} has no value")).advice(keys::usage(key)))
            }
            _ => Ok((word.to_owned(), "true".to_owned())),
        },
    }
}

/// Macros put values with spaces in brackets.
fn without_brackets(value: &str) -> &str {
    value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).unwrap_or(value)
}

const KEYS: &str = "KEY=VALUE";

/// The whole program; `for_shells` with words to complete, which are too narrow to read what was typed.
pub fn program(for_shells: bool) -> clap::Command {
    let commands = command::all().iter().map(|command| subcommand(command, for_shells));
    let shell = Arg::new("SHELL").required(true).value_parser(value_parser!(Shell)).help("The shell");
    clap::Command::new("undulator")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Gives a laboratory X-ray CT the look of a synchrotron CT")
        .after_help(
            "Keys are written as in macros of the ImageJ plugin: undulator resample image=scan.tif voxel=0.6\n\
             undulator COMMAND --help lists the keys of a command, and undulator man the exit codes.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(100)
        .subcommands(commands)
        .subcommand(clap::Command::new("completions").about("Prints shell completions").arg(shell))
        .subcommand(clap::Command::new("man").about("Prints the manual page"))
}

fn subcommand(command: &Command, for_shells: bool) -> clap::Command {
    let mut words = Arg::new(KEYS).num_args(0..).help("Options of the command, listed below");
    if for_shells {
        words = words.value_parser(PossibleValuesParser::new(command.keys.iter().flat_map(keys::completions)));
    }
    let shown = clap::Command::new(command.slug())
        .about(command.summary)
        .after_help(format!("{}\n{}", keys::help(command), plain(command.help)).trim().to_owned())
        .arg(flag("json").help("Print the results, or the error, as JSON"))
        .arg(flag("quiet").short('q').help("Print no progress or log, only warnings and errors"))
        .arg(folder());
    if command.keys.is_empty() { shown } else { shown.arg(words) }
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn folder() -> Arg {
    Arg::new("folder")
        .long("folder")
        .value_name("FOLDER")
        .value_parser(value_parser!(PathBuf))
        .help("Folder for new images [default: the current folder]")
}

/// Markdown without its marks.
pub fn plain(markdown: &str) -> String {
    markdown.replace("**", "").replace(['*', '`'], "")
}

impl Refusal {
    /// Says it, and gives the program's exit code.
    pub fn tell(self, arguments: &[OsString]) -> ExitCode {
        let asked_for_help =
            |error: &clap::Error| matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        let error = match self {
            Self::Clap(error) if asked_for_help(&error) => {
                // That nobody listens is no error.
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            Self::Clap(error) => {
                let _ = error.print();
                CommandError::new(Code::Option, first_paragraph(&error.to_string()))
            }
            Self::Key(error) => {
                eprintln!("error: {error}");
                error
            }
        };
        if arguments.iter().any(|argument| argument == "--json") {
            super::print(Outcome::refused(error).json("").as_bytes());
        }
        ExitCode::from(status::of(Code::Option))
    }
}

fn first_paragraph(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str]) -> Result<Run, Refusal> {
        let arguments: Vec<OsString> = ["undulator"].iter().chain(words).map(OsString::from).collect();
        read(&arguments).map(|asked| match asked {
            Asked::Run(run) => run,
            _ => panic!("no command was asked for"),
        })
    }

    #[test]
    fn clap_finds_nothing_wrong_with_the_program() {
        program(false).debug_assert();
        program(true).debug_assert();
    }

    #[test]
    fn keys_are_read_as_in_macros() {
        let words = ["measure", "test=a=b.tif", "--json", "reference=[my scan.tif]", "windowed"];
        let run = typed(&words).unwrap_or_else(|_| panic!("refused"));
        let pairs: Vec<_> = run.options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("test", "a=b.tif"), ("reference", "my scan.tif"), ("windowed", "true")]);
        assert!(run.json && !run.quiet);
    }

    #[test]
    fn a_key_without_its_value_is_refused() {
        let Err(Refusal::Key(error)) = typed(&["measure", "test"]) else { panic!("not refused") };
        assert_eq!(error.to_string(), "test has no value: test=FILE");
    }
}
