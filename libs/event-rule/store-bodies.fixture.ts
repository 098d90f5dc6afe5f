import { minioRecord, nextRequestId, queryEscape } from './minio-body.fixture.js';

/** Bodies of one `PUT` of an object as different stores send them, after what is known of each. */

export interface StoreBody {
  readonly bucket?: string;
  readonly key?: string;
  readonly eventName?: string;
  /** Members of the object block that replace the usual ones. */
  readonly object?: Readonly<Record<string, unknown>>;
}

interface Given extends Required<Omit<StoreBody, 'object'>> {
  readonly object: Readonly<Record<string, unknown>>;
}

function given({ bucket = 'photos', key = 'summer/a.txt', eventName = 'ObjectCreated:Put', object = {} }: StoreBody): Given {
  return { bucket, key, eventName, object };
}

/** What MinIO writes into its stream of events: no envelope around the record. `readIntakeBody` is to be told that keys are raw. */
export function minioListenLine(body: StoreBody = {}): string {
  const { bucket, key, eventName, object } = given(body);
  const record = minioRecord({ bucket, key, eventName: `s3:${eventName}` });
  return JSON.stringify({ Records: [{ ...record, s3: { ...record.s3, object: { ...record.s3.object, ...object, key } } }] });
}

function rustfsRecord({ bucket, key, eventName, object }: Given) {
  const record = minioRecord({ bucket, key, eventName: `s3:${eventName}`, requestId: nextRequestId() });
  return { ...record, eventSource: 'rustfs:s3', s3: { ...record.s3, object: { ...record.s3.object, ...object, key: queryEscape(key) } } };
}

/** Webhook of RustFS: MinIO's envelope. */
export function rustfsBody(body: StoreBody = {}): string {
  const full = given(body);
  return JSON.stringify({ EventName: `s3:${full.eventName}`, Key: `${full.bucket}/${full.key}`, Records: [rustfsRecord(full)] });
}

/** Stream of events of RustFS: other than MinIO's, keys are encoded here as well. */
export function rustfsListenLine(body: StoreBody = {}): string {
  return JSON.stringify({ Records: [rustfsRecord(given(body))] });
}

/** Ceph's RADOS gateway: no `s3:` in names, raw keys, microseconds, lists of pairs, tags. */
export function cephBody(body: StoreBody = {}): string {
  const { bucket, key, eventName, object } = given(body);
  const record = {
    eventVersion: '2.2',
    eventSource: 'ceph:s3',
    awsRegion: 'default',
    eventTime: '2026-11-22T14:51:41.762345Z',
    eventName,
    userIdentity: { principalId: 'app-user' },
    requestParameters: { sourceIPAddress: '' },
    responseElements: { 'x-amz-request-id': 'c2a4a1f5-0b57-4d0e-9a1e-0f9c8f1f6f11.4723.1187', 'x-amz-id-2': '1273-default-default' },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'magpie',
      bucket: { name: bucket, ownerIdentity: { principalId: 'app-user' }, arn: `arn:aws:s3:default::${bucket}`, id: 'c2a4a1f5.4723.1' },
      object: {
        key,
        size: 5,
        eTag: '5d41402abc4b2a76b9719d911017c592',
        versionId: '',
        sequencer: 'FDC32A6740B0BB87',
        metadata: [{ key: 'x-amz-meta-author', val: 'bob' }],
        tags: [{ key: 'team', val: 'media' }],
        ...object,
      },
    },
    eventId: '1732287101.762345.5d41402abc4b2a76b9719d911017c592',
    opaqueData: '',
  };
  return JSON.stringify({ Records: [record] });
}

/** VersityGW: calls itself AWS, raw keys, a capital letter in `PrincipalId`, no request id, a counter for a sequencer. */
export function versityBody(body: StoreBody = {}): string {
  const { bucket, key, eventName, object } = given(body);
  const record = {
    eventVersion: '2.2',
    eventSource: 'aws:s3',
    awsRegion: 'us-east-1',
    eventTime: '2026-11-22T15:51:41+01:00',
    eventName: `s3:${eventName}`,
    userIdentity: { PrincipalId: 'app-user' },
    requestParameters: { sourceIPAddress: '10.1.2.3:51714' },
    responseElements: { 'x-amz-request-id': '', 'x-amz-id-2': '' },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'versitygw-default-config',
      bucket: { name: bucket, ownerIdentity: { PrincipalId: 'app-user' }, arn: `arn:aws:s3:::${bucket}` },
      object: { key, size: 5, eTag: '"5d41402abc4b2a76b9719d911017c592"', versionId: '', sequencer: '0000000000000001', ...object },
    },
    glacierEventData: { restoreEventData: { lifecycleRestorationExpiryTime: '', lifecycleRestoreStorageClass: '' } },
  };
  return JSON.stringify({ Records: [record] });
}

/** AWS and what speaks just like it: form-encoded keys that keep their slashes. */
export function awsBody(body: StoreBody = {}, eventSource = 'aws:s3'): string {
  const { bucket, key, eventName, object } = given(body);
  const record = {
    eventVersion: '2.1',
    eventSource,
    awsRegion: 'eu-central-1',
    eventTime: '2026-11-22T14:51:41.762Z',
    eventName,
    userIdentity: { principalId: 'AWS:AIDAEXAMPLE' },
    requestParameters: { sourceIPAddress: '10.1.2.3' },
    responseElements: { 'x-amz-request-id': 'C3D13FE58DE4C810', 'x-amz-id-2': 'FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD' },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'magpie',
      bucket: { name: bucket, ownerIdentity: { principalId: 'A3NL1KOZZKEXAMPLE' }, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key: queryEscape(key).replaceAll('%2F', '/'),
        size: 5,
        eTag: '5d41402abc4b2a76b9719d911017c592',
        sequencer: '0055AED6DCD90281E5',
        ...object,
      },
    },
  };
  return JSON.stringify({ Records: [record] });
}

/** Notification of SNS around a body. */
export function inSns(message: string): string {
  return JSON.stringify({
    Type: 'Notification',
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: 'arn:aws:sns:eu-central-1:123456789012:photos',
    Subject: 'Amazon S3 Notification',
    Message: message,
    Timestamp: '2026-11-22T14:51:42.001Z',
    SignatureVersion: '1',
    Signature: 'EXAMPLE',
    SigningCertURL: 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService.pem',
    UnsubscribeURL: 'https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe',
  });
}

/** Answer of SQS to a receive. */
export function inSqs(...messages: readonly string[]): string {
  return JSON.stringify({
    Messages: messages.map((body, index) => ({ MessageId: `19dd0b57-b21e-4ac1-bd88-01bbb068cb7${index}`, ReceiptHandle: 'AQEB', MD5OfBody: '0', Body: body })),
  });
}

/** Messages of SQS as a function or a pipe of AWS gets them. */
export function inSqsRecords(...messages: readonly string[]): string {
  return JSON.stringify({
    Records: messages.map((body, index) => ({ messageId: `19dd0b57-${index}`, receiptHandle: 'AQEB', body, attributes: {}, eventSource: 'aws:sqs' })),
  });
}

/** What NooBaa, VersityGW and AWS send when a notification is set up. */
export function testEvent(service = 'NooBaa', bucket = 'photos'): object {
  return { Service: service, Event: 's3:TestEvent', Time: '2026-11-22T14:51:41.762Z', Bucket: bucket, RequestId: '5582815E1AEA5ADF', HostId: '8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR' };
}
