//! Man pages, for who packages the program.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use prep_onnx_pipeline::Result;
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::{Cli, Global};
use crate::output::OutputFile;

/// Write the man pages, one for the program and one for each command
#[derive(Debug, Args)]
#[command(after_help = "Example:
  prep-onnx man ~/.local/share/man/man1")]
pub(crate) struct Options {
    /// The folder to write into
    folder: PathBuf,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    let mut command = Cli::command();
    command.build();
    let mut names = Vec::new();
    for (name, page) in pages(&command) {
        write(&options.folder.join(&name), &page)?;
        names.push(name);
    }
    let folder = options.folder.display();
    let text = format!("wrote {} pages into {folder}\n", names.len());
    Ok(Answer::report(
        text,
        json!({ "output": folder.to_string(), "pages": names }),
    ))
}

fn write(path: &std::path::Path, page: &[u8]) -> Result<()> {
    let mut file = OutputFile::create(path)?;
    file.write(|out| out.write_all(page))?;
    file.finish()
}

/// The pages of a command and of those below it that are not hidden.
fn pages(command: &clap::Command) -> Vec<(String, Vec<u8>)> {
    let title = command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    // A Vec takes everything.
    let _ = man.render(&mut page);
    let below = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
        .flat_map(pages);
    std::iter::once((format!("{title}.1"), page))
        .chain(below)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_shown_has_a_page() {
        let mut command = Cli::command();
        command.build();
        let pages = pages(&command);
        for shown in command.get_subcommands().filter(|shown| !shown.is_hide_set()) {
            if shown.get_name() == "help" {
                continue;
            }
            let name = format!("prep-onnx-{}.1", shown.get_name());
            let (_, page) = pages.iter().find(|(known, _)| *known == name).unwrap();
            assert!(String::from_utf8_lossy(page).contains(".SH OPTIONS"), "{name}");
        }
        assert!(pages.iter().any(|(name, _)| name == "prep-onnx.1"));
    }
}
