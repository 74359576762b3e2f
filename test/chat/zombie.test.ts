import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidOf } from '../../src/kernel/ids.ts';
import type { Chunk } from '../../src/modules/chat/stream/chunks.ts';
import { LogStore } from '../../src/modules/chat/stream/log-store.ts';
import { leaseMs } from '../../src/modules/chat/turn/turn-limits.ts';
import { heartbeatMs, Replica } from '../../src/platform/replicas/index.ts';
import { type AnswerEvent, type AnswerStream, counted, resume, send, shownText } from '../support/event-stream.ts';
import { type ReplicaProcess, startReplicaProcess } from '../support/replica-process.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { storedAnswers, turnRow } from '../support/turn-rows.ts';
import { calls, marker } from '../support/witness.ts';

/** How long the zombie is frozen, in seconds: longer than its lease. A longer run: ZOMBIE_SECONDS=60. */
const frozenSeconds = Number(process.env['ZOMBIE_SECONDS'] ?? 12);
/** Words a second of the answers that run on until after the zombie has come back. */
const pace = 15;
const words = pace * (frozenSeconds + 3);
/** Longest pause of a reader at a take-over, in milliseconds: the lease, a heartbeat to see it and one to be seen, the claim. */
const longestPauseMs = leaseMs + 2 * heartbeatMs + 1_500;

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant({ max_output_tokens: 4_000 });
});
afterAll(() => stack.close());

/** A reader that notes when chunks come, until its stream ends or is cut. */
class Watcher {
  readonly events: (AnswerEvent & { at: number })[] = [];
  readonly over: Promise<'ended' | 'cut'>;

  constructor(private readonly answer: AnswerStream) {
    this.over = this.watch();
  }

  get chunks(): Chunk[] {
    return this.events.map(({ chunk }) => chunk);
  }

  /** Resolves when at least so many words are shown. */
  shows(count: number): Promise<void> {
    return expect.poll(() => shownText(this.chunks).split(' ').length, { timeout: 20_000, interval: 20 }).toBeGreaterThanOrEqual(count);
  }

  /** The longest time between two chunks, in milliseconds. */
  longestPause(): number {
    return Math.max(...this.events.slice(1).map(({ at }, index) => at - (this.events[index]?.at ?? at)));
  }

  private async watch(): Promise<'ended' | 'cut'> {
    try {
      for await (const event of this.answer) this.events.push({ ...event, at: performance.now() });
    } catch {
      return 'cut';
    }
    return this.answer.done ? 'ended' : 'cut';
  }
}

async function watch(url: string, conversation: string, cursor?: string): Promise<Watcher> {
  const answer = await resume(url, tenant, conversation, cursor);
  if (answer === undefined) throw new Error('nothing to resume');
  return new Watcher(answer);
}

/** Starts an answer on a replica, with a reader there and one on the stack's own replica. */
async function started(on: ReplicaProcess, scripts: object[]) {
  const [conversation, text] = [marker(), marker()];
  stack.model.scripts.add({ match: text, scripts: scripts as [] });
  const there = new Watcher(await send(on.url, tenant, { conversation, text }));
  await there.shows(5);
  const here = await watch(stack.url, conversation);
  await here.shows(5);
  const turnId = uuidOf('turn', here.events[0]?.cursor.split(':')[0] ?? '') as string;
  return { conversation, text, there, here, turnId };
}

/** Which attempts have written a turn's log, in its order; fails where chunks are missing or twice. */
async function writersOf(turnId: string): Promise<number[]> {
  const log = await stack.app.get(LogStore, { strict: false }).read(tenant.tenantUuid, turnId, 0);
  let next = 0;
  for (const { first, count } of log?.batches ?? []) {
    expect(first).toBe(next);
    next += count;
  }
  expect(log?.next).toBe(next);
  return (log?.batches ?? []).map(({ attempt }) => attempt).filter((attempt, at, all) => attempt !== all[at - 1]);
}

describe('P3: a replica that was frozen and comes back', () => {
  it(
    'P10: its answers went on elsewhere, and whatever it still writes is refused',
    async () => {
      const zombie = await startReplicaProcess(stack.env);
      const endless = { tokens: 3_000, tokens_per_second: pace };
      const [running, finished] = await Promise.all([
        started(zombie, [endless, { tokens: words, tokens_per_second: pace }]),
        // The zombie's own call ends well while it is frozen: it will want to record the answer.
        started(zombie, [{ tokens: 60, tokens_per_second: pace }, { tokens: 60 }]),
      ]);
      zombie.signal('SIGSTOP');
      const frozenAt = performance.now();
      expect(await finished.here.over).toBe('ended');
      expect(shownText(finished.here.chunks)).toBe(counted(60));
      const before = await turnRow(stack, finished.turnId);
      const logBefore = await stack.app.get(LogStore, { strict: false }).read(tenant.tenantUuid, finished.turnId, 0);
      expect(running.here.longestPause()).toBeGreaterThan(leaseMs - 2 * heartbeatMs);
      await expect.poll(() => performance.now() - frozenAt, { timeout: 90_000, interval: 50 }).toBeGreaterThan(frozenSeconds * 1_000);
      zombie.signal('SIGCONT');

      // Its readers are cut, not ended, and have seen nothing that others have not.
      for (const { there, here } of [running, finished]) {
        expect(await there.over).toBe('cut');
        expect(there.chunks).toEqual(here.chunks.slice(0, there.chunks.length));
      }
      // They resume on the very same replica, which now follows.
      const [last] = running.there.events.slice(-1);
      const resumed = await watch(zombie.url, running.conversation, last?.cursor);
      expect([await resumed.over, await running.here.over]).toEqual(['ended', 'ended']);
      expect([...running.there.chunks, ...resumed.chunks]).toEqual(running.here.chunks);
      await expect.poll(() => zombie.metric('parley_turns_running'), { timeout: 20_000 }).toBe(0);

      // The log: each chunk once, and nothing of the zombie's after the first chunk of its successor.
      expect(running.here.events.map(({ sequence }) => sequence)).toEqual(running.here.events.map((_, at) => at));
      expect(shownText(running.here.chunks)).toBe(counted(words));
      expect(await writersOf(running.turnId)).toEqual([1, 2]);
      expect(await stack.app.get(LogStore, { strict: false }).read(tenant.tenantUuid, finished.turnId, 0)).toEqual(logBefore);
      // Postgres: one end, one answer, one usage, by the successor.
      expect(await turnRow(stack, finished.turnId)).toEqual(before);
      for (const { turnId, text, tokens } of [
        { ...running, tokens: words },
        { ...finished, tokens: 60 },
      ]) {
        const owner = stack.app.get(Replica).id;
        expect(await turnRow(stack, turnId)).toMatchObject({ state: 'completed', attempt: 2, owner, model_calls: 2 });
        expect(await storedAnswers(stack, tenant, turnId)).toEqual([{ status: 'complete', text: counted(tokens) }]);
        expect(calls(stack, text)).toHaveLength(2);
      }
      expect(
        await stack.model.witness.waitFor(({ last_user, outcome }) => last_user === running.text && outcome === 'aborted_by_client'),
      ).toBeDefined();
      await zombie.stop();
    },
    (frozenSeconds + 60) * 1_000,
  );
});

describe('P10: a replica that is killed', () => {
  it('costs its readers a pause no longer than its lease and two heartbeats, and no word', async () => {
    const doomed = await startReplicaProcess(stack.env);
    const script = { tokens: 200, tokens_per_second: 50 };
    const { here, there, turnId } = await started(doomed, [script, script]);
    doomed.signal('SIGKILL');
    const killedAt = performance.now();
    expect(await there.over).toBe('cut');
    expect(await here.over).toBe('ended');
    const next = here.events.find(({ at }) => at > killedAt + leaseMs / 2)?.at ?? Number.POSITIVE_INFINITY;
    process.stdout.write(`from the kill to the next chunk: ${Math.round(next - killedAt)} ms\n`);
    expect(next - killedAt).toBeLessThan(longestPauseMs);
    expect(shownText(here.chunks)).toBe(counted(200));
    expect(here.chunks.some(({ type }) => type === 'reset-step')).toBe(false);
    expect(await turnRow(stack, turnId)).toMatchObject({ state: 'completed', attempt: 2, model_calls: 2 });
    await doomed.stop();
  });
});
