import type { MessageMetadata } from './chat-message.ts';

/** How an answer came to its end. Anything but `complete` is shown as cut. */
export type Ending = 'complete' | 'stopped' | 'interrupted' | 'failed' | 'length' | 'filtered';

/** Decides how an answer ended. A stream that ended without a finish reason was cut, whatever else it looks like. */
export function endingOf(finish: {
  isAbort: boolean;
  isError: boolean;
  finishReason?: string | undefined;
  metadata?: MessageMetadata | undefined;
}): Ending {
  const { metadata, finishReason } = finish;
  if (finish.isAbort || metadata?.stopped === true || metadata?.status === 'stopped') return 'stopped';
  if (finish.isError || finishReason === 'error' || metadata?.status === 'failed') return 'failed';
  if (metadata?.interrupted === true || metadata?.status === 'interrupted') return 'interrupted';
  if (finishReason === 'length') return 'length';
  if (finishReason === 'content-filter') return 'filtered';
  return finishReason === undefined || finishReason === 'interrupted' ? 'interrupted' : 'complete';
}
