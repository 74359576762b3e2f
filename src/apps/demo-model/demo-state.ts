import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BatchStore } from './batches.ts';
import type { EnforcedLimits } from './enforced-limits.ts';
import type { FileStore } from './files.ts';
import type { DemoModelOptions } from './options.ts';
import type { Pacer } from './pacer.ts';
import type { RateLimitHeaders } from './rate-limit-headers.ts';
import type { ScriptQueue } from './script.ts';
import type { WitnessLog } from './witness-log.ts';

/** What one running demo model holds. */
export interface DemoState {
  options: DemoModelOptions;
  pacer: Pacer;
  scripts: ScriptQueue;
  witness: WitnessLog;
  rateLimits: RateLimitHeaders;
  limits: EnforcedLimits;
  files: FileStore;
  batches: BatchStore;
  closing: boolean;
}

/** One HTTP request on its way. */
export interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
  /** Without query. The Azure forms are rewritten to `/v1/…`. */
  path: string;
  query: URLSearchParams;
  requestId: string;
  keyDigest: string | null;
  /** Azure names the model in the path. */
  deployment: string | undefined;
  /** Length of the request body that the witness keeps. */
  keptBytes: number;
}
