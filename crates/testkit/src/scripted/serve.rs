//! The sockets of a scripted registry: one thread a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::answer::{Answer, Step};
use super::request::Request;
use super::shared::Shared;
use super::under_way::Turn;
use crate::http::{Head, read_body, read_head};

/// What becomes of a connection after an answer.
#[derive(PartialEq, Eq)]
enum Next {
    KeepOpen,
    Close,
    Reset,
}

pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections = Vec::new();
    for (number, stream) in listener.incoming().enumerate() {
        if shared.is_stopped() {
            break;
        }
        let Ok(stream) = stream else { continue };
        let Ok(handle) = stream.try_clone() else { continue };
        shared.open.lock().unwrap().insert(number, handle);
        let shared = Arc::clone(shared);
        connections.push(thread::spawn(move || {
            let next = converse(&stream, &shared, number);
            end(stream, &shared, number, &next);
        }));
    }
    // Those that came in between were not there yet when the others were broken.
    shared.stop();
    for connection in connections {
        let _ = connection.join();
    }
}

fn end(stream: TcpStream, shared: &Shared, number: usize, next: &Next) {
    if *next == Next::Reset {
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        // The clone must go as well: a socket is closed, and reset, with its last handle.
        shared.open.lock().unwrap().remove(&number);
        return;
    }
    let _ = stream.shutdown(Shutdown::Write);
    // Closing with unread bytes would reset the connection and could take the answer with it.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut rest = BufReader::new(&stream);
    while rest.fill_buf().is_ok_and(|bytes| !bytes.is_empty()) {
        let read = rest.buffer().len();
        rest.consume(read);
    }
    shared.open.lock().unwrap().remove(&number);
}

/// Answers requests until the connection ends; an error is an end like any other.
fn converse(stream: &TcpStream, shared: &Shared, number: usize) -> Next {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while !shared.is_stopped() {
        let Ok(Some(head)) = read_head(&mut reader) else { return Next::Close };
        let mut request = shared.record(request_of(&head, number));
        let under_way = shared.under_way.begin();
        if let Some(answer) = shared.answer_before_body(&request) {
            return match send(answer, &request, stream, (shared, under_way)) {
                Next::Reset => Next::Reset,
                _ => Next::Close,
            };
        }
        if head.header("expect").is_some()
            && (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_err()
        {
            return Next::Close;
        }
        let Ok(body) = read_body(&mut reader, &head) else { return Next::Close };
        request.body = body.of_request();
        shared.record_body(&request);
        let wants_close = head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        match send(shared.answer(&request), &request, stream, (shared, under_way)) {
            Next::KeepOpen if !wants_close => {}
            Next::KeepOpen => return Next::Close,
            next => return next,
        }
    }
    Next::Close
}

fn request_of(head: &Head, connection: usize) -> Request {
    let mut words = head.line.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, target) = (word(), word());
    Request { method, target, headers: head.headers.clone(), body: Vec::new(), nth: 0, number: 0, connection }
}

/// Ends with the registry, however much is left.
fn drip(bytes: &[u8], pause: Duration, mut stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    for byte in bytes {
        if shared.is_stopped() {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        stream.write_all(&[*byte])?;
        thread::sleep(pause);
    }
    Ok(())
}

/// Takes the last byte that is sent out of these steps. Returns it with the number of its step.
fn take_last_byte(steps: &mut [Step]) -> Option<(usize, u8)> {
    steps.iter_mut().enumerate().rev().find_map(|(number, step)| match step {
        Step::Send(bytes) => bytes.pop().map(|byte| (number, byte)),
        _ => None,
    })
}

fn send(
    answer: Answer,
    request: &Request,
    mut stream: &TcpStream,
    (shared, under_way): (&Shared, Turn<'_>),
) -> Next {
    let is_success = answer.is_success();
    let mut steps = answer.steps(request.method == "HEAD");
    // A client need not read what a refusal says.
    let mut under_way = Some(under_way).filter(|_| is_success);
    let last_byte = take_last_byte(&mut steps);
    for (number, step) in steps.into_iter().enumerate() {
        let sent = match step {
            Step::Send(bytes) => stream.write_all(&bytes).and_then(|()| match last_byte {
                Some((last, byte)) if last == number => {
                    // A client that has it may send its next request.
                    drop(under_way.take());
                    stream.write_all(&[byte])
                }
                _ => Ok(()),
            }),
            Step::Endless(piece) => loop {
                if let Err(error) = stream.write_all(&piece) {
                    break Err(error);
                }
            },
            Step::Drip(bytes, pause) => drip(&bytes, pause, stream, shared),
            Step::Wait(gate) => {
                gate.wait(|| shared.is_stopped());
                Ok(())
            }
            Step::Reset => return Next::Reset,
            Step::Close => return Next::Close,
        };
        if sent.is_err() {
            return Next::Close;
        }
    }
    Next::KeepOpen
}
