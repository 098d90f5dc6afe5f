import { InvalidArgument } from '#runtime/invalid-argument.js';

/** One mail to one mailbox: who gets the same message is nobody else's business. */
export interface EmailMessage {
  readonly to: string;
  readonly subject: string;
  readonly body: string;
  readonly isHtml: boolean;
  /** Whether answers should go to the channel's `replyTo`. */
  readonly wantsReply: boolean;
  /** Tells this mail from all others, and is the same in every attempt. */
  readonly uniqueId: string;
  /** Milliseconds since the epoch. */
  readonly date: number;
}

/** One mailbox: no list, no display name, nothing that could end a header line. */
const MAILBOX = /^[^\s@<>(),;:"\\[\]]{1,64}@[^\s@<>(),;:"\\[\]]{1,255}$/;
const MOST_MAILBOXES = 50;

export function isMailbox(text: string): boolean {
  return MAILBOX.test(text);
}

/** Mailboxes separated by commas, each once; undefined when one of them is none, or when there are more than 50. */
export function readMailboxes(text: string): readonly string[] | undefined {
  const mailboxes = [...new Set(text.split(',').map((part) => part.trim()))];
  return mailboxes.length <= MOST_MAILBOXES && mailboxes.every(isMailbox) ? mailboxes : undefined;
}

/** Reads the body of a test: `to` is required; `subject` and `text` are not. @throws InvalidArgument */
export function readTestEmail(members: Readonly<Record<string, unknown>>): EmailMessage {
  const { to, subject = 'Test message of Magpie', text = 'This channel works.', ...others } = members;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw new InvalidArgument(unknown, `${unknown} is not known in a test of an e-mail channel.`);
  if (typeof to !== 'string' || !isMailbox(to)) throw new InvalidArgument('to', 'to is an e-mail address.');
  if (typeof subject !== 'string' || typeof text !== 'string') throw new InvalidArgument('text', 'subject and text are strings.');
  const date = Date.now();
  return { to, subject, body: text, isHtml: false, wantsReply: true, uniqueId: `test ${date} ${to}`, date };
}
