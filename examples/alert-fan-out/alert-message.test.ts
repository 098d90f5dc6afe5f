import { describe, expect, it } from '@jest/globals';
import { messagesOf } from './alert-message.js';
import type { Alert } from './notification.js';

function alert(changes: Partial<Alert> = {}): Alert {
  return {
    status: 'firing',
    severity: 'critical',
    name: 'DiskFull',
    summary: 'The disk is full',
    labels: { alertname: 'DiskFull', severity: 'critical', instance: 'db-1', job: 'node', _internal: 'x' },
    startsAt: '2026-11-22T14:03:00.5Z',
    fingerprint: 'f1',
    ...changes,
  };
}

function messages(alerts: readonly Alert[], omitted = 0) {
  return messagesOf({ source: 'Alertmanager', link: 'http://am', alerts, omitted });
}

describe('messagesOf', () => {
  it('has one message for each tag, those that matter most first', () => {
    const resolved = alert({ status: 'resolved', endsAt: '2026-11-22T15:00:00Z' });
    const tags = messages([resolved, alert({ severity: 'info' }), alert(), alert({ severity: 'warning' }), alert({ fingerprint: 'f2' })]);
    expect(tags.map(({ tag }) => tag)).toEqual(['critical', 'warning', 'info', 'resolved']);
    expect(tags[0]?.text).toContain('(2)');
  });

  it('says what, where and since when', () => {
    const [message] = messages([alert()]);
    const item = '- **db-1**: The disk is full (job=node, since 2026-11-22 14:03:00 UTC)';
    expect(message?.text).toBe(['### [CRITICAL] DiskFull', item, '[Alertmanager](http://am)'].join('\n\n'));
    expect(JSON.parse(message?.attributes['DirectMail'] ?? '')).toEqual({ Subject: '[CRITICAL] DiskFull', IsHtml: 0 });
    expect(JSON.parse(message?.attributes['Robot'] ?? '')).toEqual({ title: '[CRITICAL] DiskFull', format: 'markdown' });
    const TemplateParam = { level: 'critical', name: 'DiskFull', count: '1', summary: 'The disk is full' };
    expect(JSON.parse(message?.attributes['DYSMS'] ?? '')).toEqual({ TemplateParam });
  });

  it('shows ten alerts and counts the others', () => {
    const many = Array.from({ length: 13 }, (_, index) => alert({ fingerprint: String(index) }));
    expect(messages(many, 4)[0]?.text).toContain('\n\n… and 7 more\n\n');
  });

  it('keeps within the limits of SMS variables, whole characters', () => {
    const [message] = messages([alert({ summary: '🐦'.repeat(50) })]);
    const { TemplateParam } = JSON.parse(message?.attributes['DYSMS'] ?? '') as { TemplateParam: Record<string, string> };
    expect(TemplateParam['summary']).toBe(`${'🐦'.repeat(34)}…`);
  });

  it('knows a post that comes again, in whatever order', () => {
    const other = alert({ fingerprint: 'f2' });
    const key = (...alerts: Alert[]) => messages(alerts)[0]?.key;
    expect(key(alert(), other)).toBe(key(other, alert()));
    expect(key(alert())).not.toBe(key(alert({ startsAt: '2026-11-22T16:00:00Z' })));
    expect(key(alert())).not.toBe(key(alert({ status: 'resolved' })));
  });
});
