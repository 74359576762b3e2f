import { join } from 'node:path';
import { root } from '../../../scripts/local/paths.mjs';
import { startNodeChild, stopChild, waitUntil } from '../../../scripts/local/processes.mjs';
import { askRedis } from '../../../scripts/local/redis-client.mjs';
import { SeededRandom } from '../../faults/support/random.ts';
import { costOf, type SentMessage, type TenantEvidence } from '../checker/evidence.ts';
import { judgeSpending } from '../checker/spending-rules.ts';
import { sendAll } from '../clients/load.ts';
import { readServed } from '../support/read-evidence.ts';
import type { PlantedMode } from './modes.ts';

/** What the checker finds in a planted limiter. */
export interface PlantedResult {
  mode: PlantedMode;
  served: number;
  limit: number;
  /** Tokens beyond the limit, as the checker has found them. */
  overspend: number;
}

const limit = 8_000;
const processes = 3;

/** Lets the clients of the harness talk to three processes with a planted limiter, and the checker judge what the model has served. */
export async function plantedRun(
  services: { redisUrl: string; modelUrl: string },
  options: { mode: PlantedMode; seed: number; concurrency: number; tag: string },
): Promise<PlantedResult> {
  const { mode, seed, concurrency, tag } = options;
  await askRedis(services.redisUrl, [['DEL', 'planted:tokens']], 5_000);
  const limiters = await Promise.all(Array.from({ length: processes }, () => startLimiter(mode, services)));
  const sent: SentMessage[] = [];
  const random = new SeededRandom(seed).branch(mode);
  const targets = random.branch('targets');
  try {
    await sendAll({
      tenant: { name: mode, apiKey: 'planted', botId: 'planted' },
      ...{ tag, messages: Math.max(90, 3 * concurrency), concurrency, sent, dialects: ['completions'], modelUrl: services.modelUrl },
      mix: { full: 1 },
      answer: { tokens: { least: 400, most: 400 }, tokensPerPiece: 40, tokensPerSecond: 0, firstTokenMs: 20 },
      random: random.branch('load'),
      target: () => targets.pick(limiters).url,
    });
  } finally {
    await Promise.all(limiters.map((limiter) => limiter.stop()));
  }
  const served = await readServed(services.modelUrl, tag);
  const evidence: TenantEvidence = {
    ...{ name: mode, uuid: mode, limits: [{ at: 0, tokens: limit }], neighbour: false, calm: true, exhausted: undefined },
    ...{ sent, served, turns: [], ledger: [], counters: [], peakTokens: 0 },
  };
  const found = judgeSpending(evidence).map(({ excess = 0 }) => excess);
  return { mode, limit, served: served.reduce((sum, call) => sum + costOf(call), 0), overspend: Math.max(0, ...found) };
}

/** True when the checker has found overspend where there is some, and none where there is none. */
export function asExpected({ mode, overspend, served }: PlantedResult): boolean {
  return mode === 'atomic' ? overspend === 0 && served > 0 : overspend > 0;
}

async function startLimiter(mode: PlantedMode, services: { redisUrl: string; modelUrl: string }) {
  const script = join(root, 'test', 'quotas', 'planted', 'limiter.main.ts');
  const args = [mode, String(limit), services.redisUrl, services.modelUrl];
  const child = startNodeChild([script, ...args], { env: { PATH: process.env['PATH'] }, stdout: 'pipe', stderr: 'pipe', cwd: root });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  await waitUntil(() => child.ended !== undefined || said.includes('\n'), { limitMs: 10_000 });
  const url = /"url":"([^"]+)"/.exec(said)?.[1];
  if (url === undefined) throw new Error(`the limiter did not start: ${said}`);
  return { url, stop: () => stopChild(child, 'SIGTERM', 1_000) };
}
