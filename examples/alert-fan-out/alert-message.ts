import type { Alert, Notification, Severity } from './notification.js';

/** What subscriptions choose by (FilterTag). */
export type AlertTag = Severity | 'resolved';

/** One message of the topic: one text for all channels, and for each what it needs beside it. */
export interface AlertMessage {
  readonly tag: AlertTag;
  /** Markdown that can be read as it is, too: DingTalk shows it as Markdown, the mail as plain text. */
  readonly text: string;
  /** MNS's message attributes: JSON texts by name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The same for a post that comes again. */
  readonly key: string;
}

const TAGS: readonly AlertTag[] = ['critical', 'warning', 'info', 'resolved'];

/** Alerts that are shown; a message to people that is longer is not read. */
const SHOWN = 10;

/** Characters of a variable that Alibaba Cloud's SMS templates take. */
const SMS_VARIABLE = 35;

/** One message for each tag: the critical alerts of a post are not held back by its resolved ones, and a group of fifty is one SMS. */
export function messagesOf(notification: Notification): readonly AlertMessage[] {
  return TAGS.flatMap((tag) => {
    const alerts = notification.alerts.filter((alert) => tagOf(alert) === tag);
    return alerts.length === 0 ? [] : [messageOf(tag, alerts, notification)];
  });
}

function tagOf({ status, severity }: Alert): AlertTag {
  return status === 'resolved' ? 'resolved' : severity;
}

function messageOf(tag: AlertTag, alerts: readonly Alert[], { source, link, omitted }: Notification): AlertMessage {
  const name = [...new Set(alerts.map((alert) => alert.name))].join(', ');
  const title = cut(`[${tag.toUpperCase()}] ${name}${alerts.length > 1 ? ` (${alerts.length})` : ''}`, 120);
  const hidden = Math.max(0, alerts.length - SHOWN) + omitted;
  const lines = [
    `### ${title}`,
    alerts.slice(0, SHOWN).map(lineOf).join('\n'),
    ...(hidden > 0 ? [`… and ${hidden} more`] : []),
    link === undefined ? source : `[${source}](${link})`,
  ];
  return {
    tag,
    text: lines.join('\n\n'),
    attributes: {
      DirectMail: JSON.stringify({ Subject: title, IsHtml: 0 }),
      DYSMS: JSON.stringify({ TemplateParam: smsVariables(tag, name, alerts) }),
      Robot: JSON.stringify({ title, format: 'markdown' }),
    },
    key: JSON.stringify([tag, ...alerts.map(({ fingerprint, startsAt, endsAt = '' }) => `${fingerprint} ${startsAt} ${endsAt}`).sort()]),
  };
}

/** `- **db-1:9100**: The disk is full (job=node, since 2026-11-22 14:03:00 UTC)` */
function lineOf({ summary, labels, startsAt, endsAt }: Alert): string {
  const { instance, ...others } = labels;
  const shown = Object.entries(others).filter(([name]) => !['alertname', 'severity'].includes(name) && !name.startsWith('_'));
  const times = [`since ${utc(startsAt)}`, ...(endsAt === undefined ? [] : [`until ${utc(endsAt)}`])];
  const details = [cut(shown.map(([name, value]) => `${name}=${value}`).join(', '), 300), ...times].filter((text) => text !== '');
  return `- ${instance === undefined ? '' : `**${cut(instance, 100)}**: `}${cut(summary, 300)} (${details.join(', ')})`;
}

/** The variables of the SMS template: ${level}, ${name}, ${count}, ${summary}. */
function smsVariables(tag: AlertTag, name: string, alerts: readonly Alert[]): Readonly<Record<string, string>> {
  const variables = { level: tag, name, count: String(alerts.length), summary: alerts[0]?.summary ?? '' };
  return Object.fromEntries(Object.entries(variables).map(([variable, value]) => [variable, cut(value, SMS_VARIABLE)]));
}

function utc(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Counts characters as people do, and never leaves half of one. */
function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
