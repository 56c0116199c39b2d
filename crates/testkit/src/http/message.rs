//! The framing of HTTP/1.1 messages, for the client and for the scripted registry.

use std::io::{BufRead, Error, Read, Result};

/// More than any test's headers.
const MAX_HEAD: u64 = 64 * 1024;

/// A request or status line and the headers below it.
pub(crate) struct Head {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// A body, with its end if the framing says where that is.
pub(crate) enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// It ends with the connection.
    UntilClosed,
}

impl Head {
    /// The first header of that name, which must be lower-case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// The code in a status line.
    pub(crate) fn status(&self) -> Option<u16> {
        self.line.split(' ').nth(1)?.parse().ok()
    }
}

impl Body {
    /// The body of an answer.
    pub(crate) fn of_answer(self, reader: &mut impl Read) -> Result<Vec<u8>> {
        match self {
            Body::Whole(bytes) => Ok(bytes),
            Body::UntilClosed => {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// The body of a request: without framing there is none.
    pub(crate) fn of_request(self) -> Vec<u8> {
        match self {
            Body::Whole(bytes) => bytes,
            Body::UntilClosed => Vec::new(),
        }
    }
}

/// Reads up to and with the empty line. `None` where the connection ends before the first byte.
pub(crate) fn read_head(reader: &mut impl BufRead) -> Result<Option<Head>> {
    let mut lines = Vec::new();
    let mut limited = reader.take(MAX_HEAD);
    loop {
        let mut line = String::new();
        if limited.read_line(&mut line)? == 0 {
            return if lines.is_empty() { Ok(None) } else { Err(Error::other("the headers are cut off")) };
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let mut lines = lines.into_iter();
    let line = lines.next().unwrap_or_default();
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Some(Head { line, headers: headers.collect() }))
}

/// Reads the body that `head` announces.
pub(crate) fn read_body(reader: &mut impl BufRead, head: &Head) -> Result<Body> {
    if head.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return read_chunks(reader).map(Body::Whole);
    }
    let Some(length) = head.header("content-length") else { return Ok(Body::UntilClosed) };
    let length: u64 = length.parse().map_err(Error::other)?;
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(Error::other(format!("the body ends after {} of {length} bytes", bytes.len())));
    }
    Ok(Body::Whole(bytes))
}

fn read_chunks(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(Error::other)?;
        reader.take(size).read_to_end(&mut bytes)?;
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if size == 0 {
            return Ok(bytes);
        }
    }
}

/// The words for a status code; clients ignore them, people reading a trace don't.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 | 302 | 303 | 307 | 308 => "Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Scripted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(mut message: &[u8]) -> Result<(Head, Body)> {
        let head = read_head(&mut message)?.ok_or_else(|| Error::other("nothing"))?;
        let body = read_body(&mut message, &head)?;
        Ok((head, body))
    }

    #[test]
    fn reads_both_framings() {
        let (head, body) = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef").unwrap();
        assert_eq!((head.status(), body.of_request().as_slice()), (Some(200), &b"abc"[..]));
        let chunked =
            b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap().1.of_request(), b"abcde");
    }

    #[test]
    fn a_body_that_is_cut_off_is_an_error() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Le").is_err());
        assert!(read_head(&mut &b""[..]).unwrap().is_none());
    }
}
