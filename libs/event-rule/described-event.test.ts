import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { isDescribedEvent, readDescribedEvent } from './described-event.js';

describe('readDescribedEvent', () => {
  it('needs little', () => {
    expect(readDescribedEvent({ bucket: 'b', key: 'k' }, 'test', 0)).toMatchObject({
      source: 'test',
      bucket: 'b',
      key: 'k',
      eventName: 'ObjectCreated:PutObject',
      size: 0,
    });
  });

  it('takes everything that a rule can look at', () => {
    const document = {
      bucket: 'b',
      key: 'a b+c',
      event: 's3:ObjectRemoved:Delete',
      size: 5 * 2 ** 40,
      contentType: 'image/png',
      metadata: { Author: 'bob' },
      tags: { team: 'media' },
      versionId: 'v1',
      principal: 'app',
      sourceIp: '10.1.2.3',
      userAgent: 'mc',
      source: 'minio-2',
    };
    expect(readDescribedEvent(document, 'test', 0)).toMatchObject({
      source: 'minio-2',
      s3EventName: 'ObjectRemoved:Delete',
      eventName: 'ObjectRemoved:DeleteObject',
      size: 5 * 2 ** 40,
      userMetadata: { 'x-amz-meta-author': 'bob' },
      tags: { team: 'media' },
      versionId: 'v1',
      principalId: 'app',
      sourceIpAddress: '10.1.2.3',
    });
  });

  it.each(['oss:ObjectCreated:PostObject', 'ObjectCreated:PostObject', 's3:ObjectCreated:Post', 'ObjectCreated:Post'])('reads the name %s', (event) => {
    expect(readDescribedEvent({ bucket: 'b', key: 'k', event }, 'test', 0).eventName).toBe('ObjectCreated:PostObject');
  });

  it('knows events that OSS does not have', () => {
    expect(readDescribedEvent({ bucket: 'b', key: 'k', event: 's3:ObjectAccessed:Head' }, 'test', 0)).not.toHaveProperty('eventName');
  });

  it.each<[string, object]>([
    ['key', {}],
    ['key', { key: '' }],
    ['size', { key: 'k', size: -1 }],
    ['size', { key: 'k', size: '5' }],
    ['event', { key: 'k', event: 'ObjectCreated:*' }],
    ['event', { key: 'k', event: 7 }],
    ['tags', { key: 'k', tags: [] }],
    ['metadata', { key: 'k', metadata: { a: 1 } }],
    ['colour', { key: 'k', colour: 'red' }],
  ])('names %s as the cause of an error', (argument, document) => {
    const read = () => readDescribedEvent({ bucket: 'b', ...document }, 'test', 0);
    expect(read).toThrow(InvalidArgument);
    expect(read).toThrow(expect.objectContaining({ argument }));
  });

  it('is told apart from bodies of stores', () => {
    expect(isDescribedEvent({ bucket: 'b' })).toBe(true);
    for (const other of [null, [], 'text', { Records: [] }, { s3: {}, bucket: 'b' }, { key: 'k' }]) expect(isDescribedEvent(other)).toBe(false);
  });
});
