//! Pages of `polc explain` on a terminal: a little Markdown, with headings that stand out.

use anstyle::{AnsiColor, Style};

const HEADING: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();

/// Renders a page. Colours are left out later where nobody sees them.
pub(crate) fn render(page: &str) -> String {
    let mut text = String::new();
    let mut is_code = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code && line.is_empty() {
            text.push('\n');
        } else if is_code {
            text.push_str(&format!("  {CODE}{line}{CODE:#}\n"));
        } else if line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim_start();
            text.push_str(&format!("{HEADING}{heading}{HEADING:#}\n"));
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}
