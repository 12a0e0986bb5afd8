//! What rules match above L4: HTTP requests, the name of a TLS server, the names of DNS queries.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a rule matches above L4. Only rules that allow have one: on TCP ports only, and on those of
/// any protocol for DNS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum L7Match {
    /// Requests that one of these describes. Sorted, without repetition, never empty.
    Http(Vec<HttpMatch>),
    /// TLS connections to one of these server names, each as in [`SelectorExpr::Dns`]. Sorted,
    /// without repetition, never empty.
    ///
    /// [`SelectorExpr::Dns`]: crate::SelectorExpr::Dns
    Sni(Vec<String>),
    /// DNS queries for one of these names, each as in [`SelectorExpr::Dns`]. Sorted, without
    /// repetition, never empty.
    ///
    /// [`SelectorExpr::Dns`]: crate::SelectorExpr::Dns
    Dns(Vec<String>),
}

/// One kind of request: `GET /api/cart/{id: int} when host = "cart.shop.svc"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HttpMatch {
    /// The method, in upper case. `None` is every method.
    pub method: Option<String>,
    /// The segments of the path, in order. None: `/` alone.
    pub path: Vec<PathSegment>,
    /// Conditions that must all hold. Sorted, without repetition.
    pub conditions: Vec<HttpCondition>,
}

/// One segment of a path pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathSegment {
    /// This text.
    Literal(String),
    /// `{id: int}`: a value with a name, unique in the path.
    Capture {
        /// Its name.
        name: String,
        /// Which values there are.
        kind: CaptureKind,
    },
    /// `*`: one segment, never empty.
    Any,
    /// `**`: all the rest, also nothing. Only the last segment.
    Rest,
}

/// The type of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureKind {
    /// Decimal digits.
    Int,
    /// Any segment that is not empty.
    String,
}

impl CaptureKind {
    /// Every type.
    pub const ALL: [Self; 2] = [Self::Int, Self::String];

    /// The name in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::String => "string",
        }
    }

    /// Whether a segment is a value of this type.
    #[must_use]
    pub fn admits(self, segment: &str) -> bool {
        match self {
            Self::Int => !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()),
            Self::String => !segment.is_empty(),
        }
    }
}

/// A condition on a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HttpCondition {
    /// What is looked at.
    pub field: HttpField,
    /// What must hold of it.
    pub test: HttpTest,
}

/// A part of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpField {
    /// The method, in upper case.
    Method,
    /// The path without the query.
    Path,
    /// A header, its name in lower case. Of several, one must pass.
    Header(String),
    /// The host that the request is for, in lower case and without a port.
    Host,
    /// A parameter of the query. Of several, one must pass.
    Query(String),
    /// A capture of the path.
    Capture(String),
}

/// What must hold of a part of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpTest {
    /// It is there.
    Present,
    /// It is exactly this.
    Equals(String),
    /// This regular expression matches the whole of it.
    Matches(String),
}

/// What a flow shows above L4 once it is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// An HTTP request.
    Http(HttpRequest),
    /// The server name of a TLS connection, in lower case.
    Sni(String),
    /// A DNS query for a name, in lower case and without a final dot.
    Dns(String),
}

/// An HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// The method, in upper case.
    pub method: String,
    /// The path without the query. It begins with `/`.
    pub path: String,
    /// Parameters of the query, in order.
    pub query: Vec<(String, String)>,
    /// The host, where it is given, in lower case.
    pub host: Option<String>,
    /// Headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(request) => write!(f, "{} {}", request.method, request.path),
            Self::Sni(name) => write!(f, "sni \"{name}\""),
            Self::Dns(name) => write!(f, "dns \"{name}\""),
        }
    }
}

impl fmt::Display for HttpMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method.as_deref().unwrap_or("*"))?;
        f.write_str(" ")?;
        if self.path.is_empty() {
            f.write_str("/")?;
        }
        for segment in &self.path {
            match segment {
                PathSegment::Literal(text) => write!(f, "/{text}")?,
                PathSegment::Capture { name, kind } => write!(f, "/{{{name}: {}}}", kind.name())?,
                PathSegment::Any => f.write_str("/*")?,
                PathSegment::Rest => f.write_str("/**")?,
            }
        }
        for (position, condition) in self.conditions.iter().enumerate() {
            f.write_str(if position == 0 { " when " } else { " and " })?;
            condition.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for HttpCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            HttpField::Method => f.write_str("method")?,
            HttpField::Path => f.write_str("path")?,
            HttpField::Header(name) => write!(f, "header \"{name}\"")?,
            HttpField::Host => f.write_str("host")?,
            HttpField::Query(name) => write!(f, "query \"{name}\"")?,
            HttpField::Capture(name) => f.write_str(name)?,
        }
        match &self.test {
            HttpTest::Present => Ok(()),
            HttpTest::Equals(value) => write!(f, " = \"{value}\""),
            HttpTest::Matches(pattern) => write!(f, " ~ \"{pattern}\""),
        }
    }
}
