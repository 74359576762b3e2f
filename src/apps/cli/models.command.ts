import { text } from 'node:stream/consumers';
import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { ModelSettings, providerKinds, type ProviderKind, SettingRefused } from '../../modules/models/index.ts';
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

/** Has `work` done; what the settings refuse becomes one sentence for the terminal. */
async function asked<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof SettingRefused ? new CliError(error.message) : error;
  }
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
    await asked(this.settings.setModel(model, options));
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
    await asked(this.settings.setPrice(model, { input, output }, from));
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

/** `parley models credentials [--json]` */
@SubCommand({ name: 'credentials', description: 'credentials of the platform, without their secrets' })
export class ListCredentialsCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const credentials = await this.settings.platformCredentials();
    table(
      credentials.map(({ name, kind, baseUrl, createdAt }) => ({ name, kind, url: baseUrl ?? '', since: createdAt.toISOString() })),
      options.json === true,
    );
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley models set-credential <name> --kind kind [--base-url url] [--api-version v] < secret` */
@SubCommand({
  name: 'set-credential',
  arguments: '<name>',
  description: 'adds a credential of the platform, or changes it; the secret comes from standard input',
})
export class SetCredentialCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run(
    [name = '']: string[],
    { kind, baseUrl, apiVersion }: { kind?: ProviderKind; baseUrl?: string; apiVersion?: string } = {},
  ): Promise<void> {
    if (kind === undefined) throw new CliError(`Say --kind: ${providerKinds.join(', ')}.`);
    // Not an argument: those can be seen in the list of processes.
    const secret = (await text(process.stdin)).trim();
    if (secret === '') throw new CliError('Give the secret on standard input.');
    await asked(this.settings.putCredential({ name, kind, baseUrl: baseUrl ?? null, apiVersion: apiVersion ?? null, secret }));
    say(`${name} is saved.`);
  }

  @Option({ flags: '--kind <kind>', description: providerKinds.join(', ') })
  kind(given: string): ProviderKind {
    const kind = providerKinds.find((known) => known === given);
    if (kind === undefined) throw new CliError(`--kind must be one of ${providerKinds.join(', ')}.`);
    return kind;
  }

  @Option({ flags: '--base-url <url>', description: 'Azure: the resource; anthropic: without /v1' })
  baseUrl(given: string): string {
    return given;
  }

  @Option({ flags: '--api-version <version>', description: 'for Azure' })
  apiVersion(given: string): string {
    return given;
  }
}

/** `parley models remove-credential <name>` */
@SubCommand({ name: 'remove-credential', arguments: '<name>', description: 'deletes a credential of the platform' })
export class RemoveCredentialCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([name = '']: string[]): Promise<void> {
    if (!(await asked(this.settings.removeCredential(name)))) throw new CliError(`The platform has no credential ${name}.`);
    say(`${name} is gone.`);
  }
}

/** `parley models routes [--json]` */
@SubCommand({ name: 'routes', description: 'routes of the platform, target by target' })
export class ListRoutesCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const targets = await this.settings.platformRoutes();
    table(
      targets.map(({ route, tier, weight, credential, model, providerModel }) => ({
        route,
        tier,
        weight,
        credential: credential ?? 'default',
        model,
        'at the provider': providerModel ?? model,
      })),
      options.json === true,
    );
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley models set-route <name> < route.json` */
@SubCommand({
  name: 'set-route',
  arguments: '<name>',
  description:
    'adds a route of the platform, or changes it; JSON from standard input: {"targets":[{"credential":…,"model":…,"tier":0,"weight":1}]}',
})
export class SetRouteCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([name = '']: string[]): Promise<void> {
    let given: unknown;
    try {
      given = JSON.parse(await text(process.stdin));
    } catch {
      throw new CliError('Give the route as JSON on standard input.');
    }
    await asked(this.settings.putRoute(name, given));
    say(`${name} is saved; replicas know within some seconds.`);
  }
}

/** `parley models remove-route <name>` */
@SubCommand({ name: 'remove-route', arguments: '<name>', description: 'deletes a route of the platform' })
export class RemoveRouteCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([name = '']: string[]): Promise<void> {
    if (!(await this.settings.removeRoute(name))) throw new CliError(`The platform has no route ${name}.`);
    say(`${name} is gone.`);
  }
}

const subCommands = [
  ...[ListModelsCommand, SetModelCommand, PriceModelCommand, RemoveModelCommand],
  ...[ListCredentialsCommand, SetCredentialCommand, RemoveCredentialCommand],
  ...[ListRoutesCommand, SetRouteCommand, RemoveRouteCommand],
];

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
