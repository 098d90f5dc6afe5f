import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { BadNotification, readNotification } from './notification.js';

function sample(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`samples/${name}.json`, import.meta.url), 'utf8')) as Record<string, unknown>;
}

/** A body with one alert. */
function bodyOf(alert: object): object {
  return { alerts: [{ status: 'firing', startsAt: '2026-11-22T14:03:00Z', labels: { alertname: 'A' }, annotations: {}, ...alert }] };
}

describe('readNotification', () => {
  it('reads what Alertmanager posts', () => {
    const { source, link, alerts, omitted } = readNotification('alertmanager', sample('alertmanager-firing'));
    expect({ source, link, omitted }).toEqual({ source: 'Alertmanager', link: 'http://alertmanager.example.com:9093', omitted: 0 });
    expect(alerts).toHaveLength(2);
    const summary = 'The disk /data has 3 % left';
    expect(alerts[0]).toMatchObject({ status: 'firing', severity: 'critical', name: 'DiskAlmostFull', summary });
    // An alert that fires has an end in the year 1.
    expect(alerts[0]).not.toHaveProperty('endsAt');
  });

  it('reads what ARMS posts', () => {
    const { source, alerts } = readNotification('arms', sample('arms-firing'));
    expect(source).toBe('ARMS');
    const summary = expect.stringContaining('当前值 91.52%');
    expect(alerts).toMatchObject([{ severity: 'critical', name: '容器内存使用率大于80%', summary }]);
  });

  it.each([
    ['alertmanager', { severity: 'page' }, 'critical'],
    ['alertmanager', { severity: 'Warning' }, 'warning'],
    ['alertmanager', { severity: 'info' }, 'info'],
    ['alertmanager', { severity: 'whatever' }, 'warning'],
    ['alertmanager', { severity: 'constructor' }, 'warning'],
    ['alertmanager', {}, 'warning'],
    ['arms', { severity: 'P4' }, 'info'],
    ['arms', { _aliyun_arms_alert_level: 'ERROR' }, 'critical'],
    ['alertmanager', { _aliyun_arms_alert_level: 'ERROR' }, 'warning'],
  ] as const)('takes %s with %j for %s', (format, labels, severity) => {
    expect(readNotification(format, bodyOf({ labels: { alertname: 'A', ...labels } })).alerts[0]?.severity).toBe(severity);
  });

  it('makes one line of each text, and leaves out what XML cannot hold', () => {
    const { alerts } = readNotification('alertmanager', bodyOf({ annotations: { summary: ' one\n two\u0000\uFFFEthree ' } }));
    expect(alerts[0]?.summary).toBe('one two three');
  });

  it('knows alerts without a fingerprint by their labels', () => {
    const [one, other] = [{ alertname: 'A', b: '1', a: '2' }, { a: '2', alertname: 'A', b: '1' }].map(
      (labels) => readNotification('alertmanager', bodyOf({ labels })).alerts[0]?.fingerprint,
    );
    expect(one).toBe(other);
  });

  it.each([
    [[], 'the body is not an object'],
    ['text', 'the body is not an object'],
    [{}, 'alerts is not a list with at least one alert'],
    [{ alerts: [] }, 'alerts is not a list with at least one alert'],
    [{ alerts: [null] }, 'alerts[0] is not an object'],
    [bodyOf({ status: 'on fire' }), 'alerts[0].status is neither "firing" nor "resolved"'],
    [bodyOf({ startsAt: 'yesterday' }), 'alerts[0].startsAt is not a time'],
    [bodyOf({ labels: {} }), 'alerts[0].labels has no alertname'],
    [bodyOf({ labels: { alertname: 7 } }), 'alerts[0].labels.alertname is not a string'],
    [bodyOf({ annotations: [] }), 'alerts[0].annotations is not an object'],
  ])('refuses %j', (body, message) => {
    expect(() => readNotification('alertmanager', body)).toThrow(new BadNotification(message));
  });
});
