import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { uuidOf } from '../../kernel/ids.ts';
import { QueueAdmin } from '../../modules/chat/index.ts';
import { CliError, say, table } from './output.ts';

/** `parley queue status [--json]` */
@SubCommand({ name: 'status', description: 'turns that wait for a free place, and what the replicas carry' })
export class QueueStatusCommand extends CommandRunner {
  constructor(private readonly queue: QueueAdmin) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const { level, replicas } = await this.queue.status();
    if (options.json === true) return say(JSON.stringify({ ...level, replicas }, undefined, 2));
    say(`${level.depth} waiting, the oldest for ${level.oldestSeconds.toFixed(1)} s; ${level.givenUp} given up.`);
    table(
      replicas.map(({ id, role, slots, running, serviceSeconds }) => ({
        replica: id,
        role,
        running: `${running}/${slots}`,
        'seconds each': serviceSeconds?.toFixed(2) ?? '',
      })),
      false,
    );
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley queue share <tenant> [--tier n] [--weight x]` */
@SubCommand({ name: 'share', arguments: '<tenant>', description: "sets a tenant's place among the others" })
export class QueueShareCommand extends CommandRunner {
  constructor(private readonly queue: QueueAdmin) {
    super();
  }

  async run([tenant = '']: string[], { tier = 0, weight = 1 }: { tier?: number; weight?: number } = {}): Promise<void> {
    const tenantId = uuidOf('tenant', tenant);
    if (tenantId === undefined) throw new CliError(`${tenant} is not the id of a tenant; it looks like ten_….`);
    if (!(await this.queue.setShare(tenantId, { tier, weight }))) throw new CliError(`There is no tenant ${tenant}.`);
    say(`${tenant}: tier ${tier}, weight ${weight}, for turns that come from now on.`);
  }

  @Option({ flags: '--tier <number>', description: '0 to 100; a higher tier goes first (default 0)' })
  tier(text: string): number {
    const tier = Number(text);
    if (!Number.isInteger(tier) || tier < 0 || tier > 100) throw new CliError('--tier must be a whole number from 0 to 100.');
    return tier;
  }

  @Option({ flags: '--weight <number>', description: '0.01 to 100; its share within the tier (default 1)' })
  weight(text: string): number {
    const weight = Number(text);
    if (!(weight >= 0.01 && weight <= 100)) throw new CliError('--weight must be a number from 0.01 to 100.');
    return weight;
  }
}

/** `parley queue …` */
@Command({ name: 'queue', description: 'turns that wait for a free place', subCommands: [QueueStatusCommand, QueueShareCommand] })
export class QueueCommand extends CommandRunner {
  run(): Promise<void> {
    return Promise.reject(new CliError('Say `queue status` or `queue share`.'));
  }
}
