//! A line to a registry that breaks: TCP, passed on in both directions until a connection has had its share,
//! then reset.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How many bytes of a connection get through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) up: usize,
    pub(crate) down: usize,
}

impl Share {
    pub(crate) const ALL: Share = Share { up: usize::MAX, down: usize::MAX };
    /// Not even connected through.
    pub(crate) const NOTHING: Share = Share { up: 0, down: 0 };
}

pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    up: Arc<AtomicU64>,
    connections: Arc<AtomicUsize>,
}

impl Line {
    /// A line to `target`; `share` says what gets through of each connection, counted from 0.
    pub(crate) async fn to(target: SocketAddr, share: impl Fn(usize) -> Share + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (up, connections) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
        let (counted, number) = (Arc::clone(&up), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let share = share(number.fetch_add(1, Ordering::SeqCst));
                tokio::spawn(pass(near, target, share, Arc::clone(&counted)));
            }
        });
        Line { address, up, connections }
    }

    /// Bytes that were passed on to the registry.
    pub(crate) fn up(&self) -> u64 {
        self.up.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn pass(mut near: TcpStream, target: SocketAddr, mut share: Share, counted: Arc<AtomicU64>) {
    let (mut upwards, mut downwards) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    if share.up > 0 {
        let mut far = TcpStream::connect(target).await.unwrap();
        while share.up > 0 && share.down > 0 {
            let (most_up, most_down) = (share.up.min(16 * 1024), share.down.min(16 * 1024));
            tokio::select! {
                read = near.read(&mut upwards[..most_up]) => match read {
                    Ok(bytes) if bytes > 0 && far.write_all(&upwards[..bytes]).await.is_ok() => {
                        share.up -= bytes;
                        counted.fetch_add(bytes as u64, Ordering::SeqCst);
                    }
                    // The end is passed on, too.
                    _ => return,
                },
                read = far.read(&mut downwards[..most_down]) => match read {
                    Ok(bytes) if bytes > 0 && near.write_all(&downwards[..bytes]).await.is_ok() => {
                        share.down -= bytes;
                    }
                    _ => return,
                },
            }
        }
    }
    let _ = socket2::SockRef::from(&near).set_linger(Some(Duration::ZERO));
}
