import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/**
 * One JSON line per event on stderr (stdout belongs to the ready line); readable text where stderr is a terminal.
 * `name` is the process ("api", "worker", …). Fields that could carry secrets are removed wherever they appear.
 */
export function createLogger(name: string, level: LogLevel): Logger {
  const redact = { paths: ['*.secret', '*.accessKeySecret', '*.authorization', '*.password'], remove: true };
  if (process.stderr.isTTY) {
    return pino({ name, level, redact, transport: { target: 'pino-pretty', options: { destination: 2, ignore: 'pid,hostname' } } });
  }
  return pino({ name, level, redact }, pino.destination({ dest: 2, sync: false }));
}

/** For tests and benchmarks. */
export const silentLogger: Logger = pino({ level: 'silent' });
