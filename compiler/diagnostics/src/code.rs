//! The registry of codes: each with its number, severity and one-line summary.

use std::fmt;

use crate::Severity;

macro_rules! codes {
    ($($name:ident = $number:literal, $severity:ident, $summary:literal;)+) => {
        /// What kind of finding a diagnostic is. Numbers are never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $summary] $name = $number,)+
        }

        impl Code {
            /// Every code, in order of number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The severity of its diagnostics.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }

            /// What it is about, in one line.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary,)+ }
            }
        }
    };
}

codes! {
    Syntax = 1, Error, "the text does not follow the grammar";
    Unclosed = 2, Error, "a brace, bracket, parenthesis or quote is never closed";
    Unsupported = 3, Error, "part of the language that is not supported yet";
    TooDeep = 4, Error, "an expression is nested too deeply or grows too large";

    UnknownName = 101, Error, "a name that nothing defines";
    WrongType = 102, Error, "a name or value of another type than is needed here";
    Duplicate = 103, Error, "two definitions of one name";
    Cycle = 104, Error, "a definition that needs its own value";
    ReservedName = 105, Error, "a definition with a name that the language gives a meaning";
    PackageName = 106, Error, "files of one package that disagree about its name";
    MissingPackage = 107, Error, "no file says which package this is";

    UnknownModule = 108, Error, "a module that does not exist, or one that was not brought in";
    WrongArguments = 109, Error, "a template applied to too many or too few arguments";
    EndlessTemplates = 110, Error, "templates that apply one another without end";
    InvalidExpansion = 111, Error, "a template that makes a name out of text that is none";
    UnknownType = 112, Error, "a parameter of a type that does not exist";

    UnknownLabel = 201, Error, "a label key outside the package's schema";
    UnknownLabelValue = 202, Error, "a label value outside the package's schema";

    InvalidAddress = 301, Error, "text that is not an address or a CIDR block";
    HostBits = 302, Error, "a CIDR block with bits set after its prefix";
    ExceptionOutside = 303, Error, "an exception that takes nothing away";
    EmptySet = 304, Error, "a set that can never contain anything";
    InvalidDnsName = 305, Error, "text that is not a DNS name or a pattern of DNS names";

    InvalidNumber = 401, Error, "a port, type, code, protocol or priority out of range";
    BackwardsRange = 402, Error, "a port range whose end comes before its start";
    CodeWithoutType = 403, Error, "an ICMP code without a type";
    UnknownIcmpType = 404, Error, "an ICMP type name that does not exist";

    WrongDirection = 501, Error, "`from` in an egress block or `to` in an ingress block";
    RepeatedSetting = 502, Error, "a setting that a policy or a service gives twice";
    UnknownSetting = 503, Error, "a tier or setting value that does not exist";
    SubjectNeverApplies = 504, Error, "a policy for peers that are never endpoints";
    NoEffect = 505, Warning, "a policy, or a setting of one, that changes nothing";
    EgressOnly = 506, Error, "peers of ingress that can only be reached, not come from";

    UnknownParty = 601, Error, "a test that uses an endpoint it does not define";
    NoEndpoint = 602, Error, "a check of a flow that no policy speaks about";
    InexactPacket = 603, Error, "a test packet or endpoint that is not one definite thing";
    FamilyMismatch = 604, Error, "a check that mixes IPv4 and IPv6";
    TestFailed = 605, Error, "a check whose expectation does not hold";

    OverBudget = 701, Error, "policies that need more than one program may hold";

    ShadowedRule = 801, Warning, "a rule that an earlier tier or priority always decides before";
    RedundantRule = 802, Warning, "a rule that another one already says";
    MootAllow = 803, Warning, "an allow that a deny takes back entirely";
    NeverMatches = 804, Warning, "a rule that matches nothing";
    NeedlessDeny = 805, Warning, "a deny that takes nothing away";
    WorldOpen = 806, Warning, "every port open to the whole world";
    SensitivePortOpen = 807, Warning, "a port for administrators or data, open to the whole world";
    UnrestrictedEgress = 808, Warning, "everything may leave, to anywhere";
    MetadataReachable = 809, Warning, "egress that reaches the cloud's metadata service";
    OneFamilyBlock = 810, Warning, "a block of everything that leaves out a family";
    UnusedName = 811, Warning, "a definition that nothing uses";
    UntestedPolicy = 812, Warning, "a policy about which no test says anything";
    DnsWithoutTcp = 813, Warning, "DNS over UDP without DNS over TCP";
    OverlappingPorts = 814, Warning, "a port term that another one covers";
    RedundantPeer = 815, Warning, "a peer that another one contains";
    PassAtTheEnd = 816, Warning, "`pass` where there is nothing to pass to";
    OneSidedAllow = 817, Warning, "egress that the other end does not let in";
    TestsOnlyAllow = 818, Warning, "tests that only say what is allowed";
    UnmatchedSubject = 819, Warning, "a policy that applies to no endpoint of the inventory";
    NameStyle = 820, Warning, "a name that is not in lower case with underscores";
    WidePortRange = 821, Warning, "thousands of ports open to the whole world";
    IdleDefaultAllow = 822, Warning, "a policy with `default allow` that changes nothing";
    OneFamilyPing = 823, Warning, "ping for one family only";
    UnknownLint = 824, Warning, "a level for a lint that does not exist";

    NotTcp = 901, Error, "a match of requests on ports that are not TCP";
    NotAllow = 902, Error, "a rule that matches requests and does not allow them";
    InvalidPath = 903, Error, "a path pattern that has no meaning";
    InvalidPattern = 904, Error, "a regular expression that cannot be used";
    ImpossibleCapture = 905, Error, "a condition on a capture that can never hold";
    InvalidRequest = 906, Error, "a method, header or host that no request can have";

    IncompleteService = 951, Error, "a service that lacks an address, a port or backends";
    InvalidDuration = 952, Error, "text that is not a duration";
}

impl Code {
    /// Whether its fixes may be applied without asking: there is one way to read the source, or
    /// the fix keeps its meaning.
    #[must_use]
    pub const fn fixes_are_safe(self) -> bool {
        matches!(
            self,
            Self::Syntax | Self::BackwardsRange | Self::PassAtTheEnd | Self::UnknownLint
        )
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{:04}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_never_repeat() {
        assert!(Code::ALL.is_sorted_by(|one, next| one.number() < next.number()));
    }

    #[test]
    fn summaries_follow_the_style() {
        for code in Code::ALL {
            let summary = code.summary();
            assert!(!summary.ends_with('.'), "{code}: {summary}");
            assert!(
                !summary.starts_with(char::is_uppercase),
                "{code}: {summary}"
            );
        }
    }

    #[test]
    fn codes_are_written_with_four_digits() {
        assert_eq!(Code::UnknownName.to_string(), "P0101");
    }
}
