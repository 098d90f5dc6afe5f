import { describe, expect, it } from '@jest/globals';
import { EVENT_TYPES, eventNamesOf, ossEventName } from './event-name.js';

describe('ossEventName', () => {
  it.each([
    ['ObjectCreated:Put', 'ObjectCreated:PutObject'],
    ['ObjectCreated:Post', 'ObjectCreated:PostObject'],
    ['ObjectCreated:Copy', 'ObjectCreated:CopyObject'],
    ['ObjectCreated:CompleteMultipartUpload', 'ObjectCreated:CompleteMultipartUpload'],
    ['ObjectCreated:PutTagging', 'ObjectModified:UpdateObjectMeta'],
    ['ObjectCreated:DeleteTagging', 'ObjectModified:UpdateObjectMeta'],
    ['ObjectCreated:PutRetention', 'ObjectModified:UpdateObjectMeta'],
    ['ObjectCreated:PutLegalHold', 'ObjectModified:UpdateObjectMeta'],
    ['ObjectTagging:Put', 'ObjectModified:UpdateObjectMeta'],
    ['ObjectTagging:Delete', 'ObjectModified:UpdateObjectMeta'],
    ['ObjectAcl:Put', 'ObjectModified:UpdateObjectMeta'],
    ['ObjectAccessed:Get', 'ObjectDownloaded:GetObject'],
    ['ObjectRemoved:Delete', 'ObjectRemoved:DeleteObject'],
    ['ObjectRemoved:DeleteMarkerCreated', 'ObjectRemoved:DeleteObject'],
    ['ObjectRemoved:DeleteAllVersions', 'ObjectRemoved:DeleteObject'],
    ['LifecycleDelMarkerExpiration:Delete', 'ObjectRemoved:DeleteObject'],
    ['LifecycleExpiration:DeleteMarkerCreated', 'ObjectRemoved:DeleteObject'],
    ['ObjectLifecycle:Expiration:Current', 'ObjectRemoved:DeleteObject'],
    ['ObjectTransition:Complete', 'ObjectModified:ChangeStorageClass'],
    ['LifecycleTransition', 'ObjectModified:ChangeStorageClass'],
    ['ObjectLifecycle:Transition:Current', 'ObjectModified:ChangeStorageClass'],
    ['ObjectRestore:Completed', 'ObjectRestore:FinishRestore'],
    ['ObjectSynced:Create', 'ObjectReplication:ObjectCreated'],
  ])('%s → %s', (s3, oss) => {
    expect(ossEventName(s3)).toBe(oss);
  });

  it.each([
    'ObjectRemoved:NoOP',
    'ObjectAccessed:Head',
    'ObjectAccessed:Attributes',
    'ObjectAccessed:GetRetention',
    'ObjectAccessed:GetLegalHold',
    'ObjectTransition:Failed',
    'ObjectRestore:Post',
    'Replication:OperationCompletedReplication',
    'Replication:OperationFailedReplication',
    'Scanner:ManyVersions',
    'BucketCreated:*',
    'constructor',
    'something new',
  ])('%s has no counterpart', (s3) => {
    expect(ossEventName(s3)).toBeUndefined();
  });
});

describe('eventNamesOf', () => {
  it('expands a group', () => {
    expect(eventNamesOf('ObjectModified:*')).toEqual(['ObjectModified:UpdateObjectMeta', 'ObjectModified:ChangeStorageClass']);
  });

  it('lets a rule for multi-object deletes fire for the single deletes that stores report', () => {
    expect(eventNamesOf('ObjectRemoved:DeleteObjects')).toContain('ObjectRemoved:DeleteObject');
  });

  it('knows no other spelling', () => {
    for (const type of ['objectcreated:putobject', 'ObjectCreated', '*', 'ObjectCreated:Put*']) expect(eventNamesOf(type)).toBeUndefined();
  });

  it('knows 26 types: 20 events and 6 groups', () => {
    expect(EVENT_TYPES).toHaveLength(26);
  });
});
