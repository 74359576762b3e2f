import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../../scripts/local/processes.mjs';
import { FaultStack } from '../../faults/support/fault-stack.ts';
import type { SeededRandom } from '../../faults/support/random.ts';
import { setModelPrices } from './model-prices.ts';
import type { MonthClock } from './month-clock.ts';
import type { Auditor } from './read-evidence.ts';

/** Replicas as processes of their own, their databases, and the model server, as the quota harness uses them. */
export class QuotaStack {
  private readonly stack: FaultStack;
  private tags = 0;

  private constructor(stack: FaultStack) {
    this.stack = stack;
  }

  /** Starts three replicas, which know what the models cost; the server must have been built. */
  static async start(seed: number): Promise<QuotaStack> {
    const stack = await FaultStack.start({ seed, replicas: 3, tenants: 0, fsync: false, proxy: 'none' });
    try {
      await setModelPrices(stack.owner.main);
      await Promise.all(
        stack.replicas.map(async (replica) => {
          await replica.kill();
          await replica.start();
        }),
      );
    } catch (error) {
      await stack.close();
      throw error;
    }
    return new QuotaStack(stack);
  }

  /** Where logs and data are. */
  get folder(): string {
    return this.stack.folder;
  }

  /** The model server, past the proxies. */
  get modelUrl(): string {
    return this.stack.model.url.replace(/\/+$/, '');
  }

  /** URL of Redis, for limiters of our own. */
  get redisUrl(): string {
    return this.stack.redis.url;
  }

  get auditor(): Auditor {
    return this.stack.owner;
  }

  /** A beginning of markers that nobody has used. */
  newTag(): string {
    return `Q${(this.tags += 1).toString(36)}z`;
  }

  /** A replica that runs. */
  url(): string {
    return this.running()[0] ?? '';
  }

  /** A running replica out of the first `count`; any that runs when none of them does. */
  target(random: SeededRandom, count: number): string {
    const few = this.running(count);
    const some = few.length > 0 ? few : this.running();
    return some.length > 0 ? random.pick(some) : (this.stack.replicas[0]?.url ?? '');
  }

  /** `kill -9`, and a start on the same port. The last one that runs is spared. */
  async killAndRestart(number: number, backAfterMs: number, afterKill = () => undefined as void): Promise<void> {
    const replica = this.stack.replicas[number % this.stack.replicas.length];
    if (replica !== undefined && replica.running && this.running().length > 1) await replica.kill();
    afterKill();
    await sleep(backAfterMs);
    await replica?.start();
  }

  /** Holds each COMMIT for so long on its way to Postgres. */
  holdCommits(ms: number): void {
    this.stack.behind.postgres.holdCommits(ms);
  }

  flushRedis(): Promise<void> {
    return this.stack.redis.flush();
  }

  /** Ends every disturbance. */
  heal(): Promise<void> {
    return this.stack.heal();
  }

  /** True while the model server answers messages with this tag. */
  async modelIsBusy(tag: string): Promise<boolean> {
    const response = await fetch(`${this.modelUrl}/demo/witness?match=${tag}&limit=1&running=1&after=1000000000`);
    return ((await response.json()) as { running: unknown[] }).running.length > 0;
  }

  /** Lets the month of Postgres turn in so many milliseconds; gives when, by the machine's clock. */
  async shiftClock(clock: MonthClock, ms: number): Promise<number> {
    // The replicas lose their connections: they are let find new ones before it counts.
    const calmDownMs = 2_000;
    const turnsAt = await clock.turnMonthIn(ms + calmDownMs);
    await this.ready();
    await sleep(Math.max(0, turnsAt - ms - Date.now()));
    return turnsAt;
  }

  async resetClock(clock: MonthClock): Promise<void> {
    await clock.reset();
    await this.ready();
  }

  /** Ends everything; `keepFolder` leaves logs and data. */
  close(keepFolder = false): Promise<void> {
    return this.stack.close(keepFolder);
  }

  private async ready(): Promise<void> {
    const isReady = async (url: string) => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200;
    const all = () => Promise.all(this.running().map(isReady)).then((answers) => answers.every(Boolean));
    if ((await waitUntil(all, { everyMs: 100, limitMs: 20_000 })) !== true) throw new Error('the replicas did not become ready again');
  }

  private running(count = Infinity): string[] {
    return this.stack.replicas
      .slice(0, count)
      .filter((replica) => replica.running)
      .map(({ url }) => url);
  }
}
