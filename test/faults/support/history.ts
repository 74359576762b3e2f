/** A chunk as a client gets it. Only what is judged is named. */
export interface Chunk {
  type: string;
  id?: string;
  delta?: string;
  errorText?: string;
  finishReason?: string;
  messageId?: string;
  messageMetadata?: { turn_id?: string; epoch?: number; status?: string };
}

/** One thing that happened to a reader. `at` is in monotonic milliseconds of this process. */
export type ReaderEvent = { at: number } & (
  | { type: 'acknowledged' }
  /** `log` is `turn:epoch` where the dialect says it with each chunk. `json` is the chunk as it came. */
  | { type: 'chunk'; sequence: number; json: string; chunk: Chunk; log?: string }
  | { type: 'end' }
  | { type: 'refused'; status: number; text: string }
  | { type: 'no-active' }
  /** The connection went away without an end: by a fault, by the server, or because the reader left. */
  | { type: 'cut'; why: string }
);

/** Where a reader wanted to go on: after this chunk. */
export interface Position {
  /** `turn:epoch`. */
  log: string;
  sequence: number;
}

/** What one request of a client has received, frame by frame. */
export interface Reading {
  kind: 'send' | 'resume';
  dialect: 'websocket' | 'sse';
  /** Which of the message's readers: each one's readings follow each other, and make up what it shows. */
  view: number;
  /** Number of the replica that it asked, or the proxy's name. */
  through: string;
  at: number;
  after?: Position;
  events: ReaderEvent[];
}

/** A message that a client has sent, and all that was received for it. */
export interface SentMessage {
  /** `Tax4f2`: the letter names the tenant; each word of question and answer begins with it. */
  key: string;
  /** The tenant's letter. */
  tenant: string;
  conversation: string;
  /** The client's own message id: the key of de-duplication. */
  messageId: string;
  /** Text of the question. */
  text: string;
  /** The whole answer that the model was told to give. */
  expected: string;
  readings: Reading[];
}

/** A model call as the model server has seen it. */
export interface ServedCall {
  question: string;
  /** The request's messages as JSON. */
  prompt: string;
  outcome: string;
  promptTokens: number;
  tokensServed: number;
  reported: { prompt: number; completion: number } | undefined;
}

/** A turn as Postgres holds it, with its messages decrypted. */
export interface StoredTurn {
  /** Letter of the tenant whose row it is. */
  tenant: string;
  /** UUID. */
  id: string;
  conversationId: string;
  state: string;
  attempt: number;
  modelCalls: number;
  inputTokens: number | null;
  outputTokens: number | null;
  estimated: boolean;
  errorCode: string | null;
  /** Undefined when the content does not open. */
  question: string | undefined;
  answers: { text: string | undefined; status: string }[];
}

/** Everything that the three witnesses say. */
export interface Evidence {
  messages: SentMessage[];
  served: ServedCall[];
  stored: StoredTurn[];
  limits: {
    /** Attempts of one turn that may call the model. */
    attempts: number;
    /** Calls of one attempt. */
    calls: number;
  };
}

/** Each word that we make: tenant's letter, message, and in answers the word's number. */
export const wordPattern = /\bT([a-z])x([0-9a-z]+)(?:_(\d+))?\b/g;

/** The answer of a message: `words` numbered words that carry its key, each one token of the demo model. */
export function wordsOf(key: string, words: number): string {
  return Array.from({ length: words }, (_, at) => `${key}_${at}`).join(' ');
}

/** The first message key in a text. */
export function keyIn(text: string): string | undefined {
  const found = /\bT[a-z]x[0-9a-z]+(?=_|\b)/.exec(text);
  return found?.[0];
}

/** True when some send of the message was acknowledged. */
export function wasAcknowledged(message: SentMessage): boolean {
  return message.readings.some(({ kind, events }) => kind === 'send' && events.some(({ type }) => type === 'acknowledged'));
}
