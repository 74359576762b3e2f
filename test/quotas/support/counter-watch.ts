import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Peaks } from '../checker/evidence.ts';

interface Promised {
  isVisitor: boolean;
  tokens: number;
  cost: number;
}

/** Looks at a tenant's counters all the while, for what they promise at any one moment. */
export class CounterWatch {
  private readonly peaks: Peaks = { tokens: 0, cost: 0, visitorTokens: 0 };
  private readonly over = new AbortController();
  private readonly looking: Promise<void>;

  constructor(ownerUrl: string, tenantId: string, everyMs = 25) {
    this.looking = this.look(ownerUrl, tenantId, everyMs);
  }

  /** Ends it; gives the most, used and reserved, that was seen in any one window. */
  async stop(): Promise<Peaks> {
    this.over.abort();
    await this.looking;
    return { ...this.peaks };
  }

  private async look(ownerUrl: string, tenantId: string, everyMs: number): Promise<void> {
    const client = new pg.Client({ connectionString: ownerUrl });
    await client.connect();
    try {
      while (!this.over.signal.aborted) {
        const found = await client.query<Promised>(
          `SELECT subject <> tenant_id AS "isVisitor", sum(tokens + tokens_reserved)::float8 AS tokens, sum(cost + cost_reserved)::float8 AS cost
           FROM usage_counters WHERE tenant_id = $1 GROUP BY tenant_id, subject, starts_at`,
          [tenantId],
        );
        for (const each of found.rows) this.note(each);
        await sleep(everyMs, undefined, { signal: this.over.signal }).catch(() => undefined);
      }
    } finally {
      await client.end();
    }
  }

  private note({ isVisitor, tokens, cost }: Promised): void {
    const { peaks } = this;
    if (isVisitor) peaks.visitorTokens = Math.max(peaks.visitorTokens, tokens);
    else Object.assign(peaks, { tokens: Math.max(peaks.tokens, tokens), cost: Math.max(peaks.cost, cost) });
  }
}
