import { type ConfigValues, defineTopic, entry, setting } from '../config/index.ts';

/** How queued work that failed is tried again. */
export const queueConfig = defineTopic('queue', 'Queues', {
  maxRetries: entry(
    'QUEUE_MAX_RETRIES',
    setting.int(0, 100).default(5),
    'How often queued work (a background job, a turn that had to wait) is tried again before an operator has to look at it.',
  ),
  retryDelayMs: entry('QUEUE_RETRY_DELAY_MS', setting.int(10, 3_600_000).default(10_000), 'Wait before each retry, in milliseconds.'),
});

/** Values of the queue topic. */
export type QueueConfig = ConfigValues<typeof queueConfig>;
