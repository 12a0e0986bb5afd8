//! What the API server accepts as names, labels and values.

/// RFC 1123's label: a namespace's name.
pub(crate) fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_part_of_dns(text)
}

/// RFC 1123's subdomain: names of most objects.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part_of_dns)
}

/// What [`is_dns_label`] and [`is_dns_subdomain`] ask for, in words.
pub(crate) const DNS_RULE: &str =
    "lower-case letters, digits and dashes, with a letter or digit at both ends";

fn is_part_of_dns(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|c| is_end(c) || c == '-')
}

/// A domain of the internet: two labels or more, which may have `_` inside, and perhaps a final dot.
pub(crate) fn is_domain_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_end = |c: char| c.is_ascii_alphanumeric();
    let is_label = |label: &str| {
        label.starts_with(is_end)
            && label.ends_with(is_end)
            && label.chars().all(|c| is_end(c) || matches!(c, '-' | '_'))
    };
    text.contains('.') && text.split('.').all(is_label)
}

/// A label's key: a name of at most 63 characters, after a domain and `/` or without.
pub(crate) fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => is_dns_subdomain(domain) && is_label_name(name),
        None => is_label_name(text),
    }
}

/// A label's value: as its name, or empty.
pub(crate) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_name(text)
}

/// What [`is_label_key`] and [`is_label_value`] ask for, in words.
pub(crate) const LABEL_RULE: &str =
    "at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";

fn is_label_name(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(is_end)
        && text.ends_with(is_end)
        && text
            .chars()
            .all(|c| is_end(c) || matches!(c, '-' | '_' | '.'))
}

/// RFC 6335's service name: a named port.
pub(crate) fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && is_part_of_dns(text)
        && !text.contains("--")
        && text.contains(|c: char| c.is_ascii_lowercase())
}

/// What [`is_port_name`] asks for, in words.
pub(crate) const PORT_RULE: &str = "at most 15 lower-case letters, digits and single dashes between them, with at least one letter";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_api() {
        assert!(is_dns_label("shop-1") && !is_dns_label("Shop") && !is_dns_label("-a"));
        assert!(!is_dns_label("a.b") && is_dns_subdomain("a.b") && !is_dns_subdomain("a..b"));
        assert!(is_label_key("app.kubernetes.io/name") && is_label_key("App_1.x"));
        assert!(!is_label_key("/name") && !is_label_key("a/b/c") && !is_label_key(""));
        assert!(is_label_value("") && is_label_value("v1.2_A") && !is_label_value("a b"));
        assert!(!is_label_value(&"a".repeat(64)));
        assert!(is_port_name("http-8080") && !is_port_name("8080") && !is_port_name("a--b"));
        assert!(!is_port_name("sixteen-letters-") && !is_port_name("HTTP"));
    }
}
