//! Help, manual and completions.

use std::process::Command;

use tempfile::tempdir;
use undulator::command;

use super::run;

#[test]
fn help_explains_every_key() {
    let folder = tempdir().unwrap();
    let overview = run(folder.path(), "--help").succeeded().stdout;
    for command in command::all() {
        assert!(overview.contains(&command.slug()), "{overview}");
        for how in ["--help", "-h"] {
            let help = run(folder.path(), &format!("{} {how}", command.slug())).succeeded().stdout;
            assert!(help.contains(command.summary.split_whitespace().next().unwrap()), "{help}");
            for key in &command.keys {
                assert!(help.contains(&format!("\n  {}", key.name)), "{} has no {}: {help}", command.name, key.name);
                assert!(help.contains(key.label), "{} has no {}: {help}", command.name, key.label);
            }
        }
    }
}

#[test]
fn the_manual_has_all_commands_and_exit_codes() {
    let folder = tempdir().unwrap();
    let manual = run(folder.path(), "man").succeeded().stdout;
    assert!(manual.contains(".TH undulator 1"), "{manual}");
    let plain = manual.replace("\\-", "-");
    for command in command::all() {
        assert!(plain.contains(&format!("\n.SH {}\n", command.slug().to_uppercase())), "{}: {manual}", command.name);
    }
    assert!(plain.contains("--folder") && !plain.contains("undulator-train(1)"), "{manual}");
    assert!(manual.contains("EXIT STATUS") && manual.contains("130"), "{manual}");
}

#[test]
fn shells_complete_keys() {
    let folder = tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(folder.path(), &format!("completions {shell}")).succeeded().stdout;
        assert!(script.contains("compare-networks"), "{shell}");
    }
    assert_eq!(run(folder.path(), "completions tcsh").code, 2);
}

#[test]
#[cfg(unix)]
fn bash_offers_keys() {
    let folder = tempdir().unwrap();
    let script = run(folder.path(), "completions bash").succeeded().stdout;
    std::fs::write(folder.path().join("undulator.bash"), script).unwrap();
    let typed = "source ./undulator.bash; COMP_WORDS=(undulator resample i); COMP_CWORD=2; \
                 _undulator undulator i resample; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", typed]).current_dir(folder.path()).output().unwrap();
    let offered = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(offered.lines().any(|word| word == "image="), "{offered}{said}");
    assert!(offered.lines().any(|word| word == "interpolation=Linear"), "{offered}{said}");
}
