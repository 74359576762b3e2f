import { join } from 'node:path';
import { root } from '../../../scripts/local/paths.mjs';
import { startNodeChild, stopChild, waitUntil } from '../../../scripts/local/processes.mjs';
import { askRedis } from '../../../scripts/local/redis-client.mjs';
import { SeededRandom } from '../../faults/support/random.ts';
import { limitNames, moneyOf, type Price, type SentMessage, type TenantEvidence, tokensOf } from '../checker/evidence.ts';
import { judgeSpending } from '../checker/spending-rules.ts';
import { sendAll } from '../clients/load.ts';
import { modelPrices } from '../support/model-prices.ts';
import { readServed } from '../support/read-evidence.ts';
import type { LimiterSettings } from './limiter.main.ts';
import type { PlantedLimit, PlantedMode } from './modes.ts';

/** What the checker finds in a planted limiter. */
export interface PlantedResult {
  mode: PlantedMode;
  /** Tokens, or micro-units of money. */
  served: number;
  limit: number;
  /** What is beyond the limit, as the checker has found it. */
  overspend: number;
}

/** What is allowed, and what a million tokens count for. */
const limited: Record<PlantedLimit, { limit: number; price: Price }> = {
  tokens: { limit: 8_000, price: { input: 1_000_000, output: 1_000_000 } },
  cost: { limit: 62_500, price: modelPrices['demo-large'] },
};
const processes = 3;

/** Lets the clients of the harness talk to three processes with a planted limiter, and the checker judge what the model has served. */
export async function plantedRun(
  services: { redisUrl: string; modelUrl: string },
  options: { mode: PlantedMode; limits: PlantedLimit; seed: number; concurrency: number; tag: string },
): Promise<PlantedResult> {
  const { mode, limits, seed, concurrency, tag } = options;
  const { redisUrl, modelUrl } = services;
  const { limit, price } = limited[limits];
  const settings: LimiterSettings = { mode, limitName: limitNames[limits], limit, price, redisUrl, modelUrl };
  await askRedis(services.redisUrl, [['DEL', 'planted:used']], 5_000);
  const limiters = await Promise.all(Array.from({ length: processes }, () => startLimiter(settings)));
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
    ...{ name: mode, uuid: mode, limits: [{ at: 0, [limits]: limit }], neighbour: false, calm: true, exhausted: undefined },
    ...{ sent, served, turns: [], ledger: [], counters: [], prices: modelPrices, peaks: { tokens: 0, cost: 0, visitorTokens: 0 } },
  };
  const found = judgeSpending(evidence).map(({ excess }) => excess?.amount ?? 0);
  const spent = served.reduce((sum, call) => sum + (limits === 'cost' ? moneyOf(call, modelPrices) : tokensOf(call)), 0);
  return { mode, limit, served: spent, overspend: Math.max(0, ...found) };
}

/** True when the checker has found overspend where there is some, and none where there is none. */
export function asExpected({ mode, overspend, served }: PlantedResult): boolean {
  return mode === 'atomic' ? overspend === 0 && served > 0 : overspend > 0;
}

async function startLimiter(settings: LimiterSettings) {
  const script = join(root, 'test', 'quotas', 'planted', 'limiter.main.ts');
  const child = startNodeChild([script, JSON.stringify(settings)], {
    env: { PATH: process.env['PATH'] },
    stdout: 'pipe',
    stderr: 'pipe',
    cwd: root,
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  await waitUntil(() => child.ended !== undefined || said.includes('\n'), { limitMs: 10_000 });
  const url = /"url":"([^"]+)"/.exec(said)?.[1];
  if (url === undefined) throw new Error(`the limiter did not start: ${said}`);
  return { url, stop: () => stopChild(child, 'SIGTERM', 1_000) };
}
