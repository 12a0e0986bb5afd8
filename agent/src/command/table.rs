//! Tables for terminals and pipes.

use std::io::IsTerminal as _;

use comfy_table::{ContentArrangement, Table, presets};

/// Prints rows under a header: as wide as the terminal, and for whoever reads a pipe, a line each.
pub(super) fn print<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) {
    let arrangement = if std::io::stdout().is_terminal() {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    };
    println!("{}", render(header, rows, arrangement));
}

fn render<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
    arrangement: ContentArrangement,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(arrangement)
        .set_header(header);
    for row in rows {
        table.add_row(row.map(|cell| {
            if cell.is_empty() {
                "-".to_owned()
            } else {
                cell
            }
        }));
    }
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_a_line_for_each_row_however_long() {
        let long = "policy ".repeat(40);
        let rows = [
            ["shop/web".to_owned(), long.trim().to_owned()],
            ["db".to_owned(), String::new()],
        ];
        let text = render(["name", "policies"], rows, ContentArrangement::Disabled);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("name      policies"), "{text}");
        assert_eq!(lines[2], "db        -");
    }
}
