import { changeDeliveryOptions, checkDeliveryOptions, type DeliveryOptions } from '#delivery/delivery-options.js';
import { parseEndpoint } from '#delivery/endpoint.js';
import type { EventRule } from '#event-rule/event-rule.js';
import { checkDeadLetterTypes, DEFAULT_QUEUE_ATTRIBUTES, type QueueType } from '#queue/queue-attributes.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { SubscriptionAttributes } from '#topic/subscription.js';
import { subscriptionOf } from '../subscription-attributes.js';
import { readPath, type Path, type SetupDocument } from './setup-document.js';
import { deadLetterQueueOf, type Present } from './setup-target.js';
import type { QueueSetup, Setup, TopicSetup } from './setup.js';
import { sealForCheck, type GivenOptions } from './subscription-options.js';

/**
 * What a set-up says and cannot be, given what there is: names that lead nowhere, and changes of what is fixed when a thing is made.
 *
 * @returns a line for each problem
 */
export function findConflicts(setup: Setup, present: Present, document: SetupDocument): string[] {
  const conflicts = new SetupConflicts(setup, present, document);
  return [
    ...setup.queues.flatMap((queue) => conflicts.ofQueue(queue)),
    ...setup.topics.flatMap((topic) => conflicts.ofSubscriptions(topic)),
    ...setup.rules.flatMap((rule) => conflicts.ofRule(rule)),
  ];
}

class SetupConflicts {
  /** Of all queues that there will be; one that is there keeps its type. */
  readonly #queueTypes: ReadonlyMap<string, QueueType>;
  readonly #topics: ReadonlySet<string>;

  constructor(
    setup: Setup,
    private readonly present: Present,
    private readonly document: SetupDocument,
  ) {
    const wanted = setup.queues.map(({ name, attributes }) => [name, attributes.queueType ?? DEFAULT_QUEUE_ATTRIBUTES.queueType] as const);
    this.#queueTypes = new Map([...wanted, ...[...present.queues.values()].map(({ name, queueType }) => [name, queueType] as const)]);
    this.#topics = new Set([...present.topics.keys(), ...setup.topics.map(({ name }) => name)]);
  }

  ofQueue({ name, attributes }: QueueSetup): string[] {
    const path = ['queues', name];
    const type = this.#queueTypes.get(name)!;
    if (attributes.queueType !== undefined && attributes.queueType !== type) {
      const reason = `the queue is there as ${type}, and the type of a queue is fixed when it is created`;
      return [this.document.refusal([...path, 'queueType'], reason)];
    }
    const target = attributes.deadLetterPolicy?.targetQueue;
    if (target === undefined) return [];
    const at = [...path, 'deadLetterPolicy', 'targetQueue'];
    const targetType = this.#queueTypes.get(target);
    return targetType === undefined ? [this.#leadsNowhere(at, 'queue', target)] : this.#refusalOfTarget(at, type, targetType);
  }

  ofSubscriptions(topic: TopicSetup): string[] {
    return topic.subscriptions.flatMap(({ name, attributes, options }) => {
      const path = ['topics', topic.name, 'subscriptions', name];
      const found = this.present.subscriptions.get(`${topic.name}/${name}`);
      const fixed = (['endpoint', 'notifyContentFormat'] as const).filter((member) => {
        return found !== undefined && attributes[member] !== undefined && attributes[member] !== found[member];
      });
      const refusals = fixed.map((member) => {
        const reason = `the subscription is there with ${JSON.stringify(found![member])}, and its ${member} is fixed when it is made`;
        return this.document.refusal([...path, member], `${reason}: unsubscribe it first`);
      });
      refusals.push(...this.#refusalsOfOptions([...path, 'options'], subscriptionOf(attributes), options, found?.options));
      const endpoint = parseEndpoint(attributes.endpoint);
      if (endpoint.kind !== 'queue' || this.#queueTypes.has(endpoint.queue)) return refusals;
      return [...refusals, this.#leadsNowhere([...path, 'endpoint'], 'queue', endpoint.queue)];
    });
  }

  /** Options that the file does not name stay, and have to go with those that it does. */
  #refusalsOfOptions(path: Path, { endpoint, notifyContentFormat }: SubscriptionAttributes, options: GivenOptions = {}, present: DeliveryOptions = {}): string[] {
    const target = deadLetterQueueOf(options);
    if (target !== undefined && !this.#queueTypes.has(target)) return [this.#leadsNowhere([...path, 'deadLetterQueue'], 'queue', target)];
    try {
      checkDeliveryOptions(changeDeliveryOptions(present, options, sealForCheck), endpoint, notifyContentFormat);
      return [];
    } catch (error) {
      if (!(error instanceof InvalidArgument)) throw error;
      return [this.document.remark([...path, ...readPath(error.argument)], `cannot be: ${error.message}`)];
    }
  }

  ofRule({ name, endpoint: { endpointType, endpointValue } }: EventRule): string[] {
    const exists = endpointType === 'queue' ? this.#queueTypes.has(endpointValue) : this.#topics.has(endpointValue);
    return exists ? [] : [this.#leadsNowhere(['eventRules', name, 'endpoint', 'endpointValue'], endpointType, endpointValue)];
  }

  #refusalOfTarget(path: Path, type: QueueType, targetType: QueueType): string[] {
    try {
      checkDeadLetterTypes(type, targetType);
      return [];
    } catch (error) {
      if (!(error instanceof InvalidArgument)) throw error;
      return [this.document.refusal(path, error.message)];
    }
  }

  #leadsNowhere(path: Path, kind: 'queue' | 'topic', name: string): string {
    return this.document.refusal(path, `there is no ${kind} "${name}", neither in this file nor in the account`);
  }
}
