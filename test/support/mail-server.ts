import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface MailServer {
  /** smtp://127.0.0.1:port */
  readonly url: string;
  readonly port: number;
  readonly mails: readonly ParsedMail[];
  stop(): Promise<void>;
}

type MailServerOptions = Pick<SMTPServerOptions, 'onConnect' | 'onAuth' | 'onRcptTo' | 'onData' | 'authOptional'>;

/** A real SMTP server on a loopback port; `options` may refuse whatever they like. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const mails: ParsedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    closeTimeout: 200,
    onData: (stream, _session, callback) => {
      simpleParser(stream).then(
        (mail) => {
          mails.push(mail);
          callback();
        },
        (error: unknown) => callback(error as Error),
      );
    },
    ...options,
  });
  // A client that goes away is not the server's failure.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://127.0.0.1:${port}`, port, mails, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** An SMTP refusal with its reply code. */
export function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}
