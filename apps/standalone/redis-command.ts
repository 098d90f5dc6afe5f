import { connect } from 'node:net';

export interface RedisEndpoint {
  readonly port: number;
  readonly password: string;
}

/** Milliseconds without an answer after which a command counts as unanswered. */
const PATIENCE = 1_000;

/**
 * Sends one command to a Redis on loopback and resolves with the first line of its reply (`+PONG`, `-LOADING …`),
 * or with undefined when nobody answered. The supervisor needs no more than PING and SHUTDOWN, hence no client library.
 */
export function sendRedisCommand({ port, password }: RedisEndpoint, command: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`AUTH ${password}\r\n${command}\r\n`));
    let received = '';
    socket.setTimeout(PATIENCE, () => socket.destroy());
    socket.on('data', (data) => {
      received += data.toString();
      const [login, reply, ...rest] = received.split('\r\n');
      if (login?.startsWith('-') === true) finish(login);
      else if (reply !== undefined && rest.length > 0) finish(reply);
    });
    socket.once('error', () => finish(undefined));
    socket.once('close', () => finish(undefined));

    function finish(line: string | undefined): void {
      resolve(line);
      socket.destroy();
    }
  });
}
