import { isTrue, readAttribute, textOf } from './message-attributes.js';
import { readMailboxes } from './providers/email-message.js';

/** What a message says about its mail. */
export interface EmailAttributes {
  readonly subject?: string;
  readonly isHtml: boolean;
  /** Whether answers should go to the channel's reply address. */
  readonly wantsReply: boolean;
  /** In place of those of the endpoint; empty when what the message names is no list of mailboxes. */
  readonly addresses?: readonly string[];
}

/**
 * From the message attribute `DM` (new: MailAddress, Subject, IsHtml) or `DirectMail` (old: Subject, IsHtml, ReplyToAddress). What is
 * no JSON object is passed over: the mail goes out plain. AccountName and AddressType choose among senders of the cloud; here the
 * channel has one.
 */
export function readEmailAttributes(attributes: Readonly<Record<string, string>> | undefined): EmailAttributes {
  const members = readAttribute(attributes, 'DM') ?? readAttribute(attributes, 'DirectMail') ?? {};
  const subject = typeof members['Subject'] === 'string' ? textOf(members['Subject']) : undefined;
  const mailAddress = textOf(members['MailAddress']);
  return {
    ...(subject !== undefined && { subject }),
    isHtml: isTrue(members['IsHtml']),
    wantsReply: isTrue(members['ReplyToAddress']),
    ...(mailAddress !== undefined && { addresses: readMailboxes(mailAddress) ?? [] }),
  };
}
