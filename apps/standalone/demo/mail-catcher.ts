import type { AddressInfo } from 'node:net';
import { simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

export interface CaughtMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** A mail server that keeps nothing: each mail that it is given is read back and handed on. */
export class MailCatcher {
  private constructor(private readonly server: SMTPServer) {}

  static async listen(onMail: (mail: CaughtMail) => void): Promise<MailCatcher> {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData: (stream, session, done) => {
        simpleParser(stream).then(({ subject = '', text = '' }) => {
          onMail({ to: recipients(session), subject, text });
          done();
        }, done);
      },
    });
    // A client that goes away is no reason to end the demo.
    server.on('error', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    return new MailCatcher(server);
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

function recipients(session: SMTPServerSession): string {
  return session.envelope.rcptTo.map(({ address }) => address).join(', ');
}
