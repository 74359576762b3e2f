import { readFile, writeFile } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import { type Models, type ModelsConfig, modelsConfig } from '../../src/modules/models/index.ts';
import { loadTopics } from '../../src/platform/config/index.ts';
import { answers, connections, counts, type Fault, refusals, silences } from '../support/hostile-faults.ts';
import { reportOf, type Row } from '../support/hostile-report.ts';
import { type Circumstances, type Ended, meet } from '../support/hostile-run.ts';
import { madeCredential, madeTarget } from '../support/made-target.ts';
import { standaloneModels, standaloneRouter } from '../support/standalone-models.ts';
import { messagesAnswers, messagesRefusals, messagesSilences } from './messages-faults.ts';
import { MessagesFront, messagesKey } from './messages-front.ts';
import { drips, otherRefusals } from './more-faults.ts';

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

/** Everything that the table needs to know of how Models is made. `baseUrl` ends with `/v1`. */
type Open = (baseUrl: string, continues: boolean) => { models: Models; close: () => Promise<void> };

function configOf(baseUrl: string, continues: boolean): ModelsConfig {
  const topics = loadTopics([modelsConfig], { ...settings, OPENAI_BASE_URL: baseUrl, MODEL_CONTINUES: continues ? '*' : 'none' });
  return topics.get(modelsConfig.token) as ModelsConfig;
}

const openCompletions: Open = (baseUrl, continues) => standaloneModels(configOf(baseUrl, continues));

const openMessages: Open = (baseUrl, continues) => {
  const { router, close } = standaloneRouter(configOf(baseUrl, continues), () => Promise.resolve(messagesKey));
  const credential = madeCredential('claude', { kind: 'anthropic', baseUrl: baseUrl.replace(/\/v1$/, '') });
  const route = { name: 'claude', targets: [madeTarget('claude', { credential, continues })], afterContentFilter: false };
  const models: Pick<Models, 'stream'> = { stream: (request, listener) => router.answer(route, request, listener) };
  return { models: models as Models, close };
};

const chapters: [title: string, faults: Fault[], open: Open][] = [
  ['It refuses', [...refusals, ...otherRefusals], openCompletions],
  ['It breaks the connection, or HTTP', connections, openCompletions],
  ['It takes its time', [...silences, ...drips], openCompletions],
  ['It answers wrongly', answers, openCompletions],
  ['It miscounts', counts, openCompletions],
  ["On Anthropic's wire it refuses", messagesRefusals, openMessages],
  ["On Anthropic's wire it breaks off, or takes its time", messagesSilences, openMessages],
  ["On Anthropic's wire it answers wrongly, or miscounts", messagesAnswers, openMessages],
];
const circumstances: [keyof Row['ended'], Circumstances][] = [
  ['once', { times: 'once', continues: true }],
  ['onceUncontinued', { times: 'once', continues: false }],
  ['always', { times: 'always', continues: true }],
  ['alwaysUncontinued', { times: 'always', continues: false }],
];

let demo: RunningDemoModel;
let messages: MessagesFront;
const runs = new Map<string, Promise<Ended>>();
const keyOf = (title: string, fault: Fault, column: string) => `${title}: ${fault.name}: ${column}`;

beforeAll(async () => {
  Logger.overrideLogger(false);
  demo = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
  messages = await MessagesFront.start();
  const waiting = chapters.flatMap(([title, faults, open]) =>
    faults.flatMap((fault) => circumstances.map(([column, how]) => ({ key: keyOf(title, fault, column), fault, how, open }))),
  );
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const run = meet(next.fault, next.how, next.open === openMessages ? messages.asDemoModel() : demo, next.open);
      runs.set(next.key, run);
      await run.catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
});
afterAll(async () => {
  await demo.close();
  await messages.close();
});

describe.each(chapters)('%s', (title, faults) => {
  it.each(faults)('$name', async (fault) => {
    for (const [column] of circumstances) {
      const ended = await runs.get(keyOf(title, fault, column));
      expect(ended?.calls.length).toBeGreaterThan(0);
      expect(ended?.calls.length).toBeLessThanOrEqual(Number(settings.MODEL_MAX_CALLS));
    }
  });
});

it('docs/hostile-providers.md says what became of each', async () => {
  const rows = async (title: string, faults: Fault[]): Promise<Row[]> =>
    Promise.all(
      faults.map(async (fault) => {
        const ended = await Promise.all(circumstances.map(async ([column]) => [column, await runs.get(keyOf(title, fault, column))]));
        return { name: fault.name, ended: Object.fromEntries(ended) as Row['ended'] };
      }),
    );
  const text = await reportOf(
    await Promise.all(chapters.map(async ([title, faults]) => ({ title, rows: await rows(title, faults) }))),
    settings,
  );
  if (update) await writeFile(page, text);
  expect(await readFile(page, 'utf8').catch(() => '')).toBe(text);
});
