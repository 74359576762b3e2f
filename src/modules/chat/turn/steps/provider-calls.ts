import type { Transaction } from '../../../../platform/database/index.ts';
import { countTokens, type EndedCall, type PlannedCall } from '../../../models/index.ts';
import { type CallUse, NotReserved, type Reservation } from '../../../plans/index.ts';
import { countModelCall, holdTurn } from '../turn-lifecycle.ts';
import { type Answer, TurnLost, type TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';
import { whileAvailable } from '../while-available.ts';
import type { UsageLedger } from './usage-ledger.ts';

/** How many times more tokens than the model's own our count of a text may have: beyond that the provider did not keep to what was asked. */
const tokenizersDiffer = 4;

/** A count above this is no count, whoever says it: no model reads or writes as much. */
const mostTokens = 100_000_000;

/** The provider calls of one attempt: each is counted and reserved in Postgres before it begins, and its use is kept until it is settled. */
export class ProviderCalls {
  /** Number of the call in its turn; the claim has counted the attempt's first. */
  private number: number;
  private begun = 0;
  private asked = false;
  private from = 0;
  private planned: PlannedCall | undefined;
  /** Tokens that the answer of the last call may have. */
  private granted = 0;
  /** How the call that began last has ended, and the tokens that it showed; undefined while it runs. */
  private ended: (EndedCall & { shown: number }) | undefined;

  constructor(
    private readonly run: TurnRun,
    private readonly tools: TurnTools,
    private readonly shown: UsageLedger,
  ) {
    this.number = run.turn.modelCalls;
  }

  /**
   * Before each call: gives the tokens that its answer may have. Throws TurnLost when another attempt owns the turn, AppError (429) when
   * a quota has no room.
   */
  async begin(planned: PlannedCall): Promise<{ maxOutputTokens: number }> {
    this.asked = true;
    this.close();
    const { reserved } = this.run;
    const held = this.begun === 0 && this.number === 1 && reserved !== undefined && covers(reserved, planned);
    const output = held ? reserved.output : await this.reserve(planned);
    this.begun += 1;
    this.planned = planned;
    this.ended = undefined;
    this.granted = Math.min(planned.maxOutputTokens, output);
    return { maxOutputTokens: this.granted };
  }

  /** After each call. */
  end(ended: EndedCall): void {
    const { usage, ...how } = ended;
    // A count of nothing is no count: a prompt has tokens, and so has a text.
    const none = usage === undefined || usage.inputTokens === 0 || (usage.outputTokens === 0 && this.shownText() !== '');
    if (none || Math.max(usage.inputTokens, usage.outputTokens) > mostTokens) {
      // Counted now: what the next call begins with is no longer this one's.
      this.ended = { ...how, shown: countTokens(this.shownText()) };
    } else this.ended = { ...how, usage, shown: 0 };
  }

  /** What was shown so far came from calls that broke, of this attempt or an earlier one. */
  close(): void {
    const text = this.run.writer?.text ?? '';
    if (text.length > this.from) this.shown.estimate(text.slice(0, this.from), text.slice(this.from));
    this.from = text.length;
  }

  /** Gives what all calls have used, as the reader is told. */
  total(): Answer['usage'] {
    const reported = this.ended?.usage;
    if (reported !== undefined) this.shown.report(reported);
    else if (this.begun > 0) {
      const text = this.run.writer?.text ?? '';
      this.shown.estimate(text.slice(0, this.from), text.slice(this.from));
    } else this.close();
    return this.shown.total();
  }

  /** What is to be booked for the last call; undefined when none began. */
  use(): CallUse | undefined {
    const { planned, ended } = this;
    if (planned === undefined) return undefined;
    const { target, model, price } = planned;
    const tokens = ended?.usage === undefined ? undefined : { input: ended.usage.inputTokens, output: ended.usage.outputTokens };
    const shown = ended?.shown ?? countTokens(this.shownText());
    const shownTokens = shown > this.granted * tokenizersDiffer ? shown : 0;
    return {
      call: this.number,
      tokens,
      shownTokens,
      unserved: ended?.unserved === true,
      outcome: ended?.outcome ?? 'lost',
      target,
      model,
      price,
    };
  }

  /** True when this attempt has neither begun a call nor reserved one: what its claim has counted never was. */
  get untouched(): boolean {
    return !this.asked;
  }

  /** True when calls of this turn may have begun besides the one of `use`: those of an attempt that was lost. */
  get others(): boolean {
    return this.number > 1;
  }

  /** What the call that began last has shown so far. */
  private shownText(): string {
    return (this.run.writer?.text ?? '').slice(this.from);
  }

  /** Settles what is over, counts the call and reserves it; gives the tokens of output that are held. */
  private async reserve({ inputBound: input, maxOutputTokens, price }: PlannedCall): Promise<number> {
    const { tenantId, turn, deadlineAt } = this.run;
    const { quota, database } = this.tools.storage;
    const { botId, visitorId, id: turnId } = turn;
    const use = this.use();
    // The claim has counted the first call of an attempt; where the commit's reservation is too small for it, that is given back.
    const counted = this.begun === 0 && this.number > 1;
    const call = counted ? this.number : this.number + 1;
    const limits = await whileAvailable(deadlineAt, () => quota.limitsOf(tenantId));
    // The second time with the counters held, and as much as there is room for.
    const reserve = (held: boolean) => async (tx: Transaction) => {
      if (!(await holdTurn(tx, tenantId, turnId, turn.attempt))) throw new TurnLost();
      // An earlier COMMIT may have been done, though its answer was lost.
      const done = await quota.reserved(tx, tenantId, turnId, call);
      if (done !== undefined) return done.output;
      if (!counted) await countModelCall(tx, tenantId, turnId, turn.attempt);
      // All counters first, in their order: two turns that held one each before they ask for all would wait for each other.
      if (held) await quota.hold(tx, tenantId, visitorId, limits);
      await quota.settle(tx, tenantId, turnId, { ...(use === undefined ? {} : { use }), begun: this.others, answered: true });
      const next = { turnId, botId, visitorId, apiKeyId: null, call, input, output: maxOutputTokens, price };
      const output = held ? await quota.roomForNext(tx, tenantId, next, limits) : maxOutputTokens;
      await quota.reserveNext(tx, tenantId, { ...next, output }, limits, held);
      return output;
    };
    const reserving = (held: boolean) => whileAvailable(deadlineAt, () => database.forTenant(tenantId, reserve(held)));
    const output = await reserving(false).catch((error: unknown) => {
      if (error instanceof NotReserved) return reserving(true);
      throw error;
    });
    this.number = call;
    return output;
  }
}

/** True where what is held is enough for a call: its input, and its money for an answer as long as is held. */
function covers(held: Reservation, { inputBound, maxOutputTokens, price }: PlannedCall): boolean {
  const cost = Math.ceil((held.input * price.input + Math.min(held.output, maxOutputTokens) * price.output) / 1_000_000);
  return held.input >= inputBound && held.cost >= cost;
}
