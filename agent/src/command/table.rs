//! Tables for terminals and pipes.

use std::io::IsTerminal as _;

use comfy_table::{ContentArrangement, Table, presets};

/// How wide a table may be.
#[derive(Clone, Copy)]
enum Width {
    /// As wide as the terminal.
    Terminal,
    /// As wide as its contents: whoever reads a pipe wants a line for each row.
    Contents,
    /// So many columns.
    #[cfg(test)]
    Columns(u16),
}

/// Prints rows under a header: as wide as the terminal, and for whoever reads a pipe, a line each.
pub(super) fn print<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) {
    let width = if std::io::stdout().is_terminal() {
        Width::Terminal
    } else {
        Width::Contents
    };
    println!("{}", render(header, rows, width));
}

fn render<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
    width: Width,
) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    table.set_content_arrangement(match width {
        Width::Contents => ContentArrangement::Disabled,
        _ => ContentArrangement::Dynamic,
    });
    #[cfg(test)]
    if let Width::Columns(columns) = width {
        table.set_width(columns);
    }
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

    fn rows() -> [[String; 2]; 2] {
        [
            [
                "shop/web".to_owned(),
                "policy ".repeat(40).trim().to_owned(),
            ],
            ["db".to_owned(), String::new()],
        ]
    }

    #[test]
    fn a_pipe_gets_a_line_for_each_row_however_long() {
        let text = render(["name", "policies"], rows(), Width::Contents);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("name      policies"), "{text}");
        assert_eq!(lines[2], "db        -");
    }

    #[test]
    fn a_terminal_gets_no_line_that_is_wider_than_it() {
        let text = render(["name", "policies"], rows(), Width::Columns(60));
        assert!(text.lines().all(|line| line.len() <= 60), "{text}");
        assert_eq!(text.matches("policy").count(), 40, "{text}");
    }
}
