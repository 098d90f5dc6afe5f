import type { Hmac } from '#runtime/hmac.js';
import type { PushSignature } from './http-options.js';
import { webhookHeaders } from './webhook-signature.js';
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
  /** Of a push that carries several messages. */
  readonly batch?: { readonly id: string; readonly size: number; readonly contentType: string };
  readonly requestUri: string;
  /** 24 hexadecimal digits, new for each attempt. */
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** As MNS signs when absent. */
  readonly signature?: PushSignature;
  /** For `hmac` and `both`; the newest first. */
  readonly signingKeys?: readonly Hmac[];
  /** Headers of the subscription's own. */
  readonly headers?: readonly HeaderLine[];
}

/** All headers of one push but those of the connection (Host, Content-Length, Connection). */
export async function pushHeaders(request: PushRequest, signer: PushSigner): Promise<HeaderLine[]> {
  const { format, body, notification, batch, now, signature = 'rsa', signingKeys = [] } = request;
  const signsRsa = signature === 'rsa' || signature === 'both';
  const headers: HeaderLine[] = [
    ['Content-Type', batch?.contentType ?? CONTENT_TYPE[format]],
    ['Content-md5', contentMd5(format, body)],
    ['Date', new Date(now).toUTCString()],
    ['User-Agent', 'Aliyun Notification Service Agent'],
    ['Accept', '*/*'],
    ['x-mns-request-id', request.requestId],
    ...(signsRsa ? ([['x-mns-signing-cert-url', Buffer.from(signer.certificateUrl).toString('base64')]] as const) : []),
    ['x-mns-version', '2015-06-06'],
    ...(batch === undefined ? [] : ([['x-mns-batch-size', String(batch.size)]] as const)),
    ...(format === 'SIMPLIFIED' ? envelopeHeaders(notification) : []),
  ];
  const webhook = signature === 'hmac' || signature === 'both' ? webhookHeaders(batch?.id ?? notification.messageId, now, body, signingKeys) : [];
  const authorization = signsRsa ? await signPush(signer.privateKey, pushStringToSign(headers, request.requestUri)) : undefined;
  return [
    ...headers,
    ...webhook,
    ...(request.headers ?? []),
    ...(authorization === undefined ? [] : ([['Authorization', authorization]] as const)),
  ];
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
