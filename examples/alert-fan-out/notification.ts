/** How a webhook says what is wrong: as Prometheus Alertmanager does, or ARMS with `$alertmanager_content`, which is much the same. */
export type Format = 'alertmanager' | 'arms';

export type Severity = 'critical' | 'warning' | 'info';

export interface Alert {
  readonly status: 'firing' | 'resolved';
  readonly severity: Severity;
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As posted: RFC 3339. */
  readonly startsAt: string;
  /** Resolved alerts only. */
  readonly endsAt?: string;
  /** The same for every notification of this alert. */
  readonly fingerprint: string;
}

/** What one post says: Alertmanager and ARMS group alerts that belong together. */
export interface Notification {
  readonly source: string;
  /** Where to look further. */
  readonly link?: string;
  readonly alerts: readonly Alert[];
  /** Alerts of the group that the sender left out. */
  readonly omitted: number;
}

/** The post is not what it should be; the message says where. */
export class BadNotification extends Error {
  override readonly name = 'BadNotification';
}

interface FormatRules {
  readonly source: string;
  /** Labels that tell the severity; the first one that is there counts. */
  readonly severity: readonly string[];
}

const FORMATS: Readonly<Record<Format, FormatRules>> = {
  alertmanager: { source: 'Alertmanager', severity: ['severity'] },
  arms: { source: 'ARMS', severity: ['severity', '_aliyun_arms_alert_level'] },
};

/**
 * What people write into `severity`, and the levels of ARMS. An alert that says nothing, or something else, is a warning: better seen
 * than lost.
 */
const SEVERITIES: Readonly<Record<Severity, readonly string[]>> = {
  critical: ['critical', 'error', 'emergency', 'fatal', 'page', 'p0', 'p1'],
  warning: ['warning', 'warn', 'p2', 'p3'],
  info: ['info', 'none', 'default', 'p4'],
};

/** Annotations that are fit for one line, the best first. `message` is ARMS's. */
const SUMMARIES = ['summary', 'message', 'description'];

type Members = Readonly<Record<string, unknown>>;

/** @throws BadNotification */
export function readNotification(format: Format, body: unknown): Notification {
  const { alerts, externalURL, truncatedAlerts } = readObject(body, 'the body');
  if (!Array.isArray(alerts) || alerts.length === 0) throw new BadNotification('alerts is not a list with at least one alert');
  const link = typeof externalURL === 'string' ? oneLine(externalURL) : '';
  return {
    source: FORMATS[format].source,
    ...(link !== '' && { link }),
    alerts: alerts.map((alert, index) => readAlert(FORMATS[format], alert, `alerts[${index}]`)),
    omitted: typeof truncatedAlerts === 'number' ? truncatedAlerts : 0,
  };
}

function readAlert(rules: FormatRules, given: unknown, where: string): Alert {
  const alert = readObject(given, where);
  const { status, startsAt, endsAt, fingerprint } = alert;
  if (status !== 'firing' && status !== 'resolved') throw new BadNotification(`${where}.status is neither "firing" nor "resolved"`);
  if (!isTime(startsAt)) throw new BadNotification(`${where}.startsAt is not a time`);
  const labels = readTexts(alert['labels'], `${where}.labels`);
  const annotations = readTexts(alert['annotations'] ?? {}, `${where}.annotations`);
  const name = labels['alertname'];
  if (name === undefined) throw new BadNotification(`${where}.labels has no alertname`);
  const severity = rules.severity.map((label) => labels[label]).find((value) => value !== undefined);
  return {
    status,
    severity: readSeverity(severity),
    name,
    summary: SUMMARIES.map((annotation) => annotations[annotation]).find((text) => text !== undefined && text !== '') ?? name,
    labels,
    startsAt,
    ...(status === 'resolved' && isTime(endsAt) && { endsAt }),
    fingerprint: typeof fingerprint === 'string' && fingerprint !== '' ? fingerprint : JSON.stringify(Object.entries(labels).sort()),
  };
}

function readSeverity(label = ''): Severity {
  const known = (Object.keys(SEVERITIES) as Severity[]).find((severity) => SEVERITIES[severity].includes(label.toLowerCase()));
  return known ?? 'warning';
}

function readObject(given: unknown, where: string): Members {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new BadNotification(`${where} is not an object`);
  return given as Members;
}

function readTexts(given: unknown, where: string): Readonly<Record<string, string>> {
  const entries = Object.entries(readObject(given, where));
  const wrong = entries.find(([, value]) => typeof value !== 'string');
  if (wrong !== undefined) throw new BadNotification(`${where}.${wrong[0]} is not a string`);
  return Object.fromEntries(entries.map(([name, value]) => [name, oneLine(value as string)]));
}

function isTime(given: unknown): given is string {
  return typeof given === 'string' && !Number.isNaN(Date.parse(given));
}

/** Without line ends, and without the characters that XML cannot hold. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\uFFFE\uFFFF]+/gu, ' ').trim();
}
