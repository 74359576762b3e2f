import type { EventWriter } from './sse-stream.ts';

/** Header by which AI SDK clients know the stream. */
export const uiMessageStreamHeaders = { 'x-vercel-ai-ui-message-stream': 'v1' };

/** The AI SDK's UI message stream over SSE; `id` is the cursor, so `Last-Event-ID` resumes. */
export function uiMessageEvents(turnId: string, log: { epoch: number }): EventWriter {
  return {
    chunk: (sequence, json) => `id: ${turnId}:${log.epoch}:${sequence}\ndata: ${json}\n\n`,
    end: () => 'data: [DONE]\n\n',
  };
}
