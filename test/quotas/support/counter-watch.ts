import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Looks at a tenant's counters all the while, for what they promise at any one moment. */
export class CounterWatch {
  private readonly peaks = new Map<string, number>();
  private readonly over = new AbortController();
  private readonly looking: Promise<void>;

  constructor(ownerUrl: string, tenantId: string, everyMs = 25) {
    this.looking = this.look(ownerUrl, tenantId, everyMs);
  }

  /** Ends it; gives the most tokens, used and reserved, that were seen in one month. */
  async stop(): Promise<number> {
    this.over.abort();
    await this.looking;
    return Math.max(0, ...this.peaks.values());
  }

  private async look(ownerUrl: string, tenantId: string, everyMs: number): Promise<void> {
    const client = new pg.Client({ connectionString: ownerUrl });
    await client.connect();
    try {
      while (!this.over.signal.aborted) {
        const found = await client.query<{ month: Date; tokens: string }>(
          'SELECT starts_at AS month, sum(tokens + tokens_reserved) AS tokens FROM usage_counters WHERE tenant_id = $1 AND subject = $1 GROUP BY 1',
          [tenantId],
        );
        for (const { month, tokens } of found.rows)
          this.peaks.set(month.toISOString(), Math.max(this.peaks.get(month.toISOString()) ?? 0, Number(tokens)));
        await sleep(everyMs, undefined, { signal: this.over.signal }).catch(() => undefined);
      }
    } finally {
      await client.end();
    }
  }
}
