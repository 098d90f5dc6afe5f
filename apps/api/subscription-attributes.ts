import { checkContentFormat, parseEndpoint } from '#delivery/endpoint.js';
import type { SubscriptionAttributes } from '#topic/subscription.js';

/**
 * A subscription as a request describes it, completed by the defaults of the protocol.
 *
 * @throws EndpointInvalid, InvalidArgument
 */
export function subscriptionOf(given: Partial<SubscriptionAttributes>): SubscriptionAttributes {
  const { endpoint = '', notifyStrategy = 'BACKOFF_RETRY', notifyContentFormat = 'XML', filterTag } = given;
  checkContentFormat(parseEndpoint(endpoint), notifyContentFormat);
  return { endpoint, notifyStrategy, notifyContentFormat, ...(filterTag !== undefined && { filterTag }) };
}
