//! Names that are not written in lower case with underscores.

use polc_diagnostics::{Code, Level, Place};
use polc_syntax::ast::{Item, Name};

use crate::{Context, Findings, Lint};

pub(crate) const LINT: Lint = Lint {
    name: "name_style",
    code: Code::NameStyle,
    level: Level::Allow,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (path, tree) in context.trees() {
        for name in tree.items.iter().filter_map(declared) {
            let better = snake_case(&name.text);
            if better == name.text || name.is_missing() {
                continue;
            }
            let place = Place {
                file: path.into(),
                range: name.span.start..name.span.end,
            };
            findings.report(
                format!("`{}` is not in lower case with underscores", name.text),
                place,
                "unlike other names",
                |diagnostic| diagnostic.with_help(format!("rename it to `{better}`")),
            );
        }
    }
}

fn declared(item: &Item) -> Option<&Name> {
    match item {
        Item::Package(name) => Some(name),
        Item::Endpoints(item) | Item::Cidr(item) => Some(&item.name),
        Item::Ports(item) => Some(&item.name),
        Item::Policy(policy) => Some(&policy.name),
        _ => None,
    }
}

/// `webTier` and `WEB-tier` become `web_tier`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    let mut before_is_lower = false;
    for character in name.chars() {
        if character.is_uppercase() && before_is_lower {
            snake.push('_');
        }
        before_is_lower = character.is_lowercase() || character.is_ascii_digit();
        match character {
            '-' => snake.push('_'),
            _ => snake.extend(character.to_lowercase()),
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn names_in_other_styles_are_found() {
        let source = "endpoints webTier = { app: \"web\" }
cidr office = 10.8.0.0/16
policy Web_Ingress for webTier { ingress { allow from office } }
";
        assert_eq!(
            findings(&LINT, source),
            [
                "1: `webTier` is not in lower case with underscores",
                "3: `Web_Ingress` is not in lower case with underscores",
            ]
        );
        assert_eq!(snake_case("webTierV2"), "web_tier_v2");
    }
}
