import { CONTENT_TYPE, contentMd5, pushStringToSign, signPush, type HeaderLine } from './push-signature.js';
import type { NotifyContentFormat, Notification } from './notification.js';
import type { KeyObject } from 'node:crypto';

export interface PushSigner {
  readonly privateKey: KeyObject;
  /** Where subscribers fetch the certificate. */
  readonly certificateUrl: string;
}

export interface PushRequest {
  readonly notification: Notification;
  readonly format: NotifyContentFormat;
  readonly body: string;
  readonly requestUri: string;
  /** 24 hexadecimal digits, new for each attempt. */
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** All headers of one push but those of the connection (Host, Content-Length, Connection). */
export async function pushHeaders(request: PushRequest, signer: PushSigner): Promise<HeaderLine[]> {
  const headers: HeaderLine[] = [
    ['Content-Type', CONTENT_TYPE[request.format]],
    ['Content-md5', contentMd5(request.format, request.body)],
    ['Date', new Date(request.now).toUTCString()],
    ['User-Agent', 'Aliyun Notification Service Agent'],
    ['Accept', '*/*'],
    ['x-mns-request-id', request.requestId],
    ['x-mns-signing-cert-url', Buffer.from(signer.certificateUrl).toString('base64')],
    ['x-mns-version', '2015-06-06'],
    ...(request.format === 'SIMPLIFIED' ? envelopeHeaders(request.notification) : []),
  ];
  const signature = await signPush(signer.privateKey, pushStringToSign(headers, request.requestUri));
  return [...headers, ['Authorization', signature]];
}

/** A plain body has no envelope: what the other formats say in it stands in headers. */
function envelopeHeaders(notification: Notification): HeaderLine[] {
  const { messageId, messageTag, publishTime, subscriber, subscriptionName, topicName, topicOwner } = notification;
  return [
    ['x-mns-message-id', messageId],
    ...(messageTag === undefined ? [] : ([['x-mns-message-tag', headerText(messageTag)]] as const)),
    ['x-mns-publish-time', String(publishTime)],
    ['x-mns-subscriber', subscriber],
    ['x-mns-subscription-name', subscriptionName],
    ['x-mns-topic-name', topicName],
    ['x-mns-topic-owner', topicOwner],
  ];
}

/** The bytes of the text in UTF-8, each as one character, and nothing that could end the line: what HTTP/1.1 can carry. */
function headerText(text: string): string {
  return Buffer.from(text).toString('latin1').replace(/[\u0000-\u001f\u007f]/g, ' ').trim();
}
