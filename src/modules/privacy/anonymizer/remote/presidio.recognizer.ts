import { Agent, request } from 'undici';
import { z } from 'zod';
import { entityKinds, type Language } from '../entity-kinds.ts';
import type { Finding } from '../recognizer.ts';
import { codePointOffsets } from './code-points.ts';
import { kindOfPresidio } from './presidio-kinds.ts';
import type { RemoteInput, RemoteRecognizer } from './remote-recognizer.ts';

/** Connections to it at most, per replica: it works through one text a process at a time. */
const maxConnections = 32;

/** Largest answer, in bytes. A finding takes about 120. */
const maxAnswerBytes = 8 * 1024 * 1024;

/** What `POST /analyze` answers for one text; its other fields are of no use here. */
const Answer = z.array(
  z.object({
    entity_type: z.string().min(1),
    start: z.int().min(0),
    end: z.int().min(1),
    score: z.number().min(0).max(1),
  }),
);

/** Where an analyzer is and what it was set up for. */
export interface PresidioSettings {
  /** Base URL. */
  url: string;
  /** At least one. */
  languages: readonly Language[];
  timeoutMs: number;
}

/** It gave an answer that is none. Holds nothing of the answer, which may repeat the text. */
export class BadPresidioAnswer extends Error {
  readonly code: string;

  /** `code`: the status, or what is wrong. */
  constructor(code: string) {
    super(`Presidio gave no usable answer (${code}).`);
    this.name = 'BadPresidioAnswer';
    this.code = code;
  }
}

/** Presidio's analyzer, asked over its HTTP API (https://microsoft.github.io/presidio/api-docs/api-docs.html). */
export class PresidioRecognizer implements RemoteRecognizer {
  readonly name = 'presidio';
  readonly kinds = new Set(entityKinds);
  private readonly agent: Agent;
  private readonly url: string;

  constructor(private readonly settings: PresidioSettings) {
    this.url = `${settings.url.replace(/\/+$/, '')}/analyze`;
    this.agent = new Agent({ connections: maxConnections, maxResponseSize: maxAnswerBytes, connect: { timeout: settings.timeoutMs } });
  }

  async find({ text, language }: RemoteInput): Promise<Finding[]> {
    // It answers an empty text with an error.
    if (text.trim() === '') return [];
    const { languages, timeoutMs } = this.settings;
    const answer = await request(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ text, language: languages.includes(language) ? language : languages[0] }),
      dispatcher: this.agent,
      signal: AbortSignal.timeout(timeoutMs),
    });
    answer.body.on('error', () => undefined);
    if (answer.statusCode !== 200) {
      answer.body.destroy();
      throw new BadPresidioAnswer(`status ${answer.statusCode}`);
    }
    return findingsOf(await answer.body.text(), text);
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }
}

function findingsOf(body: string, text: string): Finding[] {
  const answer = Answer.safeParse(jsonOf(body));
  if (!answer.success) throw new BadPresidioAnswer('another form');
  const offsetOf = codePointOffsets(text);
  return answer.data.map(({ entity_type, start: from, end: to, score }) => {
    const [start, end] = [offsetOf(from), offsetOf(to)];
    if (start === undefined || end === undefined || start >= end) throw new BadPresidioAnswer('places outside the text');
    return { kind: kindOfPresidio(entity_type), start, end, confidence: score };
  });
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new BadPresidioAnswer('no JSON');
  }
}
