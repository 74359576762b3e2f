/** Opens `count` connections. Gives `Opened`. */
export interface Connect {
  do: 'connect';
  /** Frames over WebSockets, or OpenAI's chat completions over server-sent events. */
  speaks: 'frames' | 'completions';
  /** What completions ask for. */
  model: string;
  /** Sockets go to each in turn. */
  urls: string[];
  headers: Record<string, string>;
  count: number;
  /** Connections are of visitors `visitors-0`, `visitors-1`, …; '' names nobody. */
  visitors: string;
  /** Source addresses 127.0.0.1 … 127.0.0.n, in turn. */
  addresses: number;
  concurrency: number;
}

/** What became of a `Connect`. */
export interface Opened {
  opened: number;
  /** Reasons of those that did not open, or closed at once. */
  failures: string[];
}

/** Sends on every open socket, waits for each answer, and goes on for `forMs`; 0 = one answer each. Gives `Answer[]`. */
export interface Drive {
  do: 'drive';
  /** Makes the markers of these messages unique. */
  tag: string;
  /** What the model is told to do; a script of the demo model. */
  script: { tokens: number; tokens_per_second: number; first_token_ms: number };
  /** Sockets begin spread over this time, in milliseconds. */
  spreadMs: number;
  /** Longest pause between an answer and the next message, in milliseconds; the pauses are random. */
  pauseMs: number;
  /** Time from one message of a socket to its next, in milliseconds; without it the next follows the answer. */
  everyMs?: number;
  forMs: number;
  turnsPerConversation: number;
  /** An answer that takes longer is an error. */
  answerLimitMs: number;
}

/** Opens `count` readers that ask one question each and resume on another replica when their socket breaks. Gives `ResumedAnswer[]`. */
export interface Storm
  extends Pick<Drive, 'tag' | 'script' | 'spreadMs' | 'answerLimitMs'>, Pick<Connect, 'headers' | 'count' | 'addresses'> {
  do: 'storm';
  /** First the replica to ask, then the one to resume on. */
  urls: [string, string];
  visitors: string;
  jitterMs: number;
}

/** How much of the running answers has come. Gives `Progress`. */
export interface Look {
  do: 'look';
}

/** What a process has received since it began. */
export interface Progress {
  tokens: number;
  /** Answers whose text has begun. */
  begun: number;
  /** How busy its event loop was since the last look, 0 to 1. */
  loop: number;
  /** Sockets that closed although nobody asked them to. */
  lost: number;
}

/** Closes all sockets. */
export interface Close {
  do: 'close';
}

/** What a load process can be told. */
export type Command = Connect | Drive | Storm | Look | Close;

/** One message and what came back. Times are milliseconds since the epoch with fractions. */
export interface Answer {
  /** Stands in the message, and so in the model's own log. */
  marker: string;
  text: string;
  sentAt: number;
  /** First piece of text; 0 when none came. */
  firstAt: number;
  endedAt: number;
  /** The finish reason that the reader was told. */
  finish: string;
  /** '' when all went well. */
  error: string;
}

/** An answer whose reader may have lost its socket. Times are milliseconds since the epoch with fractions, 0 = it did not happen. */
export interface ResumedAnswer extends Answer {
  lostAt: number;
  /** The other replica said that it follows the answer. */
  resumedAt: number;
  /** The first chunk after that. */
  continuedAt: number;
  /** Connections that were refused or failed. */
  refusals: number;
}
