import { AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch } from '#access/access-errors.js';
import { EndpointInvalid } from '#delivery/endpoint.js';
import {
  FifoMissingMessageGroupId,
  InvalidQueueName,
  MessageNotExist,
  QueueAlreadyExist,
  QueueNameLengthError,
  QueueNotExist,
  ReceiptHandleError,
} from '#queue/queue-errors.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import {
  SubscriptionAlreadyExist,
  SubscriptionNameInvalid,
  SubscriptionNameLengthError,
  SubscriptionNotExist,
  TopicAlreadyExist,
  TopicNameInvalid,
  TopicNameLengthError,
  TopicNotExist,
} from '#topic/topic-errors.js';
import { MalformedXml } from './xml-reader.js';
import { leaf, xmlDocument } from './xml-writer.js';

const NAME_RULE = 'it starts with a letter or digit and goes on with letters, digits and hyphens.';

/**
 * Every error code that the hub answers, with its HTTP status and its text: the only place that knows codes.
 * Clients decide by the code; where an error knows more than the text here (which element, which range), its own text is sent.
 * `docs/protocol.md` shows the same table, and a test compares the two.
 */
export const MNS_ERRORS = {
  AccessDenied: [403, 'The OwnerId that your Access Key Id associated to is forbidden for this operation.'],
  InvalidAccessKeyId: [403, 'The access Id you provided is not exist.'],
  SignatureDoesNotMatch: [
    403,
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  ],
  MissingAuthorizationHeader: [400, 'Authorization header is required.'],
  InvalidAuthorizationHeader: [400, 'The Authorization header format is invalid.'],
  MissingDateHeader: [400, 'Date header is required.'],
  InvalidDateHeader: [400, 'The Date header format is invalid.'],
  TimeExpired: [408, 'The http request you sent is expired.'],
  MissingVersionHeader: [400, 'x-mns-version header is required.'],
  InvalidVersionHeader: [400, 'The value of x-mns-version header is invalid.'],
  InvalidRequestURL: [400, 'Http request URL format invalid.'],
  InvalidQueryString: [400, 'Http request URL contains invalid querystring item.'],
  MalformedXML: [400, 'The XML you provided was not well-formed.'],
  InvalidArgument: [400, 'A value in the request is not acceptable.'],
  InvalidQueueName: [400, `The queue name contains invalid characters: ${NAME_RULE}`],
  QueueNameLengthError: [400, 'The length of a queue name is 1 to 120 characters.'],
  QueueNotExist: [404, 'The queue name you provided is not exist.'],
  QueueAlreadyExist: [409, 'The queue you created is already exist.'],
  MessageNotExist: [404, 'Message not exist.'],
  MissingReceiptHandle: [400, 'ReceiptHandle is required.'],
  MissingVisibilityTimeout: [400, 'VisibilityTimeout is required.'],
  ReceiptHandleError: [400, 'The receipt handle you provide is not valid.'],
  FifoMissingMessageGroupId: [400, 'MessageGroupId is required for a FIFO queue.'],
  TopicNameInvalid: [400, `The topic name contains invalid characters: ${NAME_RULE}`],
  TopicNameLengthError: [400, 'The length of a topic name is 1 to 120 characters.'],
  TopicNotExist: [404, 'The topic you provided does not exist.'],
  TopicAlreadyExist: [409, 'The topic you created is already exist.'],
  SubscriptionNameInvalid: [400, `The subscription name contains invalid characters: ${NAME_RULE}`],
  SubscriptionNameLengthError: [400, 'The length of a subscription name is 1 to 255 characters.'],
  SubscriptionNotExist: [404, 'The subscription you provided does not exist.'],
  SubscriptionAlreadyExist: [409, 'The subscription you created is already exist.'],
  EndpointInvalid: [400, 'The endpoint you provided is not valid.'],
  ServiceUnavailable: [503, 'The service cannot carry out the request now, please try again later.'],
  InternalError: [500, 'Internal error.'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type MnsErrorCode = keyof typeof MNS_ERRORS;

/** What is wrong with a request as such, before the domain sees it. */
export class MnsError extends Error {
  override readonly name = 'MnsError';
  readonly status: number;

  constructor(
    readonly code: MnsErrorCode,
    message: string = MNS_ERRORS[code][1],
  ) {
    super(message);
    this.status = MNS_ERRORS[code][0];
  }

  /** @param item the query parameter whose value cannot be read. */
  static invalidQueryString(item: string): MnsError {
    return new MnsError('InvalidQueryString', `Http request URL contains invalid querystring item "${item}".`);
  }
}

/** An error as it goes over the wire. */
export interface ErrorAnswer {
  readonly code: MnsErrorCode;
  readonly status: number;
  readonly message: string;
  /** For the header `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

const CODES: ReadonlyMap<unknown, MnsErrorCode> = new Map<unknown, MnsErrorCode>([
  [AccessDenied, 'AccessDenied'],
  [InvalidAccessKeyId, 'InvalidAccessKeyId'],
  [SignatureDoesNotMatch, 'SignatureDoesNotMatch'],
  [MalformedXml, 'MalformedXML'],
  [InvalidArgument, 'InvalidArgument'],
  [InvalidQueueName, 'InvalidQueueName'],
  [QueueNameLengthError, 'QueueNameLengthError'],
  [QueueNotExist, 'QueueNotExist'],
  [QueueAlreadyExist, 'QueueAlreadyExist'],
  [MessageNotExist, 'MessageNotExist'],
  [ReceiptHandleError, 'ReceiptHandleError'],
  [FifoMissingMessageGroupId, 'FifoMissingMessageGroupId'],
  [TopicNameInvalid, 'TopicNameInvalid'],
  [TopicNameLengthError, 'TopicNameLengthError'],
  [TopicNotExist, 'TopicNotExist'],
  [TopicAlreadyExist, 'TopicAlreadyExist'],
  [SubscriptionNameInvalid, 'SubscriptionNameInvalid'],
  [SubscriptionNameLengthError, 'SubscriptionNameLengthError'],
  [SubscriptionNotExist, 'SubscriptionNotExist'],
  [SubscriptionAlreadyExist, 'SubscriptionAlreadyExist'],
  [EndpointInvalid, 'EndpointInvalid'],
]);

/** States of the store behind the hub. They go by name because this library knows nothing of the store. */
const STORE_STATES: Readonly<Record<string, { readonly retryAfterSeconds: number; readonly message: string }>> = {
  RedisUnavailable: {
    retryAfterSeconds: 1,
    message: 'The message store did not answer, the request may or may not have been carried out. Please try again.',
  },
  RedisFull: {
    retryAfterSeconds: 5,
    message: 'The message store is full: nothing new is stored until messages are received and deleted. Please try again later.',
  },
};

/** How an error is answered; undefined for a defect, which is the caller's to log and to answer with `InternalError`. */
export function toMnsError(error: unknown): ErrorAnswer | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof MnsError) return { code: error.code, status: error.status, message: error.message };
  const code = CODES.get(error.constructor);
  if (code !== undefined) {
    const [status, message] = MNS_ERRORS[code];
    return { code, status, message: error.message || message };
  }
  const state = Object.hasOwn(STORE_STATES, error.name) ? STORE_STATES[error.name] : undefined;
  return state && { code: 'ServiceUnavailable', status: MNS_ERRORS.ServiceUnavailable[0], ...state };
}

export interface ErrorDocument {
  readonly code: string;
  readonly message: string;
  readonly requestId: string;
  /** `http://` and the host that the client used. */
  readonly hostId: string;
}

export function writeError({ code, message, requestId, hostId }: ErrorDocument): string {
  const content = leaf(1, 'Code', code) + leaf(1, 'Message', message) + leaf(1, 'RequestId', requestId) + leaf(1, 'HostId', hostId);
  return xmlDocument('Error', content);
}
