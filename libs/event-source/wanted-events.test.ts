import { describe, expect, it } from '@jest/globals';
import { readEventRule } from '#event-rule/event-rule.js';
import { wantedEvents } from './wanted-events.js';

const ALWAYS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];

function wanted(document: object): string[] {
  return wantedEvents('minio', [readEventRule('rule', { endpoint: { endpointType: 'queue', endpointValue: 'work' }, ...document })]).slice(ALWAYS.length);
}

describe('wantedEvents', () => {
  it('asks for what reconciliation tells in any case', () => {
    expect(wantedEvents('minio', [])).toEqual(ALWAYS);
  });

  it.each<[string[], object, string[]]>([
    [['ObjectCreated:*'], {}, []],
    [['ObjectDownloaded:*'], {}, ['s3:ObjectAccessed:Get']],
    [['ObjectModified:ChangeStorageClass'], {}, ['s3:ObjectTransition:Complete']],
    [['ObjectReplication:*'], {}, []],
    [['ObjectReplication:ObjectCreated'], { mapping: { replication: 'source' } }, ['s3:Replication:OperationCompletedReplication']],
    [['ObjectCreated:*'], { mapping: { replication: 'source' } }, []],
    [['ObjectDownloaded:*'], { enabled: false }, []],
    [['ObjectDownloaded:*'], { sources: ['ceph'] }, []],
  ])('%j, %j: %j', (eventTypes, more, expected) => {
    expect(wanted({ eventTypes, ...more })).toEqual(expected);
  });
});
