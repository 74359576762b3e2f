import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, FaultKind, NetworkTrouble } from './schedule.ts';
import type { FaultProxy } from './support/fault-proxy.ts';
import type { FaultStack } from './support/fault-stack.ts';
import type { ReplicaProcess } from './support/replica-process.ts';

/** A replica that was taken from its turns. */
export interface Loss {
  kind: 'kill' | 'pause' | 'terminate';
  /** Monotonic milliseconds. */
  at: number;
  /** No service was away or under another fault, so that the pause is the take-over's alone. */
  alone: boolean;
  /** UUIDs. */
  turns: string[];
}

/** Does to a stack what a schedule says. */
export class Injector {
  readonly losses: Loss[] = [];
  /** Faults that took place, by kind. */
  readonly done = new Map<FaultKind, number>();
  /** Faults that did not: the last replica that runs is spared, and a service has one trouble at a time. */
  skipped = 0;
  /** Services that are being disturbed: one trouble at a time each. */
  private readonly busy = new Set<string>();
  private readonly running = new Set<Promise<void>>();
  private readonly end = new AbortController();

  private readonly stack: FaultStack;
  private readonly say: (line: string) => void;

  constructor(stack: FaultStack, say: (line: string) => void) {
    this.stack = stack;
    this.say = say;
  }

  /** Plays a schedule to its end. */
  async play(faults: Fault[], describe: (fault: Fault) => string): Promise<void> {
    const began = performance.now();
    for (const fault of faults) {
      await sleep(Math.max(0, began + fault.atMs - performance.now()));
      this.say(describe(fault));
      const running = this.inject(fault).catch((error: unknown) => this.say(`${fault.kind}: ${String(error)}`));
      this.running.add(running);
      void running.then(() => this.running.delete(running));
    }
  }

  /** Ends what lasts, and resolves when every fault is over. */
  async stop(): Promise<void> {
    this.end.abort();
    await Promise.all(this.running);
  }

  private async inject(fault: Fault): Promise<void> {
    const { stack } = this;
    switch (fault.kind) {
      case 'kill':
      case 'terminate': {
        const replica = this.victim(fault.replica);
        if (replica === undefined) return this.skip();
        this.count(fault.kind);
        if (fault.kind === 'kill') await this.lose(replica, 'kill', () => replica.kill());
        else await this.lose(replica, 'terminate', () => replica.terminate());
        await this.lasting(fault.backAfterMs);
        return replica.start();
      }
      case 'pause': {
        const replica = this.victim(fault.replica);
        if (replica === undefined) return this.skip();
        this.count(fault.kind);
        return this.lose(replica, 'pause', () => Promise.resolve(replica.pause(fault.forMs)));
      }
      case 'flush-redis':
        return this.alone('redis', fault.kind, () => stack.redis.flush());
      case 'restart-redis-kept':
        return this.alone('redis', fault.kind, () => stack.redis.restart(true));
      case 'restart-redis-empty':
        return this.alone('redis', fault.kind, () => stack.redis.restart(false));
      case 'restart-postgres':
        return this.alone('postgres', fault.kind, () => stack.postgres.restart());
      case 'redis-away':
        return this.alone('redis', fault.kind, () => this.away(stack.behind.redis, fault.how, fault.forMs));
      case 'postgres-away':
        return this.alone('postgres', fault.kind, () => this.away(stack.behind.postgres, fault.how, fault.forMs));
      case 'slow-upstream':
        return this.alone('model', fault.kind, () =>
          this.trouble([stack.behind.model], { delayMs: fault.maxMs, slices: 0, resetChance: 0 }, fault.forMs),
        );
      case 'bad-network': {
        const proxies = fault.where === 'clients' ? stack.entrance.proxies : [stack.behind[fault.where]];
        return this.alone(fault.where, fault.kind, () => this.trouble(proxies, fault.how, fault.forMs));
      }
    }
  }

  /** The replica that was drawn, or the next one that runs; always one is left that does. */
  private victim(drawn: number): ReplicaProcess | undefined {
    const { replicas } = this.stack;
    const running = [...replicas.slice(drawn), ...replicas.slice(0, drawn)].filter((replica) => replica.running);
    return running.length > 1 ? running[0] : undefined;
  }

  private async lose(replica: ReplicaProcess, kind: Loss['kind'], work: () => Promise<void>): Promise<void> {
    const { ownerId } = replica;
    const at = performance.now();
    const alone = this.busy.size === 0;
    const owned = () => (ownerId === undefined ? Promise.resolve([]) : this.stack.ownedBy(ownerId).catch(() => []));
    // A drain lets go of its turns, so they are asked for before. After a kill nothing finishes any more, and others take
    // over only after seconds: asked for afterwards, what finished in the last moment does not count.
    const before = kind === 'kill' ? undefined : await owned();
    await work();
    this.losses.push({ kind, at, alone, turns: before ?? (await owned()) });
  }

  private async alone(service: string, kind: FaultKind, work: () => Promise<void>): Promise<void> {
    if (this.busy.has(service)) return this.skip();
    this.busy.add(service);
    this.count(kind);
    try {
      await work();
    } finally {
      this.busy.delete(service);
    }
  }

  private async away(proxy: FaultProxy, how: 'stall' | 'refuse', ms: number): Promise<void> {
    if (how === 'stall') proxy.stall();
    else proxy.refuse();
    await this.lasting(ms);
    // What was held for so long belongs to connections that have been given up.
    if (how === 'stall') proxy.resume();
    else proxy.accept();
  }

  private async trouble(proxies: FaultProxy[], { delayMs, slices, resetChance }: NetworkTrouble, ms: number): Promise<void> {
    for (const proxy of proxies) {
      proxy.setDelay({ minMs: 0, maxMs: delayMs });
      proxy.setSlices(slices);
      proxy.setResetChance(resetChance);
    }
    await this.lasting(ms);
    for (const proxy of proxies) proxy.heal();
  }

  private async lasting(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.end.signal }).catch(() => undefined);
  }

  private skip(): void {
    this.skipped += 1;
  }

  private count(kind: FaultKind): void {
    this.done.set(kind, (this.done.get(kind) ?? 0) + 1);
  }
}
