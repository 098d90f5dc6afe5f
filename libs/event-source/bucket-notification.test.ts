import { describe, expect, it } from '@jest/globals';
import { countForeign, hasEntries, ownEntries, withEntries } from './bucket-notification.js';

const FOREIGN =
  '<QueueConfiguration><Id>theirs &amp; more</Id><Event>s3:ObjectCreated:Put</Event>' +
  '<Filter><S3Key><FilterRule><Name>prefix</Name><Value>a&lt;b/</Value></FilterRule></S3Key></Filter>' +
  '<Queue>arn:minio:sqs::OTHER:webhook</Queue></QueueConfiguration>';
const WITHOUT_ID = '<QueueConfiguration><Event>s3:ObjectCreated:*</Event><Queue>arn:minio:sqs::X:webhook</Queue></QueueConfiguration>';
const document = (...entries: string[]) =>
  `<?xml version="1.0"?>\n<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${entries.join('')}</NotificationConfiguration>`;
const entry = (id: string, events = ['s3:ObjectCreated:*']) => ({ id: `magpie.minio.${id}`, arn: `arn:minio:sqs::${id}:webhook`, events });

describe('the notification rules of a bucket', () => {
  it('keep the entries of others letter by letter', () => {
    const written = withEntries(document(FOREIGN, WITHOUT_ID), 'minio', [entry('MAGPIE')]);
    expect(written).toContain(FOREIGN);
    expect(written).toContain(WITHOUT_ID);
    expect(countForeign(written, 'minio')).toBe(2);
    expect(ownEntries(written, 'minio')).toEqual([entry('MAGPIE')]);
  });

  it('have the entries of a source replaced, and only these', () => {
    const first = withEntries(document(), 'minio', [entry('MAGPIE'), entry('OLD')]);
    const other = withEntries(first, 'minio-2', [{ ...entry('MAGPIE'), id: 'magpie.minio-2.MAGPIE' }]);
    const second = withEntries(other, 'minio', [entry('MAGPIE')]);
    expect(ownEntries(second, 'minio').map(({ id }) => id)).toEqual(['magpie.minio.MAGPIE']);
    expect(countForeign(second, 'minio')).toBe(1);
    expect(ownEntries(withEntries(second, 'minio', []), 'minio')).toEqual([]);
  });

  it('are compared without regard to order and to the region of the store', () => {
    const written = withEntries(document(), 'minio', [entry('A', ['s3:x', 's3:y']), entry('B')]).replace('sqs::A', 'sqs:eu-west-1:A');
    expect(hasEntries(written, 'minio', [entry('B'), entry('A', ['s3:y', 's3:x'])])).toBe(true);
    expect(hasEntries(written, 'minio', [entry('A', ['s3:x', 's3:y'])])).toBe(false);
    expect(hasEntries(written, 'minio', [entry('B'), entry('A', ['s3:x'])])).toBe(false);
    expect(hasEntries(document(), 'minio', [])).toBe(true);
  });
});
