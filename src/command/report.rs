//! What a command found.

use serde::Serialize;

/// What a command found: every row that it reported while it ran, and a sentence.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// For the log; may be empty.
    pub sentence: String,
    /// In the order in which they were found.
    pub rows: Vec<Row>,
}

/// One row of a table. Rows of one table have the same columns, or the first of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The table; most commands have one, `results`.
    pub table: &'static str,
    /// Columns with their values.
    pub cells: Vec<(Column, Value)>,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// The unit of its numbers; empty for none.
    pub unit: &'static str,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number; not finite where there is none or it has no end.
    Number(f64),
    /// Words.
    Text(String),
}

impl Row {
    /// An empty row of the table `results`.
    pub fn new() -> Self {
        Self::of("results")
    }

    /// An empty row of a table.
    pub fn of(table: &'static str) -> Self {
        Self { table, cells: Vec::new() }
    }

    /// With one more number.
    pub fn number(mut self, name: &'static str, unit: &'static str, value: f64) -> Self {
        self.cells.push((Column { name, unit }, Value::Number(value)));
        self
    }

    /// With one more text.
    pub fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.cells.push((Column { name, unit: "" }, Value::Text(value.into())));
        self
    }

    /// The value of a column.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.cells.iter().find(|(column, _)| column.name == name).map(|(_, value)| value)
    }
}

impl Default for Row {
    fn default() -> Self {
        Self::new()
    }
}
