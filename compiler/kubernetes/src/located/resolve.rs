//! What plain scalars are, as the API server's reader of YAML takes them.

use super::Scalar;

pub(super) fn plain(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" | "yes" | "Yes" | "YES" | "no"
        | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => Scalar::Bool,
        _ if is_number(text) => Scalar::Number(text),
        _ => Scalar::Text(text),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = digits.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return true;
    }
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)];
    for (prefix, radix) in radix {
        if let Some(rest) = lower.strip_prefix(prefix) {
            return !rest.is_empty() && rest.chars().all(|c| c == '_' || c.is_digit(radix));
        }
    }
    is_decimal(&lower)
}

/// `1`, `1_000`, `1.`, `.5`, `1.5e+3`.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.chars().all(|c| c == '_' || c.is_ascii_digit());
    let starts_with_digit = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    let is_mantissa = is_digits(whole)
        && is_digits(fraction)
        && (starts_with_digit(whole) || (whole.is_empty() && starts_with_digit(fraction)));
    is_mantissa
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_that_kubernetes_gives_them() {
        for text in ["80", "-1", "1.5", "1_000", "0x50", "1e3", "+.5", ".inf"] {
            assert_eq!(plain(text), Scalar::Number(text));
        }
        for text in ["web", "1.2.3", "10.0.0.0/8", "e3", "_1", "1a", "-", "."] {
            assert_eq!(plain(text), Scalar::Text(text));
        }
        assert_eq!(plain("yes"), Scalar::Bool);
        assert_eq!(plain("~"), Scalar::Null);
    }
}
