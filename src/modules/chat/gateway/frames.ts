import { z } from 'zod';

/*
 * The frames of the AI SDK's WebSocketChatTransport (npm `ai` 7, src/ui/websocket-chat-transport.ts). Only the envelope and
 * the last user message are looked at: a client sends its whole history, and none of it is trusted.
 */

const RequestId = z.string().min(1).max(200);

/** Client: a message to answer. */
export const SendFrame = z.object({
  type: z.literal('send'),
  requestId: RequestId,
  id: z.string().min(1).max(64),
  trigger: z.enum(['submit-message', 'regenerate-message']).default('submit-message'),
  messageId: z.string().max(200).nullish(),
  messages: z.array(z.unknown()).min(1),
});
/** A validated `send`. */
export type SendFrame = z.output<typeof SendFrame>;

/** Client: follow the newest answer of a conversation. */
export const ResumeFrame = z.object({
  type: z.literal('resume'),
  requestId: RequestId,
  id: z.string().min(1).max(64),
  // Anything that is no cursor of this very turn replays from 0.
  body: z.looseObject({ cursor: z.unknown().optional() }).nullish(),
});
/** A validated `resume`. */
export type ResumeFrame = z.output<typeof ResumeFrame>;

/** Client: stop an answer, or stop following one. */
export const AbortFrame = z.object({ type: z.literal('abort'), requestId: RequestId });
/** A validated `abort`. */
export type AbortFrame = z.output<typeof AbortFrame>;

/** Request id of what the server says unasked; clients ignore request ids that they do not know. */
export const serverRequestId = '$server';

/** Server frames as text. `chunk` is given as JSON already, encoded once for all readers. */
export const serverFrame = {
  start: (requestId: string) => JSON.stringify({ type: 'start', requestId }),
  chunk: (prefix: string, sequence: number, chunk: string) => `${prefix}${sequence},"chunk":${chunk}}`,
  chunkPrefix: (requestId: string) => `{"type":"chunk","requestId":${JSON.stringify(requestId)},"sequence":`,
  end: (requestId: string) => JSON.stringify({ type: 'end', requestId }),
  error: (requestId: string, errorText: string) => JSON.stringify({ type: 'error', requestId, errorText }),
  noActive: (requestId: string) => JSON.stringify({ type: 'no-active', requestId }),
  notice: (type: 'ready' | 'draining') => JSON.stringify({ type, requestId: serverRequestId }),
};

/**
 * A frame of text as it goes over the wire (RFC 6455, 5.2: final, not masked, not compressed), in one piece: `ws` writes header
 * and text apart, which costs twice as much for a frame of a few words.
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = 0x81;
  frame[1] = header === 2 ? length : header === 4 ? 126 : 127;
  if (header === 4) frame.writeUInt16BE(length, 2);
  if (header === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.write(text, header);
  return frame;
}

/** Close codes of the socket. */
export const closeCodes = {
  done: 1000,
  badFrame: 1008,
  restart: 1012,
  overload: 1013,
  credential: 4401,
  forbidden: 4403,
  idle: 4408,
  rate: 4429,
} as const;
