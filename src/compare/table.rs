//! The table of a comparison as comma-separated values.

use std::{
    fmt::Write as _,
    io::{self, Write},
    path::Path,
};

use super::Row;
use crate::disk;

const HEADINGS: &str = "network,layers,activation,channels,residual,parameters,epochs,best epoch,PSNR,paper PSNR,\
                        raw PSNR,matched PSNR,filtered PSNR,seconds,model,note";

pub(super) fn write(path: &Path, rows: &[Row]) -> io::Result<()> {
    disk::write_whole(path, |file| file.write_all(text(rows).as_bytes()))
}

fn text(rows: &[Row]) -> String {
    let mut text = format!("{HEADINGS}\n");
    for row in rows {
        let spec = row.spec;
        let model = row.model.file_name().unwrap_or_default().to_string_lossy();
        let [psnr, raw, matched, filtered] = match row.scores {
            None => [const { String::new() }; 4],
            Some(s) => [s.restored, s.raw, s.matched, s.filtered].map(|psnr| format!("{psnr:.3}")),
        };
        writeln!(
            text,
            "{},{},{},{},{},{},{},{},{psnr},{},{raw},{matched},{filtered},{:.1},{model},{}",
            spec.network,
            spec.layers,
            spec.activation,
            spec.channels,
            spec.residual,
            row.parameters,
            row.epochs,
            row.best_epoch,
            row.paper(),
            row.seconds,
            quoted(&row.note)
        )
        .expect("text grows as long as there is memory");
    }
    text
}

/// A field that may hold commas.
fn quoted(field: &str) -> String {
    match field.is_empty() {
        true => String::new(),
        false => format!("\"{}\"", field.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use undulator_compute::network::{Activation, Architecture, Spec};

    use super::*;
    use crate::model::Scores;

    #[test]
    fn every_row_has_every_field() {
        let spec = Spec {
            network: Architecture::RedNet,
            layers: 6,
            activation: Activation::Prelu,
            channels: 32,
            residual: false,
        };
        let row = Row {
            spec,
            parameters: 93_441,
            best_epoch: 7,
            epochs: 9,
            scores: Some(Scores { restored: 25.125, raw: 12.8, matched: 14.0, filtered: 20.0 }),
            seconds: 60.0,
            note: "it said \"no\", twice".to_owned(),
            model: "a/red-net-6-prelu.zip".into(),
        };
        let rows = [row.clone(), Row { note: String::new(), scores: None, ..row }];
        let text = text(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "RED-Net,6,PReLU,32,false,93441,9,7,25.125,>30,12.800,14.000,20.000,60.0,red-net-6-prelu.zip,\
             \"it said \"\"no\"\", twice\""
        );
        assert_eq!(lines[2].split(',').count(), HEADINGS.split(',').count());
    }
}
