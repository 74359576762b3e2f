import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { ModelSettings } from '../../modules/models/index.ts';
import { routeCommands } from './model-routes.command.ts';
import { refusedAsSentence } from './models-output.ts';
import { CliError, say, table } from './output.ts';

/** What may be said of a model. */
interface ModelOptions {
  window?: number;
  maxOutput?: number;
  vision?: boolean;
  tools?: boolean;
  reasoning?: boolean;
  continues?: boolean;
}

function wholeNumber(flag: string, given: string): number {
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 0) throw new CliError(`${flag} must be a whole number that is not negative.`);
  return value;
}

function yesOrNo(flag: string, given: string): boolean {
  if (given !== 'yes' && given !== 'no') throw new CliError(`${flag} must be yes or no.`);
  return given === 'yes';
}

/** `parley models list [--json]` */
@SubCommand({ name: 'list', description: 'the catalog: models, and what a million tokens cost in millionths' })
export class ListModelsCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const models = await this.settings.models();
    if (options.json === true) return say(JSON.stringify(models, undefined, 2));
    table(
      models.map(({ name, window, maxOutput, prices, ...can }) => ({
        model: name,
        window,
        'longest answer': maxOutput ?? '',
        can: (['vision', 'tools', 'reasoning', 'continues'] as const).filter((skill) => can[skill]).join(' '),
        prices: prices.map(({ startsAt, input, output }) => `${input}/${output} from ${new Date(startsAt).toISOString()}`).join(', '),
      })),
      false,
    );
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley models set <model> [--window n] [--max-output n] [--vision yes|no] …` */
@SubCommand({ name: 'set', arguments: '<model>', description: 'adds a model to the catalog, or changes what is said of it' })
export class SetModelCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([model = '']: string[], options: ModelOptions = {}): Promise<void> {
    await refusedAsSentence(this.settings.setModel(model, options));
    say(`${model} is in the catalog; replicas know within some seconds.`);
  }

  @Option({ flags: '--window <tokens>', description: 'context window' })
  window(given: string): number {
    return wholeNumber('--window', given);
  }

  @Option({ flags: '--max-output <tokens>', description: 'longest answer' })
  maxOutput(given: string): number {
    return wholeNumber('--max-output', given);
  }

  @Option({ flags: '--vision <yes|no>', description: 'reads pictures' })
  vision(given: string): boolean {
    return yesOrNo('--vision', given);
  }

  @Option({ flags: '--tools <yes|no>', description: 'calls tools' })
  tools(given: string): boolean {
    return yesOrNo('--tools', given);
  }

  @Option({ flags: '--reasoning <yes|no>', description: 'thinks before it answers' })
  reasoning(given: string): boolean {
    return yesOrNo('--reasoning', given);
  }

  @Option({ flags: '--continues <yes|no>', description: 'goes on from a given text, whoever serves it' })
  continues(given: string): boolean {
    return yesOrNo('--continues', given);
  }
}

/** `parley models price <model> --input n --output n [--from time]` */
@SubCommand({ name: 'price', arguments: '<model>', description: 'sets what a million tokens cost, in millionths of the currency' })
export class PriceModelCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([model = '']: string[], { input, output, from }: { input?: number; output?: number; from?: Date } = {}): Promise<void> {
    if (input === undefined || output === undefined) throw new CliError('Say --input and --output.');
    await refusedAsSentence(this.settings.setPrice(model, { input, output }, from));
    say(
      `${model}: ${input} in, ${output} out, for calls that begin ${from === undefined ? 'from now on' : `from ${from.toISOString()} on`}.`,
    );
  }

  @Option({ flags: '--input <millionths>', description: 'for a million tokens of the prompt' })
  input(given: string): number {
    return wholeNumber('--input', given);
  }

  @Option({ flags: '--output <millionths>', description: 'for a million tokens of the answer' })
  output(given: string): number {
    return wholeNumber('--output', given);
  }

  @Option({ flags: '--from <time>', description: 'ISO 8601 (default: now)' })
  from(given: string): Date {
    const at = new Date(given);
    if (Number.isNaN(at.getTime())) throw new CliError('--from must be a time such as 2027-01-01T00:00:00Z.');
    return at;
  }
}

/** `parley models remove <model>` */
@SubCommand({ name: 'remove', arguments: '<model>', description: 'takes a model out of the catalog' })
export class RemoveModelCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([model = '']: string[]): Promise<void> {
    if (!(await this.settings.removeModel(model))) throw new CliError(`The catalog has no model ${model}.`);
    say(`${model} is out of the catalog.`);
  }
}

const subCommands = [ListModelsCommand, SetModelCommand, PriceModelCommand, RemoveModelCommand, ...routeCommands];

/** `parley models …` */
@Command({ name: 'models', description: 'the catalog of models, and credentials and routes of the platform', subCommands })
export class ModelsCommand extends CommandRunner {
  run(): Promise<void> {
    return Promise.reject(
      new CliError(
        'Say `models list`, `set`, `price`, `remove`, `credentials`, `set-credential`, `remove-credential`, `routes`, `set-route` or `remove-route`.',
      ),
    );
  }
}

/** Everything that `parley models` is made of. */
export const modelsCommands = [ModelsCommand, ...subCommands];
