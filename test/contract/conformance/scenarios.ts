import { ACCOUNT } from './account-scenarios.js';
import { BATCHES, MESSAGES, TIMING } from './message-scenarios.js';
import { QUEUES } from './queue-scenarios.js';
import type { Scenario } from './scenario.js';
import { TOPICS } from './topic-scenarios.js';

/** All of them, for every client. */
export const SCENARIOS: readonly Scenario[] = [...QUEUES, ...MESSAGES, ...BATCHES, ...TIMING, ...TOPICS, ...ACCOUNT];
