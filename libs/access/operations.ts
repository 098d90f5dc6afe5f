import { AccessDenied } from './access-errors.js';
import type { AccessKey } from './access-key.js';

/** How the RAM policy language sees an operation. */
interface OperationAccess {
  /** Any one of these allows the operation. Batch operations have a name of their own, older policies grant the single one. */
  readonly actions: readonly [string, ...string[]];
  /** Follows `acs:mns:<region>:<account>:`; names from the request stand in braces. `*` where no resource is meant. */
  readonly resource: string;
  /** Only the first account's access keys may do it. */
  readonly managesAccounts?: true;
}

/**
 * Every operation: those of the data plane as MNS names them, then those of the management interface. `docs/access.md` shows the
 * same table, and a test compares the two.
 */
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

  GetQueue: { actions: ['mns:GetQueueAttributes'], resource: '/queues/{queue}' },
  PutQueue: { actions: ['mns:SetQueueAttributes'], resource: '/queues/{queue}' },
  PurgeQueue: { actions: ['mns:PurgeQueue'], resource: '/queues/{queue}' },
  StartRedrive: { actions: ['mns:StartRedrive'], resource: '/queues/{queue}' },
  GetRedrive: { actions: ['mns:GetRedrive'], resource: '/queues/{queue}' },
  CancelRedrive: { actions: ['mns:CancelRedrive'], resource: '/queues/{queue}' },
  GetSubscription: { actions: ['mns:GetSubscriptionAttributes'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  PutSubscription: { actions: ['mns:SetSubscriptionAttributes'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  PauseSubscription: { actions: ['mns:PauseSubscription'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  ResumeSubscription: { actions: ['mns:ResumeSubscription'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  TestSubscription: { actions: ['mns:TestSubscription'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  StartReplay: { actions: ['mns:StartReplay'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  GetReplay: { actions: ['mns:GetReplay'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  CancelReplay: { actions: ['mns:CancelReplay'], resource: '/topics/{topic}/subscriptions/{subscription}' },
  PutEventRule: { actions: ['mns:PutEventNotifications', 'mns:UpdateEventNotifications'], resource: '*' },
  GetEventRule: { actions: ['mns:ListEventNotifications'], resource: '*' },
  DeleteEventRule: { actions: ['mns:DeleteEventNotifications'], resource: '*' },
  ListEventRules: { actions: ['mns:ListEventNotifications'], resource: '*' },
  TestEventRules: { actions: ['mns:ListEventNotifications'], resource: '*' },
  PutEventSource: { actions: ['mns:PutEventSource'], resource: '*' },
  GetEventSource: { actions: ['mns:GetEventSource'], resource: '*' },
  DeleteEventSource: { actions: ['mns:DeleteEventSource'], resource: '*' },
  ListEventSources: { actions: ['mns:ListEventSources'], resource: '*' },
  ProvisionEventSource: { actions: ['mns:ProvisionEventSource'], resource: '*' },
  CheckEventSource: { actions: ['mns:CheckEventSource'], resource: '*' },
  GetEventSourceHealth: { actions: ['mns:GetEventSourceHealth'], resource: '*' },
  ListEventSourceGaps: { actions: ['mns:ListEventSourceGaps'], resource: '*' },
  PauseEventSourceGap: { actions: ['mns:PauseEventSourceGap'], resource: '*' },
  ResumeEventSourceGap: { actions: ['mns:ResumeEventSourceGap'], resource: '*' },
  CancelEventSourceGap: { actions: ['mns:CancelEventSourceGap'], resource: '*' },
  StartBackfill: { actions: ['mns:StartBackfill'], resource: '*' },
  PutChannel: { actions: ['mns:PutChannel'], resource: '*' },
  GetChannel: { actions: ['mns:GetChannel'], resource: '*' },
  DeleteChannel: { actions: ['mns:DeleteChannel'], resource: '*' },
  ListChannels: { actions: ['mns:ListChannels'], resource: '*' },
  TestChannel: { actions: ['mns:TestChannel'], resource: '*' },
  FindDeliveries: { actions: ['mns:FindDeliveries'], resource: '*' },
  ReplayDelivery: { actions: ['mns:ReplayDelivery'], resource: '*' },

  CreateAccount: { actions: ['mns:CreateAccount'], resource: '*', managesAccounts: true },
  PutAccount: { actions: ['mns:PutAccount'], resource: '*', managesAccounts: true },
  GetAccount: { actions: ['mns:GetAccount'], resource: '*', managesAccounts: true },
  DeleteAccount: { actions: ['mns:DeleteAccount'], resource: '*', managesAccounts: true },
  ListAccounts: { actions: ['mns:ListAccounts'], resource: '*', managesAccounts: true },
  CreateAccessKey: { actions: ['mns:CreateAccessKey'], resource: '*', managesAccounts: true },
  PutAccessKey: { actions: ['mns:PutAccessKey'], resource: '*', managesAccounts: true },
  RotateAccessKey: { actions: ['mns:RotateAccessKey'], resource: '*', managesAccounts: true },
  GetAccessKey: { actions: ['mns:GetAccessKey'], resource: '*', managesAccounts: true },
  DeleteAccessKey: { actions: ['mns:DeleteAccessKey'], resource: '*', managesAccounts: true },
  ListAccessKeys: { actions: ['mns:ListAccessKeys'], resource: '*', managesAccounts: true },
} as const satisfies Record<string, OperationAccess>;

export type Operation = keyof typeof OPERATIONS;

/**
 * Whether the holder of an access key may do this to what `owner` owns: everything to what its own account owns, nothing to another's;
 * and accounts are the first account's alone to manage.
 *
 * @throws AccessDenied
 */
export function authorize(key: Pick<AccessKey, 'account' | 'managesAccounts'>, owner: string, operation: Operation): void {
  const access: OperationAccess = OPERATIONS[operation];
  if (key.account !== owner || (access.managesAccounts === true && !key.managesAccounts)) throw new AccessDenied(operation);
}
