import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { z } from 'zod';
import { AppError } from '../../kernel/app-error.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { LimitNameSchema, limitNames, LimitValue, PlanId, PlansAdmin, Tier } from '../../modules/plans/index.ts';
import { CliError, say, table } from './output.ts';

/** Limits as they are given: null = without limit. */
type Given = Record<string, number | null>;

/** `name=value` or `name=unlimited`, added to those before. */
function addLimit(text: string, before: Given = {}): Given {
  const [, name = '', value = ''] = /^([a-z_]+)=(\w+)$/.exec(text) ?? [];
  if (!LimitNameSchema.safeParse(name).success)
    throw new CliError(`${text} names no limit. Say name=value or name=unlimited, with one of: ${limitNames.join(', ')}.`);
  const limit = value === 'unlimited' ? null : /^\d+$/.test(value) ? LimitValue.safeParse(Number(value)).data : undefined;
  if (limit === undefined) throw new CliError(`${name} must be a whole number, or unlimited.`);
  return { ...before, [name]: limit };
}

function planId(text: string): string {
  if (!PlanId.safeParse(text).success) throw new CliError(`${text} cannot be the id of a plan: 1 to 40 of a-z, 0-9, _ and -.`);
  return text;
}

function limitRows(limits: Record<string, number | null | undefined>): { limit: string; value: string }[] {
  return limitNames.map((name) => ({ limit: name, value: String(limits[name] ?? 'unlimited') }));
}

/** `parley plans list [--json]` */
@SubCommand({ name: 'list', description: 'all plans, the lowest tier first' })
export class ListPlansCommand extends CommandRunner {
  constructor(private readonly plans: PlansAdmin) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const all = await this.plans.list();
    if (options.json === true) return say(JSON.stringify(all, undefined, 2));
    table(
      all.map(({ id, name, tier, trialDays }) => ({ plan: id, name, tier, 'trial days': trialDays ?? '' })),
      false,
    );
  }

  @Option({ flags: '--json', description: 'as JSON, with all limits' })
  json(): boolean {
    return true;
  }
}

/** `parley plans show <plan> [--json]` */
@SubCommand({ name: 'show', arguments: '<plan>', description: 'one plan with its limits' })
export class ShowPlanCommand extends CommandRunner {
  constructor(private readonly plans: PlansAdmin) {
    super();
  }

  async run([id = '']: string[], options: { json?: boolean } = {}): Promise<void> {
    const plan = await this.plans.find(id);
    if (plan === undefined) throw new CliError(`There is no plan ${id}: \`plans list\` shows them.`);
    if (options.json === true) return say(JSON.stringify(plan, undefined, 2));
    say(`${plan.id}: ${plan.name}, tier ${plan.tier}${plan.trialDays === null ? '' : `, a trial of ${plan.trialDays} days`}`);
    table(limitRows(plan.limits), false);
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley plans set <plan> [--limit name=value …] [--tier n] [--name text] [--trial-days n|none]` */
@SubCommand({ name: 'set', arguments: '<plan>', description: 'changes a plan, or makes it; what is not named stays as it is' })
export class SetPlanCommand extends CommandRunner {
  constructor(private readonly plans: PlansAdmin) {
    super();
  }

  async run([id = '']: string[], options: { limit?: Given; tier?: number; name?: string; trialDays?: number | null } = {}): Promise<void> {
    if (Object.keys(options).length === 0) throw new CliError('Say what to set: --limit, --tier, --name or --trial-days.');
    const { limit, ...rest } = options;
    const plan = await this.plans.set(planId(id), { ...rest, ...(limit === undefined ? {} : { limits: limit }) });
    say(`${plan.id}: tier ${plan.tier}. Replicas go by it within five seconds.`);
    table(limitRows(plan.limits), false);
  }

  @Option({ flags: '--limit <name=value>', description: 'a limit, or name=unlimited; may be repeated' })
  limit(text: string, before?: Given): Given {
    return addLimit(text, before);
  }

  @Option({ flags: '--tier <number>', description: '0 to 100; turns of a higher tier go first' })
  tier(text: string): number {
    const tier = /^\d+$/.test(text) ? Tier.safeParse(Number(text)).data : undefined;
    if (tier === undefined) throw new CliError('--tier must be a whole number from 0 to 100.');
    return tier;
  }

  @Option({ flags: '--name <text>', description: 'how the plan is called' })
  planName(text: string): string {
    if (text.trim() === '' || text.length > 100) throw new CliError('--name must have 1 to 100 characters.');
    return text.trim();
  }

  @Option({ flags: '--trial-days <number>', description: 'days from sign-up after which new messages are refused, or none' })
  trialDays(text: string): number | null {
    if (text === 'none') return null;
    const days = Number(text);
    if (!/^\d+$/.test(text) || days < 1 || days > 3_650) throw new CliError('--trial-days must be a whole number from 1 to 3650, or none.');
    return days;
  }
}

/** `parley plans assign <tenant> <plan> [--override name=value …] [--trial-ends time]` */
@SubCommand({
  name: 'assign',
  arguments: '<tenant> <plan>',
  description: 'gives a tenant a plan; earlier overrides and an earlier end of its trial are gone',
})
export class AssignPlanCommand extends CommandRunner {
  constructor(private readonly plans: PlansAdmin) {
    super();
  }

  async run([tenant = '', id = '']: string[], options: { override?: Given; trialEnds?: Date } = {}): Promise<void> {
    const tenantId = uuidOf('tenant', tenant);
    if (tenantId === undefined) throw new CliError(`${tenant} is not the id of a tenant; it looks like ten_….`);
    const assignment = { planId: planId(id), overrides: options.override ?? {}, trialEndsAt: options.trialEnds ?? null };
    const holds = await this.plans.assign(tenantId, assignment).catch((error: unknown) => {
      throw error instanceof AppError ? new CliError(`${error.message} (${tenant}, ${id})`) : error;
    });
    const trial = holds.trialEndsAt === null ? '' : `, trial until ${holds.trialEndsAt.toISOString()}`;
    say(`${tenant}: ${holds.plan}, tier ${holds.tier}${trial}. Replicas go by it within five seconds.`);
    table(limitRows(holds.limits), false);
  }

  @Option({ flags: '--override <name=value>', description: 'a limit of this tenant alone, or name=unlimited; may be repeated' })
  override(text: string, before?: Given): Given {
    return addLimit(text, before);
  }

  @Option({ flags: '--trial-ends <time>', description: 'when new messages are refused, such as 2027-01-31T12:00:00Z' })
  trialEnds(text: string): Date {
    if (!z.iso.datetime({ offset: true }).safeParse(text).success)
      throw new CliError('--trial-ends must be a time such as 2027-01-31T12:00:00Z.');
    return new Date(text);
  }
}

/** `parley plans …` */
@Command({
  name: 'plans',
  description: 'plans, their limits, and who has which',
  subCommands: [ListPlansCommand, ShowPlanCommand, SetPlanCommand, AssignPlanCommand],
})
export class PlansCommand extends CommandRunner {
  run(): Promise<void> {
    return Promise.reject(new CliError('Say `plans list`, `plans show`, `plans set` or `plans assign`.'));
  }
}

/** Everything under `parley plans`. */
export const plansCommands = [PlansCommand, ListPlansCommand, ShowPlanCommand, SetPlanCommand, AssignPlanCommand];
