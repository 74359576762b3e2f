import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { z } from 'zod';
import { publicId, uuidOf } from '../../kernel/ids.ts';
import { DeadLetters } from '../../modules/chat/index.ts';
import { Outbox } from '../../platform/events/index.ts';
import { CliError, say, table } from './output.ts';

/** Rows that are listed or tried again at once. */
const limit = 1_000;

/** `parley dead-letters list [--json]` */
@SubCommand({ name: 'list', description: 'turns and jobs that were tried as often as they may be' })
export class ListDeadLettersCommand extends CommandRunner {
  constructor(
    private readonly turns: DeadLetters,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const [turns, jobs] = await Promise.all([this.turns.list(limit), this.outbox.givenUp(limit)]);
    table(
      [
        ...turns.map((turn) => ({
          kind: 'turn',
          id: publicId('turn', turn.id),
          tenant: publicId('tenant', turn.tenantId),
          error: turn.errorCode ?? '',
          since: turn.givenUpAt.toISOString(),
        })),
        ...jobs.map((job) => ({
          kind: job.name,
          id: job.id,
          tenant: publicId('tenant', job.tenantId),
          error: job.lastError ?? '',
          since: job.givenUpAt.toISOString(),
        })),
      ],
      options.json === true,
    );
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley dead-letters redrive <id> | --all` */
@SubCommand({ name: 'redrive', arguments: '[id]', description: 'have one of them, or all, tried again' })
export class RedriveCommand extends CommandRunner {
  constructor(
    private readonly turns: DeadLetters,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  async run([id]: string[], options: { all?: boolean } = {}): Promise<void> {
    if ((id === undefined) === (options.all !== true)) throw new CliError('Name one id, or say --all.');
    say(`${id === undefined ? await this.all() : await this.one(id)} to be tried again.`);
  }

  private async one(id: string): Promise<number> {
    const turnId = uuidOf('turn', id);
    const jobId = z.uuid().safeParse(id).data;
    const turnOf = turnId === undefined ? undefined : await this.turns.tenantOf(turnId);
    if (turnId !== undefined && turnOf !== undefined && (await this.turns.redrive(turnOf, turnId))) return 1;
    const jobOf = jobId === undefined ? undefined : await this.outbox.tenantOf(jobId);
    if (jobId !== undefined && jobOf !== undefined && (await this.outbox.redrive(jobOf, jobId))) return 1;
    throw new CliError(`${id} is not among the dead letters: \`dead-letters list\` shows them.`);
  }

  /** In rounds, until one finds nothing that can be tried again. */
  private async all(): Promise<number> {
    let total = 0;
    for (;;) {
      let round = 0;
      for (const turn of await this.turns.list(limit)) if (await this.turns.redrive(turn.tenantId, turn.id)) round += 1;
      for (const job of await this.outbox.givenUp(limit)) if (await this.outbox.redrive(job.tenantId, job.id)) round += 1;
      if (round === 0) return total;
      total += round;
    }
  }

  @Option({ flags: '--all', description: 'all of them', name: 'all' })
  wantsAll(): boolean {
    return true;
  }
}

/** `parley dead-letters …` */
@Command({ name: 'dead-letters', description: 'work that was given up', subCommands: [ListDeadLettersCommand, RedriveCommand] })
export class DeadLettersCommand extends CommandRunner {
  run(): Promise<void> {
    return Promise.reject(new CliError('Say `dead-letters list` or `dead-letters redrive`.'));
  }
}
