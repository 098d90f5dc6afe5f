import { does, queue, refuses, type Scenario } from './scenario.js';

export const ACCOUNT: readonly Scenario[] = [
  {
    title: 'account attributes are kept',
    steps: [does('setAccountAttributes', { loggingBucket: 'logs' }), does('getAccountAttributes', {}, { loggingBucket: 'logs' })],
  },
  {
    title: 'a wrong secret is refused',
    needs: ['chosen keys'],
    credentials: 'wrong secret',
    steps: [
      refuses('getQueueAttributes', { queue }, 'SignatureDoesNotMatch'),
      refuses('sendMessage', { queue, body: 'm' }, 'SignatureDoesNotMatch'),
    ],
  },
  {
    title: 'an unknown key is refused',
    needs: ['chosen keys'],
    credentials: 'unknown key',
    steps: [refuses('getQueueAttributes', { queue }, 'InvalidAccessKeyId')],
  },
];
