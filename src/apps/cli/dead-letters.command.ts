import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
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
    const wanted = id === undefined ? undefined : (uuidOf('turn', id) ?? id);
    let count = 0;
    for (const turn of await this.turns.list(limit))
      if ((wanted ?? turn.id) === turn.id && (await this.turns.redrive(turn.tenantId, turn.id))) count += 1;
    for (const job of await this.outbox.givenUp(limit))
      if ((wanted ?? job.id) === job.id && (await this.outbox.redrive(job.tenantId, job.id))) count += 1;
    if (wanted !== undefined && count === 0) throw new CliError(`${id} is not among the dead letters: \`dead-letters list\` shows them.`);
    say(`${count} to be tried again.`);
  }

  @Option({ flags: '--all', description: 'all of them' })
  all(): boolean {
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
