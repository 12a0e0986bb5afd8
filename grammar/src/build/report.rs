//! Syntax errors of one statement: the first thing that is missing or does not belong.

use pest::iterators::Pair;
use polc_diagnostics::suggest;

use super::{Builder, Rule, span, text_in, token};
use crate::{Span, SyntaxError, SyntaxErrorKind};

/// Blocks hold statements of their own.
const BLOCKS: [Rule; 7] = [
    Rule::labels_block,
    Rule::policy_block,
    Rule::rule_block,
    Rule::test_block,
    Rule::http_block,
    Rule::service_block,
    Rule::template_block,
];

impl Builder<'_> {
    /// Reports the first error of a statement, apart from those inside its block.
    pub(super) fn report(&mut self, statement: &Pair<'_, Rule>) {
        let mut open = None;
        if let Some(error) = self.first_error(statement, &mut open) {
            self.errors.push(error);
        }
    }

    fn first_error(&self, pair: &Pair<'_, Rule>, open: &mut Option<Span>) -> Option<SyntaxError> {
        for inner in pair.clone().into_inner() {
            let rule = inner.as_rule();
            if BLOCKS.contains(&rule) {
                continue;
            }
            if matches!(
                rule,
                Rule::open_brace
                    | Rule::list
                    | Rule::lint_names
                    | Rule::parameters
                    | Rule::arguments
                    | Rule::only_group
            ) {
                let start = span(&inner).start as usize;
                *open = Some(Span::new(start, start + 1));
            }
            if let Some(error) = self.error_of(&inner, pair.as_rule(), *open) {
                return Some(error);
            }
            if let Some(error) = self.first_error(&inner, open) {
                return Some(error);
            }
        }
        None
    }

    fn error_of(
        &self,
        pair: &Pair<'_, Rule>,
        parent: Rule,
        open: Option<Span>,
    ) -> Option<SyntaxError> {
        let place = span(pair);
        let start = place.start as usize;
        match pair.as_rule() {
            Rule::missing_brace | Rule::missing_group_brace => {
                Some(self.unclosed(open, start, "}"))
            }
            Rule::missing_bracket => Some(self.unclosed(open, start, "]")),
            Rule::missing_paren => Some(self.unclosed(open, start, ")")),
            Rule::unclosed_string => Some(SyntaxError::new(
                SyntaxErrorKind::Unclosed,
                "this text is never closed",
                place,
                "expected `\"` before the end of the line",
            )),
            Rule::dashed => {
                let written = pair.as_str();
                let fixed = written.replace('-', "_");
                Some(
                    SyntaxError::new(
                        SyntaxErrorKind::Unexpected,
                        format!("`{written}` is not a name"),
                        place,
                        "names are made of letters, digits and `_`",
                    )
                    .with_help(format!("write `{fixed}`; `-` takes one set from another"))
                    .with_fix(place, fixed),
                )
            }
            Rule::namespace_peer => named_namespace(pair, place),
            Rule::range_operator if pair.as_str() != ".." => Some(
                SyntaxError::new(
                    SyntaxErrorKind::Unexpected,
                    format!(
                        "a port range is written with `..`, found `{}`",
                        pair.as_str()
                    ),
                    place,
                    "expected `..`",
                )
                .with_help("the last port belongs to the range: `8080..8090`")
                .with_fix(place, ".."),
            ),
            Rule::l4_sep if pair.as_str() == "," => Some(
                SyntaxError::new(
                    SyntaxErrorKind::Unexpected,
                    "alternatives are separated by `|`, found `,`",
                    place,
                    "expected `|`",
                )
                .with_help("name the protocol each time: `tcp 80 | tcp 443`")
                .with_fix(place, " |"),
            ),
            Rule::rest | Rule::bad_head | Rule::rest_of_condition | Rule::missing_is => {
                let what = expected(pair.as_rule()).unwrap_or_else(|| after(parent));
                Some(self.unexpected(what, start))
            }
            Rule::bad_condition | Rule::bad_value => {
                Some(self.unexpected(expected(pair.as_rule())?, start))
            }
            rule => Some(self.unexpected(expected(rule)?, start)),
        }
    }

    /// `expected WHAT, found …`
    pub(super) fn unexpected(&self, what: &str, offset: usize) -> SyntaxError {
        let found = token::found_at(self.text, offset);
        let headline = format!("expected {what}, found {}", found.text);
        let mut error = SyntaxError::new(
            SyntaxErrorKind::Unexpected,
            headline,
            found.span,
            found.label(),
        );
        if let Some(word) = &found.word {
            if matches!(word.as_str(), "and" | "or") {
                return error
                    .with_help("`|` is either set, `&` is what both contain, `-` takes away");
            }
            // The words of an expectation are those in backticks.
            let words = what.split('`').skip(1).step_by(2);
            if let Some(meant) = suggest::closest(word, words) {
                error.help = Some(format!("did you mean `{meant}`?"));
                error.fix = Some((found.span, meant.to_owned()));
            }
        }
        error
    }

    /// Something that was opened and never closed, noticed at `offset`.
    pub(super) fn unclosed(&self, open: Option<Span>, offset: usize, close: &str) -> SyntaxError {
        let found = token::found_at(self.text, offset);
        let opened = open.unwrap_or(found.span);
        let written = self.text.get(opened.range()).unwrap_or_default();
        SyntaxError::new(
            SyntaxErrorKind::Unclosed,
            format!("this `{written}` is never closed"),
            opened,
            "opened here",
        )
        .with_related(
            found.span,
            format!("expected `{close}` before {}", found.text),
        )
    }
}

/// What a zero-width rule stands for.
fn expected(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::missing_name => "a name",
        Rule::missing_equals => "`=`",
        Rule::missing_for => "`for` and the endpoints that the policy applies to",
        Rule::missing_peers | Rule::missing_operand => {
            "peers: a name, an address or `{ label: \"value\" }`"
        }
        Rule::missing_block => "`{`",
        Rule::missing_preposition => "`from` or `to`",
        Rule::missing_l4 | Rule::missing_l4_term => "ports, such as `tcp 443`",
        Rule::missing_port => "the last port of the range",
        Rule::missing_number => "a number",
        Rule::missing_tier => "a tier: `admin`, `normal` or `baseline`",
        Rule::missing_allow => "`allow`",
        Rule::missing_value => "a label value",
        Rule::missing_list => "a list of values in `[` and `]`",
        Rule::missing_colon => "`:` and the label's values",
        Rule::missing_string => "a text in quotes that says what the test shows",
        Rule::missing_namespace => "the namespace in quotes",
        Rule::missing_word_namespace => "`namespace`",
        Rule::missing_endpoint => "`endpoint`",
        Rule::missing_label_set => "labels in `{` and `}`",
        Rule::missing_address => "an address",
        Rule::missing_party => "an endpoint of the test, an address or `host`",
        Rule::missing_packet => "a packet, such as `tcp 443`",
        Rule::missing_is => "`is allowed` or `is denied`",
        Rule::missing_outcome => "`allowed` or `denied`",
        Rule::missing_access => "`restricted`",
        Rule::missing_path => "a path, such as `std::dns`",
        Rule::missing_http => "requests: a name or `{ GET /healthz }`",
        Rule::missing_http_block => "requests in `{` and `}`",
        Rule::missing_request_path => "a path that begins with `/`",
        Rule::missing_field => "`header`, `host`, `query` or a capture of the path",
        Rule::missing_text => "a text in quotes",
        Rule::missing_dns_name => "a DNS name in quotes",
        Rule::missing_protocol => "`tcp`, `udp` or `sctp`",
        Rule::missing_balance => "`random`, `round_robin` or `maglev`",
        Rule::missing_affinity => "`client_ip`",
        Rule::missing_duration => "a duration, such as `3h`",
        Rule::missing_external => "`node_port` or `policy`",
        Rule::missing_external_policy => "`local` or `cluster`",
        Rule::missing_parameters => "parameters in `(` and `)`",
        Rule::missing_parameter => "the name of a parameter",
        Rule::missing_parameter_type => "`:` and a type",
        Rule::missing_type => "a type, such as `string` or `endpoints`",
        Rule::missing_arguments => "arguments in `(` and `)`",
        Rule::missing_argument => "an argument",
        Rule::missing_can => "`can` or `cannot`",
        Rule::missing_only_can => "`can`",
        Rule::missing_reach => "`reach`",
        Rule::missing_level | Rule::bad_level => "`allow`, `warn` or `deny`",
        Rule::missing_lints => "the names of lints in `(` and `)`",
        Rule::bad_condition => "a label, such as `app: \"web\"`",
        Rule::bad_value => "a value",
        _ => return None,
    })
}

/// What may follow a complete statement.
fn after(parent: Rule) -> &'static str {
    match parent {
        Rule::rule_statement => "`on`, `only`, `sni` or the end of the rule",
        Rule::check => "`by` or the end of the check",
        Rule::request => "`when`, `and` or the end of the line",
        Rule::service_port => "`->` or the end of the line",
        Rule::service_affinity => "`for` or the end of the line",
        Rule::service_external => "`,` or the end of the line",
        Rule::assert_item => "`on` or the end of the line",
        Rule::given => "`in namespace`, `at` or the end of the line",
        Rule::policy_item
        | Rule::labels_item
        | Rule::test_item
        | Rule::service_item
        | Rule::template_item
        | Rule::direction_block => "`{`",
        Rule::label_declaration => "`|` or the end of the line",
        Rule::label_condition | Rule::absent_condition => {
            "`,` between conditions, `:`, `in`, `not in` or `!=`"
        }
        Rule::endpoints_item
        | Rule::cidr_item
        | Rule::dns_item
        | Rule::entity_item
        | Rule::service_backends => "`|`, `&`, `-` or the end of the line",
        Rule::ports_item => "`|` or the end of the line",
        _ => "the end of the line",
    }
}

/// `namespace "shop"` as a set of its own, which is what `{} in namespace "shop"` says.
fn named_namespace(pair: &Pair<'_, Rule>, place: Span) -> Option<SyntaxError> {
    let name = text_in(pair)?.text;
    Some(
        SyntaxError::new(
            SyntaxErrorKind::Unexpected,
            "a namespace narrows a set of endpoints",
            place,
            "expected the endpoints first",
        )
        .with_help(format!(
            "every endpoint of the namespace is `{{}} in namespace \"{name}\"`"
        ))
        .with_fix(place, format!("{{}} in namespace \"{name}\"")),
    )
}
