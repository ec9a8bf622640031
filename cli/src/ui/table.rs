//! Columns of text, aligned.

/// Rows of cells; cells may hold styles.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    indent: usize,
}

impl Table {
    /// A table with a line of headings; none for an empty list.
    pub(crate) fn new(headings: &[&str]) -> Self {
        let headings: Vec<_> = headings.iter().map(super::dim).collect();
        let rows = if headings.is_empty() {
            Vec::new()
        } else {
            vec![headings]
        };
        Self { rows, indent: 2 }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(
            cells
                .into_iter()
                .map(|cell| super::clean_line(&cell.into()))
                .collect(),
        );
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| visible(cell)).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for row in &self.rows {
            write!(f, "{:1$}", "", self.indent)?;
            for (column, cell) in row.iter().enumerate() {
                let last = column + 1 == row.len();
                let padding = if last {
                    0
                } else {
                    widths[column] - visible(cell) + 2
                };
                write!(f, "{cell}{:padding$}", "")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Characters that are seen: styles are not.
fn visible(cell: &str) -> usize {
    anstream::adapter::strip_str(cell).to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_style() {
        let mut table = Table::new(&["name", "size"]);
        table.row([super::super::good("a"), "1".to_owned()]);
        table.row(["longer-name", "2"]);
        let plain = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(plain, "  name         size\n  a            1\n  longer-name  2\n");
    }

    #[test]
    fn a_cell_stays_in_its_place() {
        let mut table = Table::new(&[]);
        table.row(["a\n  b\x1b[2J", "1"]);
        assert_eq!(table.to_string(), "  a\u{fffd}  b\u{fffd}[2J  1\n");
    }
}
