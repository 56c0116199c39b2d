//! A line of a given length and width: a relay on loopback, before a registry that is there.
//!
//! The kernel of a test machine often can't delay packets, so the relay does it, one level higher: bytes
//! leave at the line's rate, which all connections of a direction share, and arrive half a round trip later.
//! A new connection costs one round trip before its first byte, as TCP's handshake does. Nothing is lost, and
//! there is no slow start.
//!
//! ```
//! use std::time::Duration;
//!
//! use airlift_server::samples;
//! use airlift_testkit::http::Endpoint;
//! use airlift_testkit::line::{Line, Relay};
//! use airlift_testkit::scripted::Script;
//!
//! let registry = Script::serving(samples::all()).start();
//! let line = Line { round_trip: Duration::from_millis(2), bytes_per_second: Some(50_000_000) };
//! let relay = Relay::start(&registry.authority(), line);
//! assert!(Endpoint::new(relay.authority()).try_request("GET", "/v2/", &[], b"").is_ok());
//! ```

mod direction;
mod in_flight;
mod rate;

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use direction::Direction;
use rate::Rate;

/// How long and how wide a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The time from a byte sent to its answer received, at best.
    pub round_trip: Duration,
    /// What fits through it in each direction; `None` for no limit.
    pub bytes_per_second: Option<u64>,
}

/// A running relay. Dropping it breaks its connections and ends its threads.
pub struct Relay {
    address: SocketAddr,
    connections: Arc<Connections>,
    acceptor: Option<JoinHandle<()>>,
}

/// What the connections of a relay share.
struct Connections {
    target: String,
    line: Line,
    up: Rate,
    down: Rate,
    /// Both ends of each open connection, by its number; `None` after the relay has ended.
    open: Mutex<Option<HashMap<usize, [TcpStream; 2]>>>,
}

impl Relay {
    /// Starts a relay to `target` (`HOST:PORT`), on a loopback port that the system chooses.
    pub fn start(target: &str, line: Line) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let connections = Arc::new(Connections {
            target: target.to_owned(),
            line,
            up: Rate::new(line.bytes_per_second),
            down: Rate::new(line.bytes_per_second),
            open: Mutex::new(Some(HashMap::new())),
        });
        let accepting = Arc::clone(&connections);
        let acceptor = thread::spawn(move || accept(&listener, &accepting));
        Relay { address, connections, acceptor: Some(acceptor) }
    }

    /// `127.0.0.1:PORT`, as it stands before the first `/` of a reference.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let open = self.connections.open.lock().unwrap().take();
        for end in open.into_iter().flatten().flat_map(|(_, ends)| ends) {
            let _ = end.shutdown(Shutdown::Both);
        }
        // Wakes the acceptor, which then sees that the relay has ended.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, connections: &Arc<Connections>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (number, client) in listener.incoming().enumerate() {
        if connections.open.lock().unwrap().is_none() {
            break;
        }
        let Ok(client) = client else { continue };
        threads.retain(|thread| !thread.is_finished());
        let connections = Arc::clone(connections);
        threads.push(thread::spawn(move || connections.relay(number, client)));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

impl Connections {
    /// Carries both directions of a connection until both have ended. An error is an end like any other.
    fn relay(&self, number: usize, client: TcpStream) {
        let opened = Instant::now();
        let Ok(server) = TcpStream::connect(&self.target) else { return };
        let (Ok(client_end), Ok(server_end)) = (client.try_clone(), server.try_clone()) else { return };
        match self.open.lock().unwrap().as_mut() {
            Some(open) => open.insert(number, [client_end, server_end]),
            None => return,
        };
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let direction = |from, to, rate| Direction {
            from,
            to,
            rate,
            starts: opened + self.line.round_trip,
            delay: self.line.round_trip / 2,
        };
        let (up, down) = (direction(&client, &server, &self.up), direction(&server, &client, &self.down));
        thread::scope(|scope| {
            scope.spawn(|| up.carry());
            down.carry();
        });
        if let Some(open) = self.open.lock().unwrap().as_mut() {
            open.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// Serves one connection after the other: reads to its end, then answers with the same bytes.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                thread::spawn(move || {
                    let mut bytes = Vec::new();
                    let _ = stream.read_to_end(&mut bytes);
                    let _ = stream.write_all(&bytes);
                });
            }
        });
        address
    }

    /// Sends `bytes` through a relay to an echo, and gives what comes back.
    fn there_and_back(relay: &Relay, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(relay.authority()).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).unwrap();
        back
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
    }

    #[test]
    fn the_bytes_arrive_unchanged_in_both_directions() {
        let line = Line { round_trip: Duration::from_millis(3), bytes_per_second: None };
        let relay = Relay::start(&echo(), line);
        let sent = pattern(1_000_003);
        assert!(there_and_back(&relay, &sent) == sent);
        assert!(there_and_back(&relay, b"").is_empty());
    }

    #[test]
    fn a_new_connection_and_its_first_answer_take_two_round_trips() {
        let round_trip = Duration::from_millis(60);
        let relay = Relay::start(&echo(), Line { round_trip, bytes_per_second: None });
        let start = Instant::now();
        assert_eq!(there_and_back(&relay, b"ping"), b"ping");
        assert!(start.elapsed() >= 2 * round_trip, "{:?}", start.elapsed());
    }

    #[test]
    fn a_request_on_an_open_connection_takes_one_round_trip() {
        let round_trip = Duration::from_millis(60);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::start(
            &listener.local_addr().unwrap().to_string(),
            Line { round_trip, bytes_per_second: None },
        );
        let mut client = TcpStream::connect(relay.authority()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut byte = [0];
        for _ in 0..2 {
            let start = Instant::now();
            client.write_all(b"?").unwrap();
            server.read_exact(&mut byte).unwrap();
            server.write_all(b"!").unwrap();
            client.read_exact(&mut byte).unwrap();
            assert!(start.elapsed() >= round_trip, "{:?}", start.elapsed());
        }
    }

    #[test]
    fn connections_share_the_rate_of_a_direction() {
        let line = Line { round_trip: Duration::ZERO, bytes_per_second: Some(4 << 20) };
        let relay = Relay::start(&echo(), line);
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(there_and_back(&relay, &pattern(512 << 10)).len(), 512 << 10));
            }
        });
        // A MiB there takes 250 ms; what comes back may overlap with it.
        assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
    }

    #[test]
    fn ends_with_connections_open_and_passes_a_refusal_on() {
        let line = Line { round_trip: Duration::ZERO, bytes_per_second: None };
        let relay = Relay::start(&echo(), line);
        let mut open = TcpStream::connect(relay.authority()).unwrap();
        open.write_all(b"unfinished").unwrap();
        drop(relay);
        assert!(matches!(open.read(&mut [0]), Ok(0) | Err(_)));

        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let relay = Relay::start(&closed, line);
        let mut refused = TcpStream::connect(relay.authority()).unwrap();
        assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)));
    }
}
