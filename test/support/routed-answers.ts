import { clock } from '../../src/kernel/clock.ts';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import type { ModelMessage } from '../../src/modules/models/model-provider.ts';
import { type ModelsConfig, modelsConfig } from '../../src/modules/models/models.config.ts';
import type { AnswerRequest, EndedCall, PlannedCall } from '../../src/modules/models/routing/answer-listener.ts';
import type { Target } from '../../src/modules/models/routing/target.ts';
import { loadTopics } from '../../src/platform/config/index.ts';
import { madeCredential, madeTarget } from './made-target.ts';
import { standaloneRouter } from './standalone-models.ts';

/** How one answer went. */
export interface RoutedAnswer {
  text: string;
  /** The targets that were called, with `restart` where text was taken back. */
  events: string[];
  calls: PlannedCall[];
  ends: EndedCall[];
  /** Finish reason or failure. */
  ended: string;
}

/** How to ask. */
export interface Asking {
  /** What each demo model does, call after call. */
  scripts?: Record<string, object[]>;
  shown?: string;
  afterContentFilter?: boolean;
  request?: Partial<AnswerRequest>;
  onCall?: (call: PlannedCall) => { maxOutputTokens: number } | void;
}

const settings = { MODEL_IDLE_TIMEOUT_MS: '500', MODEL_HEADERS_TIMEOUT_MS: '1000', MODEL_MAX_CALLS: '3' };

let asked = 0;

/** Some demo models by name, behind a router without database: what each was asked stands in its own log. */
export class RoutedModels {
  private readonly opened: ReturnType<typeof standaloneRouter>[] = [];

  private constructor(readonly models: ReadonlyMap<string, RunningDemoModel>) {}

  static async start(...names: string[]): Promise<RoutedModels> {
    const started = await Promise.all(
      names.map(async (name) => [name, await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0, apiKey: `key-of-${name}` })] as const),
    );
    return new RoutedModels(new Map(started));
  }

  /** A target at one of the models. */
  target(name: string, over: Partial<Target> = {}): Target {
    return madeTarget(name, { credential: madeCredential(name, { baseUrl: `${this.model(name).url}/v1` }), ...over });
  }

  model(name: string): RunningDemoModel {
    const found = this.models.get(name);
    if (found === undefined) throw new Error(`no model ${name} was started`);
    return found;
  }

  /** Requests that a model has ended so far. */
  served(name: string): number {
    return this.model(name).witness.entries({ limit: 100_000 }).entries.length;
  }

  /** A router with a health of its own. `secretOf`: the key for a credential's id. */
  router(env: Record<string, string> = {}, secretOf = (id: string) => `key-of-${id}`) {
    const config = loadTopics([modelsConfig], { ...settings, ...env }).get(modelsConfig.token) as ModelsConfig;
    const made = standaloneRouter(config, ({ id }) => Promise.resolve(secretOf(id)));
    this.opened.push(made);
    const ask = (targets: Target[], asking: Asking = {}) => this.ask(made.router, targets, asking);
    return { ...made, ask };
  }

  forget(): void {
    for (const model of this.models.values()) {
      model.witness.clear();
      model.scripts.clear();
    }
  }

  async close(): Promise<void> {
    for (const made of this.opened) await made.close();
    for (const model of this.models.values()) await model.close();
  }

  private async ask(
    router: ReturnType<typeof standaloneRouter>['router'],
    targets: Target[],
    { scripts = {}, shown = '', afterContentFilter = false, request = {}, onCall = () => undefined }: Asking,
  ): Promise<RoutedAnswer> {
    const match = `Go ${(asked += 1)}.`;
    for (const [name, each] of Object.entries(scripts)) this.model(name).scripts.add({ match, scripts: each as [] });
    const answer: RoutedAnswer = { text: shown, events: [], calls: [], ends: [], ended: '' };
    const messages: ModelMessage[] = [...(request.messages ?? []), { role: 'user', content: match }];
    const whole: AnswerRequest = {
      model: 'r',
      maxOutputTokens: 500,
      signal: new AbortController().signal,
      deadlineAt: clock.now() + 5_000,
      ...request,
      messages,
    };
    try {
      const result = await router.answer({ name: 'r', targets, afterContentFilter }, whole, {
        shown: () => answer.text,
        onCall: (call) => {
          const granted = onCall(call);
          answer.events.push(call.target);
          answer.calls.push(call);
          return granted;
        },
        onCallEnd: (end) => void answer.ends.push(end),
        onText: (piece) => void (answer.text += piece),
        onRestart: () => {
          answer.events.push('restart');
          answer.text = '';
        },
      });
      answer.ended = result.finishReason;
    } catch (error) {
      answer.ended = (error as { failure?: string }).failure ?? String(error);
    }
    return answer;
  }
}

/** The numbered tokens that demo models give when asked for so many. */
export const counted = (tokens: number) => Array.from({ length: tokens }, (_, at) => `t${at}`).join(' ');
