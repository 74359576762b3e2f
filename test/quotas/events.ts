import { setTimeout as sleep } from 'node:timers/promises';
import type { LimitChange } from './checker/evidence.ts';
import type { Event } from './scenarios.ts';
import type { QuotaStack } from './support/quota-stack.ts';
import { type QuotaTenant, setLimits } from './support/quota-tenants.ts';

/** How long commits are held before and after a kill among them, in milliseconds. */
const heldMs = 300;

/** Plays what happens during a scenario. */
export class EventPlayer {
  /** The limits that held, in their order. */
  readonly limits: LimitChange[];
  private readonly stack: QuotaStack;
  private readonly tenant: QuotaTenant;

  constructor(stack: QuotaStack, tenant: QuotaTenant, since: LimitChange) {
    this.stack = stack;
    this.tenant = tenant;
    this.limits = [since];
  }

  /** Resolves when the last event is over. */
  async play(events: Event[]): Promise<void> {
    const began = performance.now();
    await Promise.all(
      events.map(async (event) => {
        await sleep(Math.max(0, began + event.atMs - performance.now()));
        await this.happen(event);
      }),
    );
  }

  private async happen(event: Event): Promise<void> {
    switch (event.do) {
      case 'kill':
        return this.stack.killAndRestart(event.replica, event.backAfterMs);
      case 'kill-in-commit':
        this.stack.holdCommits(2 * heldMs);
        await sleep(heldMs);
        await this.stack.killAndRestart(event.replica, event.backAfterMs, () => this.stack.holdCommits(0));
        return;
      case 'flush-redis':
        return this.stack.flushRedis();
      case 'change-limits':
        this.limits.push(await setLimits(this.stack.auditor.main, this.tenant, event.limits));
    }
  }
}
