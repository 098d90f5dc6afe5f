import { isTrue, readAttribute } from '../message-attributes.js';

/** What a chat robot says. */
export interface RobotMessage {
  readonly text: string;
  readonly title?: string;
  readonly format: 'text' | 'markdown';
  /** Mobile numbers of those who are called; where the provider knows them. */
  readonly atMobiles: readonly string[];
  /** Everybody in the chat is called. */
  readonly atAll: boolean;
}

const LONGEST_TITLE = 100;
const MOST_MOBILES = 50;
const MOBILE = /^\+?[0-9-]{3,20}$/;

/**
 * The published text, dressed by the message attribute `Robot`: `{"title","format":"text"|"markdown","atMobiles":[…],"atAll":true}`.
 * Members that make no sense are passed over: the message goes out plain.
 */
export function robotMessage(body: string, attributes: Readonly<Record<string, string>> | undefined): RobotMessage {
  const { title, format, atMobiles, atAll } = readAttribute(attributes, 'Robot') ?? {};
  const mobiles = Array.isArray(atMobiles) ? atMobiles.map(String).filter((mobile) => MOBILE.test(mobile)) : [];
  return {
    text: body,
    ...(typeof title === 'string' && title.trim() !== '' && { title: oneLine(title) }),
    format: format === 'markdown' ? 'markdown' : 'text',
    atMobiles: [...new Set(mobiles)].slice(0, MOST_MOBILES),
    atAll: isTrue(atAll),
  };
}

function oneLine(title: string): string {
  return [...title.trim().replace(/\s+/g, ' ')].slice(0, LONGEST_TITLE).join('');
}

/** What stands between two messages that were merged into one. */
export const SEPARATORS = { text: '\n\n----------\n\n', markdown: '\n\n---\n\n' } as const;

/**
 * Several messages of one format as one. Titles go into the text, where each stands above its own message.
 *
 * @param messages at least one, all of the same format
 */
export function mergeMessages(messages: readonly RobotMessage[]): RobotMessage {
  const [first] = messages;
  if (messages.length === 1) return first!;
  const { format } = first!;
  const heading = (title: string): string => (format === 'markdown' ? `**${title}**` : title);
  const withTitles = messages.map(({ title, text }) => (title === undefined ? text : `${heading(title)}\n\n${text}`));
  return {
    text: withTitles.join(SEPARATORS[format]),
    title: `${messages.length} messages`,
    format,
    atMobiles: [...new Set(messages.flatMap(({ atMobiles }) => atMobiles))].slice(0, MOST_MOBILES),
    atAll: messages.some(({ atAll }) => atAll),
  };
}
