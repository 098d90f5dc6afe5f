/**
 * Milliseconds. Clients of this protocol keep connections for minutes, and the load balancers between them and the hub for 60 s: the
 * hub has to be the one that waits longer, or they meet closed connections. A poll takes up to 30 s after its request has arrived.
 */
export const CONNECTION_TIMES = {
  /** From an answer until the next request. */
  keepAlive: 75_000,
  /** For the headers of a request, also on a connection that was silent from the start. */
  headers: 20_000,
  /** For a whole request. */
  request: 60_000,
  /** Without a byte in either direction. */
  silence: 120_000,
  /** For the handshake of TLS. */
  handshake: 20_000,
  /** Between two looks for requests that take too long. */
  check: 5_000,
} as const;

/** Connections that the system accepts before the process does; it takes less where `net.core.somaxconn` says so. */
export const BACKLOG = 4_096;
