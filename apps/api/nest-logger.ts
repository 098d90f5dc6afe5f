import type { LoggerService } from '@nestjs/common';
import type { Logger } from '#runtime/log.js';

/** Nest's own messages in the log of the process; its start-up chatter only with debug. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  debug(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  verbose(message: unknown, context?: string): void {
    this.logger.trace({ context }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }

  error(message: unknown, ...details: unknown[]): void {
    this.report('error', message, details);
  }

  fatal(message: unknown, ...details: unknown[]): void {
    this.report('fatal', message, details);
  }

  private report(level: 'error' | 'fatal', message: unknown, details: readonly unknown[]): void {
    if (message instanceof Error) this.logger[level]({ err: message }, message.message);
    else this.logger[level]({ details }, String(message));
  }
}
