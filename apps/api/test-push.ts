import { randomBytes } from 'node:crypto';
import type { DrainQueue } from '#delivery/drain-queue.js';
import { TEST_PUSH_LIMIT, type TestPushReplies, type TestPushRequest, type TestPushResult } from '#delivery/test-push.js';
import { LIMITS } from '#queue/limits.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { checkTag } from '#topic/topic-name.js';
import { readMembers } from './management-request.js';

const LONGEST_MESSAGE = LIMITS.maximumMessageSize[1];

/** Asks a worker for a push that is to be seen, and waits for what it came to. */
export class TestPush {
  constructor(
    private readonly drains: DrainQueue,
    private readonly replies: TestPushReplies,
  ) {}

  /** @returns undefined when no worker has answered in time. @throws Error when Redis is away */
  async ask(request: Pick<TestPushRequest, 'topicOwner' | 'topicName' | 'subscriptionName' | 'message'>): Promise<TestPushResult | undefined> {
    const id = randomBytes(12).toString('base64url');
    const until = Date.now() + TEST_PUSH_LIMIT;
    await this.drains.addTest({ ...request, id, until });
    return await this.replies.wait(id, until);
  }
}

/** `{"message": "…", "messageTag": "…"}`, both optional. @throws InvalidArgument */
export function readTestMessage(json: unknown, subscription: string): TestPushRequest['message'] {
  const { message = `This is a test of the subscription ${subscription}.`, messageTag } = readMembers(json, 'test', ['message', 'messageTag']);
  if (typeof message !== 'string' || message === '' || Buffer.byteLength(message) > LONGEST_MESSAGE) {
    throw new InvalidArgument('message', `message is a text of 1 to ${LONGEST_MESSAGE} bytes.`);
  }
  if (messageTag === undefined) return { body: message };
  if (typeof messageTag !== 'string') throw new InvalidArgument('messageTag', 'messageTag is a text.');
  checkTag('MessageTag', messageTag);
  return { body: message, messageTag };
}
