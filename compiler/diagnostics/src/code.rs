//! The registry of codes: each with its number, severity and one-line summary.

use std::fmt;

use crate::Severity;

macro_rules! codes {
    ($($page:ident $name:ident = $number:literal, $severity:ident, $summary:literal;)+) => {
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

            /// The page that `polc explain` shows: why, a wrong example and a right one.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$name => {
                        include_str!(concat!("../pages/", stringify!($page), ".md"))
                    })+
                }
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
    P0001 Syntax = 1, Error, "the text does not follow the grammar";
    P0002 Unclosed = 2, Error, "a brace, bracket, parenthesis or quote is never closed";
    P0003 Unsupported = 3, Error, "part of the language or of a Kubernetes policy that is not supported yet";
    P0004 TooDeep = 4, Error, "an expression is nested too deeply or grows too large";

    P0101 UnknownName = 101, Error, "a name that nothing defines";
    P0102 WrongType = 102, Error, "a name or value of another type than is needed here";
    P0103 Duplicate = 103, Error, "two definitions of one name";
    P0104 Cycle = 104, Error, "a definition that needs its own value";
    P0105 ReservedName = 105, Error, "a definition with a name that the language gives a meaning";
    P0106 PackageName = 106, Error, "files of one package that disagree about its name";
    P0107 MissingPackage = 107, Error, "no file says which package this is";
    P0108 UnknownModule = 108, Error, "a module that does not exist, or one that was not brought in";
    P0109 WrongArguments = 109, Error, "a template applied to too many or too few arguments";
    P0110 EndlessTemplates = 110, Error, "templates that apply one another without end";
    P0111 InvalidExpansion = 111, Error, "a template that makes a name out of text that is none";
    P0112 UnknownType = 112, Error, "a parameter of a type that does not exist";

    P0201 UnknownLabel = 201, Error, "a label key outside the package's schema";
    P0202 UnknownLabelValue = 202, Error, "a label value outside the package's schema";

    P0301 InvalidAddress = 301, Error, "text that is not an address or a CIDR block";
    P0302 HostBits = 302, Error, "a CIDR block with bits set after its prefix";
    P0303 ExceptionOutside = 303, Error, "an exception that takes nothing away";
    P0304 EmptySet = 304, Error, "a set that can never contain anything";
    P0305 InvalidDnsName = 305, Error, "text that is not a DNS name or a pattern of DNS names";

    P0401 InvalidNumber = 401, Error, "a port, type, code, protocol or priority out of range";
    P0402 BackwardsRange = 402, Error, "a port range whose end comes before its start";
    P0403 CodeWithoutType = 403, Error, "an ICMP code without a type";
    P0404 UnknownIcmpType = 404, Error, "an ICMP type name that does not exist";
    P0405 NotAPort = 405, Error, "a port that is neither a number nor a name in quotes";

    P0501 WrongDirection = 501, Error, "`from` in an egress block or `to` in an ingress block";
    P0502 RepeatedSetting = 502, Error, "a setting that a policy or a service gives twice";
    P0503 UnknownSetting = 503, Error, "a tier or setting value that does not exist";
    P0504 SubjectNeverApplies = 504, Error, "a policy for peers that are never endpoints";
    P0505 NoEffect = 505, Warning, "a policy, or a setting of one, that changes nothing";
    P0506 EgressOnly = 506, Error, "peers of ingress that can only be reached, not come from";

    P0601 UnknownParty = 601, Error, "a test that uses an endpoint it does not define";
    P0602 NoEndpoint = 602, Error, "a check of a flow that no policy speaks about";
    P0603 InexactPacket = 603, Error, "a test packet or endpoint that is not one definite thing";
    P0604 FamilyMismatch = 604, Error, "a check that mixes IPv4 and IPv6";
    P0605 TestFailed = 605, Error, "a check whose expectation does not hold";

    P0701 OverBudget = 701, Error, "policies that need more than one program may hold";

    P0801 ShadowedRule = 801, Warning, "a rule that an earlier tier or priority always decides before";
    P0802 RedundantRule = 802, Warning, "a rule that another one already says";
    P0803 MootAllow = 803, Warning, "an allow that a deny takes back entirely";
    P0804 NeverMatches = 804, Warning, "a rule that matches nothing";
    P0805 NeedlessDeny = 805, Warning, "a deny that takes nothing away";
    P0806 WorldOpen = 806, Warning, "every port open to the whole world";
    P0807 SensitivePortOpen = 807, Warning, "a port for administrators or data, open to the whole world";
    P0808 UnrestrictedEgress = 808, Warning, "everything may leave, to anywhere";
    P0809 MetadataReachable = 809, Warning, "egress that reaches the cloud's metadata service";
    P0810 OneFamilyBlock = 810, Warning, "a block of everything that leaves out a family";
    P0811 UnusedName = 811, Warning, "a definition that nothing uses";
    P0812 UntestedPolicy = 812, Warning, "a policy about which no test says anything";
    P0813 DnsWithoutTcp = 813, Warning, "names resolved over UDP and not over TCP";
    P0814 OverlappingPorts = 814, Warning, "a port term that another one covers";
    P0815 RedundantPeer = 815, Warning, "a peer that another one contains";
    P0816 PassAtTheEnd = 816, Warning, "`pass` where there is nothing to pass to";
    P0817 OneSidedAllow = 817, Warning, "egress that the other end does not let in";
    P0818 TestsOnlyAllow = 818, Warning, "tests that only say what is allowed";
    P0819 UnmatchedSubject = 819, Warning, "a policy that applies to no endpoint of the inventory";
    P0820 NameStyle = 820, Warning, "a name that is not in lower case with underscores";
    P0821 WidePortRange = 821, Warning, "thousands of ports open to the whole world";
    P0822 IdleDefaultAllow = 822, Warning, "a policy with `default allow` that changes nothing";
    P0823 OneFamilyPing = 823, Warning, "ping for one family only";
    P0824 UnknownLint = 824, Warning, "a level for a lint that does not exist";
    P0825 CoveredL7 = 825, Warning, "a rule about requests under an allow of the whole connection";
    P0826 NamesWithoutDns = 826, Warning, "egress to names that can never be resolved";
    P0827 NearBudget = 827, Warning, "policies that nearly fill a program";

    P0901 NotTcp = 901, Error, "a match of requests on ports that are not TCP";
    P0902 NotAllow = 902, Error, "a rule that matches requests and does not allow them";
    P0903 InvalidPath = 903, Error, "a path pattern that has no meaning";
    P0904 InvalidPattern = 904, Error, "a regular expression that cannot be used";
    P0905 ImpossibleCapture = 905, Error, "a condition on a capture that can never hold";
    P0906 InvalidRequest = 906, Error, "a method, header or host that no request can have";

    P0951 IncompleteService = 951, Error, "a service that lacks an address, a port or backends";
    P0952 InvalidDuration = 952, Error, "text that is not a duration";

    P1001 YamlSyntax = 1001, Error, "a file that is not YAML";
    P1002 UnknownField = 1002, Error, "a field that objects of this kind do not have";
    P1003 WrongValue = 1003, Error, "a value of another type than the field takes";
    P1004 MissingField = 1004, Error, "a field that must be there and is not";
    P1005 RepeatedKey = 1005, Error, "a key that a mapping has twice";
    P1006 InvalidValue = 1006, Error, "a value that the API server would refuse";
    P1007 ExclusiveFields = 1007, Error, "fields that cannot stand together";
    P1008 UnknownKind = 1008, Error, "an object of a kind that does not exist";
    P1009 UnknownReference = 1009, Warning, "a reference to an object that the files do not hold";
    P1010 UnsupportedKind = 1010, Error, "a policy of a kind that polc does not read";

    P1101 Unsayable = 1101, Error, "something that another form cannot say";
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

    /// The code that somebody means by `P0101`, `p101` or `101`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['P', 'p']).unwrap_or(text);
        let number: u16 = digits.parse().ok()?;
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.number() == number)
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
    fn pages_begin_with_the_code_and_its_summary() {
        for code in Code::ALL {
            let title = format!("# {code}: {}\n", code.summary());
            assert!(code.page().starts_with(&title), "{code}");
        }
    }

    #[test]
    fn codes_are_found_by_what_people_type() {
        assert_eq!(Code::parse("P0101"), Some(Code::UnknownName));
        assert_eq!(Code::parse("p101"), Some(Code::UnknownName));
        assert_eq!(Code::parse("101"), Some(Code::UnknownName));
        assert_eq!(Code::parse("P9999"), None);
        assert_eq!(Code::parse("web"), None);
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
