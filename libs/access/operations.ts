import { AccessDenied } from './access-errors.js';

/** How the RAM policy language sees an operation. */
interface OperationAccess {
  /** Any one of these allows the operation. Batch operations have a name of their own, older policies grant the single one. */
  readonly actions: readonly [string, ...string[]];
  /** Follows `acs:mns:<region>:<account>:`; names from the request stand in braces. `*` where no resource is meant. */
  readonly resource: string;
}

/** Every operation of the data plane, as MNS names it. */
export const OPERATIONS = {
  OpenService: { actions: ['mns:OpenService'], resource: '/commonbuy/openservice' },
  GetAccountAttributes: { actions: ['mns:GetAccountAttributes'], resource: '*' },
  SetAccountAttributes: { actions: ['mns:SetAccountAttributes'], resource: '*' },
  GetAccountId: { actions: ['mns:GetAccountAttributes'], resource: '*' },

  CreateQueue: { actions: ['mns:CreateQueue'], resource: '/queues/{queue}' },
  SetQueueAttributes: { actions: ['mns:SetQueueAttributes'], resource: '/queues/{queue}' },
  GetQueueAttributes: { actions: ['mns:GetQueueAttributes'], resource: '/queues/{queue}' },
  DeleteQueue: { actions: ['mns:DeleteQueue'], resource: '/queues/{queue}' },
  ListQueue: { actions: ['mns:ListQueue'], resource: '/queues' },

  SendMessage: { actions: ['mns:SendMessage'], resource: '/queues/{queue}/messages' },
  BatchSendMessage: { actions: ['mns:BatchSendMessage', 'mns:SendMessage'], resource: '/queues/{queue}/messages' },
  ReceiveMessage: { actions: ['mns:ReceiveMessage'], resource: '/queues/{queue}/messages' },
  BatchReceiveMessage: { actions: ['mns:ReceiveMessage'], resource: '/queues/{queue}/messages' },
  PeekMessage: { actions: ['mns:PeekMessage'], resource: '/queues/{queue}/messages' },
  BatchPeekMessage: { actions: ['mns:PeekMessage'], resource: '/queues/{queue}/messages' },
  DeleteMessage: { actions: ['mns:DeleteMessage'], resource: '/queues/{queue}/messages' },
  BatchDeleteMessage: { actions: ['mns:BatchDeleteMessage', 'mns:DeleteMessage'], resource: '/queues/{queue}/messages' },
  ChangeMessageVisibility: { actions: ['mns:ChangeMessageVisibility'], resource: '/queues/{queue}/messages' },

  CreateTopic: { actions: ['mns:CreateTopic'], resource: '/topics/{topic}' },
  SetTopicAttributes: { actions: ['mns:SetTopicAttributes'], resource: '/topics/{topic}' },
  GetTopicAttributes: { actions: ['mns:GetTopicAttributes'], resource: '/topics/{topic}' },
  DeleteTopic: { actions: ['mns:DeleteTopic'], resource: '/topics/{topic}' },
  ListTopic: { actions: ['mns:ListTopic'], resource: '/topics' },
  PublishMessage: { actions: ['mns:PublishMessage'], resource: '/topics/{topic}/messages' },

  Subscribe: { actions: ['mns:Subscribe'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  SetSubscriptionAttributes: { actions: ['mns:SetSubscriptionAttributes'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  GetSubscriptionAttributes: { actions: ['mns:GetSubscriptionAttributes'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  Unsubscribe: { actions: ['mns:Unsubscribe'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  ListSubscriptionByTopic: { actions: ['mns:ListSubscriptionByTopic'], resource: '/topics/{topic}/subscriptions' },
} as const satisfies Record<string, OperationAccess>;

export type Operation = keyof typeof OPERATIONS;

/**
 * Whether the account that signed a request may do this to what `owner` owns: everything to its own, nothing to another's.
 *
 * @throws AccessDenied
 */
export function authorize(account: string, owner: string, operation: Operation): void {
  if (account !== owner) throw new AccessDenied(operation);
}
