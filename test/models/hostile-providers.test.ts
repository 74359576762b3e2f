import { readFile, writeFile } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import { type Models, type ModelsConfig, modelsConfig } from '../../src/modules/models/index.ts';
import { loadTopics } from '../../src/platform/config/index.ts';
import { answers, connections, counts, type Fault, refusals, silences } from '../support/hostile-faults.ts';
import { reportOf, type Row } from '../support/hostile-report.ts';
import { type Circumstances, type Ended, meet } from '../support/hostile-run.ts';
import { standaloneModels } from '../support/standalone-models.ts';

/**
 * P6, P8, P9 against providers that misbehave in every way that we could think of. What became of each stands in
 * docs/hostile-providers.md, which this test compares; `UPDATE_GENERATED=1 npm test -- test/models/hostile-providers.test.ts` writes it
 * anew. What `meet` judges holds for every row all the same.
 */
const update = process.env['UPDATE_GENERATED'] === '1';
const page = new URL('../../docs/hostile-providers.md', import.meta.url);

const settings = { MODEL_IDLE_TIMEOUT_MS: '600', MODEL_HEADERS_TIMEOUT_MS: '800', MODEL_RETRY_AFTER_CAP_MS: '1000', MODEL_MAX_CALLS: '3' };

/** Answers that are asked for at a time: enough to be quick, few enough that our own slowness is not taken for the provider's. */
const atOnce = 8;

/** Everything that the table needs to know of how Models is made. */
function open(baseUrl: string, continues: boolean): { models: Models; close: () => Promise<void> } {
  const topics = loadTopics([modelsConfig], { ...settings, OPENAI_BASE_URL: baseUrl, MODEL_CONTINUES: continues ? '*' : 'none' });
  return standaloneModels(topics.get(modelsConfig.token) as ModelsConfig);
}

const chapters: [string, Fault[]][] = [
  ['It refuses', refusals],
  ['It breaks the connection, or HTTP', connections],
  ['It takes its time', silences],
  ['It answers wrongly', answers],
  ['It miscounts', counts],
];
const circumstances: [keyof Row['ended'], Circumstances][] = [
  ['once', { times: 'once', continues: true }],
  ['onceUncontinued', { times: 'once', continues: false }],
  ['always', { times: 'always', continues: true }],
  ['alwaysUncontinued', { times: 'always', continues: false }],
];

let demo: RunningDemoModel;
const runs = new Map<string, Promise<Ended>>();
const keyOf = (fault: Fault, column: string) => `${fault.name}: ${column}`;

beforeAll(async () => {
  Logger.overrideLogger(false);
  demo = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
  const waiting = chapters.flatMap(([, faults]) =>
    faults.flatMap((fault) => circumstances.map(([column, how]) => ({ fault, column, how }))),
  );
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const run = meet(next.fault, next.how, demo, open);
      runs.set(keyOf(next.fault, next.column), run);
      await run.catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
});
afterAll(() => demo.close());

describe.each(chapters)('%s', (_title, faults) => {
  it.each(faults)('$name', async (fault) => {
    for (const [column] of circumstances) {
      const ended = await runs.get(keyOf(fault, column));
      expect(ended?.calls.length).toBeGreaterThan(0);
      expect(ended?.calls.length).toBeLessThanOrEqual(Number(settings.MODEL_MAX_CALLS));
    }
  });
});

it('docs/hostile-providers.md says what became of each', async () => {
  const rows = async (faults: Fault[]): Promise<Row[]> =>
    Promise.all(
      faults.map(async (fault) => {
        const ended = await Promise.all(circumstances.map(async ([column]) => [column, await runs.get(keyOf(fault, column))]));
        return { name: fault.name, ended: Object.fromEntries(ended) as Row['ended'] };
      }),
    );
  const text = await reportOf(await Promise.all(chapters.map(async ([title, faults]) => ({ title, rows: await rows(faults) }))), settings);
  if (update) await writeFile(page, text);
  expect(await readFile(page, 'utf8').catch(() => '')).toBe(text);
});
