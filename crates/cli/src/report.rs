//! What a command found, on stdout: tables to read, or JSON for programs.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};
use undulator::command::{Column, CommandError, Row, Value};

use super::{results::Kept, status};

/// How a command ended, and what it found until then.
pub struct Outcome {
    pub ended: Result<String, CommandError>,
    pub rows: Vec<Row>,
    pub images: Vec<Kept>,
    pub files: Vec<PathBuf>,
    pub messages: Vec<String>,
    pub warnings: Vec<String>,
}

/// Lines that a table beside the first may have.
const SCREEN: usize = 30;

/// The rows of one table.
struct Table<'a> {
    name: &'static str,
    columns: Vec<Column>,
    rows: Vec<&'a Row>,
}

impl Outcome {
    /// A command that did not even begin.
    pub fn refused(error: CommandError) -> Self {
        let (rows, images, files) = (Vec::new(), Vec::new(), Vec::new());
        Self { ended: Err(error), rows, images, files, messages: Vec::new(), warnings: Vec::new() }
    }

    /// The tables and the sentence.
    pub fn tables(&self) -> String {
        let grouped = self.grouped();
        let shown = |(number, table): (usize, &Table)| if number == 0 { table.text() } else { table.abridged() };
        let mut parts: Vec<String> = grouped.iter().enumerate().map(shown).collect();
        if let Ok(sentence) = &self.ended {
            parts.extend(Some(format!("{sentence}\n")).filter(|line| line.len() > 1));
        }
        parts.join("\n")
    }

    /// One object in one line.
    pub fn json(&self, command: &str) -> String {
        let tables: Vec<Json> = self.grouped().iter().map(Table::json).collect();
        let image = |image: &Kept| {
            let properties: Map<String, Json> =
                image.properties.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
            json!({ "path": absolute(&image.path), "properties": properties })
        };
        let (sentence, error, exit) = match &self.ended {
            Ok(sentence) => (json!(sentence), Json::Null, status::OK),
            Err(CommandError { code, message, advice }) => {
                (json!(""), json!({ "code": code.name(), "message": message, "advice": advice }), status::of(*code))
            }
        };
        let object = json!({
            "command": command,
            "sentence": sentence,
            "error": error,
            "exit": exit,
            "tables": tables,
            "images": self.images.iter().map(image).collect::<Vec<_>>(),
            "files": self.files.iter().map(|file| absolute(file)).collect::<Vec<_>>(),
            "messages": self.messages,
            "warnings": self.warnings,
        });
        format!("{object}\n")
    }

    /// The tables in the order in which they began.
    fn grouped(&self) -> Vec<Table<'_>> {
        let mut tables: Vec<Table> = Vec::new();
        for row in &self.rows {
            match tables.iter_mut().find(|table| table.name == row.table) {
                Some(table) => table.rows.push(row),
                None => tables.push(Table { name: row.table, columns: Vec::new(), rows: vec![row] }),
            }
        }
        for table in &mut tables {
            for (column, _) in table.rows.iter().flat_map(|row| &row.cells) {
                if !table.columns.iter().any(|known| known.name == column.name) {
                    table.columns.push(*column);
                }
            }
        }
        tables
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

impl Table<'_> {
    fn json(&self) -> Json {
        let columns: Vec<Json> =
            self.columns.iter().map(|column| json!({ "name": column.name, "unit": column.unit })).collect();
        let row = |row: &&Row| -> Json {
            // What is no finite number is null in JSON.
            row.cells.iter().map(|(column, value)| (column.name.to_owned(), json!(value))).collect::<Map<_, _>>().into()
        };
        json!({ "name": self.name, "columns": columns, "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }

    /// The text, unless it would take the screen from the tables before.
    fn abridged(&self) -> String {
        let text = self.text();
        match text.lines().count() {
            0..=SCREEN => text,
            lines => format!("({}: {lines} lines, printed with --json)\n", self.name),
        }
    }

    /// Aligned columns: numbers to the right, words to the left.
    fn text(&self) -> String {
        if let (&[column], &[row]) = (self.columns.as_slice(), self.rows.as_slice())
            && let Some(Value::Text(words)) = row.get(column.name)
        {
            return format!("{}\n", words.trim_end());
        }
        let columns: Vec<Vec<String>> = self.columns.iter().map(|column| self.column(*column)).collect();
        let mut text = String::new();
        for line in 0..=self.rows.len() {
            let cells: Vec<&str> = columns.iter().map(|column| column[line].as_str()).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// Heading and cells of a column, all of one width.
    fn column(&self, column: Column) -> Vec<String> {
        let values: Vec<Option<&Value>> = self.rows.iter().map(|row| row.get(column.name)).collect();
        let decimals = decimals(&values);
        let heading = match column.unit {
            "" => column.name.to_owned(),
            unit => format!("{} ({unit})", column.name),
        };
        let cells: Vec<String> =
            std::iter::once(heading).chain(values.iter().map(|value| cell(*value, decimals))).collect();
        let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        let words = values.iter().any(|value| matches!(value, Some(Value::Text(text)) if text.parse::<f64>().is_err()));
        let pad = |cell: String| if words { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
        cells.into_iter().map(pad).collect()
    }
}

fn cell(value: Option<&Value>, decimals: usize) -> String {
    match value {
        None => String::new(),
        Some(Value::Text(text)) => text.replace('\n', " "),
        Some(Value::Number(number)) if number.is_nan() => "-".to_owned(),
        Some(Value::Number(number)) => format!("{number:.decimals$}"),
    }
}

/// None for whole numbers, else as many as give the largest five digits.
fn decimals(values: &[Option<&Value>]) -> usize {
    let numbers = || {
        values.iter().filter_map(|value| match value {
            Some(Value::Number(number)) if number.is_finite() => Some(*number),
            _ => None,
        })
    };
    let most = numbers().fold(0.0, |most: f64, number| most.max(number.abs()));
    if most == 0.0 || numbers().all(|number| number.fract() == 0.0) {
        return 0;
    }
    (4.0 - most.log10().floor()).clamp(2.0, 9.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use undulator::command::Code;

    fn outcome() -> Outcome {
        let row = |slice: &str, psnr, ssim| {
            Row::new().text("Slice", slice).number("PSNR", "dB", psnr).number("SSIM", "", ssim)
        };
        let rows = vec![row("stack", 25.125, 0.5), row("1", f64::INFINITY, 0.25)];
        Outcome { ended: Ok("done".to_owned()), rows, ..Outcome::refused(CommandError::new(Code::Failed, "")) }
    }

    #[test]
    fn columns_are_aligned_with_units_in_their_headings() {
        let text = outcome().tables();
        assert_eq!(text, "Slice  PSNR (dB)     SSIM\nstack     25.125  0.50000\n1            inf  0.25000\n\ndone\n");
    }

    #[test]
    fn json_has_rows_by_column() {
        let json: Json = serde_json::from_str(&outcome().json("Measure")).unwrap();
        let table = &json["tables"][0];
        assert_eq!((&table["columns"][1]["unit"], &table["rows"][0]["PSNR"]), (&json!("dB"), &json!(25.125)));
        assert_eq!((&table["rows"][1]["PSNR"], &json["error"]), (&Json::Null, &Json::Null));
    }

    #[test]
    fn small_numbers_keep_their_digits() {
        let number = Value::Number(1.25e-3);
        assert_eq!(cell(Some(&number), decimals(&[Some(&number)])), "0.0012500");
        let whole = Value::Number(12.0);
        assert_eq!(cell(Some(&whole), decimals(&[Some(&whole)])), "12");
    }
}
